// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// f32 and f64 as GPUs compute them: one NaN for all, zeros that are ordered in
// min and max, subnormals that .ftz flushes, and the approximate functions,
// which are computed in double and rounded once (the ISA allows 2^-22 or so).
// Needs -ffp-contract=off: a fused multiply is written as one.

#ifndef HEADGATE_RUNTIME_SIM_LANES_REAL_H
#define HEADGATE_RUNTIME_SIM_LANES_REAL_H

#include "runtime/sim/lanes/Rows.h"

namespace headgate::runtime::sim::HEADGATE_LANES {

HEADGATE_INLINE uint32_t bitsOf(float x) {
  return __builtin_bit_cast(uint32_t, x);
}
HEADGATE_INLINE float floatOf(uint32_t x) {
  return __builtin_bit_cast(float, x);
}
HEADGATE_INLINE uint64_t bitsOf(double x) {
  return __builtin_bit_cast(uint64_t, x);
}
HEADGATE_INLINE double doubleOf(uint64_t x) {
  return __builtin_bit_cast(double, x);
}

constexpr uint32_t nan32 = 0x7fffffff;

/// The result of an f32 operation: any NaN becomes the one that GPUs give.
HEADGATE_INLINE float canonical(float x) { return x == x ? x : floatOf(nan32); }
HEADGATE_INLINE double canonical(double x) { return x; }
/// .ftz: a subnormal becomes a zero of its sign.
HEADGATE_INLINE float flush(float x) {
  uint32_t bits = bitsOf(x);
  return floatOf((bits & 0x7f800000u) == 0 ? bits & 0x80000000u : bits);
}
template <bool ftz> HEADGATE_INLINE float input(float x) {
  return ftz ? flush(x) : x;
}
template <bool ftz> HEADGATE_INLINE float output(float x) {
  x = canonical(x);
  return ftz ? flush(x) : x;
}
/// .sat: to [0, 1], NaN to +0.
HEADGATE_INLINE float saturate(float x) {
  return x > 0 ? (x < 1 ? x : 1.0f) : 0.0f;
}

/// One NaN gives the other operand, -0 < +0.
template <typename T> HEADGATE_INLINE T least(T a, T b) {
  using B = decltype(bitsOf(a));
  T r = a < b ? a : b;
  r = a == b ? __builtin_bit_cast(T, B(bitsOf(a) | bitsOf(b))) : r;
  return a != a ? b : (b != b ? a : r);
}
template <typename T> HEADGATE_INLINE T most(T a, T b) {
  using B = decltype(bitsOf(a));
  T r = a > b ? a : b;
  r = a == b ? __builtin_bit_cast(T, B(bitsOf(a) & bitsOf(b))) : r;
  return a != a ? b : (b != b ? a : r);
}
template <typename T> HEADGATE_INLINE T orNaN(T value, T a, T b) {
  return a != a ? a : (b != b ? b : value);
}

/// a + b in double with the lost part folded into the last bit (round to odd),
/// so that rounding the sum to 24 bits or fewer is right.
HEADGATE_INLINE double addToOdd(double a, double b) {
  double sum = a + b, part = sum - a;
  double lost = (a - (sum - part)) + (b - part);
  uint64_t bits = bitsOf(sum);
  // Beside an infinity nothing is lost, and `lost` is NaN.
  bool inexact = (lost < 0 || lost > 0) && (bits & 1) == 0;
  // Towards the exact sum, to the odd neighbour.
  bool away = (lost > 0) == (sum > 0);
  return doubleOf(inexact ? (away ? bits + 1 : bits - 1) : bits);
}

enum class Toward { nearest, zero, down, up };

template <Toward toward> HEADGATE_INLINE double toIntegral(double x) {
  switch (toward) {
  case Toward::nearest:
    return __builtin_rint(x); // the host rounds to nearest even
  case Toward::zero:
    return __builtin_trunc(x);
  case Toward::down:
    return __builtin_floor(x);
  case Toward::up:
    return __builtin_ceil(x);
  }
  return x;
}
/// double to f32 in a direction; right also for a sum that was rounded to odd.
template <Toward toward> HEADGATE_INLINE float narrowToward(double x) {
  auto f = static_cast<float>(x);
  double back = f;
  bool above = back > x, below = back < x;
  uint32_t bits = bitsOf(f);
  // One step down or up among the floats, across zero if need be.
  uint32_t down = bits == 0            ? 0x80000001u
                  : bits & 0x80000000u ? bits + 1
                                       : bits - 1;
  uint32_t up = bits == 0x80000000u  ? 1u
                : bits & 0x80000000u ? bits - 1
                                     : bits + 1;
  bool stepDown =
      above && (toward == Toward::down || (toward == Toward::zero && x > 0));
  bool stepUp =
      below && (toward == Toward::up || (toward == Toward::zero && x < 0));
  return floatOf(stepDown ? down : stepUp ? up : bits);
}

/// 2^x, rounded once from an error of 2^-36. Overflow is infinity; the result
/// may be subnormal.
HEADGATE_INLINE float exp2Of(float x) {
  // Outside of this the result is inf or 0 for certain, NaN passes through.
  double y = x < -160.0f ? -160.0 : (x > 130.0f ? 130.0 : double(x));
  constexpr double shift = 6755399441055744.0; // 1.5 * 2^52: rounds to integer
  double rounded = (y + shift) - shift;
  double f = y - rounded;
  // ln(2)^n / n!; |f| <= 1/2 leaves 8e-12 behind the last term.
  double p = 1.3215486790144305e-06;
  p = p * f + 1.5252733804059837e-05;
  p = p * f + 1.5403530393381606e-04;
  p = p * f + 1.3333558146428441e-03;
  p = p * f + 9.6181291076284769e-03;
  p = p * f + 5.5504108664821576e-02;
  p = p * f + 2.4022650695910070e-01;
  p = p * f + 6.9314718055994529e-01;
  p = p * f + 1.0;
  // Two factors, so that a subnormal result is rounded once, by the conversion.
  auto exponent = static_cast<int32_t>(rounded == rounded ? rounded : 0.0);
  double scale = doubleOf(uint64_t(int64_t(exponent) + 1023) << 52);
  return static_cast<float>(p * scale);
}

} // namespace headgate::runtime::sim::HEADGATE_LANES

#endif // HEADGATE_RUNTIME_SIM_LANES_REAL_H
