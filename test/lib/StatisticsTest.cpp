// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/Statistics.h"

#include "lib/Random.h"

#include <gtest/gtest.h>

using namespace headgate;

namespace {

TEST(Statistics, Quantiles) {
  EXPECT_EQ(quantile({}, 0.5), 0);
  EXPECT_EQ(quantile({7}, 0.2), 7);
  EXPECT_EQ(median({4, 1, 3}), 3);
  EXPECT_EQ(median({4, 1, 3, 2}), 2.5);
  EXPECT_DOUBLE_EQ(quantile({0, 10, 20, 30, 40}, 0.8), 32);
}

// The published first output for seed 1234567.
TEST(Random, IsSplitMix64) {
  Random random(1234567);
  EXPECT_EQ(random.next(), 6457827717110365317u);
  EXPECT_EQ(random.next(), 3203168211198807973u);
}

// The interval of a ratio holds it and narrows with the rounds; the seed makes
// it the same each time.
TEST(Statistics, MedianRatio) {
  Random random(3);
  std::vector<double> a, b;
  double width = 0;
  for (size_t rounds : {20, 400}) {
    while (a.size() < rounds) {
      b.push_back(100 + 10 * random.uniform());
      a.push_back(0.8 * (100 + 10 * random.uniform()));
    }
    Interval ratio = medianRatio(a, b, 1);
    EXPECT_NEAR(ratio.value, 0.8, 0.03);
    EXPECT_LE(ratio.low, ratio.value);
    EXPECT_GE(ratio.high, ratio.value);
    EXPECT_LT(ratio.low, 0.8);
    EXPECT_GT(ratio.high, 0.8);
    if (width)
      EXPECT_LT(ratio.high - ratio.low, width / 2);
    width = ratio.high - ratio.low;
    EXPECT_EQ(medianRatio(a, b, 1).low, ratio.low);
  }
}

TEST(Statistics, Spearman) {
  std::vector<double> up = {1, 2, 3, 4}, down = {8, 4, 2, 1};
  std::vector<double> flat = {5, 5, 5, 5}, ties = {1, 2, 2, 3};
  EXPECT_DOUBLE_EQ(spearman(up, up), 1);
  EXPECT_DOUBLE_EQ(spearman(up, down), -1);
  EXPECT_EQ(spearman(up, flat), 0);
  EXPECT_NEAR(spearman(up, ties), 0.9487, 1e-4);
  EXPECT_EQ(spearman({}, {}), 0);
}

} // namespace
