// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From what was written on a command line to arrays: files are read, numbers
// parsed, and all of it brought to the element type of the entry's tensor.

#ifndef HEADGATE_TOOLS_READARRAYS_H
#define HEADGATE_TOOLS_READARRAYS_H

#include "headgate/Plan.h"
#include "headgate/Result.h"
#include "lib/Array.h"
#include "lib/InputValue.h"

#include <optional>
#include <span>
#include <vector>

namespace headgate {

/// The array that `value` describes, in its own type.
Result<Array> readArray(const InputValue &value);

/// The inputs of `entry` that `values` gives, in its order and of its element
/// types. Floats become any float type; integers any integer type that holds
/// all of them; u8 feeds i1, where all but 0 is true; floats and integers do
/// not become each other.
Result<std::vector<std::optional<Array>>>
readGivenInputs(const PlanEntry &entry, std::span<const InputValue> values);

/// The same where all of them must be given.
Result<std::vector<Array>> readInputs(const PlanEntry &entry,
                                      std::span<const InputValue> values);

} // namespace headgate

#endif // HEADGATE_TOOLS_READARRAYS_H
