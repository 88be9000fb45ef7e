// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/TuningChoice.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace headgate::test {
namespace {

using Kind = TuningRecord::Kind;

RankedSchedule ranked(int64_t rows, double time, double spread = 0) {
  return {.schedule = {.rows = rows},
          .time = time,
          .low = time - spread,
          .high = time + spread};
}

/// The rows of the winner, which must not depend on the order.
int64_t winner(std::vector<RankedSchedule> schedules) {
  int64_t rows = schedules[bestRanked(schedules)].schedule.rows;
  std::ranges::reverse(schedules);
  EXPECT_EQ(schedules[bestRanked(schedules)].schedule.rows, rows);
  std::ranges::rotate(schedules, schedules.begin() + 1);
  EXPECT_EQ(schedules[bestRanked(schedules)].schedule.rows, rows);
  return rows;
}

TEST(TuningChoice, TheFastestWins) {
  EXPECT_EQ(winner({ranked(2, 1.0), ranked(4, 0.9), ranked(8, 0.95)}), 4);
}

TEST(TuningChoice, TiesAreBrokenByOrderAndNotByNoise) {
  EXPECT_EQ(winner({ranked(2, 0.917), ranked(4, 0.9), ranked(8, 0.91)}), 2);
  EXPECT_EQ(winner({ranked(2, 0.919), ranked(4, 0.9)}), 4);
  // Bounds that overlap make the band wider, but not without end.
  EXPECT_EQ(winner({ranked(2, 0.92, 0.02), ranked(4, 0.9, 0.01)}), 2);
  EXPECT_EQ(winner({ranked(2, 0.95, 0.1), ranked(4, 0.9, 0.1)}), 4);
  // The band is of the best: ties of ties are none.
  EXPECT_EQ(winner({ranked(2, 0.93), ranked(4, 0.915), ranked(8, 0.9)}), 4);
}

TEST(TuningChoice, TheDefaultAndLessSharedMemoryGoFirst) {
  RankedSchedule large = ranked(2, 0.9), standard = ranked(8, 0.91);
  large.sharedBytes = 100;
  EXPECT_EQ(winner({large, ranked(4, 0.9)}), 4);
  standard.isDefault = true;
  EXPECT_EQ(winner({large, ranked(4, 0.9), standard}), 8);
}

TuningRecord record(Kind kind, int64_t rows, double ns,
                    std::optional<double> baselineNs = 100) {
  TuningRecord made;
  made.kind = kind;
  made.key.schedule.rows = rows;
  made.timeNs = TuningTimes{ns, ns, ns, 20};
  made.baselineNs = baselineNs;
  return made;
}

int64_t winnerRows(const std::vector<TuningRecord> &records,
                   const Schedule *standard = nullptr) {
  std::vector<const TuningRecord *> pointers;
  for (const TuningRecord &made : records)
    pointers.push_back(&made);
  const TuningRecord *best = winnerOf(pointers, standard);
  return best ? best->key.schedule.rows : 0;
}

TEST(TuningChoice, RatiosToTheBaselineAreCompared) {
  // The machine was slower when the second was measured.
  EXPECT_EQ(winnerRows({record(Kind::trial, 2, 95, 100),
                        record(Kind::trial, 4, 120, 150)}),
            4);
  // A time without a baseline does not compare with a ratio, but with others.
  EXPECT_EQ(winnerRows({record(Kind::trial, 2, 0.1, {}),
                        record(Kind::trial, 4, 120, 150)}),
            4);
  EXPECT_EQ(winnerRows({record(Kind::trial, 2, 50, {}),
                        record(Kind::trial, 4, 60, {})}),
            2);
}

TEST(TuningChoice, FinalsGoBeforeTrials) {
  TuningRecord last = record(Kind::final, 8, 99);
  last.ratio = TuningRatio{0.98, 0.97, 0.99};
  EXPECT_EQ(winnerRows({record(Kind::trial, 2, 50), last}), 8);
}

TEST(TuningChoice, WhatIsWrongNeverWins) {
  TuningRecord wrong = record(Kind::trial, 2, 1);
  wrong.result = TuningResult::correctness;
  TuningRecord unmeasured = record(Kind::trial, 4, 1);
  unmeasured.timeNs.reset();
  EXPECT_EQ(winnerRows({wrong, unmeasured, record(Kind::baseline, 6, 1)}), 0);
  EXPECT_EQ(winnerRows({wrong, unmeasured, record(Kind::trial, 8, 150)}), 8);
}

TEST(TuningChoice, TheDefaultWinsATie) {
  Schedule standard{.rows = 8};
  EXPECT_EQ(
      winnerRows({record(Kind::trial, 2, 99), record(Kind::trial, 8, 100)},
                 &standard),
      8);
}

} // namespace
} // namespace headgate::test
