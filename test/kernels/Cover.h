// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Few choices of many axes in which every value of each axis occurs, or every
// pair of values of any two axes: the combinations that tests run when all of
// them are too many.

#ifndef HEADGATE_TEST_KERNELS_COVER_H
#define HEADGATE_TEST_KERNELS_COVER_H

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace headgate::kernels {

/// A value of each axis, counted from 0.
using Choice = std::vector<int>;
/// Whether a choice is legal; may change values that mean nothing beside others
/// to one that says so.
using Legalize = std::function<bool(Choice &)>;

/// Choices that cover every value (`strength` 1) or pair of values (2) that
/// occurs in a legal choice, found by random search from `seed`: the same ones
/// on any machine. At least `atLeast` of them.
std::vector<Choice> cover(std::span<const int> extents, int strength,
                          uint64_t seed, const Legalize &legalize,
                          size_t atLeast = 0);

} // namespace headgate::kernels

#endif // HEADGATE_TEST_KERNELS_COVER_H
