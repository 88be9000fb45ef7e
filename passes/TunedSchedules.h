// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The schedules that a kernel's function has beside its default ones, as the
// attribute `headgate.tuned`, by target:
//
//   {"host:x86-64-v4" = [#tile.schedule<rows = 8, keys = 256>]}
//
// headgate-attach-schedule makes a variant of each, before the default ones.

#ifndef HEADGATE_PASSES_TUNEDSCHEDULES_H
#define HEADGATE_PASSES_TUNEDSCHEDULES_H

#include "headgate/Problem.h"
#include "headgate/Schedule.h"
#include "headgate/Target.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <optional>
#include <string>
#include <vector>

namespace headgate::passes {

std::vector<Schedule> tunedSchedules(mlir::func::FuncOp function,
                                     llvm::StringRef target);
/// Needs: the dialect of tiles is loaded.
void setTunedSchedules(mlir::func::FuncOp function, llvm::StringRef target,
                       llvm::ArrayRef<Schedule> schedules);

/// A schedule, and the sizes it is for as an expression over the kernel's
/// scalars.
struct ScheduledVariant {
  Schedule schedule;
  std::string when = "1";
};

/// The default variants of a kernel of kind "attend" or "gemm" with this
/// problem, in order; nothing where its grid depends on data.
std::optional<std::vector<ScheduledVariant>>
defaultVariants(mlir::func::FuncOp function, const Problem &problem,
                const Target &machine);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_TUNEDSCHEDULES_H
