// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/CodeTarget.h"

#include "lib/CheckPlan.h"
#include "lib/Target.h"

#include <gtest/gtest.h>

namespace headgate {
namespace {

TEST(CodeTarget, HasTheHostAndGpus) {
  auto host = parseCodeTargets("host:x86-64-v3");
  ASSERT_TRUE(host) << host.error().message();
  ASSERT_EQ(host->size(), 1u);
  EXPECT_EQ(nameOf(host->front()), "host:x86-64-v3");
  EXPECT_FALSE(isGpu(host->front()));
  auto gpu = parseCodeTargets("sm_80");
  ASSERT_TRUE(gpu) << gpu.error().message();
  ASSERT_EQ(gpu->size(), 1u);
  EXPECT_EQ(nameOf(gpu->front()), "sm_80");
  EXPECT_TRUE(isGpu(gpu->front()));
}

TEST(CodeTarget, RefusesOthersByName) {
  auto unknown = parseCodeTargets("sm_70");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code(), ErrorCode::badInput);
  EXPECT_EQ(unknown.error().message().find("unknown target 'sm_70'; this "
                                           "version has host, "),
            0u);
  EXPECT_TRUE(unknown.error().message().ends_with(", sm_80"))
      << unknown.error().message();
}

// Names that plans, schedules and the command line share.
TEST(CodeTarget, EveryGpuIsATargetOfSchedulesAndPlans) {
  for (const GpuTarget &target : gpuTargets()) {
    auto known = findTarget(target.name);
    ASSERT_TRUE(known) << target.name;
    EXPECT_TRUE(known->isGpu());
    EXPECT_EQ(targetFamily(target.name), target.name);
  }
}

} // namespace
} // namespace headgate
