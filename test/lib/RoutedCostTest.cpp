// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/RoutedCost.h"

#include "lib/Target.h"

#include <gtest/gtest.h>

using namespace headgate;

namespace {

const Target v4 = *findTarget("host:x86-64-v4");

bool isDenseCheaper(const ExpertProjection &projection, int64_t tokens,
                    const Target &target = v4) {
  return denseProjectionNs(projection, target, tokens) <
         chosenProjectionNs(projection, target, tokens);
}

// The queries of JetMoE-8B: 2 of 8 experts. A dense product does four times the
// arithmetic at many times the rate; one token reads four times the matrices.
TEST(RoutedCost, ExpertsByNumberOfTokens) {
  ExpertProjection jetmoe{
      .experts = 8, .chosen = 2, .inner = 2048, .cols = 2048};
  EXPECT_TRUE(isDenseCheaper(jetmoe, 2048));
  EXPECT_TRUE(isDenseCheaper(jetmoe, 1));
  ExpertProjection many = jetmoe;
  many.experts = 32;
  EXPECT_TRUE(isDenseCheaper(many, 2048));
  EXPECT_FALSE(isDenseCheaper(many, 1));
  many.experts = 512;
  EXPECT_FALSE(isDenseCheaper(many, 2048));
}

// With a grouped product near the rate of the dense one, what is chosen counts.
TEST(RoutedCost, ExpertsByRate) {
  Target grouped = v4;
  grouped.rowFlopsPerNs = 0.75 * grouped.flopsPerNs;
  ExpertProjection half{
      .groups = 8, .experts = 2, .chosen = 1, .inner = 1024, .cols = 64};
  EXPECT_TRUE(isDenseCheaper(half, 2048));
  EXPECT_FALSE(isDenseCheaper(half, 2048, grouped));
  half.chosen = 2;
  EXPECT_TRUE(isDenseCheaper(half, 2048, grouped));
}

TEST(RoutedCost, TransposedMatricesCostTheirBytes) {
  ExpertProjection projection{
      .experts = 8, .chosen = 2, .inner = 64, .cols = 32, .fromSlots = true};
  double before = denseProjectionNs(projection, v4, 10);
  projection.transposes = true;
  EXPECT_DOUBLE_EQ(denseProjectionNs(projection, v4, 10) - before,
                   2.0 * 8 * 64 * 32 * 4 / v4.memoryBytesPerNs);
}

// The mean of 8 keys is 8 additions an element; a head more in the projection
// is as many products as x is wide. Where bytes are dear it pays all the same.
TEST(RoutedCost, Means) {
  ProjectedMean gqe{.heads = 8, .width = 64, .inner = 1024};
  EXPECT_LT(meanOfRowsNs(gqe, v4, 2048), meanOfMatricesNs(gqe, v4, 2048));
  Target tensorCores = v4;
  tensorCores.flopsPerNs = 5e5;
  tensorCores.memoryBytesPerNs = tensorCores.sharedBytesPerNs = 4000;
  EXPECT_GT(meanOfRowsNs(gqe, tensorCores, 16384),
            meanOfMatricesNs(gqe, tensorCores, 16384));
  // Of one token the matrices are larger than the rows.
  EXPECT_LT(meanOfRowsNs(gqe, tensorCores, 1),
            meanOfMatricesNs(gqe, tensorCores, 1));
}

} // namespace
