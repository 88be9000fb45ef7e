// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sizes in buckets, and which tuned one stands for a call's. Integers alone:
// the same tuning gives the same variant on any machine.

#ifndef HEADGATE_LIB_NEARESTBUCKET_H
#define HEADGATE_LIB_NEARESTBUCKET_H

#include <cstdint>
#include <span>
#include <vector>

namespace headgate {

/// The least e with 2^e at or above `extent`; 0 for all up to 1.
int64_t bucketOf(int64_t extent);

/// An exponent further away than this in any dim says nothing of a call: 4
/// times as many rows want another schedule, which the defaults choose by size.
constexpr int64_t maxBucketSteps = 2;

/// How far apart buckets are: the sum over dims; -1 beyond maxBucketSteps.
/// Needs: as many of both.
int64_t bucketDistance(std::span<const int64_t> a, std::span<const int64_t> b);

/// A variant that was fastest in a bucket.
struct TunedPoint {
  std::vector<int64_t> bucket; ///< exponents in the order of the kernel's dims
  size_t variant = 0;          ///< its index in the kernel
  bool isOfThisDevice = false; ///< or of another one that runs such code
};

/// Whether `a` goes before `b` for a call in `bucket`: by device, then by
/// distance, then the smaller exponents, then the earlier variant. Needs: both
/// have a distance.
bool isNearer(const TunedPoint &a, const TunedPoint &b,
              std::span<const int64_t> bucket);

} // namespace headgate

#endif // HEADGATE_LIB_NEARESTBUCKET_H
