// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How the values of an input of integers are drawn, which mean something to the
// ops that take them:
//
//   experts:8   that many experts, of which those along the last extent are
//               distinct, chosen as a routing says (lib/Routing)
//   T..0        lengths, positions, ...: the first element is T, the others are
//               anything between the two, both included. The ends are size
//               expressions (lib/Expr) of the entry's dims.
//
// headgate-compile writes them for inputs whose use tells; people by --draw.

#ifndef HEADGATE_LIB_INPUTDRAW_H
#define HEADGATE_LIB_INPUTDRAW_H

#include "headgate/Plan.h"
#include "headgate/Result.h"
#include "lib/Array.h"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace headgate {

struct InputDraw {
  int64_t experts = 0;   ///< not 0: experts, and the ends mean nothing
  SizeText first, other; ///< the ends of a range
};

/// The texts of inputs by their names.
using InputDraws = std::map<std::string, std::string>;

/// Expressions are not read.
Result<InputDraw> parseInputDraw(std::string_view text);

/// "NAME=TEXT", of --draw.
Result<std::pair<std::string, std::string>>
parseNamedDraw(std::string_view text);

/// Each name is an input of integers of `entry`, each text can be read.
Status checkDraws(const PlanEntry &entry, const InputDraws &draws);

/// An array of integers from the range of `draw` at these values of the dims of
/// `entry`; an error if a value does not fit the type.
Result<Array> drawRange(const InputDraw &draw, const PlanEntry &entry,
                        std::span<const int64_t> dims, DType dtype,
                        std::span<const int64_t> shape, uint64_t seed);

/// The `shape.back()` largest of each row of `logits`, largest first; those of
/// one value in their order. Rows are as many as those of `shape`.
Result<Array> largestOf(const Array &logits, DType dtype,
                        std::span<const int64_t> shape);

} // namespace headgate

#endif // HEADGATE_LIB_INPUTDRAW_H
