// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Covered by test/lib/TuningChoiceTest.cpp.

#include "lib/TuningChoice.h"

#include <algorithm>
#include <tuple>

namespace headgate {

namespace {

constexpr double tieBand = 0.02, wideTieBand = 0.03;

auto knobs(const Schedule &s) {
  return std::tuple(s.rows, s.keys, s.cols, s.depth, s.splits, s.merge,
                    s.across, s.groups, s.warps, s.stages, s.overlap, s.turns,
                    s.order);
}

} // namespace

bool canonicallyBefore(const Schedule &a, const Schedule &b) {
  return knobs(a) < knobs(b);
}

size_t bestRanked(std::span<const RankedSchedule> schedules) {
  auto before = [&](size_t a, size_t b) {
    const RankedSchedule &x = schedules[a], &y = schedules[b];
    if (x.isDefault != y.isDefault)
      return x.isDefault;
    if (x.sharedBytes != y.sharedBytes)
      return x.sharedBytes < y.sharedBytes;
    return canonicallyBefore(x.schedule, y.schedule);
  };
  size_t best = 0;
  for (size_t i = 1; i < schedules.size(); ++i)
    if (schedules[i].time < schedules[best].time ||
        (schedules[i].time == schedules[best].time && before(i, best)))
      best = i;
  const RankedSchedule &fastest = schedules[best];
  size_t winner = best;
  for (size_t i = 0; i < schedules.size(); ++i) {
    const RankedSchedule &other = schedules[i];
    bool ties = other.time <= fastest.time * (1 + tieBand) ||
                (other.time <= fastest.time * (1 + wideTieBand) &&
                 other.low <= fastest.high);
    if (ties && before(i, winner))
      winner = i;
  }
  return winner;
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

const TuningRecord *winnerOf(std::span<const TuningRecord *const> records,
                             const Schedule *defaultSchedule) {
  using Kind = TuningRecord::Kind;
  for (Kind kind : {Kind::final, Kind::trial}) {
    std::vector<RankedSchedule> ranked;
    std::vector<const TuningRecord *> of;
    // Times and ratios do not compare: without a baseline, a trial is left out
    // where others have one.
    bool hasBaselines = std::ranges::any_of(records, [&](const auto *record) {
      return record->kind == kind && rankedOf(*record) &&
             (record->ratio || record->baselineNs);
    });
    for (const TuningRecord *record : records) {
      std::optional<RankedSchedule> rank = rankedOf(*record);
      if (record->kind != kind || !rank ||
          (hasBaselines && !record->ratio && !record->baselineNs))
        continue;
      rank->isDefault =
          defaultSchedule && record->key.schedule == *defaultSchedule;
      ranked.push_back(*rank);
      of.push_back(record);
    }
    if (!of.empty())
      return of[bestRanked(ranked)];
  }
  return nullptr;
}

} // namespace headgate
