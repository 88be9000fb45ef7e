// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dialect, its types and its attributes. README.md is the guide; the ops
// are in TileOps.td.

#ifndef HEADGATE_TILE_DIALECT_TD
#define HEADGATE_TILE_DIALECT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/TensorEncoding.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Tile_Dialect : Dialect {
  let name = "tile";
  let cppNamespace = "::headgate::tile";
  let summary = "the program of one row group, written on whole tiles";
  let description = [{
    Says how a kernel computes, and leaves open on which machine. A kernel is the
    plain program of one *row group*: the rows that a CPU core or a group of warps
    keeps in registers. The grid is over row groups. Tiles are ranked tensors;
    elementwise work is `arith` and `math`, loops are `scf`, and six ops are the
    dialect's own. Seven more say how a GPU feeds products through shared memory.

    What holds for all ops:

    - A *tile* is a tensor of static shape and rank 1 or 2, of f32, f16, bf16, i32,
      i8 or i1. Its encoding is empty, `#tile.panels` on the host, or `#tile.frag` on
      a GPU.
    - A *window* is a memref, an origin of one `index` for each dimension, which may
      lie anywhere, and static sizes. Outside its memref a window reads 0 and writes
      nothing. That one rule gives tails, padded widths and holes.
    - A tile is its window in row-major order with unit extents dropped and neighbours
      merged: `[1, 32, 1, 2, 64]` is a `tensor<64x64>` whose row r is the pair
      (r div 2, r mod 2).
    - Numbers are those of IEEE; no op has a fast-math flag. Where an op leaves the
      order of a sum open it says so.

    A function carries its schedule as `tile.schedule`.

    - (C1) `tile.schedule` is a `#tile.schedule` and sits on a function; no other
      attribute starts with `tile.`.
    - (C2) a function with `tile.schedule` and an op of this dialect has, besides
      these, only ops of `arith` and `math`, `scf.for`, `scf.if`, `tensor.splat`,
      block ids and grid sizes of `gpu`, and `memref` ops that look: `dim`, `load`,
      `extract_aligned_pointer_as_index` and those that make views.

    ```mlir
    func.func @twice(%x: memref<?x64xf32>) attributes {tile.schedule = #tile.schedule<rows = 12>} {
      %y = gpu.block_id y
      %rows = arith.constant 12 : index
      %c0 = arith.constant 0 : index
      %first = arith.muli %y, %rows : index
      %t = tile.load %x[%first, %c0] [12, 64] : memref<?x64xf32> -> tensor<12x64xf32>
      %sum = arith.addf %t, %t : tensor<12x64xf32>
      tile.store %sum, %x[%first, %c0] [12, 64] : tensor<12x64xf32>, memref<?x64xf32>
      return
    }
    ```
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let hasConstantMaterializer = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect"];
}

class Tile_Op<string mnemonic, list<Trait> traits = []>
    : Op<Tile_Dialect, mnemonic, traits>;

//===-- types ------------------------------------------------------------===//

class Tile_Of<list<Type> elements, list<int> ranks>
    : ConfinedType<TensorRankOf<elements, ranks>,
        [CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).hasStaticShape()">],
        "tile of " # !interleave(!foreach(t, elements, t.summary), " or "),
        "::mlir::RankedTensorType">;

defvar anyElement = [F32, F16, BF16, I32, I8, I1];
def Tile_Any : Tile_Of<anyElement, [1, 2]>;
def Tile_Rows : Tile_Of<[I32], [1]>;
def Tile_Factor : Tile_Of<[F32, F16, BF16], [2]>;
def Tile_Accumulator : Tile_Of<[F32], [2]>;

//===-- attributes -------------------------------------------------------===//

class Tile_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<Tile_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

def Tile_Order : I32EnumAttr<"Order", "what consecutive blocks of a grid run over", [
  I32EnumAttrCase<"Cols", 0, "cols">,
  I32EnumAttrCase<"Rows", 1, "rows">]> {
  let cppNamespace = "::headgate::tile";
  let genSpecializedAttr = 0;
}
def Tile_OrderParameter : EnumParameter<Tile_Order> {
  let defaultValue = "::headgate::tile::Order::Cols";
}

def Tile_ScheduleAttr : Tile_Attr<"Schedule", "schedule"> {
  let summary = "how the work of a kernel is cut into blocks and stages";
  let description = [{
    A value of `headgate::Schedule` (include/headgate/Schedule.h), which says what
    each knob means. A knob at its default is not written. 0 is "not used".

    - (C1) `rows`, `splits`, `groups` and `warps` are at least 1; `keys`, `cols`,
      `depth` and `stages` are not negative.

    ```mlir
    #host = #tile.schedule<rows = 12, keys = 256, order = rows>
    #decode = #tile.schedule<rows = 4, keys = 256, splits = 8, merge = true, stages = 0>
    #hopper = #tile.schedule<rows = 64, keys = 128, groups = 2, warps = 4, stages = 2, overlap = true, turns = true>
    #gemm = #tile.schedule<rows = 12, cols = 64, depth = 256, order = rows>
    ```
  }];
  let parameters = (ins "int64_t":$rows,
      DefaultValuedParameter<"int64_t", "0">:$keys,
      DefaultValuedParameter<"int64_t", "0">:$cols,
      DefaultValuedParameter<"int64_t", "0">:$depth,
      DefaultValuedParameter<"int64_t", "1">:$splits,
      DefaultValuedParameter<"bool", "false">:$merge,
      DefaultValuedParameter<"bool", "false">:$across,
      DefaultValuedParameter<"int64_t", "1">:$groups,
      DefaultValuedParameter<"int64_t", "1">:$warps,
      DefaultValuedParameter<"int64_t", "1">:$stages,
      DefaultValuedParameter<"bool", "false">:$overlap,
      DefaultValuedParameter<"bool", "false">:$turns,
      Tile_OrderParameter:$order);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    static ScheduleAttr of(::mlir::MLIRContext *context,
                           const ::headgate::Schedule &schedule);
    ::headgate::Schedule toSchedule() const;
  }];
}

def Tile_PanelsAttr : Tile_Attr<"Panels", "panels",
    [DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let summary = "a right-hand factor that lies in memory as the host's dot reads it";
  let description = [{
    With N result columns and K terms, `#tile.panels<C x k>` stores the factor as
    `[N div C][K div k][C][k]`, both quotients rounded up and what is beyond N and K
    zero: `C` columns side by side, `k` consecutive terms of each.

    The tile itself is `N x K` where a dot transposes it and `K x N` where not.

    - (C1) it is the encoding of a tile of rank 2; `C` and `k` are at least 1.

    ```mlir
    func.func @scores(%panels: memref<?x32x64xbf16>, %q: tensor<12x64xbf16>, %p: index) -> tensor<12x256xf32> {
      %c0 = arith.constant 0 : index
      %k = tile.load %panels[%p, %c0, %c0] [8, 32, 64]
          : memref<?x32x64xbf16> -> tensor<256x64xbf16, #tile.panels<32 x 2>>
      %s = tile.dot %q, transpose %k
          : tensor<12x64xbf16>, tensor<256x64xbf16, #tile.panels<32 x 2>> -> tensor<12x256xf32>
      return %s : tensor<12x256xf32>
    }
    ```
  }];
  let parameters = (ins "int64_t":$cols, "int64_t":$depth);
  let assemblyFormat = "`<` $cols `x` $depth `>`";
}

#endif // HEADGATE_TILE_DIALECT_TD
