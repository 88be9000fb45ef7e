// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which programs on tiles have a form on vectors.

#ifndef HEADGATE_PASSES_TILEPROGRAMS_H
#define HEADGATE_PASSES_TILEPROGRAMS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace headgate::passes {

/// Fails if `func` has none; a remark at the operation in the way says why.
llvm::LogicalResult checkTileProgram(mlir::func::FuncOp func);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_TILEPROGRAMS_H
