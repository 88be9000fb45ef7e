// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the dynamic extents of a function's tensors must satisfy for its ops to
// be defined: what verifiers check where extents are static.

#ifndef HEADGATE_PASSES_ENTRYCHECKS_H
#define HEADGATE_PASSES_ENTRYCHECKS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace headgate::passes {

/// `left` (== or <=) `right`, both of index type, required by `op`.
struct ExtentCheck {
  mlir::Value left, right;
  bool atMost = false;
  mlir::Location location;
  std::string op;
};

/// The checks of all ops in `func` between tensors of its entry block. Builds
/// `tensor.dim` and arithmetic before its terminator.
llvm::SmallVector<ExtentCheck> collectExtentChecks(mlir::func::FuncOp func);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_ENTRYCHECKS_H
