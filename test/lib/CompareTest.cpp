// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/Compare.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace headgate {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
const double nan = std::nan("");

Array floats(std::vector<int64_t> shape, const std::vector<double> &values) {
  return Array::of(std::move(shape), values);
}

/// Whether one number passes for another.
bool agree(double found, double expected, Tolerance tolerance = {}) {
  return compare(floats({}, {found}), floats({}, {expected}), tolerance)
      .passed();
}

TEST(Compare, AbsoluteAndRelativeAddUp) {
  EXPECT_TRUE(agree(1, 1));
  EXPECT_FALSE(agree(1, std::nextafter(1, 2)));
  EXPECT_TRUE(agree(10.5, 10, {.atol = 0.5, .rtol = 0}));
  EXPECT_FALSE(agree(10.5625, 10, {.atol = 0.5, .rtol = 0}));
  EXPECT_TRUE(agree(-8.5, -8, {.atol = 0, .rtol = 0.0625}));
  EXPECT_FALSE(agree(-8.5625, -8, {.atol = 0, .rtol = 0.0625}));
  EXPECT_TRUE(agree(9, 8, {.atol = 0.5, .rtol = 0.0625}));
  // Relative to what is expected, not to what was found.
  EXPECT_FALSE(agree(8, 4, {.atol = 0, .rtol = 0.5}));
  EXPECT_TRUE(agree(4, 8, {.atol = 0, .rtol = 0.5}));
  EXPECT_TRUE(agree(0.0, -0.0));
}

TEST(Compare, NanAndInfinitiesAgreeWithTheirLikeOnly) {
  Tolerance wide = {.atol = 1e300, .rtol = 1};
  EXPECT_TRUE(agree(nan, nan));
  EXPECT_FALSE(agree(nan, 0, wide));
  EXPECT_FALSE(agree(0, nan, wide));
  EXPECT_FALSE(agree(nan, infinity, wide));
  EXPECT_TRUE(agree(infinity, infinity));
  EXPECT_TRUE(agree(-infinity, -infinity));
  EXPECT_FALSE(agree(infinity, -infinity, wide));
  EXPECT_FALSE(agree(1e308, infinity, wide));
  EXPECT_FALSE(agree(infinity, 1e308, wide));
}

TEST(Compare, NamesTheWorstElement) {
  Comparison result =
      compare(floats({2, 3}, {0, 1.25, 2, 3, 4.5, 5}),
              floats({2, 3}, {0, 1, 2, 3, 4, 5}), {.atol = 0.125, .rtol = 0});
  EXPECT_FALSE(result.passed());
  EXPECT_EQ(result.elements, 6);
  EXPECT_EQ(result.differing, 2);
  EXPECT_EQ(result.worst, (std::vector<int64_t>{1, 1}));
  EXPECT_EQ(result.found, 4.5);
  EXPECT_EQ(result.expected, 4);
  EXPECT_EQ(result.allowed, 0.125);
  EXPECT_EQ(result.maxError, 0.5);
  EXPECT_EQ(result.maxRelativeError, 0.25);
}

// An element is judged by its own tolerance: the larger error may be allowed.
TEST(Compare, TheWorstIsFurthestOutsideItsTolerance) {
  Comparison result = compare(floats({2}, {1002, 0.5}), floats({2}, {1000, 0}),
                              {.atol = 0, .rtol = 0.01});
  EXPECT_EQ(result.differing, 1);
  EXPECT_EQ(result.worst, std::vector<int64_t>{1});
  EXPECT_EQ(result.maxError, 2);
}

// Elements far below the largest count as a thousandth of it.
TEST(Compare, RelativeErrorIsBoundedFromBelow) {
  Comparison result = compare(floats({2}, {1000, 0.5}), floats({2}, {1000, 0}),
                              {.atol = 1, .rtol = 0});
  EXPECT_TRUE(result.passed());
  EXPECT_EQ(result.maxRelativeError, 0.5);
}

TEST(Compare, IntegersAreExact) {
  Array a = Array::of({2}, std::vector<int32_t>{5, -1});
  Array b = Array::of({2}, std::vector<int32_t>{5, 0});
  EXPECT_TRUE(compare(a, a, {}).passed());
  Comparison result = compare(a, b, {.atol = 10, .rtol = 10});
  EXPECT_EQ(result.differing, 1);
  EXPECT_EQ(result.allowed, 0);
}

// Doubles cannot tell these apart.
TEST(Compare, IntegersAreExactBeyondDoubles) {
  Array a = Array::zeros(DType::i64, {1}), b = a;
  a.setInteger(0, (int64_t(1) << 53) + 1);
  b.setInteger(0, int64_t(1) << 53);
  EXPECT_TRUE(compare(a, a, {}).passed());
  EXPECT_FALSE(compare(a, b, {}).passed());
}

TEST(Compare, TypesMayDiffer) {
  Array narrow = *convert(floats({2}, {1, 2}), DType::bf16);
  EXPECT_TRUE(compare(narrow, floats({2}, {1, 2}), {}).passed());
}

TEST(Compare, ShapesMustAgree) {
  Comparison result =
      compare(floats({2, 3}, {1, 2, 3, 4, 5, 6}),
              floats({3, 2}, {1, 2, 3, 4, 5, 6}), {.atol = 100, .rtol = 0});
  EXPECT_FALSE(result.shapesAgree);
  EXPECT_FALSE(result.passed());
  EXPECT_TRUE(compare(floats({}, {1}), floats({1}, {1}), {}).passed());
  EXPECT_FALSE(compare(floats({1, 1}, {1}), floats({1}, {1}), {}).passed());
  EXPECT_FALSE(compare(floats({0}, {}), floats({1}, {1}), {}).passed());
}

TEST(Compare, EmptyArraysAgree) {
  Comparison result = compare(floats({0, 3}, {}), floats({0, 3}, {}), {});
  EXPECT_TRUE(result.passed());
  EXPECT_EQ(result.elements, 0);
}

TEST(Compare, LargestFiniteLeavesOutTheRest) {
  EXPECT_EQ(largestFinite(floats({4}, {1, -3, infinity, nan})), 3);
  EXPECT_EQ(largestFinite(floats({2}, {-infinity, nan})), 0);
  EXPECT_EQ(largestFinite(floats({0}, {})), 0);
}

} // namespace
} // namespace headgate
