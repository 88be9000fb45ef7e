// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels as the tuner sees them, lib/ProblemList.

#ifndef HEADGATE_PASSES_EXPORTPROBLEMS_H
#define HEADGATE_PASSES_EXPORTPROBLEMS_H

#include "lib/ProblemList.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace headgate::passes {

/// What there is to tune in `function`, of headgate-form-kernels, which `plan`
/// is the exported form of.
ListedKernel listKernel(mlir::func::FuncOp function, const PlanKernel &plan);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_EXPORTPROBLEMS_H
