// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Covered by test/lib/TuningChoiceTest.cpp.

#include "lib/TuningChoice.h"

#include <algorithm>
#include <iterator>
#include <tuple>

namespace headgate {

namespace {

constexpr double tieBand = 0.02, wideTieBand = 0.03;

} // namespace

size_t firstOfBest(std::span<const Interval> times,
                   const std::function<bool(size_t, size_t)> &before) {
  size_t best = 0;
  for (size_t i = 1; i < times.size(); ++i)
    if (times[i].value < times[best].value ||
        (times[i].value == times[best].value && before(i, best)))
      best = i;
  size_t winner = best;
  for (size_t i = 0; i < times.size(); ++i) {
    const Interval &time = times[i], &least = times[best];
    bool ties = time.value <= least.value * (1 + tieBand) ||
                (time.value <= least.value * (1 + wideTieBand) &&
                 time.low <= least.high);
    if (ties && before(i, winner))
      winner = i;
  }
  return winner;
}

size_t bestRanked(std::span<const RankedSchedule> schedules) {
  std::vector<Interval> times;
  for (const RankedSchedule &ranked : schedules)
    times.push_back({ranked.time, ranked.low, ranked.high});
  return firstOfBest(times, [&](size_t a, size_t b) {
    auto rank = [](const RankedSchedule &ranked) {
      return std::tuple(!ranked.isDefault, ranked.sharedBytes, ranked.schedule);
    };
    return rank(schedules[a]) < rank(schedules[b]);
  });
}

std::optional<RankedSchedule> rankedOf(const TuningRecord &record) {
  using Kind = TuningRecord::Kind;
  if ((record.kind != Kind::trial && record.kind != Kind::final) ||
      record.result != TuningResult::correct || !record.timeNs)
    return std::nullopt;
  RankedSchedule ranked{record.key.schedule,
                        record.resources.sharedBytes.value_or(0)};
  if (record.ratio) {
    ranked.time = record.ratio->value;
    ranked.low = record.ratio->low;
    ranked.high = record.ratio->high;
    return ranked;
  }
  ranked.time = record.timeNs->median;
  if (record.baselineNs)
    ranked.time /= *record.baselineNs;
  // The spread of samples bounds no median: the bounds are the value itself.
  ranked.low = ranked.high = ranked.time;
  return ranked;
}

std::vector<std::pair<const TuningRecord *, RankedSchedule>>
comparable(std::span<const TuningRecord *const> records) {
  auto isRatio = [](const TuningRecord *record) {
    return record->ratio || record->baselineNs;
  };
  bool hasRatios = std::ranges::any_of(records, [&](const auto *record) {
    return isRatio(record) && rankedOf(*record);
  });
  std::vector<std::pair<const TuningRecord *, RankedSchedule>> ranked;
  for (const TuningRecord *record : records)
    if (auto rank = rankedOf(*record); rank && isRatio(record) == hasRatios)
      ranked.emplace_back(record, *rank);
  return ranked;
}

const TuningRecord *winnerOf(std::span<const TuningRecord *const> records,
                             const Schedule *defaultSchedule) {
  using Kind = TuningRecord::Kind;
  for (Kind kind : {Kind::final, Kind::trial}) {
    std::vector<const TuningRecord *> ofKind;
    std::ranges::copy_if(
        records, std::back_inserter(ofKind),
        [&](const auto *record) { return record->kind == kind; });
    auto compared = comparable(ofKind);
    std::vector<RankedSchedule> ranked;
    for (auto &[record, rank] : compared) {
      rank.isDefault = defaultSchedule && rank.schedule == *defaultSchedule;
      ranked.push_back(rank);
    }
    if (!compared.empty())
      return compared[bestRanked(ranked)].first;
  }
  return nullptr;
}

} // namespace headgate
