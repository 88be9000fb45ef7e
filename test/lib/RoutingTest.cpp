// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/Routing.h"

#include <gtest/gtest.h>

using namespace headgate;

namespace {

/// How often each expert has the largest logit.
std::vector<double> shares(const Array &logits) {
  int64_t experts = logits.shape.back();
  std::vector<double> counts(size_t(experts), 0.0);
  int64_t rows = logits.elements() / experts;
  for (int64_t row = 0; row < rows; ++row) {
    int64_t best = 0;
    for (int64_t m = 1; m < experts; ++m)
      if (logits.at(row * experts + m) > logits.at(row * experts + best))
        best = m;
    counts[size_t(best)] += 1.0 / double(rows);
  }
  return counts;
}

TEST(Routing, Texts) {
  EXPECT_EQ(parseRouting("uniform")->exponent, 0);
  EXPECT_EQ(parseRouting("zipf:1.5")->exponent, 1.5);
  EXPECT_EQ(parseRouting("@idx.npy")->trace, "idx.npy");
  for (const char *text : {"", "@", "zipf", "zipf:", "zipf:0", "zipf:-1",
                           "zipf:1x", "zipf:nan", "even"})
    EXPECT_FALSE(parseRouting(text)) << text;
}

// The choice of the largest logit follows the weights: 16000 draws are within
// 5 deviations.
TEST(Routing, DrawsFollowTheWeights) {
  std::vector<int64_t> shape = {4, 1000, 4, 4};
  for (double share : shares(drawLogits(0, shape, 1)))
    EXPECT_NEAR(share, 0.25, 0.02);
  std::vector<double> zipf = shares(drawLogits(1, shape, 1));
  double sum = 1 + 1.0 / 2 + 1.0 / 3 + 1.0 / 4;
  for (size_t m = 0; m < 4; ++m)
    EXPECT_NEAR(zipf[m], 1 / (double(m + 1) * sum), 0.02);
  EXPECT_EQ(drawLogits(1, shape, 2).bytes, drawLogits(1, shape, 2).bytes);
  EXPECT_NE(drawLogits(1, shape, 2).bytes, drawLogits(1, shape, 3).bytes);
}

// A trace of 3 tokens, 2 groups, 2 of 5 experts: its rows come in turn.
TEST(Routing, Trace) {
  std::vector<int32_t> chosen = {4, 0, 1, 2, 3, 1, 0, 4, 2, 3, 4, 1};
  Array trace = Array::of({3, 2, 2}, std::span<const int32_t>(chosen));
  std::vector<int64_t> shape = {1, 4, 2, 5};
  auto logits = logitsOfTrace(trace, shape);
  ASSERT_TRUE(logits) << logits.error().message();
  for (int64_t row = 0; row < 8; ++row) {
    int64_t first = chosen[size_t(row % 6 * 2)];
    int64_t second = chosen[size_t(row % 6 * 2 + 1)];
    for (int64_t m = 0; m < 5; ++m) {
      double logit = logits->at(row * 5 + m);
      if (m != first)
        EXPECT_LT(logit, logits->at(row * 5 + first));
      if (m != first && m != second)
        EXPECT_LT(logit, logits->at(row * 5 + second));
    }
  }
}

TEST(Routing, TracesThatDoNotFit) {
  std::vector<int32_t> chosen = {4, 0, 1, 2};
  Array trace = Array::of({1, 2, 2}, std::span<const int32_t>(chosen));
  auto why = [&](std::vector<int64_t> shape) {
    auto logits = logitsOfTrace(trace, shape);
    return logits ? "" : logits.error().message();
  };
  EXPECT_EQ(why({3, 2, 5}), "");
  EXPECT_NE(why({3, 4, 5}).find("4 groups of 5"), std::string::npos);
  EXPECT_NE(why({3, 2, 4}).find("expert 4 of 4"), std::string::npos);
  EXPECT_NE(why({5}).find("no array"), std::string::npos);
}

} // namespace
