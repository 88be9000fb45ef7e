// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/HostTarget.h"

#include "lib/CheckPlan.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace headgate {
namespace {

TEST(HostTarget, EveryLevelParsesAsItself) {
  for (const HostTarget &level : hostTargets()) {
    auto parsed = parseHostTarget(level.name);
    ASSERT_TRUE(parsed) << parsed.error().message();
    EXPECT_EQ(parsed->image, level.image);
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

TEST(HostTarget, HostAloneIsOneThatMostCpusRun) {
  auto host = parseHostTarget("host");
  ASSERT_TRUE(host);
  EXPECT_EQ(host->cpu, "x86-64-v3");
  auto native = parseHostTarget("host:native");
  ASSERT_TRUE(native);
  EXPECT_TRUE(std::ranges::any_of(hostTargets(), [&](const HostTarget &level) {
    return level.name == native->name;
  }));
}

TEST(HostTarget, RefusesOthersByName) {
  auto later = parseHostTarget("sm_90a");
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error().code(), ErrorCode::unsupported);
  EXPECT_EQ(later.error().message().find("target 'sm_90a' is not available in "
                                         "this version; it has host, "),
            0u);
  auto unknown = parseHostTarget("host:x86-64-v9");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code(), ErrorCode::badInput);
  EXPECT_EQ(unknown.error().message().find("unknown target 'host:x86-64-v9'; "
                                           "this version has host, "),
            0u);
}

} // namespace
} // namespace headgate
