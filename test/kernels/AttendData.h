// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The inputs of a call of a case, and what it should return, from the
// reference.

#ifndef HEADGATE_TEST_KERNELS_ATTENDDATA_H
#define HEADGATE_TEST_KERNELS_ATTENDDATA_H

#include "AttendCase.h"

namespace headgate::kernels {

/// Inputs by name. Keys and values outside the bounds of their sequence are
/// NaN, and so are queries beyond theirs and those of tokens without an expert:
/// they must have no influence.
Arrays makeInputs(const AttendCase &c, const ProblemSizes &sizes,
                  uint64_t seed);

/// The results of the entry, in order.
std::vector<Expected> expect(const AttendCase &c, const ProblemSizes &sizes,
                             const Arrays &inputs);

} // namespace headgate::kernels

#endif // HEADGATE_TEST_KERNELS_ATTENDDATA_H
