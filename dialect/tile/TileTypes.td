// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The types of the machine level: what a tile is while it lies in the shared
// memory of a group, and while a product on it is under way.

#ifndef HEADGATE_TILE_TYPES_TD
#define HEADGATE_TILE_TYPES_TD

include "dialect/tile/TileDialect.td"

class Tile_Type<string name, string typeMnemonic> : TypeDef<Tile_Dialect, name> {
  let mnemonic = typeMnemonic;
  let genVerifyDecl = 1;
}

def Tile_SharedType : Tile_Type<"Shared", "shared"> {
  let summary = "a tile in shared memory, which nothing writes any more";
  let description = [{
    Where its elements lie follows from the type alone (`lib/SharedMemory`), so it
    has no encoding.

    - (C1) the tile has static extents of at least 1, rank 2, elements of f32, f16,
      bf16 or i32, and no encoding.

    ```mlir
    func.func private @shared(!tile.shared<tensor<64x64xbf16>>)
    ```
  }];
  let parameters = (ins "::mlir::RankedTensorType":$tile);
  let assemblyFormat = "`<` $tile `>`";
}

def Tile_RingType : Tile_Type<"Ring", "ring"> {
  let summary = "a number of slots in shared memory that are filled in turn";
  let description = [{
    Tiles are put at positions 0, 1, 2, ..; position p lies in slot p mod `stages`.

    - (C1) the tile is as that of `!tile.shared`.
    - (C2) there are 1 to 64 stages.

    ```mlir
    func.func private @ring(!tile.ring<2 x tensor<64x64xbf16>>)
    ```
  }];
  let parameters = (ins "int64_t":$stages, "::mlir::RankedTensorType":$tile);
  let assemblyFormat = "`<` $stages `x` $tile `>`";
}

def Tile_SlotType : Tile_Type<"Slot", "slot"> {
  let summary = "the right to read one position of a ring";
  let description = [{
    Linear: a slot is used exactly once on every path, by the op that takes it over
    or by the `release` that gives it up. A slot may be a result of a branch and be
    carried by a loop.

    - (C1) the tile is as that of `!tile.shared`.

    ```mlir
    func.func private @slot(!tile.slot<tensor<64x64xbf16>>)
    ```
  }];
  let parameters = (ins "::mlir::RankedTensorType":$tile);
  let assemblyFormat = "`<` $tile `>`";
}

def Tile_PendingType : Tile_Type<"Pending", "pending"> {
  let summary = "a product under way, with the slots that it reads";
  let description = [{
    Linear, as a slot is. Only `await` gives the sums and the slots back: a sum that
    is read too early, or a slot that is released under a product, cannot be written.

    - (C1) the product is f32 and of rank 2; it may have a `#tile.frag`.
    - (C2) what it holds is as the tile of a `!tile.shared`.

    ```mlir
    func.func private @pending(!tile.pending<tensor<128x64xf32> holding tensor<64x64xbf16>>)
    ```
  }];
  let parameters = (ins "::mlir::RankedTensorType":$tile,
      OptionalArrayRefParameter<"::mlir::RankedTensorType">:$held);
  let assemblyFormat = "`<` $tile (`holding` $held^)? `>`";
}

def Tile_AnyStored : AnyTypeOf<[Tile_Any, Tile_SharedType]>;
def Tile_MachineFactor : Tile_Of<[F16, BF16], [2]>;
def Tile_Left : AnyTypeOf<[Tile_MachineFactor, Tile_SharedType, Tile_SlotType]>;
def Tile_Right : AnyTypeOf<[Tile_SharedType, Tile_SlotType]>;

//===-- #tile.frag -------------------------------------------------------===//

def Tile_FragAttr : Tile_Attr<"Frag", "frag",
    [DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let summary = "which thread holds which element of a tile, and in which register";
  let description = [{
    The encoding of a tile that the threads of a group hold together. A place is
    three numbers: a register, a lane of 32, a warp. Each is a mixed-radix number,
    and its *digits* are listed from the least significant: `8:c4` is a digit of
    extent 8 whose value, times 4, is added to the column. `r` is a row (dimension
    0), `c` a column (dimension 1), and `4:x` a digit that moves nowhere: 4 places
    hold the same element. The element of a place is the sum over all digits.

    Extents are any numbers, not only powers of two: a product has 176 columns as
    well as 64.

    - (C1) extents and strides are at least 1.
    - (C2) the lanes are 32.
    - (C3) each element of the tile has a place, and a place no two elements: of each
      dimension, the digits in order of their strides are a mixed-radix number that
      counts to the extent.

    ```mlir
    // A 64x64 product of 4 warps as mma.sync leaves it, its rows, a partial sum for each lane.
    #product = #tile.frag<reg [2:c1, 2:r8, 8:c8], lane [4:c2, 8:r1], warp [4:r16]>
    #row = #tile.frag<reg [2:r8], lane [4:x, 8:r1], warp [4:r16]>
    #part = #tile.frag<reg [2:r8], lane [4:c1, 8:r1], warp [4:r16]>
    func.func @max(%s: tensor<64x64xf32, #product>) -> (tensor<64xf32, #row>, tensor<64x4xf32, #part>) {
      %m = tile.reduce max %s : tensor<64x64xf32, #product> -> tensor<64xf32, #row>
      %l = tile.reduce add %s : tensor<64x64xf32, #product> -> tensor<64x4xf32, #part>
      return %m, %l : tensor<64xf32, #row>, tensor<64x4xf32, #part>
    }
    ```
  }];
  let parameters = (ins ArrayRefParameter<"::headgate::tile::Digit">:$reg,
      ArrayRefParameter<"::headgate::tile::Digit">:$lane,
      ArrayRefParameter<"::headgate::tile::Digit">:$warp);
  let assemblyFormat = [{
    `<` `reg` custom<Digits>($reg) `,` `lane` custom<Digits>($lane) `,`
    `warp` custom<Digits>($warp) `>`
  }];
  let genMnemonicAlias = 1;
  let genVerifyDecl = 1;
}

#endif // HEADGATE_TILE_TYPES_TD
