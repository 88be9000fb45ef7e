// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which schedules a problem can have on a target, and which it has by default.
// The one place that knows: passes ask here, the tuner searches here.

#ifndef HEADGATE_LIB_SCHEDULE_H
#define HEADGATE_LIB_SCHEDULE_H

#include "headgate/Problem.h"
#include "headgate/Result.h"
#include "headgate/Schedule.h"
#include "headgate/Target.h"

#include <string>
#include <vector>

namespace headgate {

/// What the tiles of a block may take of the stack. A second level cache of
/// 512 KiB then has room for a tile of keys and values, and a thread's stack,
/// which may be a user's small one, for all the rest.
constexpr int64_t maxStackBytes = 128 << 10;

/// Whether `target` has kernels for the problem at all. The error of one that
/// it has not starts with (G1).
Status checkProblem(const Problem &problem, const Target &target);

/// Whether `schedule` is legal. The error of one that is not starts with the
/// label of the rule; on the host:
///
///   (S1) rows is at least 1, and for packed factors at most what a product
///        keeps in registers; at most 64 where factors are read in place.
///   (S2) keys, cols and depth are what the problem has: an attention keys, a
///        projection cols and depth; they are multiples of a panel's columns,
///        depth of a pair.
///   (S3) the tiles of a block fit 128 KiB of stack.
///   (S4) merge needs an attention whose heads can be merged; across needs
///        merge, factors read in place, key heads side by side, and as many
///        rows for each of them.
///   (S5) splits is 1 to 1024, and 1 for a projection.
///   (S6) groups, warps, overlap and turns are a GPU's; stages is 0 or 1.
///
/// On a GPU:
///
///   (G1) rows are bf16 or f16; widths of heads, terms and columns are even,
///        heads at most 256 wide.
///   (G2) warps is 1, 2, 4 or 8, and rows is 16 or 32 for each.
///   (G3) keys, cols and depth are what the problem has, multiples of 16 up to
///        256.
///   (G4) ptxas keeps the sums of a warp in registers, beside what the problem
///        has more, such as a mask: lib/GpuTiles has a table.
///   (G5) the tiles of a block fit its shared memory.
///   (G6) stages is 1 to 8, for a projection 2 to 8; groups, overlap and turns
///        are sm_90a's.
///   (G7) splits is 1 to 1024, and 1 for a projection; merge needs an attention
///        whose heads can be merged; across is the host's.
Status checkSchedule(const Problem &problem, const Target &target,
                     const Schedule &schedule);

/// What a legal schedule takes of the machine.
struct ScheduleResources {
  int64_t stackBytes = 0;   ///< tiles of a block
  int64_t accumulators = 0; ///< vector registers that hold sums
  int64_t sharedBytes = 0;  ///< GPU: of a block
};
ScheduleResources resourcesOf(const Problem &problem, const Target &target,
                              const Schedule &schedule);

/// One setting of a schedule and the values that are worth trying.
struct Knob {
  std::string name;
  std::vector<int64_t> values; ///< ascending
};
/// The knobs of a problem, in canonical order; their product holds schedules
/// that are not legal.
std::vector<Knob> knobsOf(const Problem &problem, const Target &target);
/// Sets a knob by its name, as knobsOf spells it.
void setKnob(Schedule &schedule, std::string_view name, int64_t value);
/// The value of a knob; 0 for a name that is none.
int64_t knobOf(const Schedule &schedule, std::string_view name);

/// A schedule and for how many rows a block's column must have it: tokens of a
/// batch (S) for an attention, B * S for a projection.
struct ScheduleChoice {
  Schedule schedule;
  int64_t atLeast = 0;
  int64_t atMost = -1; ///< -1: no limit
};
/// The default schedules, all legal. Their ranges do not overlap and cover all
/// sizes; the one for the largest sizes comes first.
std::vector<ScheduleChoice> defaultSchedules(const Problem &problem,
                                             const Target &target);

} // namespace headgate

#endif // HEADGATE_LIB_SCHEDULE_H
