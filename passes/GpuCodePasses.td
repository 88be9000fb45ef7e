// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The passes that write what each thread of a GPU's block does.

#ifndef HEADGATE_PASSES_GPUCODEPASSES_TD
#define HEADGATE_PASSES_GPUCODEPASSES_TD

include "mlir/Pass/PassBase.td"

def AssignLayouts : Pass<"headgate-assign-layouts", "mlir::func::FuncOp"> {
  let summary = "say which thread holds which element of each tile";
  let description = [{
    Gives every tile of a function with a `tile.schedule` a `#tile.frag` for its
    warps. Products have the layout of `mma.sync`, which the next product takes as
    its left factor; what is computed from them follows; vectors lie as slices of the
    tiles they belong to; tiles that are copied to shared memory lie for copies of
    16, 8 or 4 bytes. Programs without products lie for coalesced accesses of the
    narrowest type. Constants, numbers, loads, and what is computed from them alone
    are made once for each layout that is asked for.

    Before:
    ```mlir
    %m = tile.reduce max %s : tensor<64x64xf32> -> tensor<64xf32>
    ```
    After:
    ```mlir
    %m = tile.reduce max %s : tensor<64x64xf32, #tile.frag<reg [2:c1, 2:r8, 8:c8], lane [4:c2, 8:r1], warp [4:r16]>>
                           -> tensor<64xf32, #tile.frag<reg [2:r8], lane [4:x, 8:r1], warp [4:r16]>>
    ```

    Needs: products as `tile.start`. Keeps: functions without `tile.schedule`. An
    error: an op whose operands cannot have one layout; products whose rows are no
    multiple of 16 for each warp, or whose columns or terms are none of 16; tiles in
    shared memory whose rows are no multiple of 32 bytes, or are copied from where
    they are not aligned to 4 bytes; reductions of rows that several warps share;
    tiles that are arguments, and constants of several values.
  }];
  let dependentDialects = ["headgate::tile::TileDialect"];
}

def LowerTileToNvvm : Pass<"headgate-lower-tile-to-nvvm", "mlir::ModuleOp"> {
  let summary = "write a tile program as that of one thread, for sm_80";
  let description = [{
    Each launched function on tiles with layouts becomes a kernel: an `llvm.func`
    with the parameters of its ABI, in which a tile is one vector of the thread's
    elements, and `index` an i32.

    | op | becomes |
    |---|---|
    | elementwise `arith`, `math` | the same on vectors; `math.exp2` is one `ex2.approx.ftz` an element |
    | `broadcast` | a shuffle of registers within the thread |
    | `reduce` | two chains in each row, then `shfl.sync.bfly` over the lanes that share it |
    | `load`, `store` | accesses of up to 16 bytes under their bounds |
    | `share` of a load, `put` | `cp.async` of 16, 8 or 4 bytes, of 0 bytes outside; `commit_group` |
    | `get` | `wait_group`, `bar.sync`: one for gets that follow one another |
    | `start` | for each 16 terms `ldmatrix`, then `mma.sync.m16n8k16`; `await` and `release` nothing |

    Tiles in shared memory are swizzled (lib/SharedMemory) and take each other's
    places when they are dead. What does not change in a loop is computed in front
    of it; numbers of threads and blocks, and what is computed from them, are read
    again behind a loop with products rather than kept in registers over it.

    After: attributes `nvvm.kernel`, `nvvm.reqntid` and `headgate.shared_bytes`.

    Needs: headgate-assign-layouts. Keeps: functions without `headgate.launch`. An
    error: functions of `math` without a form on a GPU; more than 32 warps; results;
    a constant index or an extent beyond 32 bits; a `memref.dim` of a dimension that
    is not constant; loops and branches that hand on buffers or shared memory.
  }];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::LLVM::LLVMDialect",
    "mlir::math::MathDialect", "mlir::NVVM::NVVMDialect",
    "mlir::scf::SCFDialect", "mlir::vector::VectorDialect"
  ];
}

#endif // HEADGATE_PASSES_GPUCODEPASSES_TD
