// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compares a result with what it should be, element by element. Equal
// infinities agree, NaN agrees with NaN, integers are exact, and a scalar may
// be stored as one element: shapes () and (1,) are equal.

#ifndef HEADGATE_LIB_COMPARE_H
#define HEADGATE_LIB_COMPARE_H

#include "lib/Array.h"
#include "lib/Tolerance.h"

#include <cstdint>
#include <span>
#include <vector>

namespace headgate {

struct Comparison {
  bool shapesAgree = true; ///< if not, nothing below was compared
  int64_t elements = 0;
  int64_t differing = 0; ///< elements outside the tolerance
  /// The largest |found - expected| and the largest |found - expected| /
  /// |expected|, where elements below a thousandth of the largest count as
  /// such. Infinite where only one side is finite or a number.
  double maxError = 0;
  double maxRelativeError = 0;

  /// The element that is furthest outside the tolerance, or closest to it.
  std::vector<int64_t> worst;
  double found = 0, expected = 0;
  double allowed = 0; ///< the tolerance there

  bool passed() const { return shapesAgree && differing == 0; }
};

/// Two arrays of integers must be equal, whatever the tolerance.
Comparison compare(const Array &found, const Array &expected,
                   const Tolerance &tolerance);

bool shapesAgree(std::span<const int64_t> a, std::span<const int64_t> b);

/// The largest |element| that is finite; 0 if none is.
double largestFinite(const Array &array);

} // namespace headgate

#endif // HEADGATE_LIB_COMPARE_H
