// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which tensor of an entry each value of a command line is for: by name, and
// those without a name fill the tensors that nobody named, in order.

#ifndef HEADGATE_TOOLS_MATCHTENSORS_H
#define HEADGATE_TOOLS_MATCHTENSORS_H

#include "headgate/Plan.h"
#include "headgate/Result.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace headgate {

/// For each of `names` ("" has none) its index in `tensors`. `kind` is "input"
/// or "output", for messages. Refuses unknown, repeated and surplus ones.
Result<std::vector<size_t>> matchTensors(std::string_view kind,
                                         const PlanEntry &entry,
                                         std::span<const PlanTensor> tensors,
                                         std::span<const std::string> names);

} // namespace headgate

#endif // HEADGATE_TOOLS_MATCHTENSORS_H
