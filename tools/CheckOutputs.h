// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The checks of headgate-run: outputs against expected values, and outputs that
// no kernel wrote.

#ifndef HEADGATE_TOOLS_CHECKOUTPUTS_H
#define HEADGATE_TOOLS_CHECKOUTPUTS_H

#include "headgate/Plan.h"
#include "headgate/Result.h"
#include "lib/Array.h"
#include "lib/InputValue.h"
#include "lib/RunReport.h"
#include "tools/EntryCall.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace headgate {

/// What output number `output` of an entry should be.
struct Expectation {
  size_t output = 0;
  std::string source; ///< a file, or the numbers as they were written
  Array array;
};

/// Tolerances the user gave in place of the derived ones.
struct GivenTolerance {
  std::optional<double> atol, rtol;
};

/// Reads what is expected; integers for outputs of integers, floats for floats.
Result<std::vector<Expectation>>
readExpectations(const PlanEntry &entry, std::span<const InputValue> values);

/// Adds a check for each expectation.
void checkExpected(const GivenTolerance &given, const PlanEntry &entry,
                   std::span<const Expectation> expectations,
                   const std::vector<Array> &outputs, RunReport &report);

/// Adds a check for each output.
void checkUnwritten(const PlanEntry &entry,
                    std::span<const Unwritten> unwritten, RunReport &report);

} // namespace headgate

#endif // HEADGATE_TOOLS_CHECKOUTPUTS_H
