// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What must hold between the parts of a launch plan: every name that is used is
// defined once, every expression parses in its scope, every number is one that
// a device can be asked for. docs/plan.md lists the rules.

#ifndef HEADGATE_LIB_CHECKPLAN_H
#define HEADGATE_LIB_CHECKPLAN_H

#include "headgate/Plan.h"
#include "headgate/Result.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace headgate {

/// The first rule that `plan` breaks, with the path of the key in plan.json.
Status checkPlan(const Plan &plan);

/// The closed list of words in PlanImage::needs.
std::span<const std::string_view> cpuFeatureWords();

/// "host" of "host:x86-64-v3"; a GPU target is its own family.
std::string_view targetFamily(std::string_view target);

/// The scope of a variant's expressions: the names of the i32 and i64
/// parameters of its kernel, in order.
std::vector<std::string> scalarNames(const PlanKernel &kernel);

/// The scope of an entry's expressions: its dims, then the stride symbols in
/// the order in which inputs and outputs name them first.
std::vector<std::string> scopeNames(const PlanEntry &entry);

} // namespace headgate

#endif // HEADGATE_LIB_CHECKPLAN_H
