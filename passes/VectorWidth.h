// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the host lowering of tiles derives from a target.

#ifndef HEADGATE_PASSES_VECTORWIDTH_H
#define HEADGATE_PASSES_VECTORWIDTH_H

#include "headgate/Target.h"

#include <algorithm>

namespace headgate::passes {

/// The instructions of x86-64-v4; no other target has 16 lanes.
inline bool isAvx512(const Target &target) { return target.lanes == 16; }

/// Columns that a sweep takes at once: two registers, and at least 16, so that
/// row sums in 16 parts need nothing else on any CPU.
inline int64_t sweepColumns(const Target &target) {
  return std::max<int64_t>(2 * target.lanes, 16);
}

} // namespace headgate::passes

#endif // HEADGATE_PASSES_VECTORWIDTH_H
