// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The schedules that are worth compiling for a problem at given sizes: what
// lib/Schedule declares, minus what is not legal, what would run the same as
// another one at these sizes, and what cannot be fast. Each that is left out
// has a reason with a label:
//
//   (S1).. (G7)  not legal, by checkSchedule
//   (T1) merge without across, where each query head has a key head of its own
//   (T2) more splits than tiles of keys, where a smaller value makes as many
//   (T3) more rows, keys, columns or depth than there are, where a smaller
//        value holds them all
//   (T4) an order of blocks whose grid has but one row or one column
//   (T5) splits where the blocks without them occupy the machine
//   (T6) the model predicts many times the best time
//
// (T1) to (T4) leave nothing out that would run otherwise; (T5) and (T6) judge.

#ifndef HEADGATE_LIB_SCHEDULESPACE_H
#define HEADGATE_LIB_SCHEDULESPACE_H

#include "lib/Schedule.h"

#include <cstdint>
#include <string>
#include <vector>

namespace headgate {

/// A schedule that is not a candidate, and why: "(S2) keys = ...".
struct RejectedSchedule {
  Schedule schedule;
  std::string why;
};

struct ScheduleSpace {
  std::vector<Knob> knobs;
  /// Candidates in canonical order: by shared memory, then by knobs.
  std::vector<Schedule> schedules;
  std::vector<double> predictedNs; ///< of each
  size_t baseline = 0;             ///< the default schedule at these sizes
  std::vector<RejectedSchedule> rejected;

  /// The index of `schedule`; size() if it is no candidate.
  size_t find(const Schedule &schedule) const;
  size_t size() const { return schedules.size(); }
  /// Candidates that differ from `index` in one knob, by the least step for
  /// which there is one.
  std::vector<size_t> neighbours(size_t index) const;
  /// All candidates, the best predicted first. Where predictions are alike,
  /// those that differ from the default in fewer knobs, in canonical order.
  std::vector<size_t> byPrediction() const;
};

/// The space of a problem that `target` has kernels for (checkProblem).
/// `units`: cores or multiprocessors.
ScheduleSpace scheduleSpace(const Problem &problem, const Target &target,
                            const ProblemSizes &sizes, int64_t units);

/// The default schedule at these sizes.
Schedule defaultSchedule(const Problem &problem, const Target &target,
                         const ProblemSizes &sizes);

} // namespace headgate

#endif // HEADGATE_LIB_SCHEDULESPACE_H
