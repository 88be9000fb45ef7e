// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// plan.json, the text form of a launch plan. docs/plan.md describes every key.

#ifndef HEADGATE_LIB_PLANTEXT_H
#define HEADGATE_LIB_PLANTEXT_H

#include "headgate/Plan.h"
#include "headgate/Result.h"

#include <string>
#include <string_view>

namespace headgate {

/// The plan that `text` describes, checked: every key known, every value of the
/// right type, and all that checkPlan (lib/CheckPlan.h) asks for. The error
/// names the path, what was found and what was needed:
///
///   kernels[2].variants[0].launches[0].grid: expected 3 expressions, found 2
///
/// It is `corrupt`, or `unsupported` for a plan of another version.
Result<Plan> parsePlan(std::string_view text);

/// The text of `plan`. What is as if it were absent is left out; parsePlan of
/// the text gives the same plan.
std::string printPlan(const Plan &plan);

} // namespace headgate

#endif // HEADGATE_LIB_PLANTEXT_H
