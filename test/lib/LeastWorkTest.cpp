// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/Cost.h"

#include <gtest/gtest.h>

namespace headgate::test {
namespace {

// 3 tokens at the end of 5 keys see 3, 4 and 5 of them.
TEST(LeastWork, AttentionsCountVisiblePairs) {
  AttendProblem problem{
      .dtype = DType::bf16, .D = 6, .Dv = 10, .heads = 4, .keyHeads = 2};
  ProblemSizes sizes{.B = 7, .S = 3, .T = 5};
  auto pairs = [&] {
    return leastWork(problem, sizes).flops / (2 * (6 + 10) * 4 * 7);
  };
  EXPECT_EQ(pairs(), 15);
  problem.causal = true;
  EXPECT_EQ(pairs(), 12);
  problem.window = 2;
  EXPECT_EQ(pairs(), 6);
  // Queries and results, keys and values, of 2 bytes.
  EXPECT_EQ(leastWork(problem, sizes).bytes, 2. * 16 * 7 * (3 * 4 + 5 * 2));
  problem.window = 0;
  sizes.S = 6; // the first token sees none
  EXPECT_EQ(pairs(), 0 + 1 + 2 + 3 + 4 + 5);
}

TEST(LeastWork, Projections) {
  GemmProblem problem{
      .dtype = DType::bf16, .result = DType::f32, .inner = 3, .cols = 5};
  LeastWork least = leastWork(problem, {.B = 2, .S = 7});
  EXPECT_EQ(least.flops, 2. * 14 * 3 * 5);
  EXPECT_EQ(least.bytes, 2. * 3 * (14 + 5) + 4. * 14 * 5);
}

} // namespace
} // namespace headgate::test
