// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/HostTarget.h"

#include "lib/CheckPlan.h"
#include "lib/Target.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace headgate {
namespace {

TEST(HostTarget, EveryLevelParsesAsItself) {
  for (const HostTarget &level : hostTargets()) {
    auto parsed = parseHostTargets(level.name);
    ASSERT_TRUE(parsed) << parsed.error().message();
    ASSERT_EQ(parsed->size(), 1u);
    EXPECT_EQ(parsed->front().image, level.image);
    EXPECT_EQ(targetFamily(level.name), "host");
  }
}

// Else no runtime would read a plan for it.
TEST(HostTarget, NeedsWordsOfPlans) {
  auto words = cpuFeatureWords();
  for (const HostTarget &level : hostTargets())
    for (const std::string &word : level.needs)
      EXPECT_NE(std::ranges::find(words, word), words.end()) << word;
}

TEST(HostTarget, HostAndNativeAreOfThisArchitecture) {
  for (const char *text : {"host", "host:native"}) {
    auto here = parseHostTargets(text);
    ASSERT_TRUE(here);
    for (const HostTarget &level : *here)
      EXPECT_TRUE(level.isOfThisArchitecture()) << level.name;
  }
}

// Each architecture has words of its own: no CPU runs the code of another.
TEST(HostTarget, NoCpuRunsTheCodeOfAnother) {
  for (const HostTarget &a : hostTargets())
    for (const HostTarget &b : hostTargets())
      for (const std::string &word : a.needs)
        if (a.triple != b.triple)
          EXPECT_EQ(std::ranges::find(b.needs, word), b.needs.end()) << word;
}

TEST(HostTarget, HasAarch64) {
  auto arm = parseHostTargets("host:aarch64");
  ASSERT_TRUE(arm);
  ASSERT_EQ(arm->size(), 1u);
  EXPECT_EQ(arm->front().image, "host-aarch64");
  EXPECT_EQ(arm->front().triple, "aarch64-unknown-linux-gnu");
  EXPECT_EQ(arm->front().needs, std::vector<std::string>{"neon"});
}

// Schedules are made for each.
TEST(HostTarget, EveryLevelIsATargetOfSchedules) {
  for (const HostTarget &level : hostTargets())
    EXPECT_TRUE(findTarget(level.name)) << level.name;
}

// The weakest first: it is what most CPUs run.
TEST(HostTarget, HostAloneIsAllLevelsFromAvx2On) {
  auto host = parseHostTargets("host");
  ASSERT_TRUE(host);
  if (host->front().name == "host:aarch64")
    GTEST_SKIP() << "of x86-64";
  ASSERT_EQ(host->size(), 3u);
  EXPECT_EQ((*host)[0].cpu, "x86-64-v3");
  EXPECT_EQ((*host)[1].cpu, "x86-64-v4");
  EXPECT_EQ((*host)[2].name, "host:x86-64-v4+avx512bf16");
}

// Code is compiled once for both where no bf16 is.
TEST(HostTarget, TwoLevelsDifferOnlyInBf16) {
  std::vector<std::string> alike;
  for (const HostTarget &a : hostTargets())
    for (const HostTarget &b : hostTargets())
      if (a.name < b.name && differOnlyInBf16(a, b))
        alike.push_back(a.name + " " + b.name);
  EXPECT_EQ(alike, std::vector<std::string>{
                       "host:x86-64-v4 host:x86-64-v4+avx512bf16"});
}

TEST(HostTarget, NativeIsOneLevel) {
  auto native = parseHostTargets("host:native");
  ASSERT_TRUE(native);
  ASSERT_EQ(native->size(), 1u);
  EXPECT_TRUE(std::ranges::any_of(hostTargets(), [&](const HostTarget &level) {
    return level.name == native->front().name;
  }));
}

TEST(HostTarget, RefusesOthersByName) {
  auto later = parseHostTargets("sm_90a");
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error().code(), ErrorCode::unsupported);
  EXPECT_EQ(later.error().message().find("target 'sm_90a' is not available in "
                                         "this version; it has host, "),
            0u);
  auto unknown = parseHostTargets("host:x86-64-v9");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code(), ErrorCode::badInput);
  EXPECT_EQ(unknown.error().message().find("unknown target 'host:x86-64-v9'; "
                                           "this version has host, "),
            0u);
}

} // namespace
} // namespace headgate
