// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/ScheduleSpace.h"

#include "lib/ScheduleText.h"
#include "lib/Target.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>

using namespace headgate;

namespace {

const Target v3 = *findTarget("host:x86-64-v3");
const Target v4 = *findTarget("host:x86-64-v4");
const Target sm80 = *findTarget("sm_80");

struct SpaceCase {
  Problem problem;
  ProblemSizes sizes;
};

std::vector<SpaceCase> someCases() {
  AttendProblem dense{.heads = 8, .keyHeads = 8, .causal = true};
  AttendProblem gqa{.dtype = DType::bf16,
                    .D = 128,
                    .Dv = 128,
                    .heads = 32,
                    .keyHeads = 8,
                    .causal = true};
  AttendProblem routed{.dtype = DType::bf16,
                       .heads = 16,
                       .keyHeads = 8,
                       .gathered = true,
                       .causal = true,
                       .lse = true};
  GemmProblem gemm{.dtype = DType::bf16, .inner = 512, .cols = 1024};
  return {{dense, {1, 1024, 1024}}, {dense, {1, 1, 4096}},
          {gqa, {1, 4096, 4096}},   {gqa, {4, 1, 1000}},
          {routed, {1, 512, 512}},  {gemm, {1, 1024, 1}},
          {gemm, {1, 1, 1}},        {dense, {1, 1, 1}}};
}

template <typename Check> void forEachSpace(Check check) {
  for (const Target &target : {v3, v4, sm80})
    for (const SpaceCase &c : someCases()) {
      if (!checkProblem(c.problem, target))
        continue;
      SCOPED_TRACE(target.name + " " + printProblem(c.problem) +
                   " S=" + std::to_string(c.sizes.S));
      check(c, target, scheduleSpace(c.problem, target, c.sizes, 2));
    }
}

std::map<std::string, int> reasons(const ScheduleSpace &space) {
  std::map<std::string, int> counts;
  for (const RejectedSchedule &rejected : space.rejected)
    ++counts[rejected.why.substr(0, 4)];
  return counts;
}

// Whatever is proposed is legal, once, and the default is among it.
TEST(ScheduleSpace, CandidatesAreLegalAndDistinct) {
  forEachSpace(
      [](const SpaceCase &c, const Target &target, const ScheduleSpace &space) {
        ASSERT_LT(space.baseline, space.size());
        EXPECT_EQ(space.schedules[space.baseline],
                  defaultSchedule(c.problem, target, c.sizes));
        for (size_t i = 0; i < space.size(); ++i) {
          Status legal = checkSchedule(c.problem, target, space.schedules[i]);
          EXPECT_TRUE(legal) << legal.error().message();
          EXPECT_EQ(space.find(space.schedules[i]), i);
          EXPECT_GT(space.predictedNs[i], 0);
        }
      });
}

// Every schedule of the product of knobs is a candidate or has a reason.
TEST(ScheduleSpace, NothingIsLost) {
  forEachSpace([](const SpaceCase &, const Target &,
                  const ScheduleSpace &space) {
    size_t product = 1;
    for (const Knob &knob : space.knobs)
      product *= knob.values.size();
    size_t beside = 0; // a default off the grid
    for (const Knob &knob : space.knobs)
      if (std::ranges::find(knob.values, knobOf(space.schedules[space.baseline],
                                                knob.name)) ==
          knob.values.end())
        beside = 1;
    EXPECT_EQ(space.size() + space.rejected.size(), product + beside);
    for (const RejectedSchedule &rejected : space.rejected)
      EXPECT_TRUE(rejected.why.size() > 5 && rejected.why[0] == '(' &&
                  rejected.why[3] == ')')
          << rejected.why;
  });
}

// A step changes one knob, and can be taken back.
TEST(ScheduleSpace, NeighboursDifferInOneKnob) {
  forEachSpace(
      [](const SpaceCase &, const Target &, const ScheduleSpace &space) {
        for (size_t i = 0; i < space.size(); i += 7)
          for (size_t n : space.neighbours(i)) {
            int different = 0;
            for (const Knob &knob : space.knobs)
              different += knobOf(space.schedules[i], knob.name) !=
                           knobOf(space.schedules[n], knob.name);
            EXPECT_EQ(different, 1);
          }
      });
}

TEST(ScheduleSpace, EachReasonOfTheTunerOccurs) {
  std::map<std::string, int> all;
  forEachSpace(
      [&](const SpaceCase &, const Target &, const ScheduleSpace &space) {
        for (auto [label, count] : reasons(space))
          all[label] += count;
      });
  for (const char *label : {"(S1)", "(S3)", "(S4)", "(G2)", "(G4)", "(G5)",
                            "(T1)", "(T2)", "(T3)", "(T4)", "(T5)", "(T6)"})
    EXPECT_GT(all[label], 0) << label;
}

// One token and one tile of keys: next to nothing is left to choose.
TEST(ScheduleSpace, SmallProblemsHaveSmallSpaces) {
  AttendProblem dense{.heads = 1, .keyHeads = 1};
  EXPECT_LE(scheduleSpace(dense, v4, {1, 1, 16}, 1).size(), 8u);
  EXPECT_GE(scheduleSpace(dense, v4, {1, 1024, 1024}, 1).size(), 24u);
}

TEST(ScheduleSpace, OrderIsCanonical) {
  forEachSpace([](const SpaceCase &c, const Target &target,
                  const ScheduleSpace &space) {
    for (size_t i = 1; i < space.size(); ++i)
      EXPECT_LE(
          resourcesOf(c.problem, target, space.schedules[i - 1]).sharedBytes,
          resourcesOf(c.problem, target, space.schedules[i]).sharedBytes);
    std::vector<size_t> order = space.byPrediction();
    for (size_t i = 1; i < order.size(); ++i)
      EXPECT_LE(space.predictedNs[order[i - 1]],
                1.05 * space.predictedNs[order[i]]);
  });
}

} // namespace
