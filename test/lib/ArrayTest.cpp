// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/Array.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace headgate {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr DType everyType[] = {DType::f32, DType::f16, DType::bf16, DType::f64,
                               DType::i8,  DType::i16, DType::i32,  DType::i64,
                               DType::u8,  DType::i1};

Array integers(DType dtype, const std::vector<int64_t> &values) {
  Array array = Array::zeros(dtype, {int64_t(values.size())});
  for (size_t i = 0; i < values.size(); ++i)
    array.setInteger(int64_t(i), values[i]);
  return array;
}

std::string convertError(const Array &array, DType dtype) {
  auto converted = convert(array, dtype);
  return converted ? "converted" : converted.error().message();
}

TEST(Array, ZerosHaveTheBytesOfTheirShape) {
  for (DType dtype : everyType) {
    Array array = Array::zeros(dtype, {2, 3, 5});
    EXPECT_EQ(array.elements(), 30);
    EXPECT_EQ(int64_t(array.bytes.size()), 30 * byteWidth(dtype));
    for (int64_t i = 0; i < 30; ++i)
      EXPECT_EQ(array.at(i), 0);
  }
  EXPECT_EQ(Array::zeros(DType::f32, {}).elements(), 1);
  constexpr int64_t huge = int64_t(1) << 40;
  EXPECT_EQ(Array::zeros(DType::f32, {huge, huge, 0}).elements(), 0);
}

TEST(Array, KeepsTheExtremesOfEachInteger) {
  struct Row {
    DType dtype;
    int64_t low, high;
  };
  for (Row row : {Row{DType::i8, -128, 127},
                  {DType::i16, -32768, 32767},
                  {DType::i32, INT32_MIN, INT32_MAX},
                  {DType::i64, INT64_MIN, INT64_MAX},
                  {DType::u8, 0, 255},
                  {DType::i1, 0, 1}}) {
    Array array = integers(row.dtype, {row.low, row.high, 1});
    EXPECT_EQ(array.integerAt(0), row.low);
    EXPECT_EQ(array.integerAt(1), row.high);
    EXPECT_EQ(array.at(1), double(row.high));
    EXPECT_EQ(array.integerAt(2), 1);
  }
  EXPECT_EQ(integers(DType::i1, {2}).bytes[0], std::byte(1));
  EXPECT_EQ(integers(DType::i8, {384}).integerAt(0), -128);
}

TEST(Array, RoundsToItsFloatType) {
  struct Row {
    DType dtype;
    double expected;
  };
  for (Row row : {Row{DType::f64, 1.0 / 3},
                  {DType::f32, double(1.0f / 3)},
                  {DType::f16, 0.333251953125},
                  {DType::bf16, 0.333984375}}) {
    Array array = Array::zeros(row.dtype, {3});
    array.set(0, 1.0 / 3);
    array.set(1, -infinity);
    array.set(2, std::nan(""));
    EXPECT_EQ(array.at(0), row.expected) << name(row.dtype);
    EXPECT_EQ(array.at(1), -infinity);
    EXPECT_TRUE(std::isnan(array.at(2)));
  }
}

TEST(Array, OfGivenNumbers) {
  Array floats = Array::of({2, 2}, std::vector<double>{1, 2.5, -3, 4});
  EXPECT_EQ(floats.dtype, DType::f64);
  EXPECT_EQ(floats.at(1), 2.5);
  Array indices = Array::of({3}, std::vector<int32_t>{0, -1, 7});
  EXPECT_EQ(indices.dtype, DType::i32);
  EXPECT_EQ(indices.integerAt(1), -1);
}

TEST(Array, Unravels) {
  std::vector<int64_t> shape = {2, 3, 5};
  EXPECT_EQ(unravel(0, shape), (std::vector<int64_t>{0, 0, 0}));
  EXPECT_EQ(unravel(7, shape), (std::vector<int64_t>{0, 1, 2}));
  EXPECT_EQ(unravel(29, shape), (std::vector<int64_t>{1, 2, 4}));
  EXPECT_EQ(unravel(0, {}), std::vector<int64_t>());
}

TEST(Array, FloatsConvertIntoFloats) {
  Array wide = Array::of({3}, std::vector<double>{1 + 0x1p-40, 1e30, -0.0});
  for (DType dtype : {DType::f32, DType::f16, DType::bf16, DType::f64}) {
    auto array = convert(wide, dtype);
    ASSERT_TRUE(array);
    EXPECT_EQ(array->shape, wide.shape);
    EXPECT_TRUE(std::signbit(array->at(2)));
  }
  EXPECT_EQ(convert(wide, DType::f32)->at(0), 1);
  EXPECT_EQ(convert(wide, DType::f16)->at(1), infinity);
  EXPECT_NEAR(convert(wide, DType::bf16)->at(1), 1e30, 1e30 / 256);
}

TEST(Array, IntegersConvertWhereAllFit) {
  auto small = convert(integers(DType::i64, {-128, 127}), DType::i8);
  ASSERT_TRUE(small);
  EXPECT_EQ(small->integerAt(0), -128);
  EXPECT_EQ(convertError(integers(DType::i64, {0, 128}), DType::i8),
            "i64 cannot become i8: element 1 is 128");
  EXPECT_EQ(convertError(integers(DType::i32, {-1}), DType::u8),
            "i32 cannot become u8: element 0 is -1");
  EXPECT_EQ(convertError(integers(DType::i32, {2}), DType::i1),
            "i32 cannot become i1: element 0 is 2");
}

// A mask that NumPy kept as bytes.
TEST(Array, BytesAreTrueUnlessZero) {
  auto mask = convert(integers(DType::u8, {0, 1, 255}), DType::i1);
  ASSERT_TRUE(mask);
  EXPECT_EQ(mask->integerAt(0), 0);
  EXPECT_EQ(mask->integerAt(1), 1);
  EXPECT_EQ(mask->integerAt(2), 1);
}

TEST(Array, FloatsAndIntegersStayApart) {
  Array floats = Array::of({1}, std::vector<double>{1});
  EXPECT_EQ(convertError(floats, DType::i32),
            "f64 cannot become i32: floats and integers do not convert into "
            "each other");
  EXPECT_EQ(convertError(integers(DType::i1, {1}), DType::f32),
            "i1 cannot become f32: floats and integers do not convert into "
            "each other");
}

} // namespace
} // namespace headgate
