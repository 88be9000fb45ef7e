// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The formulas, and a trial of each: rows rounded as a kernel of that type
// rounds them stay within it, yet reach a good part of it.

#include "lib/Tolerance.h"

#include "lib/Float16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace headgate {
namespace {

TEST(Tolerance, F32GrowsWithLengthAndScores) {
  Tolerance short_ = deriveTolerance(DType::f32, 100, 2, 5);
  EXPECT_DOUBLE_EQ(short_.atol, 0x1p-24 * (16 + 4 * 10 + 2 * 5) * 2);
  EXPECT_EQ(short_.rtol, 2e-5);
  EXPECT_DOUBLE_EQ(deriveTolerance(DType::f32, 10000, 2, 5).atol,
                   0x1p-24 * (16 + 4 * 100 + 2 * 5) * 2);
  EXPECT_DOUBLE_EQ(deriveTolerance(DType::f32, 100, 2).atol,
                   0x1p-24 * (16 + 4 * 10 + 2 * 16) * 2);
  EXPECT_DOUBLE_EQ(deriveTolerance(DType::f32, 0, 2, 0).atol, 0x1p-24 * 32);
}

TEST(Tolerance, NarrowTypesRoundMoreThanTheySum) {
  for (int64_t keys : {1, 4096}) {
    Tolerance bf16 = deriveTolerance(DType::bf16, keys, 2);
    EXPECT_EQ(bf16.atol, 2.0 / 128);
    EXPECT_EQ(bf16.rtol, 1.6e-2);
    Tolerance f16 = deriveTolerance(DType::f16, keys, 2);
    EXPECT_EQ(f16.atol, 2.0 / 1024);
    EXPECT_EQ(f16.rtol, 2e-3);
  }
}

TEST(Tolerance, WithoutAttention) {
  Tolerance f32 = deriveToleranceWithoutAttention(DType::f32, 3);
  EXPECT_DOUBLE_EQ(f32.atol, 64 * 0x1p-24 * 3);
  EXPECT_EQ(f32.rtol, 2e-5);
  EXPECT_EQ(deriveToleranceWithoutAttention(DType::bf16, 3).atol, 3.0 / 128);
}

TEST(Tolerance, F64IsThatOfTheExpectedValues) {
  Tolerance f64 = deriveTolerance(DType::f64, 4096, 2);
  EXPECT_GT(f64.atol, 2 * 0x1p-24);
  EXPECT_LT(f64.atol, deriveTolerance(DType::f32, 4096, 2).atol / 10);
}

TEST(Tolerance, IntegersAreEqual) {
  for (DType dtype :
       {DType::i8, DType::i32, DType::i64, DType::u8, DType::i1}) {
    EXPECT_EQ(deriveTolerance(dtype, 4096, 7).atol, 0);
    EXPECT_EQ(deriveTolerance(dtype, 4096, 7).rtol, 0);
  }
}

/// One row of attention over `T` keys, once in double and once rounded after
/// each operation; the difference over the tolerance.
struct Trial {
  std::mt19937 random;
  std::normal_distribution<double> normal;

  double run(int64_t T, DType dtype, double (*round)(double)) {
    std::vector<double> scores, values;
    for (int64_t i = 0; i < T; ++i) {
      scores.push_back(round(normal(random)));
      values.push_back(round(normal(random)));
    }
    double exact = attend(scores, values, [](double x) { return x; });
    // Sums are f32 whatever the type of q, k and v; P and o are of that type.
    double sum = 0, weighted = 0;
    for (int64_t i = 0; i < T; ++i) {
      float p = std::exp(float(scores[i]));
      sum = float(sum) + p;
      weighted = float(weighted) + float(round(p)) * float(values[i]);
    }
    double found = round(float(weighted) / float(sum));
    // One row is not a tensor: the largest |o| of many such rows is about 4
    // deviations of a mean of T values.
    double largest = 4 * std::sqrt(2.7 / double(T));
    Tolerance tolerance = deriveTolerance(dtype, T, largest);
    return std::fabs(found - exact) /
           (tolerance.atol + tolerance.rtol * std::fabs(exact));
  }

  template <typename Round>
  static double attend(const std::vector<double> &scores,
                       const std::vector<double> &values, Round round) {
    double sum = 0, weighted = 0;
    for (size_t i = 0; i < scores.size(); ++i) {
      sum = round(sum + std::exp(scores[i]));
      weighted = round(weighted + std::exp(scores[i]) * values[i]);
    }
    return weighted / sum;
  }
};

TEST(Tolerance, HoldsForRoundedRows) {
  Trial trial;
  for (int64_t T : {1, 16, 256, 4096}) {
    double f32 = 0, bf16 = 0, f16 = 0;
    for (int row = 0; row < 200; ++row) {
      f32 = std::max(f32, trial.run(T, DType::f32,
                                    [](double x) { return double(float(x)); }));
      bf16 = std::max(bf16, trial.run(T, DType::bf16, [](double x) {
        return double(widenBF16(narrowToBF16(x)));
      }));
      f16 = std::max(f16, trial.run(T, DType::f16, [](double x) {
        return double(widenF16(narrowToF16(x)));
      }));
    }
    EXPECT_LT(f32, 1) << T;
    EXPECT_LT(bf16, 1) << T;
    EXPECT_LT(f16, 1) << T;
    // Of the narrow types this is nearly all that is rounded in a layer; f32
    // also has projections and longer chains to come.
    EXPECT_GT(bf16, 0.05) << T;
    EXPECT_GT(f16, 0.05) << T;
  }
}

} // namespace
} // namespace headgate
