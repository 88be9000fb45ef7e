// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/Schedule.h"

#include "lib/Cost.h"
#include "lib/ScheduleText.h"
#include "lib/Target.h"

#include <gtest/gtest.h>

using namespace headgate;

namespace {

const Target v3 = *findTarget("host:x86-64-v3");
const Target v4 = *findTarget("host:x86-64-v4");
const Target sm80 = *findTarget("sm_80");
const Target bf16 = *findTarget("host:x86-64-v4+avx512bf16");

const Schedule prefill{.rows = 12, .keys = 256, .order = Schedule::Order::rows};
const Schedule projection{
    .rows = 12, .cols = 128, .depth = 256, .order = Schedule::Order::rows};

/// The label that refuses `schedule`, or "" if it is legal.
std::string refusal(const Problem &problem, const Target &target,
                    const Schedule &schedule) {
  Status status = checkSchedule(problem, target, schedule);
  return status ? "" : status.error().message().substr(0, 4);
}

Schedule with(Schedule schedule, std::string_view knob, int64_t value) {
  setKnob(schedule, knob, value);
  return schedule;
}

std::vector<Problem> someProblems() {
  std::vector<Problem> problems;
  for (DType dtype : {DType::f32, DType::f16, DType::bf16})
    for (int64_t D : {16, 72, 100, 128, 256})
      for (auto [heads, keyHeads] :
           {std::pair<int64_t, int64_t>{8, 8}, {16, 8}, {32, 1}, {128, 2}})
        problems.push_back(AttendProblem{.dtype = dtype,
                                         .D = D,
                                         .Dv = D,
                                         .heads = heads,
                                         .keyHeads = keyHeads,
                                         .mergeable = D != 72,
                                         .mask = D == 100,
                                         .score = D == 16 || D == 256});
  for (int64_t inner : {1, 7, 64, 4096})
    for (int64_t cols : {1, 40, 1024})
      for (DType dtype : {DType::f32, DType::bf16})
        problems.push_back(
            GemmProblem{.dtype = dtype, .inner = inner, .cols = cols});
  return problems;
}

TEST(Target, UnknownNamesWhatThereIs) {
  auto target = findTarget("host:x86-64-v9");
  ASSERT_FALSE(target);
  EXPECT_NE(target.error().message().find("host:x86-64-v4+avx512bf16"),
            std::string::npos);
}

TEST(Schedule, LegalOnesOfEachKind) {
  EXPECT_EQ(refusal(AttendProblem{}, v4, prefill), "");
  EXPECT_EQ(refusal(AttendProblem{}, v3, with(prefill, "rows", 6)), "");
  EXPECT_EQ(refusal(GemmProblem{.inner = 512, .cols = 512}, v4, projection),
            "");
  Schedule decode = prefill;
  decode.rows = 32;
  decode.stages = 0;
  decode.merge = true;
  decode.splits = 8;
  EXPECT_EQ(refusal(AttendProblem{.heads = 32}, v4, decode), "");
}

TEST(Schedule, EachRuleRefuses) {
  AttendProblem attend;
  GemmProblem gemm{.inner = 512, .cols = 512};
  // What AVX-512 keeps in registers AVX2 does not.
  EXPECT_EQ(refusal(attend, v3, prefill), "(S1)");
  EXPECT_EQ(refusal(attend, v4, with(prefill, "rows", 0)), "(S1)");
  EXPECT_EQ(refusal(attend, v4, with(prefill, "rows", 15)), "(S1)");
  EXPECT_EQ(refusal(attend, v4, with(with(prefill, "stages", 0), "rows", 65)),
            "(S1)");
  EXPECT_EQ(refusal(attend, v4, with(prefill, "keys", 48)), "(S2)");
  EXPECT_EQ(refusal(attend, v4, with(prefill, "keys", 0)), "(S2)");
  EXPECT_EQ(refusal(attend, v4, with(prefill, "cols", 32)), "(S2)");
  EXPECT_EQ(refusal(gemm, v4, with(projection, "keys", 32)), "(S2)");
  EXPECT_EQ(refusal(gemm, v4, with(projection, "cols", 40)), "(S2)");
  EXPECT_EQ(refusal(gemm, v4, with(projection, "depth", 3)), "(S2)");
  EXPECT_EQ(refusal(attend, v4, with(prefill, "keys", 8192)), "(S3)");
  // Sizes that would wrap around to few bytes.
  EXPECT_EQ(refusal(attend, v4, with(prefill, "keys", int64_t(1) << 62)),
            "(S3)");
  EXPECT_EQ(refusal(gemm, v4, with(projection, "cols", int64_t(1) << 62)),
            "(S3)");
  EXPECT_EQ(refusal(gemm, v4, with(projection, "depth", int64_t(1) << 62)),
            "(S3)");
  attend.mergeable = false;
  EXPECT_EQ(refusal(attend, v4, with(prefill, "merge", 1)), "(S4)");
  Schedule across =
      with(with(with(prefill, "stages", 0), "merge", 1), "across", 1);
  across.rows = 8;
  EXPECT_EQ(refusal(AttendProblem{.heads = 8, .keyHeads = 4}, v4, across), "");
  EXPECT_EQ(refusal(AttendProblem{.heads = 6, .keyHeads = 3}, v4, across),
            "(S4)");
  EXPECT_EQ(refusal(AttendProblem{.heads = 8, .keyHeads = 4}, v4,
                    with(across, "merge", 0)),
            "(S4)");
  EXPECT_EQ(refusal(AttendProblem{.heads = 8, .keyHeads = 4}, v4,
                    with(across, "stages", 1)),
            "(S4)");
  EXPECT_EQ(refusal(AttendProblem{.heads = 8, .keyHeads = 4, .adjacent = false},
                    v4, across),
            "(S4)");
  EXPECT_EQ(refusal(gemm, v4, with(projection, "merge", 1)), "(S4)");
  EXPECT_EQ(refusal(attend, v4, with(prefill, "splits", 1025)), "(S5)");
  EXPECT_EQ(refusal(gemm, v4, with(projection, "splits", 2)), "(S5)");
  EXPECT_EQ(refusal(attend, v4, with(prefill, "stages", 2)), "(S6)");
  Schedule gpu = prefill;
  gpu.warps = 4;
  EXPECT_EQ(refusal(attend, v4, gpu), "(S6)");
  gpu = prefill;
  gpu.overlap = true;
  EXPECT_EQ(refusal(attend, v4, gpu), "(S6)");
}

TEST(Schedule, EachRuleOfGpusRefuses) {
  AttendProblem attend{.dtype = DType::bf16, .heads = 16, .keyHeads = 8};
  GemmProblem gemm{.dtype = DType::bf16, .inner = 512, .cols = 512};
  const Schedule prefill{.rows = 128, .keys = 64, .warps = 4, .stages = 2};
  const Schedule projection{
      .rows = 128, .cols = 128, .depth = 32, .warps = 4, .stages = 3};
  EXPECT_EQ(refusal(attend, sm80, prefill), "");
  EXPECT_EQ(refusal(gemm, sm80, projection), "");

  AttendProblem wrong = attend;
  wrong.dtype = DType::f32;
  EXPECT_EQ(refusal(wrong, sm80, prefill), "(G1)");
  wrong = attend;
  wrong.D = 65;
  EXPECT_EQ(refusal(wrong, sm80, prefill), "(G1)");
  wrong = attend;
  wrong.Dv = 258;
  EXPECT_EQ(refusal(wrong, sm80, prefill), "(G1)");
  EXPECT_EQ(refusal(GemmProblem{.dtype = DType::f32}, sm80, projection),
            "(G1)");
  EXPECT_EQ(refusal(GemmProblem{.dtype = DType::f16, .inner = 7, .cols = 2},
                    sm80, projection),
            "(G1)");
  EXPECT_EQ(refusal(GemmProblem{.dtype = DType::f16, .inner = 2, .cols = 7},
                    sm80, projection),
            "(G1)");
  GemmProblem byColumns{
      .dtype = DType::f16, .inner = 2, .cols = 7, .transposed = true};
  EXPECT_EQ(refusal(byColumns, sm80, projection), "");
  EXPECT_EQ(refusal(attend, sm80, with(prefill, "warps", 3)), "(G2)");
  EXPECT_EQ(refusal(attend, sm80, with(prefill, "warps", 1)), "(G2)");
  EXPECT_EQ(refusal(attend, sm80, with(prefill, "rows", 96)), "(G2)");
  EXPECT_EQ(refusal(attend, sm80, with(prefill, "keys", 0)), "(G3)");
  EXPECT_EQ(refusal(attend, sm80, with(prefill, "keys", 40)), "(G3)");
  EXPECT_EQ(refusal(attend, sm80, with(prefill, "depth", 32)), "(G3)");
  EXPECT_EQ(refusal(gemm, sm80, with(projection, "keys", 32)), "(G3)");
  EXPECT_EQ(refusal(gemm, sm80, with(projection, "cols", 8)), "(G3)");
  EXPECT_EQ(refusal(gemm, sm80, with(projection, "depth", 512)), "(G3)");
  EXPECT_EQ(refusal(attend, sm80, with(prefill, "keys", 256)), "(G4)");
  EXPECT_EQ(refusal(gemm, sm80, with(projection, "cols", 256)), "(G4)");
  wrong = attend;
  wrong.D = wrong.Dv = 256;
  Schedule wide = with(with(prefill, "rows", 64), "stages", 3);
  EXPECT_EQ(refusal(wrong, sm80, wide), "(G5)");
  EXPECT_EQ(refusal(attend, sm80, with(prefill, "stages", 0)), "(G6)");
  EXPECT_EQ(refusal(attend, sm80, with(prefill, "stages", 9)), "(G6)");
  EXPECT_EQ(refusal(gemm, sm80, with(projection, "stages", 1)), "(G6)");
  Schedule hopper = prefill;
  hopper.turns = true;
  EXPECT_EQ(refusal(attend, sm80, hopper), "(G6)");
  EXPECT_EQ(refusal(attend, sm80, with(prefill, "splits", 0)), "(G7)");
  EXPECT_EQ(refusal(gemm, sm80, with(projection, "splits", 2)), "(G7)");
  wrong = attend;
  wrong.mergeable = false;
  EXPECT_EQ(refusal(wrong, sm80, with(prefill, "merge", 1)), "(G7)");
}

// What takes registers beside the tiles leaves fewer for keys.
TEST(Schedule, LargestTilesGoByWhatTheKernelHas) {
  const AttendProblem dense{
      .dtype = DType::bf16, .D = 128, .Dv = 128, .heads = 16, .keyHeads = 8};
  Schedule tile{.rows = 128, .keys = 64, .warps = 4, .stages = 1};
  EXPECT_EQ(refusal(dense, sm80, tile), "");
  EXPECT_EQ(refusal(dense, sm80, with(tile, "merge", 1)), "(G4)");
  AttendProblem other = dense;
  other.gathered = true;
  EXPECT_EQ(refusal(other, sm80, tile), "(G4)");
  other = dense;
  other.bounds = true;
  EXPECT_EQ(refusal(other, sm80, tile), "(G4)");
  other = dense;
  other.D = 126;
  EXPECT_EQ(refusal(other, sm80, tile), "(G4)");
  other = dense;
  other.mask = true;
  Status status = checkSchedule(other, sm80, tile);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message().find("128 columns and a mask"),
            std::string::npos)
      << status.error().message();
  other = dense;
  other.score = true;
  EXPECT_EQ(refusal(other, sm80, with(tile, "keys", 32)), "(G4)");
  // With 16 rows of a warp there is a tile for everything.
  for (bool mask : {false, true})
    for (bool score : {false, true})
      for (int64_t D = 2; D <= 256; D += 2) {
        AttendProblem any{.dtype = DType::f16,
                          .D = D,
                          .Dv = D,
                          .heads = 4,
                          .keyHeads = 2,
                          .mask = mask,
                          .score = score};
        for (int64_t merge : {0, 1})
          EXPECT_EQ(
              refusal(
                  any, sm80,
                  {.rows = 16, .keys = 16, .merge = merge == 1, .stages = 1}),
              "")
              << D;
      }
}

// Whatever the number of rows, exactly one default is for it, and it is legal.
TEST(Schedule, DefaultsAreLegalAndCoverAllSizes) {
  for (const Target &target : targets())
    for (const Problem &problem : someProblems()) {
      if (!checkProblem(problem, target))
        continue;
      auto choices = defaultSchedules(problem, target);
      ASSERT_FALSE(choices.empty());
      EXPECT_EQ(choices.front().atMost, -1);
      for (const ScheduleChoice &choice : choices)
        EXPECT_EQ(refusal(problem, target, choice.schedule), "")
            << target.name << " " << printProblem(problem) << " "
            << printSchedule(choice.schedule);
      for (int64_t rows = 0; rows < 200; ++rows) {
        int fitting = 0;
        for (const ScheduleChoice &choice : choices)
          fitting += rows >= choice.atLeast &&
                     (choice.atMost < 0 || rows <= choice.atMost);
        EXPECT_EQ(fitting, 1) << rows << " rows, " << printProblem(problem);
      }
    }
}

TEST(Schedule, DefaultsOfTheHost) {
  auto choices =
      defaultSchedules(AttendProblem{.heads = 16, .keyHeads = 8}, v4);
  EXPECT_EQ(choices[0].schedule, prefill);
  EXPECT_EQ(defaultSchedules(AttendProblem{}, v3)[0].schedule.rows, 6);
  // One token: all heads are the rows of a block, read in place.
  const Schedule &decode = choices.back().schedule;
  EXPECT_EQ(decode.rows, 16);
  EXPECT_TRUE(decode.merge);
  EXPECT_TRUE(decode.across);
  EXPECT_EQ(decode.stages, 0);
  EXPECT_GT(decode.splits, 1);

  // Rows of heads that do not lie side by side, or too many: one key head each.
  for (AttendProblem apart :
       {AttendProblem{.heads = 16, .keyHeads = 8, .adjacent = false},
        AttendProblem{.heads = 128, .keyHeads = 64}}) {
    Schedule one = defaultSchedules(apart, v4).back().schedule;
    EXPECT_EQ(one.rows, 2);
    EXPECT_FALSE(one.across);
  }
}

TEST(Schedule, KnobsSpanTheDefaults) {
  for (const Target &target : {v4, sm80})
    for (const Problem &problem : someProblems())
      for (const Knob &knob : knobsOf(problem, target)) {
        EXPECT_FALSE(knob.values.empty());
        EXPECT_TRUE(std::is_sorted(knob.values.begin(), knob.values.end()));
        Schedule a, b;
        setKnob(a, knob.name, knob.values.front());
        setKnob(b, knob.name, knob.values.back());
        EXPECT_NE(a, b) << knob.name;
      }
}

//===-- cost -------------------------------------------------------------===//

double seconds(const Problem &problem, const Schedule &schedule,
               ProblemSizes sizes, int64_t threads = 1) {
  return predictNs(problem, bf16, schedule, sizes, threads) * 1e-9;
}

TEST(Cost, OrdersWhatIsKnown) {
  AttendProblem gqa{.heads = 16, .keyHeads = 8, .causal = true};
  ProblemSizes long8k{.B = 1, .S = 8192, .T = 8192};
  double ours = seconds(gqa, prefill, long8k);
  // 102 GFLOP/s of 4 S T D heads / 2 were measured: 1.35 s.
  EXPECT_GT(ours, 1.0);
  EXPECT_LT(ours, 1.7);
  AttendProblem narrow = gqa;
  narrow.dtype = DType::bf16;
  EXPECT_LT(seconds(narrow, prefill, long8k), 0.7 * ours);
  AttendProblem full = gqa;
  full.causal = false;
  EXPECT_GT(seconds(full, prefill, long8k), 1.8 * ours);
  AttendProblem window = gqa;
  window.window = 512;
  EXPECT_LT(seconds(window, prefill, long8k), 0.2 * ours);
  EXPECT_LT(seconds(gqa, prefill, long8k, 2), 0.55 * ours);
  EXPECT_GT(seconds(gqa, with(prefill, "rows", 1), long8k), 1.5 * ours);
}

TEST(Cost, DecodeWantsKeysInPlaceAndAllCoresBusy) {
  AttendProblem mqa{.heads = 16, .keyHeads = 1, .causal = true};
  ProblemSizes token{.B = 1, .S = 1, .T = 65536};
  Schedule decode = defaultSchedules(mqa, bf16).back().schedule;
  EXPECT_LT(seconds(mqa, decode, token), seconds(mqa, prefill, token));
  EXPECT_LT(seconds(mqa, decode, token, 8),
            0.5 * seconds(mqa, with(decode, "splits", 1), token, 8));
}

//===-- text -------------------------------------------------------------===//

TEST(ScheduleText, ProblemsReadBack) {
  for (const Problem &problem : someProblems()) {
    auto again = parseProblem(printProblem(problem));
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(*again, problem);
  }
  AttendProblem all{.dtype = DType::bf16,
                    .D = 72,
                    .Dv = 64,
                    .heads = 6,
                    .keyHeads = 2,
                    .mergeable = false,
                    .adjacent = false,
                    .gathered = true,
                    .causal = true,
                    .window = 9,
                    .mask = true,
                    .score = true,
                    .bounds = true,
                    .lse = true};
  EXPECT_EQ(std::get<AttendProblem>(*parseProblem(printProblem(all))), all);
}

TEST(ScheduleText, SchedulesReadBack) {
  EXPECT_EQ(printSchedule(prefill), R"({"rows":12,"keys":256,"order":"rows"})");
  Schedule all{.rows = 64,
               .keys = 128,
               .cols = 3,
               .depth = 4,
               .splits = 5,
               .merge = true,
               .across = true,
               .groups = 2,
               .warps = 4,
               .stages = 3,
               .overlap = true,
               .turns = true,
               .order = Schedule::Order::rows};
  auto again = parseSchedule(printSchedule(all));
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(*again, all);
}

TEST(ScheduleText, MistakesAreNamed) {
  auto error = [](auto result) {
    return result ? "" : result.error().message();
  };
  EXPECT_NE(error(parseSchedule(R"({"keys": 2})")).find("rows"),
            std::string::npos);
  EXPECT_NE(error(parseSchedule(R"({"rows": 2, "width": 3})")).find("width"),
            std::string::npos);
  EXPECT_NE(error(parseSchedule(R"({"rows": 2, "order": "heads"})"))
                .find("\"rows\" or \"cols\""),
            std::string::npos);
  EXPECT_NE(error(parseProblem(R"({"op": "conv"})")).find("attend"),
            std::string::npos);
  EXPECT_NE(error(parseProblem(R"({"op": "gemm", "dtype": "f99",
      "result": "f32", "inner": 1, "cols": 1})"))
                .find("element type"),
            std::string::npos);
}

} // namespace
