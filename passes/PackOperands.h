// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What PackOperands decides and PackLaunch writes code for.

#ifndef HEADGATE_PASSES_PACKOPERANDS_H
#define HEADGATE_PASSES_PACKOPERANDS_H

#include "dialect/tile/Tile.h"
#include "headgate/Target.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/TileBuilder.h"

namespace headgate::passes {

/// A buffer of the kernel that lies in panels in its workspace.
struct PackedBuffer {
  mlir::BlockArgument buffer;
  mlir::MemRefType type;
  int64_t rowDim; ///< the other dimension of the matrices: the last is columns
  /// Rows of the buffer are columns of the product; else its terms.
  bool isTransposed;
  bool isWidened; ///< from 16 bits to f32
  int64_t step;   ///< consecutive terms of a column: 2 for pairs of bf16
  /// Rows [first, first + count) are all that exists; null: all rows of the
  /// buffer. Computed from the kernel's arguments and `owners`.
  mlir::OpFoldResult first, count;
  /// What selects the matrix: one value for each dimension but the last and
  /// `rowDim`, in order.
  llvm::SmallVector<mlir::Value> owners;

  bool isBounded() const { return !first.isNull(); }
  mlir::Type element() const;
  int64_t columnDim() const;
  int64_t termDim() const;
  llvm::SmallVector<int64_t> outerDims() const;
};

/// Where a packed buffer lies, in the function that `b` builds: `buffer` is
/// that function's argument.
struct PanelPlace {
  mlir::MemRefType type;                ///< [owners.., panels, steps, columns]
  llvm::SmallVector<mlir::Value> sizes; ///< of its dynamic dimensions
  mlir::Value bytes;                    ///< rounded up to the next place
};
PanelPlace placeOf(TileBuilder &b, const PackedBuffer &packed,
                   mlir::Value buffer, const Target &target);

/// The same as texts over the kernel's extents.
std::string panelBytesText(mlir::func::FuncOp kernel,
                           const PackedBuffer &packed, const Target &target);
/// The grid of the launch that packs it.
std::array<std::string, 3> packGrid(mlir::func::FuncOp kernel,
                                    const PackedBuffer &packed,
                                    const Target &target);

/// Writes into `launch`, a function with the kernel's arguments, what one block
/// does to pack `packed` into `panels`.
void emitPacking(TileBuilder &b, mlir::func::FuncOp launch,
                 const PackedBuffer &packed, mlir::Value panels,
                 const Target &target);

/// True if the bounds of `packed` can be computed from its owners alone.
bool canComputeBounds(const PackedBuffer &packed);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_PACKOPERANDS_H
