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

} // namespace headgate

#endif // HEADGATE_LIB_COST_H
