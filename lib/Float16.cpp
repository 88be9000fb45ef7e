// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/Float16.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace headgate {

namespace {
template <int exponentBits, int mantissaBits> struct Format {
  static constexpr int bias = (1 << (exponentBits - 1)) - 1;
  static constexpr uint16_t infinity = ((1 << exponentBits) - 1)
                                       << mantissaBits;
  static constexpr uint16_t mantissaMask = (1 << mantissaBits) - 1;
  static constexpr uint16_t quietBit = 1 << (mantissaBits - 1);

  static uint16_t narrow(double value) {
    uint64_t bits = std::bit_cast<uint64_t>(value);
    uint16_t sign = static_cast<uint16_t>(bits >> 48) & 0x8000;
    if (std::isnan(value)) {
      // The leading payload bits survive, so widening and narrowing again gives
      // the same NaN.
      uint64_t payload = bits >> (52 - mantissaBits);
      return sign | infinity | quietBit |
             (static_cast<uint16_t>(payload) & mantissaMask);
    }
    if (std::isinf(value))
      return sign | infinity;
    if (value == 0)
      return sign;
    // Below the smallest normal exponent the spacing stays that of the
    // subnormals.
    int exponent = std::max(std::ilogb(value), 1 - bias);
    double units = std::ldexp(std::fabs(value), mantissaBits - exponent);
    // `units` holds the implicit bit, which adds one to the exponent field; a
    // carry out of the mantissa does the same. nearbyint takes ties to even.
    int64_t magnitude =
        (static_cast<int64_t>(exponent + bias - 1) << mantissaBits) +
        static_cast<int64_t>(std::nearbyint(units));
    return sign | static_cast<uint16_t>(std::min<int64_t>(magnitude, infinity));
  }
};
using F16 = Format<5, 10>;
using BF16 = Format<8, 7>;
} // namespace

float widenF16(uint16_t bits) {
  uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  uint32_t mantissa = bits & F16::mantissaMask;
  int exponent = (bits & F16::infinity) >> 10;
  if (exponent == 31)
    return std::bit_cast<float>(sign | 0x7f800000 | mantissa << 13);
  float magnitude =
      exponent == 0
          ? std::ldexp(static_cast<float>(mantissa), 1 - F16::bias - 10)
          : std::ldexp(static_cast<float>(mantissa | 0x400),
                       exponent - F16::bias - 10);
  return sign ? -magnitude : magnitude;
}

float widenBF16(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

uint16_t narrowToF16(double value) { return F16::narrow(value); }
uint16_t narrowToBF16(double value) { return BF16::narrow(value); }

} // namespace headgate
