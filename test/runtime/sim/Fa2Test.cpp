// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A whole attention kernel as clang compiled it: right on every row, clean
// under every check and schedule, and caught when its synchronisation is cut.

#include "test/runtime/sim/Fa2.h"
#include "test/runtime/sim/SimTest.h"

namespace headgate::test {
namespace {

struct Outcome {
  LaunchRecord record;
  std::vector<float> out, lse;
};

Outcome runFa2(const std::string &ptx, const Fa2 &problem,
               const std::string &options) {
  Sim sim(ptx, options);
  Buffer q = sim.upload(problem.q), k = sim.upload(problem.k),
         v = sim.upload(problem.v);
  Buffer out = sim.allocate<float>(problem.q.size());
  Buffer lse = sim.allocate<float>(size_t(problem.heads) * problem.s);
  Outcome outcome;
  outcome.record = sim.run("fa2", problem.grid(), {Fa2::threads, 1, 1},
                           Fa2::sharedBytes, q, k, v, out, lse, problem.s,
                           problem.scale(), int32_t(problem.causal));
  outcome.out = sim.download<float>(out);
  outcome.lse = sim.download<float>(lse);
  return outcome;
}

/// P is rounded to bf16 before the second product: 2^-9 of each term, so of
/// the weighted mean of |v|, which is below max|v| (4.5 here); f32 sums and
/// exp2 add far less.
void expectRight(const Fa2 &problem, const Outcome &outcome) {
  for (int head = 0; head < problem.heads; ++head)
    for (int i = 0; i < problem.s; ++i) {
      double lse = 0;
      std::vector<double> row = problem.row(head, i, lse);
      size_t at = size_t(head) * problem.s + i;
      ASSERT_NEAR(outcome.lse[at], lse, 1e-4) << head << " " << i;
      for (int x = 0; x < Fa2::d; ++x)
        ASSERT_NEAR(outcome.out[at * Fa2::d + x], row[x], 4.5 / 512)
            << head << " " << i << " " << x;
    }
}

TEST(Fa2, IsRightAndClean) {
  std::string ptx = readPtx("fa2-sm80.ptx");
  for (auto [heads, length, causal] : {std::tuple(2, 192, false),
                                       {1, 131, true},
                                       {2, 7, false},
                                       {1, 64, true}}) {
    Fa2 problem(heads, length, causal);
    Outcome outcome = runFa2(ptx, problem, "sm_80");
    EXPECT_TRUE(outcome.record.findings.empty()) << describe(outcome.record);
    expectRight(problem, outcome);
  }
}

TEST(Fa2, SumsExactlyToo) {
  Fa2 problem(1, 70, false);
  Outcome outcome = runFa2(readPtx("fa2-sm80.ptx"), problem, "sm_80,mma=exact");
  EXPECT_TRUE(outcome.record.findings.empty()) << describe(outcome.record);
  expectRight(problem, outcome);
}

// Order must not show: same bits for every schedule, level and copy time.
TEST(Fa2, SameBitsUnderEverySchedule) {
  std::string ptx = readPtx("fa2-sm80.ptx");
  Fa2 problem(1, 150, true);
  Outcome first = runFa2(ptx, problem, "sm_80");
  for (std::string options :
       {"sched=rr", "async=early", "sched=random,async=random,seed=1",
        "sched=random,async=random,seed=2", "lanes=v2", "lanes=v3", "check=off,threads=2",
        "check=fast", "smem-base=min"}) {
    Outcome outcome = runFa2(ptx, problem, "sm_80," + options);
    EXPECT_TRUE(outcome.record.findings.empty()) << options << "\n"
                                                 << describe(outcome.record);
    EXPECT_EQ(0, std::memcmp(first.out.data(), outcome.out.data(),
                             first.out.size() * sizeof(float)))
        << options;
  }
}

/// `text` with the n-th occurrence of `from` replaced.
std::string mutate(std::string text, const std::string &from,
                   const std::string &to, int n) {
  size_t at = text.find(from);
  while (n-- > 0 && at != text.npos)
    at = text.find(from, at + 1);
  EXPECT_NE(at, text.npos) << from;
  return at == text.npos ? text : text.replace(at, from.size(), to);
}

TEST(Fa2, FindsCutSynchronisation) {
  std::string ptx = readPtx("fa2-sm80.ptx");
  Fa2 problem(1, 200, false);
  struct Mutation {
    std::string from, to;
    int n;
  };
  for (const Mutation &m :
       {Mutation{"bar.sync", "// bar.sync", 0},
        {"bar.sync", "// bar.sync", 1},
        {"cp.async.wait_group 0;", "", 0},
        {"cp.async.wait_group 0;", "", 1},
        {"cp.async.wait_group 0;", "cp.async.wait_group 1;", 1}}) {
    for (std::string options :
         {"sm_80", "sm_80,sched=random,async=random,seed=3"}) {
      Outcome outcome =
          runFa2(mutate(ptx, m.from, m.to, m.n), problem, options);
      EXPECT_TRUE(finds(outcome.record, FindingKind::race) ||
                  finds(outcome.record, FindingKind::asyncRace) ||
                  finds(outcome.record, FindingKind::uninitialisedShared))
          << m.from << " " << m.n << " " << options << "\n"
          << describe(outcome.record);
    }
  }
}

TEST(Fa2, CountsWhatItDoes) {
  Fa2 problem(1, 128, false);
  Outcome outcome = runFa2(readPtx("fa2-sm80.ptx"), problem, "sm_80");
  const auto &counters = outcome.record.counters;
  EXPECT_EQ(counters.blocks, 2u);
  EXPECT_EQ(double(counters.mmaMacs), problem.macs());
  // The swizzle leaves no bank conflict.
  EXPECT_EQ(counters.sharedWavefronts, counters.sharedIdeal);
  EXPECT_GT(counters.sharedRequests, 0u);
}

} // namespace
} // namespace headgate::test
