// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Problems and schedules as JSON objects: "problem" and "schedule" of
// plan.json.
//
//   {"op": "attend", "dtype": "bf16", "D": 64, "Dv": 64, "heads": 8, ...}
//   {"rows": 12, "keys": 256, "order": "rows"}
//
// What is as if it were absent is left out; reading the text gives the same
// value.

#ifndef HEADGATE_LIB_SCHEDULETEXT_H
#define HEADGATE_LIB_SCHEDULETEXT_H

#include "headgate/Problem.h"
#include "headgate/Result.h"
#include "headgate/Schedule.h"

#include <string>
#include <string_view>

namespace headgate {

std::string printProblem(const Problem &problem);
Result<Problem> parseProblem(std::string_view text);

std::string printSchedule(const Schedule &schedule);
Result<Schedule> parseSchedule(std::string_view text);

} // namespace headgate

#endif // HEADGATE_LIB_SCHEDULETEXT_H
