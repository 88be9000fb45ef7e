// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the shared tiles and rings of a program lie.

#ifndef HEADGATE_PASSES_SHAREDPLAN_H
#define HEADGATE_PASSES_SHAREDPLAN_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace headgate::passes {

struct SharedPlan {
  /// Of each `tile.share` and `tile.ring`. Two that are never alive at one time
  /// may share memory.
  llvm::DenseMap<mlir::Operation *, int64_t> offsets;
  /// Those that lie where an earlier one did.
  llvm::DenseSet<mlir::Operation *> reusing;
  int64_t bytes = 0;

  static SharedPlan of(mlir::func::FuncOp func);
};

} // namespace headgate::passes

#endif // HEADGATE_PASSES_SHAREDPLAN_H
