// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The 16-bit floats lane by lane, by integer arithmetic without branches: the
// compiler makes vectors of it at every level, and all levels agree. f16 has 5
// exponent and 10 mantissa bits, bf16 is the upper half of an f32. NaN is
// 0x7fff in both, as GPUs give it.

#ifndef HEADGATE_RUNTIME_SIM_LANES_HALF_H
#define HEADGATE_RUNTIME_SIM_LANES_HALF_H

#include "runtime/sim/lanes/Real.h"

namespace headgate::runtime::sim::HEADGATE_LANES {

HEADGATE_INLINE float widenBF16(uint16_t x) {
  return floatOf(uint32_t(x) << 16);
}

HEADGATE_INLINE float widenF16(uint16_t x) {
  uint32_t sign = uint32_t(x & 0x8000) << 16, rest = x & 0x7fff;
  // Exponent rebiased by a multiplication, which also makes subnormals normal.
  uint32_t finite = bitsOf(floatOf(rest << 13) * 0x1p112f);
  uint32_t special = 0x7f800000u | (rest << 13);
  return floatOf(sign | (rest >= 0x7c00 ? special : finite));
}

/// How the bits that do not fit are treated.
enum class Rounding { nearest, zero };

template <Rounding mode = Rounding::nearest>
HEADGATE_INLINE uint16_t narrowBF16(float x) {
  uint32_t bits = bitsOf(x);
  uint32_t up = mode == Rounding::nearest ? 0x7fff + (bits >> 16 & 1) : 0;
  return static_cast<uint16_t>(x == x ? (bits + up) >> 16 : 0x7fffu);
}

template <Rounding mode = Rounding::nearest>
HEADGATE_INLINE uint16_t narrowF16(float x) {
  uint32_t bits = bitsOf(x), sign = bits >> 16 & 0x8000,
           rest = bits & 0x7fffffff;
  uint32_t up = mode == Rounding::nearest ? 0xfff + (rest >> 13 & 1) : 0;
  uint32_t normal = (rest + up - (112u << 23)) >> 13;
  // Below 2^-14 the unit in the last place is 2^-24: adding 0.5 puts it at the
  // last bit of an f32, where the hardware rounds to nearest even.
  uint32_t tiny;
  if (mode == Rounding::nearest)
    tiny = bitsOf(floatOf(rest) + 0.5f) - 0x3f000000u;
  else
    tiny = static_cast<uint32_t>(static_cast<int32_t>(
        (rest < 0x38800000u ? floatOf(rest) : 0.0f) * 0x1p24f));
  uint32_t overflow = mode == Rounding::nearest ? 0x7c00 : 0x7bff;
  uint32_t result = rest < 0x38800000u ? tiny : normal;
  result =
      rest >= 0x47800000u ? (rest >= 0x7f800000u ? 0x7c00 : overflow) : result;
  return static_cast<uint16_t>(rest > 0x7f800000u ? 0x7fff : sign | result);
}

/// double to f32 such that a further rounding to 16 bits is right.
HEADGATE_INLINE float narrowToOdd(double x) {
  auto f = static_cast<float>(x);
  double back = f;
  uint32_t bits = bitsOf(f);
  // Beyond the largest f32: that, which is odd, unless x is infinite.
  bool beyond = (bits & 0x7fffffffu) == 0x7f800000u && x - x == 0;
  bits -= beyond;
  bool inexact = back != x && (bits & 1) == 0 && back == back &&
                 (bits & 0x7f800000u) != 0x7f800000u;
  bool away = (x > back) == (back > 0 || (back == 0 && x > 0));
  return floatOf(inexact ? (away ? bits + 1 : bits - 1) : bits);
}

struct F16 {
  uint16_t bits;
  static HEADGATE_INLINE float widen(uint16_t x) { return widenF16(x); }
  static HEADGATE_INLINE uint16_t narrow(float x) { return narrowF16<>(x); }
};
/// f16 whose subnormals are zeros (.ftz).
struct FlushedF16 {
  static HEADGATE_INLINE float widen(uint16_t x) {
    return widenF16((x & 0x7c00) == 0 ? x & 0x8000 : x);
  }
};
struct BF16 {
  uint16_t bits;
  static HEADGATE_INLINE float widen(uint16_t x) { return widenBF16(x); }
  static HEADGATE_INLINE uint16_t narrow(float x) { return narrowBF16<>(x); }
};

} // namespace headgate::runtime::sim::HEADGATE_LANES

#endif // HEADGATE_RUNTIME_SIM_LANES_HALF_H
