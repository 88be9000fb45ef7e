// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How far a result may be from an exact one, derived from its element type and
// from the length of its sums, not tuned. A result passes when
//
//   |found - expected| <= atol + rtol * |expected|
//
// `maxReference` below is the largest finite |expected| of the tensor: a sum
// that cancels is as exact as its terms, not as its value.

#ifndef HEADGATE_LIB_TOLERANCE_H
#define HEADGATE_LIB_TOLERANCE_H

#include "headgate/Tensor.h"

#include <cstdint>

namespace headgate {

/// Both 0: equal.
struct Tolerance {
  double atol = 0;
  double rtol = 0;
};

/// What is assumed of attention scores where nobody measured them. Rows of
/// unit variance and the scale 1/sqrt(D) give scores of deviation 1, of which
/// even 2^40 hold none beyond 7; 16 leaves room for rows of twice that size.
constexpr double assumedMaxScore = 16;

/// For a result that went through attention over `keys` keys with scores up to
/// `maxScore`. f64 is for exact results against expected values that were
/// rounded to f32. Integers: equal.
Tolerance deriveTolerance(DType dtype, int64_t keys, double maxReference,
                          double maxScore = assumedMaxScore);

/// For a result without attention in it: a projection, a choice's weights.
Tolerance deriveToleranceWithoutAttention(DType dtype, double maxReference);

} // namespace headgate

#endif // HEADGATE_LIB_TOLERANCE_H
