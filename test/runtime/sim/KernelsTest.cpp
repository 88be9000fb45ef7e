// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whole kernels of several compilers: they load, run clean and give the same
// bits under every schedule, and agree with plain loops.
//
// HEADGATE_SIM_SEEDS=200 tries more schedules.

#include "test/runtime/sim/Kernels.h"


namespace headgate::test {
namespace {

class Kernels : public testing::TestWithParam<WholeKernel> {};

TEST_P(Kernels, IsRightAndClean) {
  std::string ptx = readPtx(GetParam().file);
  for (const char *options : {"sm_80", "sm_90a,sched=rr,smem-base=min",
                              "sm_80,async=early,lanes=v2"}) {
    Trial trial = GetParam().run(ptx, options);
    EXPECT_TRUE(trial.record.findings.empty()) << describe(trial.record);
    GetParam().expectRight(trial);
  }
}

TEST_P(Kernels, SameBitsUnderEverySchedule) {
  std::string ptx = readPtx(GetParam().file);
  uint64_t seeds = numberFrom("HEADGATE_SIM_SEEDS", 6);
  Trial first = GetParam().run(ptx, "sm_80");
  for (uint64_t seed = 0; seed < seeds; ++seed) {
    Trial trial = GetParam().run(ptx, "sm_80,sched=random,async=random,seed=" +
                                          std::to_string(seed));
    ASSERT_TRUE(trial.record.findings.empty()) << describe(trial.record);
    ASSERT_EQ(trial.out, first.out) << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Whole, Kernels, testing::ValuesIn(wholeKernels()),
                         [](const auto &info) {
                           return std::string(info.param.name);
                         });

} // namespace
} // namespace headgate::test
