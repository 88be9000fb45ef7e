// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a compiler has to say of the plan it wrote: kernels and what was fused
// in each, variants with schedules and launches, memory, as expressions and at
// given sizes.

#ifndef HEADGATE_LIB_PLANREPORT_H
#define HEADGATE_LIB_PLANREPORT_H

#include "headgate/Plan.h"
#include "headgate/Result.h"
#include "lib/Dims.h"
#include "lib/SizeCall.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace headgate {

/// An entry at some sizes with the code for one target.
struct SizedReport {
  const PlanEntry *entry = nullptr;
  NamedDims dims; ///< in the entry's order
  std::string target;
  SizedCall call;
  /// Arena bytes with every dim but B doubled, over arena bytes: 2 where no
  /// buffer has two dims that grow. Nothing where such sizes are not allowed,
  /// or nothing is there to grow.
  std::optional<double> growth;
};

struct PlanReport {
  const Plan *plan = nullptr;
  std::vector<SizedReport> calls;
};

/// A report on every entry and target at each of `sizes`, which give a value to
/// each dim of every entry. Refers to `plan`, which passes checkPlan.
Result<PlanReport> reportPlan(const Plan &plan,
                              std::span<const NamedDims> sizes);

/// Text for people.
std::string formatText(const PlanReport &report);
/// One JSON object.
std::string formatJson(const PlanReport &report);

} // namespace headgate

#endif // HEADGATE_LIB_PLANREPORT_H
