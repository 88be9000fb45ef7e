// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a call of an entry takes at given sizes on given code: variants, grids,
// memory. The same as a runtime would do, without a device.

#ifndef HEADGATE_LIB_SIZECALL_H
#define HEADGATE_LIB_SIZECALL_H

#include "headgate/Plan.h"
#include "headgate/Result.h"
#include "lib/Arena.h"

#include <array>
#include <span>
#include <string>
#include <vector>

namespace headgate {

struct SizedLaunch {
  const PlanLaunch *launch = nullptr;
  std::array<int64_t, 3> grid = {};
  int64_t scratchBytes = 0; ///< of each thread
};

struct SizedStep {
  const PlanKernel *kernel = nullptr;
  const PlanVariant *variant = nullptr;
  int64_t workspaceBytes = 0;
  int64_t tensorBytes = 0; ///< of all that the kernel's pointers point to
  std::vector<SizedLaunch> launches;
};

struct SizedCall {
  std::vector<SizedStep> steps;
  /// The entry's temporaries, then the workspaces of steps that have one.
  std::vector<ArenaItem> memory;
  int64_t arenaBytes = 0;   ///< all of it, placed as the runtime places it
  int64_t liveBytes = 0;    ///< the most that is needed at once
  int64_t liveStep = 0;     ///< the step at which that is
  int64_t scratchBytes = 0; ///< the most that a thread needs beside it
};

/// A call at these values of the dims of `entry`, all tensors contiguous, with
/// code for `target` (PlanImage::target) alone. Needs: `plan` passes checkPlan.
Result<SizedCall> sizeCall(const Plan &plan, const PlanEntry &entry,
                           std::string_view target,
                           std::span<const int64_t> dims);

} // namespace headgate

#endif // HEADGATE_LIB_SIZECALL_H
