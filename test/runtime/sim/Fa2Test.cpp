// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A whole attention kernel as clang compiled it: right on every row, clean
// under every check and schedule.

#include "test/runtime/sim/Fa2.h"
#include "test/runtime/sim/Kernels.h"

namespace headgate::test {
namespace {

void expectRight(const Fa2 &problem, const Fa2Outcome &outcome) {
  expectAttention(problem, outcome.out);
  for (int head = 0; head < problem.heads; ++head)
    for (int i = 0; i < problem.s; ++i) {
      double lse = 0;
      problem.row(head, i, lse);
      ASSERT_NEAR(outcome.lse[size_t(head) * problem.s + i], lse, 1e-4);
    }
}

TEST(Fa2, IsRightAndClean) {
  std::string ptx = readPtx("fa2-sm80.ptx");
  for (auto [heads, length, causal] : {std::tuple(2, 192, false),
                                       {1, 131, true},
                                       {2, 7, false},
                                       {1, 64, true}}) {
    Fa2 problem(heads, length, causal);
    Fa2Outcome outcome = runFa2(ptx, problem, "sm_80");
    EXPECT_TRUE(outcome.record.findings.empty()) << describe(outcome.record);
    expectRight(problem, outcome);
  }
}

TEST(Fa2, SumsExactlyToo) {
  Fa2 problem(1, 70, false);
  Fa2Outcome outcome =
      runFa2(readPtx("fa2-sm80.ptx"), problem, "sm_80,mma=exact");
  EXPECT_TRUE(outcome.record.findings.empty()) << describe(outcome.record);
  expectRight(problem, outcome);
}

// Order must not show: same bits for every schedule, level and copy time.
TEST(Fa2, SameBitsUnderEverySchedule) {
  std::string ptx = readPtx("fa2-sm80.ptx");
  Fa2 problem(1, 150, true);
  Fa2Outcome first = runFa2(ptx, problem, "sm_80");
  for (std::string options :
       {"sched=rr", "async=early", "sched=random,async=random,seed=1",
        "sched=random,async=random,seed=2", "lanes=v2", "lanes=v3",
        "check=off,threads=2", "check=fast", "smem-base=min"}) {
    Fa2Outcome outcome = runFa2(ptx, problem, "sm_80," + options);
    EXPECT_TRUE(outcome.record.findings.empty()) << options << "\n"
                                                 << describe(outcome.record);
    EXPECT_EQ(0, std::memcmp(first.out.data(), outcome.out.data(),
                             first.out.size() * sizeof(float)))
        << options;
  }
}

TEST(Fa2, CountsWhatItDoes) {
  Fa2 problem(1, 128, false);
  Fa2Outcome outcome = runFa2(readPtx("fa2-sm80.ptx"), problem, "sm_80");
  const auto &counters = outcome.record.counters;
  EXPECT_EQ(counters.blocks, 2u);
  EXPECT_EQ(double(counters.mmaMacs), problem.macs());
  // The swizzle leaves no bank conflict.
  EXPECT_EQ(counters.sharedWavefronts, counters.sharedIdeal);
  EXPECT_GT(counters.sharedRequests, 0u);
}

} // namespace
} // namespace headgate::test
