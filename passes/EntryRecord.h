// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a user calls, read from a module on tensors: the names, dims and shapes
// of each public function, and what a call must satisfy.

#ifndef HEADGATE_PASSES_ENTRYRECORD_H
#define HEADGATE_PASSES_ENTRYRECORD_H

#include "headgate/Plan.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace headgate::passes {

/// One PlanEntry (without temporaries and steps) for each public function of
/// `module`, in order. Needs calls to be inlined. Emits an error and fails
/// where a function cannot be an entry: an argument that is no ranked tensor of
/// a supported element type, two tensors of one name, a result whose extents
/// are not a function of the arguments' extents, or declared dims that
/// contradict the code. Does not change `module`.
///
/// Names and dims are those of `routed.name` and `routed.dims`; without them
/// arg0, result0 and d0, d1, ... Requirements are those of `routed.requires`,
/// then what the ops demand of dynamic extents.
mlir::FailureOr<std::vector<PlanEntry>> recordEntries(mlir::ModuleOp module);

/// The extents of each argument of an entry as the plan calls them: numbers,
/// names of `routed.dims`, else d0, d1, ...
std::vector<std::vector<PlanExtent>> argumentExtents(mlir::func::FuncOp func);

/// Reduces extents that functions of `module` return to arithmetic on their
/// arguments' extents, as far as it goes.
mlir::LogicalResult resolveExtents(mlir::ModuleOp module);

/// Is `func` something that a user can call?
bool isEntry(mlir::func::FuncOp func);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_ENTRYRECORD_H
