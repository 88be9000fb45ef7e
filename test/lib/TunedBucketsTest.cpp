// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/TunedBuckets.h"

#include "lib/RecordText.h"

#include <gtest/gtest.h>

#include <cmath>

namespace headgate::test {
namespace {

using Kind = TuningRecord::Kind;

TunedQuery query() {
  TunedQuery made;
  made.ir = "sha256:1";
  made.problem = AttendProblem{};
  made.target = "sm_80";
  made.tools = {{"headgate", "0.1.0"}};
  made.sizesOf = [](const std::map<std::string, int64_t> &dims)
      -> std::optional<std::vector<int64_t>> {
    if (!dims.contains("S"))
      return std::nullopt;
    return std::vector{dims.at("S")};
  };
  made.isLegal = [](const Schedule &schedule) { return schedule.rows < 100; };
  return made;
}

TuningRecord record(int64_t s, int64_t rows, double ns) {
  TuningRecord made;
  made.key.ir = "sha256:1";
  made.key.kernel = "attend";
  made.key.problem = AttendProblem{};
  made.key.dims = {{"S", s}};
  made.key.target = "sm_80";
  made.key.schedule.rows = rows;
  made.key.device = "A";
  made.key.tools = {{"headgate", "0.1.0"}, {"driver", "580"}};
  made.timeNs = TuningTimes{ns, ns, ns, 20};
  made.baselineNs = 100;
  return made;
}

std::vector<TunedBucket> decide(const std::vector<TuningRecord> &records) {
  std::vector<TuningRecord> reversed(records.rbegin(), records.rend());
  auto there = tunedBuckets({{records}}, query());
  auto back = tunedBuckets({{reversed}}, query());
  EXPECT_EQ(there.size(), back.size());
  for (size_t i = 0; i < std::min(there.size(), back.size()); ++i) {
    EXPECT_EQ(there[i].schedule, back[i].schedule);
    EXPECT_EQ(there[i].record, back[i].record);
  }
  return there;
}

TEST(TunedBuckets, OneForEachBucketAndDevice) {
  TuningRecord other = record(4096, 32, 50);
  other.key.device = "B";
  auto buckets = decide({record(4096, 16, 90), record(4096, 32, 80),
                         record(1000, 64, 70), other});
  ASSERT_EQ(buckets.size(), 3u);
  EXPECT_EQ(buckets[0].device, "A");
  EXPECT_EQ(buckets[0].bucket, (std::vector<int64_t>{10}));
  EXPECT_EQ(buckets[0].schedule.rows, 64);
  EXPECT_EQ(buckets[1].bucket, (std::vector<int64_t>{12}));
  EXPECT_EQ(buckets[1].sizes, (std::vector<int64_t>{4096}));
  EXPECT_EQ(buckets[1].schedule.rows, 32);
  EXPECT_EQ(buckets[1].record, recordId(record(4096, 32, 80).key));
  EXPECT_NEAR(*buckets[1].overDefault, 1.25, 1e-9);
  EXPECT_EQ(buckets[1].distance(), 0);
  EXPECT_EQ(buckets[2].device, "B");
}

TEST(TunedBuckets, WhatIsOfAnotherKernel) {
  TuningRecord problem = record(64, 16, 9), target = problem, sizes = problem,
               wrong = problem, nowhere = problem;
  std::get<AttendProblem>(problem.key.problem).causal = true;
  target.key.target = "sm_90a";
  sizes.key.dims = {{"P", 64}};
  wrong.result = TuningResult::correctness;
  nowhere.key.device = "";
  EXPECT_TRUE(decide({problem, target, sizes, wrong, nowhere,
                      record(64, 100, 9)}) // not legal
                  .empty());
}

// Records of other code or tools are hints, taken where there is nothing else.
TEST(TunedBuckets, BetterRecordsHideHints) {
  TuningRecord otherIr = record(64, 16, 5), otherTools = record(64, 32, 6);
  otherIr.key.ir = "sha256:2";
  otherTools.key.tools["headgate"] = "0.0.9";
  auto buckets = decide({otherIr, otherTools, record(64, 64, 90)});
  ASSERT_EQ(buckets.size(), 1u);
  EXPECT_EQ(buckets[0].schedule.rows, 64);
  buckets = decide({otherIr, otherTools});
  EXPECT_EQ(buckets[0].schedule.rows, 32);
  EXPECT_EQ(buckets[0].distance(), 1);
  otherIr.key.tools.clear();
  buckets = decide({otherIr});
  EXPECT_EQ(buckets[0].distance(), 2);
}

TEST(TunedBuckets, TheFirstSourceDecidesABucket) {
  std::vector<std::vector<TuningRecord>> sources = {
      {record(64, 16, 90)}, {record(64, 32, 50), record(8, 32, 50)}};
  auto buckets = tunedBuckets(sources, query());
  ASSERT_EQ(buckets.size(), 2u);
  EXPECT_EQ(buckets[0].schedule.rows, 32); // of S = 8
  EXPECT_EQ(buckets[1].schedule.rows, 16);
}

// At S = 60 and 64, one bucket: 16 rows are best at one of them, 32 good at
// both.
TEST(TunedBuckets, SizesOfABucketAreWeighedTogether) {
  std::vector<TuningRecord> records = {
      record(60, 16, 80), record(64, 16, 120), record(60, 32, 84),
      record(64, 32, 90), record(64, 64, 10)}; // measured at one size alone
  auto buckets = decide(records);
  ASSERT_EQ(buckets.size(), 1u);
  EXPECT_EQ(buckets[0].schedule.rows, 32);
  EXPECT_EQ(buckets[0].sizes, (std::vector<int64_t>{64}));
  EXPECT_EQ(buckets[0].record, recordId(records[3].key));
  EXPECT_NEAR(*buckets[0].overDefault, 1 / std::sqrt(0.84 * 0.9), 1e-9);
}

TEST(TunedBuckets, FinalsAndTheDefaultOfBaselines) {
  TuningRecord last = record(64, 32, 99), baseline = record(64, 64, 100);
  last.kind = Kind::final;
  last.ratio = TuningRatio{0.99, 0.98, 1.0};
  auto buckets = decide({record(64, 16, 10), last});
  EXPECT_EQ(buckets[0].schedule.rows, 32);
  // The default ties with it, and is taken for that.
  TuningRecord standard = last;
  standard.key.schedule.rows = 64;
  standard.ratio = TuningRatio{1, 0.99, 1.01};
  baseline.kind = Kind::baseline;
  buckets = decide({last, standard, baseline});
  EXPECT_EQ(buckets[0].schedule.rows, 64);
  buckets = decide({last, standard});
  EXPECT_EQ(buckets[0].schedule.rows, 32);
}

// A search that had only begun.
TEST(TunedBuckets, BaselinesAloneDecideNothing) {
  TuningRecord baseline = record(64, 64, 100);
  baseline.kind = Kind::baseline;
  EXPECT_TRUE(decide({baseline}).empty());
}

} // namespace
} // namespace headgate::test
