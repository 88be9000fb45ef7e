// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/ArrayText.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numeric>

using namespace headgate;

namespace {
std::string printed(std::string_view text, DType dtype,
                    const std::vector<int64_t> &shape,
                    Elements elements = Elements::all) {
  Result<Array> array = parseElements(text, dtype, shape);
  return array ? formatArray(*array, elements) : array.error().message();
}

std::vector<float> drawn(uint64_t seed, int64_t count) {
  Result<Array> array = drawNormal(seed, DType::f32, {count});
  EXPECT_TRUE(array);
  std::vector<float> values(static_cast<size_t>(count));
  std::memcpy(values.data(), array->bytes.data(), values.size() * 4);
  return values;
}

TEST(ArrayText, PrintsWhatItReads) {
  EXPECT_EQ(printed("5", DType::f32, {}), "f32=5");
  EXPECT_EQ(printed("1 2 3", DType::i32, {3}), "3xi32=1 2 3");
  EXPECT_EQ(printed("1 2 3 4 5 6", DType::f16, {2, 3}),
            "2x3xf16=[1 2 3][4 5 6]");
  EXPECT_EQ(printed("[[1 2][3 4]][[5 6][7 8]]", DType::u8, {2, 2, 2}),
            "2x2x2xu8=[[1 2][3 4]][[5 6][7 8]]");
  EXPECT_EQ(printed("0.1, -1e-30, nan, -inf", DType::f64, {4}),
            "4xf64=0.1 -1e-30 nan -inf");
}

TEST(ArrayText, RoundsToTheType) {
  // 1 + 2^-8 lies between two bf16 numbers; the even one is 1.
  EXPECT_EQ(printed("1.00390625", DType::bf16, {}), "bf16=1");
  EXPECT_EQ(printed("0.1", DType::f32, {}), "f32=0.1");
  EXPECT_EQ(printed("65520", DType::f16, {}), "f16=inf");
}

TEST(ArrayText, OneNumberFillsAll) {
  EXPECT_EQ(printed("7", DType::bf16, {2, 2}), "2x2xbf16=[7 7][7 7]");
  EXPECT_EQ(printed("", DType::f32, {0, 3}), "0x3xf32=");
  EXPECT_EQ(printed("", DType::f32, {3, 0}), "3x0xf32=");
  EXPECT_EQ(printed("7", DType::f32, {0}),
            "0xf32 takes 0 numbers, but 1 are given");
}

TEST(ArrayText, ShortensManyElements) {
  EXPECT_EQ(printed("1", DType::i8, {64}, Elements::someOfMany),
            printed("1", DType::i8, {64}));
  EXPECT_EQ(printed("1", DType::i8, {65}, Elements::someOfMany),
            "65xi8=1 1 1 ... 1 1 1");
  EXPECT_EQ(printed("1", DType::bf16, {40, 2}, Elements::someOfMany),
            "40x2xbf16=[1 1][1 1][1 1]...[1 1][1 1][1 1]");
}

TEST(ArrayText, RefusesOtherCounts) {
  EXPECT_EQ(printed("1 2", DType::f32, {3}),
            "3xf32 takes 3 numbers, or one for all, but 2 are given");
  EXPECT_EQ(printed("", DType::f32, {}),
            "f32 takes 1 numbers, but 0 are given");
}

TEST(ArrayText, RefusesOtherWords) {
  EXPECT_EQ(printed("1.5", DType::i32, {}), "'1.5' is no i32 number");
  EXPECT_EQ(printed("0x10", DType::f32, {}), "'0x10' is no f32 number");
  EXPECT_EQ(printed("1e999", DType::f32, {}), "'1e999' is no f32 number");
  EXPECT_EQ(printed("true", DType::i8, {}), "'true' is no i8 number");
  EXPECT_EQ(printed("-1", DType::u8, {}),
            "-1 does not fit u8, which holds 0 to 255");
  EXPECT_EQ(printed("32768", DType::i16, {}),
            "32768 does not fit i16, which holds -32768 to 32767");
}

TEST(ArrayText, RefusesHugeShapes) {
  constexpr int64_t huge = int64_t(1) << 40;
  EXPECT_EQ(printed("0", DType::f32, {huge, huge}),
            "1099511627776x1099511627776xf32 is too large a tensor");
  EXPECT_FALSE(drawNormal(1, DType::f32, {huge, 33}));
}

// Element i is a function of the seed and of i.
TEST(ArrayText, DrawsAreFixed) {
  EXPECT_EQ(drawn(7, 5), drawn(7, 5));
  EXPECT_EQ(drawn(7, 3)[2], drawn(7, 100)[2]);
  EXPECT_NE(drawn(7, 5), drawn(8, 5));
}

TEST(ArrayText, DrawsAreNormal) {
  constexpr int64_t count = 100000;
  std::vector<float> values = drawn(42, count);
  double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double square = 0, fourth = 0, next = 0;
  for (int64_t i = 0; i < count; ++i) {
    square += values[i] * values[i];
    fourth += values[i] * values[i] * values[i] * values[i];
    next += values[i] * values[(i + 1) % count];
  }
  // Standard errors are sqrt(1, 2, 96, 1) / sqrt(count); five of them.
  double error = 5 / std::sqrt(double(count));
  EXPECT_NEAR(mean, 0, error);
  EXPECT_NEAR(square / count, 1, error * std::sqrt(2.0));
  EXPECT_NEAR(fourth / count, 3, error * std::sqrt(96.0));
  EXPECT_NEAR(next / count, 0, error);
}
} // namespace
