// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The ops of the machine level: how a program feeds its products through shared
// memory. This file includes all other ops.

#ifndef HEADGATE_TILE_MACHINE_OPS_TD
#define HEADGATE_TILE_MACHINE_OPS_TD

include "dialect/tile/TileOps.td"
include "mlir/Interfaces/InferTypeOpInterface.td"

def Tile_ShareOp : Tile_Op<"share"> {
  let summary = "bring a tile into shared memory";
  let description = [{
    The tile of `source`, visible to all threads of the group. If it was loaded for
    this alone, it goes from memory to shared memory without passing registers.

    With `async` the copy may still be under way when the op is done: what reads the
    result must lie behind a `get` that has waited for the copy, that is, behind one
    whose `newer` is at most the number of copies begun between the two. (A copy is
    a `put` or a `share async`.)

    - (C1) the result holds the source without its encoding.

    ```mlir
    func.func @share(%q: memref<?x64xbf16>, %s: index) -> !tile.shared<tensor<128x64xbf16>> {
      %c0 = arith.constant 0 : index
      %t = tile.load %q[%s, %c0] [128, 64] : memref<?x64xbf16> -> tensor<128x64xbf16>
      %x = tile.share async %t : tensor<128x64xbf16> -> !tile.shared<tensor<128x64xbf16>>
      return %x : !tile.shared<tensor<128x64xbf16>>
    }
    ```
  }];
  let arguments = (ins Tile_Of<[F32, F16, BF16, I32], [2]>:$source, UnitAttr:$async);
  let results = (outs Tile_SharedType:$result);
  let assemblyFormat = "(`async` $async^)? $source attr-dict `:` type($source) `->` qualified(type($result))";
  let hasVerifier = 1;
}

def Tile_RingOp : Tile_Op<"ring"> {
  let summary = "slots in shared memory for tiles that stream through";
  let description = [{
    Each position that is put is got and released `readers` times: once by each group
    that reads the ring.

    ```mlir
    func.func @ring() -> !tile.ring<2 x tensor<64x64xbf16>> {
      %k = tile.ring readers 1 : !tile.ring<2 x tensor<64x64xbf16>>
      return %k : !tile.ring<2 x tensor<64x64xbf16>>
    }
    ```
  }];
  let arguments = (ins ConfinedAttr<I64Attr, [IntPositive]>:$readers);
  let results = (outs Tile_RingType:$result);
  let assemblyFormat = "`readers` $readers attr-dict `:` qualified(type($result))";
}

def Tile_PutOp : Tile_Op<"put", [AttrSizedOperandSegments]> {
  let summary = "begin to copy a window into a ring";
  let description = [{
    Waits until slot `position mod stages` is free (it is at first, and when position
    `position - stages` has been released by all readers) and begins to copy the
    window, which is that of a `tile.load`, into it. What lies outside the memref is
    0 and no traffic. Positions are put in order: 0, 1, 2, ..

    Where one group puts and reads, nothing waits: a `get` must lie between the last
    `release` of the slot and this op, for its barrier.

    - (C1) one coordinate and one size for each dimension of the memref; sizes are
      at least 1.
    - (C2) the ring's tile has the element type of the memref, and its shape is the
      window's with unit extents dropped and neighbours merged.
    - (C3) row tiles have one length, and each its dimension, in which the window has
      size 1.
    - (C4) the innermost stride of the memref is 1.

    ```mlir
    func.func @put(%ring: !tile.ring<2 x tensor<64x64xbf16>>, %p: i32, %k: memref<?x?x8x64xbf16>,
                   %b: index, %t: index, %g: index) {
      %c0 = arith.constant 0 : index
      tile.put %ring[%p], %k[%b, %t, %g, %c0] [1, 64, 1, 64]
          : !tile.ring<2 x tensor<64x64xbf16>>, memref<?x?x8x64xbf16>
      return
    }
    ```
  }];
  let arguments = (ins Tile_RingType:$ring, I32:$position, AnyMemRef:$source,
      Variadic<Index>:$coords, DenseI64ArrayAttr:$sizes, Variadic<Tile_Rows>:$rows,
      OptionalAttr<DenseI64ArrayAttr>:$row_dims);
  let assemblyFormat = [{
    $ring `[` $position `]` `,` $source `[` $coords `]` $sizes
    (`rows` `(` $rows^ `at` $row_dims `:` type($rows) `)`)?
    attr-dict `:` qualified(type($ring)) `,` type($source)
  }];
  let hasVerifier = 1;
}

def Tile_GetOp : Tile_Op<"get"> {
  let summary = "wait for a position of a ring and take it";
  let description = [{
    Waits until the position has arrived; the slot is the right to read it.

    `newer n` says how: all copies but the n last that were begun (each `put` and
    each `share async` begins one) have ended, for all threads of the group. All
    threads have then also left every product that was awaited before. Gets that
    follow one another with nothing but address arithmetic between them wait once,
    with the least `newer` of them, and then synchronize once.

    - (C1) the slot holds the ring's tile.

    ```mlir
    func.func @get(%ring: !tile.ring<2 x tensor<64x64xbf16>>, %p: i32) {
      %s = tile.get %ring[%p] newer 2 : !tile.ring<2 x tensor<64x64xbf16>> -> !tile.slot<tensor<64x64xbf16>>
      tile.release %s : !tile.slot<tensor<64x64xbf16>>
      return
    }
    ```
  }];
  let arguments = (ins Tile_RingType:$ring, I32:$position,
      OptionalAttr<ConfinedAttr<I64Attr, [IntNonNegative]>>:$newer);
  let results = (outs Tile_SlotType:$slot);
  let assemblyFormat = [{
    $ring `[` $position `]` (`newer` $newer^)? attr-dict `:` qualified(type($ring)) `->` qualified(type($slot))
  }];
  let hasVerifier = 1;
}

def Tile_ReleaseOp : Tile_Op<"release"> {
  let summary = "give slots up";
  let description = [{
    This group does not read the slots again.

    ```mlir
    func.func @release(%k: !tile.slot<tensor<64x64xbf16>>, %v: !tile.slot<tensor<64x32xbf16>>) {
      tile.release %k, %v : !tile.slot<tensor<64x64xbf16>>, !tile.slot<tensor<64x32xbf16>>
      return
    }
    ```
  }];
  let arguments = (ins Variadic<Tile_SlotType>:$slots);
  let assemblyFormat = "$slots attr-dict `:` qualified(type($slots))";
}

def Tile_StartOp : Tile_Op<"start"> {
  let summary = "begin to multiply two tiles and add";
  let description = [{
    Begins the product of `tile.dot`: `acc + lhs rhs`, or `lhs rhsᵀ`, in f32, the
    sum in any order; without `acc` it starts at 0. A left factor may be in
    registers. Slots among the factors are taken over and held by the product until
    it is awaited.

    - (C1) the shapes chain, and `acc` has the type of the product.
    - (C2) the factors have one element type, f16 or bf16.
    - (C3) the product holds what the slots among the factors hold, the left one
      first.

    ```mlir
    func.func @product(%p: tensor<128x64xbf16>, %v: !tile.slot<tensor<64x32xbf16>>,
                       %o: tensor<128x32xf32>) -> tensor<128x32xf32> {
      %x = tile.start %p, %v acc %o
          : tensor<128x64xbf16>, !tile.slot<tensor<64x32xbf16>>, tensor<128x32xf32>
          -> !tile.pending<tensor<128x32xf32> holding tensor<64x32xbf16>>
      %n, %free = tile.await %x : !tile.pending<tensor<128x32xf32> holding tensor<64x32xbf16>>
      tile.release %free : !tile.slot<tensor<64x32xbf16>>
      return %n : tensor<128x32xf32>
    }
    ```
  }];
  let arguments = (ins Tile_Left:$lhs, Tile_Right:$rhs, Optional<Tile_Accumulator>:$acc,
      UnitAttr:$transpose);
  let results = (outs Tile_PendingType:$pending);
  let assemblyFormat = [{
    $lhs `,` (`transpose` $transpose^)? $rhs (`acc` $acc^)? attr-dict
    `:` type($lhs) `,` type($rhs) (`,` type($acc)^)? `->` qualified(type($pending))
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The tiles of the factors, wherever they lie.
    ::mlir::RankedTensorType getLhsTile();
    ::mlir::RankedTensorType getRhsTile();
  }];
}

def Tile_AwaitOp : Tile_Op<"await", [DeclareOpInterfaceMethods<InferTypeOpInterface>]> {
  let summary = "wait for a product";
  let description = [{
    Waits until the product is done, and gives its sums and the slots that it held,
    in their order.

    ```mlir
    func.func @await(%x: !tile.pending<tensor<128x64xf32> holding tensor<64x64xbf16>>) -> tensor<128x64xf32> {
      %s, %free = tile.await %x : !tile.pending<tensor<128x64xf32> holding tensor<64x64xbf16>>
      tile.release %free : !tile.slot<tensor<64x64xbf16>>
      return %s : tensor<128x64xf32>
    }
    ```
  }];
  let arguments = (ins Tile_PendingType:$pending);
  let results = (outs Tile_Accumulator:$tile, Variadic<Tile_SlotType>:$freed);
  let assemblyFormat = "$pending attr-dict `:` qualified(type($pending))";
}

#endif // HEADGATE_TILE_MACHINE_OPS_TD
