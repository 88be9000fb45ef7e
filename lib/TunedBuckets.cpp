// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Covered by test/lib/TunedBucketsTest.cpp.

#include "lib/TunedBuckets.h"

#include "lib/NearestBucket.h"
#include "lib/RecordText.h"
#include "lib/TuningChoice.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace headgate {

namespace {

using Kind = TuningRecord::Kind;

/// Everything measured for one call on one machine.
struct Point {
  std::vector<int64_t> sizes;
  std::optional<Schedule> standard; ///< of its baselines
  std::vector<const TuningRecord *> trials, finals;
};
/// By dims, routing and units: what may differ within a bucket.
using PointKey =
    std::tuple<std::map<std::string, int64_t>, std::string, int64_t>;
struct Bucket {
  std::map<PointKey, Point> points;
};
/// Better records hide worse ones: by whether ir and tools differ.
using Ranked = std::map<std::pair<bool, bool>, Bucket>;
/// By device and exponents.
using Buckets = std::map<std::pair<std::string, std::vector<int64_t>>, Ranked>;

bool haveSameTools(const TuningRecord &record, const TunedQuery &query) {
  return std::ranges::all_of(query.tools, [&](const auto &tool) {
    auto found = record.key.tools.find(tool.first);
    return found != record.key.tools.end() && found->second == tool.second;
  });
}

Buckets sortOut(const std::vector<TuningRecord> &records,
                const TunedQuery &query) {
  Buckets buckets;
  for (const TuningRecord &record : records) {
    const TuningKey &key = record.key;
    bool isBaseline = record.kind == Kind::baseline;
    if ((!isBaseline && !rankedOf(record)) || key.device.empty() ||
        key.target != query.target || key.problem != query.problem ||
        !query.isLegal(key.schedule))
      continue;
    auto sizes = query.sizesOf(key.dims);
    if (!sizes)
      continue;
    std::vector<int64_t> exponents;
    for (int64_t size : *sizes)
      exponents.push_back(bucketOf(size));
    std::pair rank(key.ir != query.ir, !haveSameTools(record, query));
    Point &point = buckets[{key.device, exponents}][rank]
                       .points[{key.dims, key.routing, key.units}];
    point.sizes = *sizes;
    if (isBaseline)
      point.standard = key.schedule;
    else
      (record.kind == Kind::final ? point.finals : point.trials)
          .push_back(&record);
  }
  return buckets;
}

/// What schedules of a bucket take: of each, over the points where it was
/// measured, the logarithms of its time over the best one's there.
struct Sums {
  int64_t points = 0;
  double time = 0, low = 0, high = 0, overDefault = 0;
  bool hasDefault = true;
  const TuningRecord *last = nullptr; ///< of the last point
  RankedSchedule ranked;
};

void addPoint(const Point &point, std::map<Schedule, Sums> &sums) {
  const auto &records = point.finals.empty() ? point.trials : point.finals;
  auto ranked = comparable(records);
  double best = std::ranges::min_element(ranked, {}, [](const auto &entry) {
                  return entry.second.time;
                })->second.time;
  for (auto &[record, rank] : ranked) {
    Sums &sum = sums[rank.schedule];
    ++sum.points;
    sum.time += std::log(rank.time / best);
    sum.low += std::log(rank.low / best);
    sum.high += std::log(rank.high / best);
    sum.hasDefault &= record->ratio || record->baselineNs;
    sum.overDefault -= std::log(rank.time);
    sum.last = record;
    sum.ranked = rank;
    sum.ranked.isDefault = point.standard == rank.schedule;
  }
}

std::optional<TunedBucket> decide(const Bucket &bucket) {
  std::map<Schedule, Sums> sums;
  TunedBucket result;
  for (const auto &[key, point] : bucket.points) {
    if (point.trials.empty() && point.finals.empty())
      continue;
    addPoint(point, sums);
    result.sizes = std::max(result.sizes, point.sizes);
  }
  int64_t most = 0;
  for (const auto &[schedule, sum] : sums)
    most = std::max(most, sum.points);
  std::vector<const Sums *> candidates;
  std::vector<RankedSchedule> ranked;
  for (const auto &[schedule, sum] : sums) {
    if (sum.points < most)
      continue;
    auto mean = [&](double total) {
      return std::exp(total / static_cast<double>(most));
    };
    candidates.push_back(&sum);
    ranked.push_back(sum.ranked);
    ranked.back().time = mean(sum.time);
    ranked.back().low = mean(sum.low);
    ranked.back().high = mean(sum.high);
  }
  if (ranked.empty())
    return std::nullopt;
  const Sums &winner = *candidates[bestRanked(ranked)];
  result.schedule = winner.ranked.schedule;
  result.record = recordId(winner.last->key);
  if (winner.hasDefault)
    result.overDefault =
        std::exp(winner.overDefault / static_cast<double>(most));
  return result;
}

} // namespace

std::vector<TunedBucket>
tunedBuckets(std::span<const std::vector<TuningRecord>> sources,
             const TunedQuery &query) {
  std::map<std::pair<std::string, std::vector<int64_t>>, TunedBucket> decided;
  for (const std::vector<TuningRecord> &source : sources)
    for (const auto &[place, ranks] : sortOut(source, query)) {
      if (decided.contains(place))
        continue;
      for (const auto &[rank, bucket] : ranks) {
        std::optional<TunedBucket> best = decide(bucket);
        if (!best)
          continue;
        best->device = place.first;
        best->bucket = place.second;
        best->isSameIr = !rank.first;
        best->isSameTools = !rank.second;
        decided.emplace(place, *std::move(best));
        break;
      }
    }
  std::vector<TunedBucket> result;
  for (auto &[place, bucket] : decided)
    result.push_back(std::move(bucket));
  return result;
}

} // namespace headgate
