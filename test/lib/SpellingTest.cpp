// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/Spelling.h"

#include <gtest/gtest.h>

#include <vector>

using namespace headgate;

namespace {
const std::vector<std::string> names = {"logits", "q", "q_shared", "k", "v"};

TEST(Spelling, TakesTypingMistakes) {
  EXPECT_EQ(nearestSpelling("logit", names), "logits");
  EXPECT_EQ(nearestSpelling("q_shaerd", names), "q_shared");
}

TEST(Spelling, TakesBeginnings) {
  EXPECT_EQ(nearestSpelling("query", names), "q");
  EXPECT_EQ(nearestSpelling("q_sh", names), "q_shared");
}

// Replacing the only letter is not a typing mistake.
TEST(Spelling, LeavesStrangers) {
  EXPECT_EQ(nearestSpelling("x", names), "");
  EXPECT_EQ(nearestSpelling("mask", names), "");
  EXPECT_EQ(nearestSpelling("", names), "");
  EXPECT_EQ(didYouMean("mask", names), "");
}

TEST(Spelling, Sentences) {
  EXPECT_EQ(didYouMean("query", names), " (did you mean 'q'?)");
  EXPECT_EQ(listNames(names), "logits, q, q_shared, k, v");
}
} // namespace
