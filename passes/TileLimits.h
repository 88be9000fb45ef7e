// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds the sweeps that may stop early. A dot with `cols(n)` leaves its columns
// from n on unspecified, and a dot with `depth(n)` does not read them; between
// the two, nobody needs them if every reduction on the way meets only elements
// that change nothing:
//
//   %s = dot %q, %k cols(%n)        unspecified from n on
//   %x = select %seen, %s, -inf     so -inf, the other choice, is right
//   %m = reduce max %x              -inf changes no maximum
//   %p = exp2(%x * scale - shift)   0 from n on, for finite shifts
//   %l = reduce add %p              0 changes no sum
//   %o = dot %p, %v depth(%n)       does not read them
//
// All of these run over ceil(n / width) vectors. What is computed from an
// unspecified element is unspecified, and so may be taken as any value.

#ifndef HEADGATE_PASSES_TILELIMITS_H
#define HEADGATE_PASSES_TILELIMITS_H

#include "passes/TilePlan.h"

namespace headgate::passes {

/// Sets `Step::limit` of the plan's sweeps.
void limitSweeps(TilePlan &plan);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_TILELIMITS_H
