// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Schedules out of tuning records: which kernels get which variants, and the
// tuned.json that says when each of them runs.

#ifndef HEADGATE_PASSES_TUNEKERNELS_H
#define HEADGATE_PASSES_TUNEKERNELS_H

#include "lib/TunedBuckets.h"
#include "lib/TunedText.h"
#include "passes/Export.h"

namespace headgate::passes {

/// What records have for a kernel and target.
struct TunedKernel {
  std::string kernel;
  CodeTarget target;
  std::vector<std::string> dims; ///< scalars of the kernel that buckets are of
  std::vector<TunedBucket> buckets; ///< whose schedules are variants
  std::vector<Schedule> schedules;  ///< beside the default ones
};

/// Writes the schedules that the records of `options` have for the kernels of
/// `module` down, as headgate.tuned; kernels with a schedule keep that alone.
/// `plan` has entries and kernels. What was taken and what was not goes to
/// `notes`. Of a kernel and target that nothing was measured of, with these
/// very tools, it is an error if the options ask for that.
Result<std::vector<TunedKernel>> tuneKernels(mlir::ModuleOp module,
                                             const Plan &plan,
                                             const ExportOptions &options,
                                             std::vector<std::string> &notes);

/// The choices of a finished plan, whose kernels get their buckets. Where
/// levels of host CPUs both have something for a device and bucket, that counts
/// which needs more of the CPU.
Tuning tuningOf(Plan &plan, std::vector<TunedKernel> tuned);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_TUNEKERNELS_H
