// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the lowerings of kernels to tiles have in common: which functions are
// kernels, the texts of their grids, and where a block finds itself.

#ifndef HEADGATE_PASSES_KERNELLAUNCH_H
#define HEADGATE_PASSES_KERNELLAUNCH_H

#include "passes/AttendKernel.h"
#include "passes/GemmKernel.h"
#include "passes/Launch.h"
#include "passes/TileBuilder.h"

namespace headgate::passes {

/// The kernels of a kind in a module that have a body; and those of them that
/// have a schedule. An error if the arguments of one are not a kernel's.
llvm::FailureOr<llvm::SmallVector<mlir::func::FuncOp>>
kernelsOf(mlir::ModuleOp module, llvm::StringRef kind);
llvm::FailureOr<llvm::SmallVector<mlir::func::FuncOp>>
scheduledKernels(mlir::ModuleOp module, llvm::StringRef kind);
/// The schedule of a function; null if it has none.
tile::ScheduleAttr scheduleOf(mlir::func::FuncOp func);
/// What `func` says of its launch so far, its kernel's name and schedule filled
/// in.
Launch launchOfKernel(mlir::func::FuncOp func);

/// Extent `d` of `buffer` as a size expression over the dims of the arguments
/// of `func`; nothing if it depends on anything else.
std::optional<std::string> extentText(mlir::func::FuncOp func,
                                      mlir::Value buffer, int64_t d);
/// B and S of an attention; the number of rows of a projection.
std::optional<std::string> batchesText(mlir::func::FuncOp func,
                                       const AttendKernel &kernel);
std::optional<std::string> tokensText(mlir::func::FuncOp func,
                                      const AttendKernel &kernel);
std::optional<std::string> keyCountText(mlir::func::FuncOp func,
                                        const AttendKernel &kernel);
std::optional<std::string> rowsText(mlir::func::FuncOp func,
                                    const GemmKernel &kernel);
/// `text` as a factor of a product.
std::string asFactor(const std::string &text);
std::string times(int64_t factor, const std::string &text);

/// A block's place in its grid of two dimensions.
struct GridPlace {
  mlir::Value x, y, height;
};
/// Emits where the block is. With `rowsFirst`, blocks that follow one another
/// have successive y.
GridPlace readPlace(TileBuilder &b, bool rowsFirst);

/// Removes the stores of tensors, and what only they needed.
void eraseTensorOps(mlir::func::FuncOp func);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_KERNELLAUNCH_H
