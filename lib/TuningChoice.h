// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which schedule wins, by tuning records. The same records give the same answer
// on every machine and in any order: noise does not decide between schedules
// that are equally fast.

#ifndef HEADGATE_LIB_TUNINGCHOICE_H
#define HEADGATE_LIB_TUNINGCHOICE_H

#include "headgate/TuningRecord.h"
#include "lib/Statistics.h"

#include <functional>
#include <span>
#include <utility>
#include <vector>

namespace headgate {

/// A schedule's time over the default one's, or in any unit that all of them
/// share, and bounds of it.
struct RankedSchedule {
  Schedule schedule;
  int64_t sharedBytes = 0;
  double time = 1, low = 1, high = 1;
  bool isDefault = false;
};

/// The one that wins: of those within 2 % of the best, or 3 % where bounds
/// overlap, the default if it is one of them, else the first by shared memory
/// and then by knobs. Needs: at least one.
size_t bestRanked(std::span<const RankedSchedule> schedules);

/// The rule itself, for times in any unit: of those within 2 % of the least, or
/// 3 % where their bounds overlap, the first by `before`, an order of indices
/// that has no ties. Needs: at least one.
size_t firstOfBest(std::span<const Interval> times,
                   const std::function<bool(size_t, size_t)> &before);

/// A record of a schedule that won or lost; null: not to be compared, as it is
/// no trial or final with a time. Ratios to the baseline where it has one.
std::optional<RankedSchedule> rankedOf(const TuningRecord &record);

/// Those of `records`, all trials or all finals, that have times which compare:
/// bare times are left out where others are ratios to a baseline.
std::vector<std::pair<const TuningRecord *, RankedSchedule>>
comparable(std::span<const TuningRecord *const> records);

/// The record that wins among those of one case: keys equal but for their
/// schedules. Finals go before trials. `defaultSchedule` is null where it is
/// not known. Null if none has a time.
const TuningRecord *winnerOf(std::span<const TuningRecord *const> records,
                             const Schedule *defaultSchedule);

} // namespace headgate

#endif // HEADGATE_LIB_TUNINGCHOICE_H
