// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// floats.mlir.in against lib/Float16, at a CPU level that has the conversions
// and at one for which passes/FloatBuiltins brings them.

#include "Meaning.h"

#include "lib/Float16.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace headgate::test {
namespace {

uint16_t bitsAt(const Array &array, int64_t i) {
  uint16_t bits;
  std::memcpy(&bits, &array.bytes[static_cast<size_t>(2 * i)], 2);
  return bits;
}

/// All 2^16 numbers of a narrow type, or some of them.
Array narrowNumbers(DType dtype, int64_t step = 1) {
  Array array = Array::zeros(dtype, {65536 / step});
  for (int64_t i = 0; i < array.elements(); ++i) {
    auto bits = static_cast<uint16_t>(i * step);
    std::memcpy(&array.bytes[static_cast<size_t>(2 * i)], &bits, 2);
  }
  return array;
}

/// f32 numbers of every exponent, with every pattern of the bits that decide
/// how a narrow type rounds.
Array wideNumbers() {
  std::vector<uint32_t> words;
  for (uint32_t upper = 0; upper < 1 << 12; ++upper) // sign, exponent, 3 bits
    for (uint32_t lower :
         {0u, 1u, 0xfffu, 0x1000u, 0x1001u, 0x1fffu, 0x2000u, 0x3000u, 0x7fffu,
          0x8000u, 0x8001u, 0x18000u, 0x17fffu, 0x18001u, 0xff000u, 0xfffffu})
      words.push_back(upper << 20 | lower);
  Array array = Array::zeros(DType::f32, {static_cast<int64_t>(words.size())});
  std::memcpy(array.bytes.data(), words.data(), array.bytes.size());
  return array;
}

template <typename Check>
void forEachResult(const char *entry, const std::vector<Array> &inputs,
                   Check check) {
  std::vector<Array> results = run("floats", DType::f32, entry, inputs);
  ASSERT_EQ(results.size(), 1u);
  for (int64_t i = 0; i < results[0].elements(); ++i)
    check(results[0], i);
}

/// Equal bits, or both NaN.
void expectNarrow(DType dtype, const Array &found, int64_t i, double value) {
  if (std::isnan(value)) {
    EXPECT_TRUE(std::isnan(found.at(i))) << value;
    return;
  }
  uint16_t expected =
      dtype == DType::f16 ? narrowToF16(value) : narrowToBF16(value);
  EXPECT_EQ(bitsAt(found, i), expected) << value;
}

TEST(FloatsMeaning, WidensExactly) {
  for (auto [dtype, entry] : {std::pair(DType::f16, "widen_f16"),
                              std::pair(DType::bf16, "widen_bf16")}) {
    Array x = narrowNumbers(dtype);
    forEachResult(entry, {x}, [&](const Array &found, int64_t i) {
      double value = x.at(i);
      if (std::isnan(value))
        EXPECT_TRUE(std::isnan(found.at(i)));
      else
        EXPECT_TRUE(found.at(i) == value &&
                    std::signbit(found.at(i)) == std::signbit(value))
            << value;
    });
  }
}

TEST(FloatsMeaning, NarrowsToNearestEven) {
  Array x = wideNumbers();
  for (auto [dtype, entry] : {std::pair(DType::f16, "narrow_f16"),
                              std::pair(DType::bf16, "narrow_bf16")})
    forEachResult(entry, {x}, [&](const Array &found, int64_t i) {
      expectNarrow(dtype, found, i, x.at(i));
    });
}

// A product of two narrow numbers is exact in double.
TEST(FloatsMeaning, MultipliesAsF32AndRounds) {
  for (auto [dtype, entry] : {std::pair(DType::f16, "product_f16"),
                              std::pair(DType::bf16, "product_bf16")}) {
    Array x = narrowNumbers(dtype, 7), y = narrowNumbers(dtype, 7);
    for (int64_t i = 0; i < y.elements(); ++i)
      std::memcpy(&y.bytes[static_cast<size_t>(2 * i)],
                  &x.bytes[static_cast<size_t>(2 * (i * 31 % x.elements()))],
                  2);
    forEachResult(entry, {x, y}, [&](const Array &found, int64_t i) {
      float product = static_cast<float>(x.at(i)) * static_cast<float>(y.at(i));
      expectNarrow(dtype, found, i, product);
    });
  }
}

} // namespace
} // namespace headgate::test
