// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How tokens choose experts, as part of a problem: a kernel that gathers is as
// fast as its choices let it be. A router picks the largest logits, so logits
// are made whose largest are drawn as they should be:
//
//   uniform     each expert equally often
//   zipf:X      expert m with a weight of (m + 1)^-X
//   @idx.npy    as a model chose: experts [..., k], the rows of a trace in turn
//
// Logits are log(weight) + Gumbel noise, whose k largest are a draw of k
// experts without repetition. Source: Kool, van Hoof and Welling 2019.

#ifndef HEADGATE_LIB_ROUTING_H
#define HEADGATE_LIB_ROUTING_H

#include "headgate/Result.h"
#include "lib/Array.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace headgate {

struct Routing {
  double exponent = 0; ///< of a drawn one; 0: uniform
  std::string trace;   ///< the file of a trace; "": drawn
};

Result<Routing> parseRouting(std::string_view text);

/// Router logits [..., M] of a drawn routing, f32.
Array drawLogits(double exponent, std::span<const int64_t> shape,
                 uint64_t seed);

/// Router logits [..., R, M] that choose what the rows [R, k] of `trace` chose,
/// in turn. An error if the trace is not of experts of R groups of M.
Result<Array> logitsOfTrace(const Array &trace, std::span<const int64_t> shape);

} // namespace headgate

#endif // HEADGATE_LIB_ROUTING_H
