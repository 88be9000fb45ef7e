// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inputs that nobody gave: normal numbers, in matrices so small that layers
// keep their scale, masks that hide nothing, router logits and experts that are
// chosen as they should, other integers from the range that is known of them.

#ifndef HEADGATE_TOOLS_DRAWINPUTS_H
#define HEADGATE_TOOLS_DRAWINPUTS_H

#include "headgate/Plan.h"
#include "headgate/Result.h"
#include "lib/Array.h"
#include "lib/InputDraw.h"

#include <cstdint>
#include <span>
#include <string>

namespace headgate {

struct DrawOptions {
  uint64_t seed = 1;
  /// lib/Routing, of router logits and experts; "": logits are drawn as other
  /// numbers, experts uniformly.
  std::string routing;
  InputDraws draws; ///< of integers
};

/// Whether a routing decides the values of this input: floats whose name is
/// "logits" or ends in "_logits", and integers that are drawn as experts.
bool isRouted(const PlanTensor &input, const InputDraws &draws);

/// Input `index` of `entry` at these values of its dims. Integers mean
/// something: without a draw of theirs, an error.
Result<Array> drawInput(const PlanEntry &entry, size_t index,
                        std::span<const int64_t> dims,
                        const DrawOptions &options);

} // namespace headgate

#endif // HEADGATE_TOOLS_DRAWINPUTS_H
