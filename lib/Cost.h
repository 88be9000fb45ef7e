// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How long a schedule should take: enough to order schedules before they are
// measured, not a promise.

#ifndef HEADGATE_LIB_COST_H
#define HEADGATE_LIB_COST_H

#include "headgate/Problem.h"
#include "headgate/Schedule.h"
#include "headgate/Target.h"

namespace headgate {

/// Nanoseconds of one call on `threads` cores, for a legal schedule.
double predictNs(const Problem &problem, const Target &target,
                 const Schedule &schedule, const ProblemSizes &sizes,
                 int64_t threads = 1);

/// What a call has to do with any schedule: multiplications and additions of
/// the pairs that no mask hides (reasons that a tensor gives do not count), and
/// the bytes of keys, values, rows and results, each moved once.
struct LeastWork {
  double flops = 0, bytes = 0;
};
LeastWork leastWork(const Problem &problem, const ProblemSizes &sizes);

} // namespace headgate

#endif // HEADGATE_LIB_COST_H
