// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inputs that nobody gave: normal numbers, in matrices so small that layers
// keep their scale, masks that hide nothing, router logits that choose experts
// as they should.

#ifndef HEADGATE_TOOLS_DRAWINPUTS_H
#define HEADGATE_TOOLS_DRAWINPUTS_H

#include "headgate/Plan.h"
#include "headgate/Result.h"
#include "lib/Array.h"

#include <cstdint>
#include <span>
#include <string>

namespace headgate {

struct DrawOptions {
  uint64_t seed = 1;
  std::string routing; ///< lib/Routing, of router logits; "": as other numbers
};

/// Whether a routing decides the values of this input: floats whose name is
/// "logits" or ends in "_logits".
bool isRouted(const PlanTensor &input);

/// Input `index` of `entry` at these values of its dims. Integers mean
/// something and are not drawn: an error.
Result<Array> drawInput(const PlanEntry &entry, size_t index,
                        std::span<const int64_t> dims,
                        const DrawOptions &options);

} // namespace headgate

#endif // HEADGATE_TOOLS_DRAWINPUTS_H
