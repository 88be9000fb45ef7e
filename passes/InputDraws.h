// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the integers mean that an entry takes, as far as the ops that use them
// tell, in the form in which tools draw them (lib/InputDraw).

#ifndef HEADGATE_PASSES_INPUTDRAWS_H
#define HEADGATE_PASSES_INPUTDRAWS_H

#include "headgate/Plan.h"
#include "lib/InputDraw.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace headgate::passes {

/// Draws of the inputs of `entry`, recorded of `function`, before its kernels
/// are formed. Inputs whose use says nothing, or two things, have none.
InputDraws inputDraws(mlir::func::FuncOp function, const PlanEntry &entry);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_INPUTDRAWS_H
