// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The target-free ops.

#ifndef HEADGATE_TILE_OPS_TD
#define HEADGATE_TILE_OPS_TD

include "dialect/tile/TileTypes.td"

def Tile_LoadOp : Tile_Op<"load", [AttrSizedOperandSegments]> {
  let summary = "read a window of a memref";
  let description = [{
    The tile of the window of `sizes` at `coords`; what lies outside the memref is 0.

    With `rows(%r, .. at [d, ..])` the tile has one window for each element i of the
    row tiles, one after another: the window at `coords` moved by `r[i]` along
    dimension `d`. So a row number of -1 at an origin of 0 reads zeros.

    - (C1) one coordinate and one size for each dimension of the memref; sizes are
      at least 1.
    - (C2) the tile has the element type of the memref, and its shape is the window's
      with unit extents dropped and neighbours merged. With `#tile.panels` the window
      holds as many elements as the padded panels.
    - (C3) row tiles have one length, and each its dimension, in which the window has
      size 1.
    - (C4) the innermost stride of the memref is 1.

    ```mlir
    func.func @load(%k: memref<?x?x8x64xbf16>, %q: memref<?x?x8x2x64xbf16>, %e: tensor<64xi32>,
                    %b: index, %t: index, %g: index) -> (tensor<64x64xbf16>, tensor<64x64xbf16>) {
      %c0 = arith.constant 0 : index
      %r = tile.iota : tensor<64xi32>
      %kt = tile.load %k[%b, %t, %g, %c0] [1, 64, 1, 64]
          : memref<?x?x8x64xbf16> -> tensor<64x64xbf16>
      // Row i is token t + r[i], expert e[i].
      %qt = tile.load %q[%b, %t, %g, %c0, %c0] [1, 1, 1, 1, 64]
          rows(%r, %e at [1, 3] : tensor<64xi32>, tensor<64xi32>)
          : memref<?x?x8x2x64xbf16> -> tensor<64x64xbf16>
      return %kt, %qt : tensor<64x64xbf16>, tensor<64x64xbf16>
    }
    ```
  }];
  let arguments = (ins Arg<AnyMemRef, "", [MemRead]>:$source, Variadic<Index>:$coords,
      DenseI64ArrayAttr:$sizes, Variadic<Tile_Rows>:$rows,
      OptionalAttr<DenseI64ArrayAttr>:$row_dims);
  let results = (outs Tile_Any:$result);
  let assemblyFormat = [{
    $source `[` $coords `]` $sizes
    (`rows` `(` $rows^ `at` $row_dims `:` type($rows) `)`)?
    attr-dict `:` type($source) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Tile_StoreOp : Tile_Op<"store", [AttrSizedOperandSegments]> {
  let summary = "write a window of a memref";
  let description = [{
    The inverse of `tile.load`: writes the tile into the window, and drops what lies
    outside the memref. Windows of row tiles that overlap are undefined behaviour.
    The tile may be one in shared memory.

    - (C1) one coordinate and one size for each dimension of the memref; sizes are
      at least 1.
    - (C2) the tile has the element type of the memref, and its shape is the window's
      with unit extents dropped and neighbours merged. With `#tile.panels` the window
      holds as many elements as the padded panels.
    - (C3) row tiles have one length, and each its dimension, in which the window has
      size 1.
    - (C4) the innermost stride of the memref is 1.

    ```mlir
    func.func @store(%o: tensor<64x64xbf16>, %y: memref<?x?x8x1x64xbf16>, %b: index, %s: index, %g: index) {
      %c0 = arith.constant 0 : index
      tile.store %o, %y[%b, %s, %g, %c0, %c0] [1, 64, 1, 1, 64]
          : tensor<64x64xbf16>, memref<?x?x8x1x64xbf16>
      return
    }
    ```
  }];
  let arguments = (ins Tile_AnyStored:$value, Arg<AnyMemRef, "", [MemWrite]>:$dest,
      Variadic<Index>:$coords, DenseI64ArrayAttr:$sizes, Variadic<Tile_Rows>:$rows,
      OptionalAttr<DenseI64ArrayAttr>:$row_dims);
  let assemblyFormat = [{
    $value `,` $dest `[` $coords `]` $sizes
    (`rows` `(` $rows^ `at` $row_dims `:` type($rows) `)`)?
    attr-dict `:` type($value) `,` type($dest)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The tile that is stored, wherever it lies.
    ::mlir::RankedTensorType getTile();
  }];
}

def Tile_DotOp : Tile_Op<"dot", [Pure, AttrSizedOperandSegments]> {
  let summary = "multiply two tiles and add";
  let description = [{
    With `lhs : [M, K]` and `rhs : [K, N]`, or `[N, K]` with `transpose`:

        result[m, n] = acc[m, n] + sum over k of lhs[m, k] * rhs[k, n]

    in f32, in any order; without `acc` it starts at 0. Two clauses are permissions
    to do less, and a machine may ignore them:

    - `cols(%c)`: the columns n >= c of the result are unspecified.
    - `depth(%c)`: terms k >= c may be left out. There lhs must be 0 and rhs finite.

    A count outside `[0, N]` or `[0, K]` is undefined behaviour.

    With `heads(h)` there are h products side by side: the rows of `lhs` and of the
    result are in h equal parts, and part i is multiplied with part i of the columns
    of `rhs`, which is h times as wide: `h K` columns if transposed, `h N` if not.

    - (C1) the shapes chain, and `acc` has the type of the result.
    - (C2) `lhs` and `rhs` have one element type.
    - (C3) only `rhs` may have an encoding, and none with `heads`.
    - (C4) `heads` is at least 1 and divides the rows.

    A count that is the whole extent folds away.

    ```mlir
    func.func @dot(%q: tensor<12x64xbf16>, %k: tensor<256x64xbf16>, %p: tensor<12x256xbf16>,
                   %v: tensor<256x32xbf16>, %o: tensor<12x32xf32>, %live: index)
        -> (tensor<12x256xf32>, tensor<12x32xf32>) {
      %s = tile.dot %q, transpose %k cols(%live)
          : tensor<12x64xbf16>, tensor<256x64xbf16> -> tensor<12x256xf32>
      %n = tile.dot %p, %v acc %o depth(%live)
          : tensor<12x256xbf16>, tensor<256x32xbf16>, tensor<12x32xf32> -> tensor<12x32xf32>
      return %s, %n : tensor<12x256xf32>, tensor<12x32xf32>
    }
    ```
  }];
  let arguments = (ins Tile_Factor:$lhs, Tile_Factor:$rhs, Optional<Tile_Accumulator>:$acc,
      UnitAttr:$transpose, Optional<Index>:$cols, Optional<Index>:$depth,
      DefaultValuedAttr<I64Attr, "1">:$heads);
  let results = (outs Tile_Accumulator:$result);
  let assemblyFormat = [{
    $lhs `,` (`transpose` $transpose^)? $rhs (`acc` $acc^)?
    (`cols` `(` $cols^ `)`)? (`depth` `(` $depth^ `)`)? (`heads` `(` $heads^ `)`)? attr-dict
    `:` type($lhs) `,` type($rhs) (`,` type($acc)^)? `->` type($result)
  }];
  let hasVerifier = 1;
  let hasCanonicalizeMethod = 1;
  let extraClassDeclaration = [{
    /// K: the terms of each sum.
    int64_t getTerms() { return getLhs().getType().getDimSize(1); }
  }];
}

def Tile_Reduction : I32EnumAttr<"Reduction", "how the elements of a row become one", [
  I32EnumAttrCase<"Max", 0, "max">,
  I32EnumAttrCase<"Add", 1, "add">,
  I32EnumAttrCase<"Min", 2, "min">]> {
  let cppNamespace = "::headgate::tile";
  let genSpecializedAttr = 0;
}
def Tile_ReductionAttr : EnumAttr<Tile_Dialect, Tile_Reduction, "reduction"> {
  let assemblyFormat = "$value";
}

def Tile_ReduceOp : Tile_Op<"reduce", [Pure]> {
  let summary = "the maximum, minimum or sum of each row";
  let description = [{
    With `source : [R, C]` and `result : [R]`: row r becomes one element. Integers
    are signed. `max` and `min` skip NaN (a row of NaN gives NaN); sums run in any
    order.

    With `result : [R, w]` each row becomes w partial results, each over C / w of its
    elements; which elements meet is unspecified.

    - (C1) source and result have the same rows; w divides C.
    - (C2) they have one element type, f32 or i32; either both have a `#tile.frag` or
      both have no encoding.

    ```mlir
    func.func @reduce(%s: tensor<12x256xf32>) -> (tensor<12xf32>, tensor<12x16xf32>) {
      %m = tile.reduce max %s : tensor<12x256xf32> -> tensor<12xf32>
      %l = tile.reduce add %s : tensor<12x256xf32> -> tensor<12x16xf32>
      return %m, %l : tensor<12xf32>, tensor<12x16xf32>
    }
    ```
  }];
  let arguments = (ins Tile_ReductionAttr:$kind, Tile_Of<[F32, I32], [2]>:$source);
  let results = (outs Tile_Of<[F32, I32], [1, 2]>:$result);
  let assemblyFormat = "`` $kind $source attr-dict `:` type($source) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_BroadcastOp : Tile_Op<"broadcast", [Pure]> {
  let summary = "repeat a row or a column";
  let description = [{
    With `along 1`: `result[r, c] = source[r]`. With `along 0`: `result[r, c] = source[c]`.

    - (C1) `along` is 0 or 1.
    - (C2) source and result have one element type, and the source is the result
      without that dimension.

    A constant that is one value everywhere, or a splat, folds into the result.

    ```mlir
    func.func @broadcast(%m: tensor<12xf32>, %c: tensor<256xi32>) -> (tensor<12x256xf32>, tensor<12x256xi32>) {
      %x = tile.broadcast %m along 1 : tensor<12xf32> -> tensor<12x256xf32>
      %y = tile.broadcast %c along 0 : tensor<256xi32> -> tensor<12x256xi32>
      return %x, %y : tensor<12x256xf32>, tensor<12x256xi32>
    }
    ```
  }];
  let arguments = (ins Tile_Of<anyElement, [1]>:$source, I64Attr:$along);
  let results = (outs Tile_Of<anyElement, [2]>:$result);
  let assemblyFormat = "$source `along` $along attr-dict `:` type($source) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizeMethod = 1;
}

def Tile_IotaOp : Tile_Op<"iota", [Pure]> {
  let summary = "the numbers from 0";
  let description = [{
    `result[i] = i`.

    ```mlir
    func.func @iota() -> tensor<256xi32> {
      %c = tile.iota : tensor<256xi32>
      return %c : tensor<256xi32>
    }
    ```
  }];
  let results = (outs Tile_Rows:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
}

#endif // HEADGATE_TILE_OPS_TD
