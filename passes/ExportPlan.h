// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the plan says of a module of entries and kernels.

#ifndef HEADGATE_PASSES_EXPORTPLAN_H
#define HEADGATE_PASSES_EXPORTPLAN_H

#include "headgate/Plan.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace headgate::passes {

/// Writes the temporaries, steps and aliases of `entry`, a function of
/// headgate-form-kernels, into its plan. An error where a size is no function
/// of the entry's extents.
mlir::LogicalResult exportSteps(mlir::func::FuncOp function, PlanEntry &entry);

/// The kernel of a function of headgate-form-kernels, without variants.
mlir::FailureOr<PlanKernel> exportKernel(mlir::func::FuncOp kernel);

/// One variant for each form that the launched functions of `module` give a
/// kernel, with the kernel's name and, as far as it goes, the variant: id and
/// image are empty. Needs: the module as headgate-place-temporaries leaves it.
mlir::FailureOr<std::vector<std::pair<std::string, PlanVariant>>>
exportVariants(mlir::ModuleOp module);

/// The exported symbols of these launches: "hg_" and the function's name.
std::string launchSymbol(mlir::func::FuncOp function);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_EXPORTPLAN_H
