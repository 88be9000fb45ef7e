// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Covered by test/lib/NearestBucketTest.cpp.

#include "lib/NearestBucket.h"

#include <bit>
#include <cassert>
#include <cstdlib>
#include <tuple>

namespace headgate {

int64_t bucketOf(int64_t extent) {
  return extent <= 1 ? 0 : std::bit_width(static_cast<uint64_t>(extent - 1));
}

int64_t bucketDistance(std::span<const int64_t> a, std::span<const int64_t> b) {
  assert(a.size() == b.size() && "buckets of different dims");
  int64_t distance = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    int64_t steps = std::abs(a[i] - b[i]);
    if (steps > maxBucketSteps)
      return -1;
    distance += steps;
  }
  return distance;
}

bool isNearer(const TunedPoint &a, const TunedPoint &b,
              std::span<const int64_t> bucket) {
  auto key = [&](const TunedPoint &point) {
    return std::tuple(!point.isOfThisDevice,
                      bucketDistance(point.bucket, bucket), point.bucket,
                      point.variant);
  };
  return key(a) < key(b);
}

} // namespace headgate
