// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/NearestBucket.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

namespace headgate::test {
namespace {

TEST(NearestBucket, Buckets) {
  for (auto [extent, bucket] : std::vector<std::pair<int64_t, int64_t>>{
           {-5, 0},
           {0, 0},
           {1, 0},
           {2, 1},
           {3, 2},
           {4, 2},
           {5, 3},
           {4096, 12},
           {4097, 13},
           {std::numeric_limits<int64_t>::max(), 63}})
    EXPECT_EQ(bucketOf(extent), bucket) << extent;
}

TEST(NearestBucket, Distance) {
  using Bucket = std::vector<int64_t>;
  EXPECT_EQ(bucketDistance(Bucket{0, 12, 12}, Bucket{0, 12, 12}), 0);
  EXPECT_EQ(bucketDistance(Bucket{1, 12, 12}, Bucket{0, 14, 11}), 4);
  // One token is no small prefill.
  EXPECT_EQ(bucketDistance(Bucket{0, 12, 12}, Bucket{0, 9, 12}), -1);
  EXPECT_EQ(bucketDistance(Bucket{}, Bucket{}), 0);
}

/// The variants of points in the order in which they are taken.
std::vector<size_t> order(std::vector<TunedPoint> points,
                          std::vector<int64_t> bucket) {
  std::ranges::sort(points, [&](const TunedPoint &a, const TunedPoint &b) {
    return isNearer(a, b, bucket);
  });
  std::vector<size_t> variants;
  for (const TunedPoint &point : points)
    variants.push_back(point.variant);
  return variants;
}

TEST(NearestBucket, DeviceThenDistanceThenSmallerThenFirst) {
  EXPECT_EQ(order({{{4, 4}, 0, false}, {{4, 6}, 1, true}}, {4, 4}),
            (std::vector<size_t>{1, 0}));
  EXPECT_EQ(order({{{4, 6}, 0, true}, {{4, 5}, 1, true}}, {4, 4}),
            (std::vector<size_t>{1, 0}));
  // All of these are one step away.
  EXPECT_EQ(order({{{5, 4}, 0, true},
                   {{4, 5}, 1, true},
                   {{4, 3}, 2, true},
                   {{3, 4}, 3, true}},
                  {4, 4}),
            (std::vector<size_t>{3, 2, 1, 0}));
  EXPECT_EQ(order({{{4}, 2, true}, {{4}, 1, true}}, {4}),
            (std::vector<size_t>{1, 2}));
}

} // namespace
} // namespace headgate::test
