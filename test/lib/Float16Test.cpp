// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All 65536 numbers of both formats, and every midpoint between neighbours.

#include "lib/Float16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace headgate {
namespace {

struct Format {
  const char *name;
  float (*widen)(uint16_t);
  uint16_t (*narrow)(double);
  uint16_t infinity, quietBit;
  double largest, smallest; ///< smallest: the least above 0
};

class Float16 : public ::testing::TestWithParam<Format> {};

TEST_P(Float16, EveryNumberComesBack) {
  const Format &format = GetParam();
  for (uint32_t i = 0; i <= 0xffff; ++i) {
    uint16_t bits = static_cast<uint16_t>(i);
    float wide = format.widen(bits);
    bool isNan = (bits & 0x7fff) > format.infinity;
    ASSERT_EQ(std::isnan(wide), isNan) << std::hex << i;
    uint16_t expected =
        isNan ? static_cast<uint16_t>(bits | format.quietBit) : bits;
    ASSERT_EQ(format.narrow(double(wide)), expected) << std::hex << i;
  }
}

TEST_P(Float16, NumbersAscendWithTheirBits) {
  const Format &format = GetParam();
  for (uint16_t bits = 0; bits < format.infinity; ++bits) {
    ASSERT_LT(format.widen(bits), format.widen(uint16_t(bits + 1)));
    ASSERT_EQ(format.widen(bits | 0x8000), -format.widen(bits));
  }
}

// Ties go to the even neighbour; the next double on either side does not tie.
TEST_P(Float16, RoundsEveryMidpointOnce) {
  const Format &format = GetParam();
  for (uint16_t low = 0; low + 1 < format.infinity; ++low) {
    uint16_t high = low + 1, even = low & 1 ? high : low;
    double middle = (double(format.widen(low)) + format.widen(high)) / 2;
    ASSERT_EQ(format.narrow(middle), even) << std::hex << low;
    ASSERT_EQ(format.narrow(-middle), even | 0x8000) << std::hex << low;
    ASSERT_EQ(format.narrow(std::nextafter(middle, 0.0)), low);
    ASSERT_EQ(format.narrow(std::nextafter(middle, 1e300)), high);
  }
}

TEST_P(Float16, Extremes) {
  const Format &format = GetParam();
  constexpr double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(format.widen(format.infinity - 1), format.largest);
  EXPECT_EQ(format.widen(1), format.smallest);
  EXPECT_EQ(format.narrow(0.0), 0);
  EXPECT_EQ(format.narrow(-0.0), 0x8000);
  EXPECT_EQ(format.narrow(infinity), format.infinity);
  EXPECT_EQ(format.narrow(-infinity), format.infinity | 0x8000);
  EXPECT_EQ(format.narrow(1e300), format.infinity);
  EXPECT_EQ(format.narrow(-std::numeric_limits<double>::max()),
            format.infinity | 0x8000);
  EXPECT_EQ(format.narrow(std::numeric_limits<double>::denorm_min()), 0);
  EXPECT_EQ(format.narrow(format.smallest / 2), 0);
  EXPECT_EQ(format.narrow(std::nextafter(format.smallest / 2, 1.0)), 1);
  EXPECT_TRUE(std::isnan(format.widen(format.narrow(std::nan("")))));
}

INSTANTIATE_TEST_SUITE_P(
    Formats, Float16,
    ::testing::Values(Format{"f16", widenF16, narrowToF16, 0x7c00, 0x0200,
                             65504, 0x1p-24},
                      Format{"bf16", widenBF16, narrowToBF16, 0x7f80, 0x0040,
                             0x1.fep127, 0x1p-133}),
    [](const auto &info) { return info.param.name; });

// By way of f32 it would be 1: rounded up to the midpoint, then to even.
TEST(Float16Once, DoesNotRoundTwice) {
  double above = 1 + 0x1p-8 + 0x1p-40;
  EXPECT_EQ(widenBF16(narrowToBF16(above)), 1 + 0x1p-7);
  EXPECT_EQ(narrowToBF16(double(float(above))), narrowToBF16(1));
  EXPECT_EQ(narrowToF16(65519.999), 0x7bff);
  EXPECT_EQ(narrowToF16(65520), 0x7c00);
}

} // namespace
} // namespace headgate
