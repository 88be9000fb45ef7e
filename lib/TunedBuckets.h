// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From records back to a compiler: which schedule a kernel should have in which
// bucket of sizes, by device. The same records give the same answer.

#ifndef HEADGATE_LIB_TUNEDBUCKETS_H
#define HEADGATE_LIB_TUNEDBUCKETS_H

#include "headgate/TuningRecord.h"

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace headgate {

/// A kernel that is being compiled for a target. Records are of it if they have
/// its problem and target; those with its code and tools go before others,
/// which are hints.
struct TunedQuery {
  std::string ir; ///< PlanKernel::ir
  Problem problem;
  std::string target;
  std::map<std::string, std::string> tools; ///< those that have to agree
  /// The kernel's sizes in a call with a record's dims, in the order of its
  /// bucket; nothing if these are another function's.
  std::function<std::optional<std::vector<int64_t>>(
      const std::map<std::string, int64_t> &)>
      sizesOf;
  std::function<bool(const Schedule &)> isLegal;
};

/// What is best for sizes of one bucket on one device.
struct TunedBucket {
  std::string device;
  std::vector<int64_t> bucket; ///< exponents, of bucketOf
  std::vector<int64_t> sizes;  ///< the largest that were measured
  Schedule schedule;
  std::string record;                ///< id of the one that won at these sizes
  std::optional<double> overDefault; ///< speed over the default schedule's
  bool isSameIr = false, isSameTools = false;

  /// How far the record is from this very code: 0, 1 or 2.
  int distance() const { return !isSameIr + !isSameTools; }
};

/// In the order of devices and buckets. Of several sources the first that has
/// anything for a bucket decides it: what a user tuned goes before what came
/// with a program. Where several sizes or routings of a bucket were measured,
/// schedules measured at most of them compete, by the geometric mean of what
/// they take over the best there. Needs: of each id the record that counts.
std::vector<TunedBucket>
tunedBuckets(std::span<const std::vector<TuningRecord>> sources,
             const TunedQuery &query);

} // namespace headgate

#endif // HEADGATE_LIB_TUNEDBUCKETS_H
