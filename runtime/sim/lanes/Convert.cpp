// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// cvt (PTX ISA 9.7.9.21): between integers (registers may be wider than the
// type), floats and integers, and to and from the 16-bit floats.

#include "runtime/sim/lanes/Half.h"

namespace headgate::runtime::sim::HEADGATE_LANES {

namespace {

/// Holds a T in a register of type R: sign or zero extended.
template <typename R, typename T> HEADGATE_INLINE R held(T x) {
  return static_cast<R>(x);
}
template <typename T, typename S> HEADGATE_INLINE T clampTo(S x) {
  using W = __int128;
  constexpr W low = std::is_signed_v<T> ? -(W(1) << (8 * sizeof(T) - 1)) : W(0);
  constexpr W high = (W(1) << (8 * sizeof(T) - std::is_signed_v<T>)) - 1;
  W wide = x;
  return static_cast<T>(wide < low ? low : wide > high ? high : wide);
}

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
/// Out of range clamps; NaN is 0, but the lowest value in 64 signed bits as the
/// hardware has it (ISA 9.7.9.21: "converts to 0" holds for 32 bits and fewer).
template <typename T> HEADGATE_INLINE T toInteger(double integral) {
  constexpr int bits = 8 * sizeof(T);
  constexpr double limit =
      std::is_signed_v<T>
          ? (bits == 64 ? 0x1p63 : double(uint64_t(1) << (bits - 1)))
          : (bits == 64 ? 0x1p64 : double(uint64_t(1) << (bits % 64)));
  constexpr T top = static_cast<T>(
      std::is_signed_v<T> ? (uint64_t(1) << (bits - 1)) - 1 : ~uint64_t(0));
  constexpr T bottom = std::is_signed_v<T> ? static_cast<T>(~top) : T(0);
  if (integral != integral)
    return bits == 64 ? static_cast<T>(uint64_t(1) << 63) : T(0);
  if (integral >= limit)
    return top;
  if (integral <= (std::is_signed_v<T> ? -limit : 0.0))
    return bottom;
  return static_cast<T>(integral);
}

// ---- integers: the result register may be wider than the type, and so may the
// source, which is cut to its type first.
#define INTEGER(dtype, D, R, stype, S, SR)                                     \
  lift<[](SR a) -> R { return held<R>(static_cast<D>(static_cast<S>(a))); }>(  \
      "cvt" dtype stype, OpClass::convert)
/// Only from types with values that D has not.
#define CLAMPED(dtype, D, R, stype, S, SR)                                     \
  lift<[](SR a) -> R { return held<R>(clampTo<D>(static_cast<S>(a))); }>(      \
      "cvt.sat" dtype stype, OpClass::convert)
#define FROM_ALL(dtype, D, R)                                                  \
  INTEGER(dtype, D, R, ".u8", uint8_t, uint16_t),                              \
      INTEGER(dtype, D, R, ".u8", uint8_t, uint32_t),                          \
      INTEGER(dtype, D, R, ".u8", uint8_t, uint64_t),                          \
      INTEGER(dtype, D, R, ".s8", int8_t, uint16_t),                           \
      INTEGER(dtype, D, R, ".s8", int8_t, uint32_t),                           \
      INTEGER(dtype, D, R, ".s8", int8_t, uint64_t),                           \
      INTEGER(dtype, D, R, ".u16", uint16_t, uint16_t),                        \
      INTEGER(dtype, D, R, ".u16", uint16_t, uint32_t),                        \
      INTEGER(dtype, D, R, ".u16", uint16_t, uint64_t),                        \
      INTEGER(dtype, D, R, ".s16", int16_t, uint16_t),                         \
      INTEGER(dtype, D, R, ".s16", int16_t, uint32_t),                         \
      INTEGER(dtype, D, R, ".s16", int16_t, uint64_t),                         \
      INTEGER(dtype, D, R, ".u32", uint32_t, uint32_t),                        \
      INTEGER(dtype, D, R, ".u32", uint32_t, uint64_t),                        \
      INTEGER(dtype, D, R, ".s32", int32_t, uint32_t),                         \
      INTEGER(dtype, D, R, ".s32", int32_t, uint64_t),                         \
      INTEGER(dtype, D, R, ".u64", uint64_t, uint64_t),                        \
      INTEGER(dtype, D, R, ".s64", int64_t, uint64_t)

// ---- floats to integers
#define TO_INTEGER(dtype, T, R, word, toward)                                  \
  lift<[](float a) -> R {                                                      \
    return held<R>(toInteger<T>(toIntegral<Toward::toward>(a)));               \
  }>("cvt." word "[.sat]" dtype ".f32", OpClass::convert),                     \
      lift<[](float a) -> R {                                                  \
        return held<R>(toInteger<T>(toIntegral<Toward::toward>(flush(a))));    \
      }>("cvt." word ".ftz[.sat]" dtype ".f32", OpClass::convert),             \
      lift<[](double a) -> R {                                                 \
        return held<R>(toInteger<T>(toIntegral<Toward::toward>(a)));           \
      }>("cvt." word "[.sat]" dtype ".f64", OpClass::convert),                 \
      lift<[](uint16_t a) -> R {                                               \
        return held<R>(toInteger<T>(toIntegral<Toward::toward>(widenF16(a)))); \
      }>("cvt." word "[.sat]" dtype ".f16", OpClass::convert)
#define TO_INTEGERS(dtype, T, R)                                               \
  TO_INTEGER(dtype, T, R, "rni", nearest),                                     \
      TO_INTEGER(dtype, T, R, "rzi", zero),                                    \
      TO_INTEGER(dtype, T, R, "rmi", down), TO_INTEGER(dtype, T, R, "rpi", up)

/// Rounds to a whole number and stays a float.
#define INTEGRAL(word, toward)                                                 \
  lift<[](float a) -> float {                                                  \
    return canonical(static_cast<float>(toIntegral<Toward::toward>(a)));       \
  }>("cvt." word ".f32.f32", OpClass::convert),                                \
      lift<[](float a) -> float {                                              \
        return canonical(                                                      \
            static_cast<float>(toIntegral<Toward::toward>(flush(a))));         \
      }>("cvt." word ".ftz.f32.f32", OpClass::convert),                        \
      lift<[](double a) -> double { return toIntegral<Toward::toward>(a); }>(  \
          "cvt." word ".f64.f64", OpClass::convert)

// ---- integers to floats. Any integer below 2^53 passes through double; 64-bit
// ones go to f32 at once, because two roundings differ.
/// Of more than 53 bits, those that do not fit become one odd bit: what is
/// rounded from this is rounded once.
template <typename S> HEADGATE_INLINE double toDouble(S x) {
  if constexpr (sizeof(S) == 8) {
    bool fits = x < (S(1) << 53) && (!std::is_signed_v<S> ||
                                     x > static_cast<S>(-(int64_t(1) << 53)));
    if (!fits)
      x = static_cast<S>((x & ~S(2047)) | ((x & 2047) ? 2048 : 0));
  }
  return static_cast<double>(x);
}

#define FROM_INTEGER(stype, S, R)                                              \
  lift<[](R a) -> float { return static_cast<float>(static_cast<S>(a)); }>(    \
      "cvt.rn[.sat].f32" stype, OpClass::convert),                             \
      lift<[](R a) -> double {                                                 \
        return static_cast<double>(static_cast<S>(a));                         \
      }>("cvt.rn.f64" stype, OpClass::convert),                                \
      lift<[](R a) -> uint16_t {                                               \
        return narrowF16<>(narrowToOdd(toDouble(static_cast<S>(a))));          \
      }>("cvt.rn.f16" stype, OpClass::convert)
#define BF16_FROM_INTEGER(stype, S, R)                                         \
  lift<[](R a) -> uint16_t {                                                   \
    return narrowBF16<>(narrowToOdd(toDouble(static_cast<S>(a))));             \
  }>("cvt.rn.bf16" stype, OpClass::convert)

// ---- between floats
HEADGATE_INLINE float relu(float x) { return x > 0 || x != x ? x : 0.0f; }
/// .satfinite of f16: what is beyond the largest number becomes it.
HEADGATE_INLINE uint16_t finiteF16(float x) {
  uint16_t h = narrowF16<>(x);
  return (h & 0x7fff) == 0x7c00 ? static_cast<uint16_t>((h & 0x8000) | 0x7bff)
                                : h;
}
HEADGATE_INLINE uint16_t finiteBF16(float x) {
  uint16_t h = narrowBF16<>(x);
  return (h & 0x7fff) == 0x7f80 ? static_cast<uint16_t>((h & 0x8000) | 0x7f7f)
                                : h;
}
/// Ties away from zero to 10 mantissa bits (cvt.rna.tf32.f32).
HEADGATE_INLINE uint32_t tf32Away(float x) {
  uint32_t bits = bitsOf(x);
  uint32_t rounded = (bits + 0x1000) & ~0x1fffu;
  return (bits & 0x7fffffff) >= 0x7f800000 ? (x == x ? bits : nan32) : rounded;
}
template <auto narrow> HEADGATE_INLINE uint32_t packed(float high, float low) {
  return uint32_t(narrow(high)) << 16 | narrow(low);
}

#define NARROW(word, type, expression)                                         \
  lift<[](float x) -> uint16_t { return (expression); }>(                      \
      "cvt." word type ".f32", OpClass::convert),                              \
      lift<[](float high, float low) -> uint32_t {                             \
        constexpr auto f = [](float x) HEADGATE_INLINE_LAMBDA -> uint16_t {    \
          return (expression);                                                 \
        };                                                                     \
        return uint32_t(f(high)) << 16 | f(low);                               \
      }>("cvt." word type "x2.f32", OpClass::convert)

constexpr OpRow rows[] = {
    FROM_ALL(".u8", uint8_t, uint16_t),
    FROM_ALL(".u8", uint8_t, uint32_t),
    FROM_ALL(".s8", int8_t, uint16_t),
    FROM_ALL(".s8", int8_t, uint32_t),
    FROM_ALL(".u16", uint16_t, uint16_t),
    FROM_ALL(".u16", uint16_t, uint32_t),
    FROM_ALL(".s16", int16_t, uint16_t),
    FROM_ALL(".s16", int16_t, uint32_t),
    FROM_ALL(".u32", uint32_t, uint32_t),
    FROM_ALL(".s32", int32_t, uint32_t),
    FROM_ALL(".u32", uint32_t, uint64_t),
    FROM_ALL(".s32", int32_t, uint64_t),
    FROM_ALL(".u64", uint64_t, uint64_t),
    FROM_ALL(".s64", int64_t, uint64_t),

    CLAMPED(".u8", uint8_t, uint16_t, ".s8", int8_t, uint16_t),
    CLAMPED(".u8", uint8_t, uint16_t, ".s8", int8_t, uint32_t),
    CLAMPED(".u8", uint8_t, uint16_t, ".s8", int8_t, uint64_t),
    CLAMPED(".u8", uint8_t, uint16_t, ".u16", uint16_t, uint16_t),
    CLAMPED(".u8", uint8_t, uint16_t, ".u16", uint16_t, uint32_t),
    CLAMPED(".u8", uint8_t, uint16_t, ".u16", uint16_t, uint64_t),
    CLAMPED(".u8", uint8_t, uint16_t, ".s16", int16_t, uint16_t),
    CLAMPED(".u8", uint8_t, uint16_t, ".s16", int16_t, uint32_t),
    CLAMPED(".u8", uint8_t, uint16_t, ".s16", int16_t, uint64_t),
    CLAMPED(".u8", uint8_t, uint16_t, ".u32", uint32_t, uint32_t),
    CLAMPED(".u8", uint8_t, uint16_t, ".u32", uint32_t, uint64_t),
    CLAMPED(".u8", uint8_t, uint16_t, ".s32", int32_t, uint32_t),
    CLAMPED(".u8", uint8_t, uint16_t, ".s32", int32_t, uint64_t),
    CLAMPED(".u8", uint8_t, uint16_t, ".u64", uint64_t, uint64_t),
    CLAMPED(".u8", uint8_t, uint16_t, ".s64", int64_t, uint64_t),
    CLAMPED(".u8", uint8_t, uint32_t, ".s8", int8_t, uint16_t),
    CLAMPED(".u8", uint8_t, uint32_t, ".s8", int8_t, uint32_t),
    CLAMPED(".u8", uint8_t, uint32_t, ".s8", int8_t, uint64_t),
    CLAMPED(".u8", uint8_t, uint32_t, ".u16", uint16_t, uint16_t),
    CLAMPED(".u8", uint8_t, uint32_t, ".u16", uint16_t, uint32_t),
    CLAMPED(".u8", uint8_t, uint32_t, ".u16", uint16_t, uint64_t),
    CLAMPED(".u8", uint8_t, uint32_t, ".s16", int16_t, uint16_t),
    CLAMPED(".u8", uint8_t, uint32_t, ".s16", int16_t, uint32_t),
    CLAMPED(".u8", uint8_t, uint32_t, ".s16", int16_t, uint64_t),
    CLAMPED(".u8", uint8_t, uint32_t, ".u32", uint32_t, uint32_t),
    CLAMPED(".u8", uint8_t, uint32_t, ".u32", uint32_t, uint64_t),
    CLAMPED(".u8", uint8_t, uint32_t, ".s32", int32_t, uint32_t),
    CLAMPED(".u8", uint8_t, uint32_t, ".s32", int32_t, uint64_t),
    CLAMPED(".u8", uint8_t, uint32_t, ".u64", uint64_t, uint64_t),
    CLAMPED(".u8", uint8_t, uint32_t, ".s64", int64_t, uint64_t),
    CLAMPED(".s8", int8_t, uint16_t, ".u8", uint8_t, uint16_t),
    CLAMPED(".s8", int8_t, uint16_t, ".u8", uint8_t, uint32_t),
    CLAMPED(".s8", int8_t, uint16_t, ".u8", uint8_t, uint64_t),
    CLAMPED(".s8", int8_t, uint16_t, ".u16", uint16_t, uint16_t),
    CLAMPED(".s8", int8_t, uint16_t, ".u16", uint16_t, uint32_t),
    CLAMPED(".s8", int8_t, uint16_t, ".u16", uint16_t, uint64_t),
    CLAMPED(".s8", int8_t, uint16_t, ".s16", int16_t, uint16_t),
    CLAMPED(".s8", int8_t, uint16_t, ".s16", int16_t, uint32_t),
    CLAMPED(".s8", int8_t, uint16_t, ".s16", int16_t, uint64_t),
    CLAMPED(".s8", int8_t, uint16_t, ".u32", uint32_t, uint32_t),
    CLAMPED(".s8", int8_t, uint16_t, ".u32", uint32_t, uint64_t),
    CLAMPED(".s8", int8_t, uint16_t, ".s32", int32_t, uint32_t),
    CLAMPED(".s8", int8_t, uint16_t, ".s32", int32_t, uint64_t),
    CLAMPED(".s8", int8_t, uint16_t, ".u64", uint64_t, uint64_t),
    CLAMPED(".s8", int8_t, uint16_t, ".s64", int64_t, uint64_t),
    CLAMPED(".s8", int8_t, uint32_t, ".u8", uint8_t, uint16_t),
    CLAMPED(".s8", int8_t, uint32_t, ".u8", uint8_t, uint32_t),
    CLAMPED(".s8", int8_t, uint32_t, ".u8", uint8_t, uint64_t),
    CLAMPED(".s8", int8_t, uint32_t, ".u16", uint16_t, uint16_t),
    CLAMPED(".s8", int8_t, uint32_t, ".u16", uint16_t, uint32_t),
    CLAMPED(".s8", int8_t, uint32_t, ".u16", uint16_t, uint64_t),
    CLAMPED(".s8", int8_t, uint32_t, ".s16", int16_t, uint16_t),
    CLAMPED(".s8", int8_t, uint32_t, ".s16", int16_t, uint32_t),
    CLAMPED(".s8", int8_t, uint32_t, ".s16", int16_t, uint64_t),
    CLAMPED(".s8", int8_t, uint32_t, ".u32", uint32_t, uint32_t),
    CLAMPED(".s8", int8_t, uint32_t, ".u32", uint32_t, uint64_t),
    CLAMPED(".s8", int8_t, uint32_t, ".s32", int32_t, uint32_t),
    CLAMPED(".s8", int8_t, uint32_t, ".s32", int32_t, uint64_t),
    CLAMPED(".s8", int8_t, uint32_t, ".u64", uint64_t, uint64_t),
    CLAMPED(".s8", int8_t, uint32_t, ".s64", int64_t, uint64_t),
    CLAMPED(".u16", uint16_t, uint16_t, ".s8", int8_t, uint16_t),
    CLAMPED(".u16", uint16_t, uint16_t, ".s8", int8_t, uint32_t),
    CLAMPED(".u16", uint16_t, uint16_t, ".s8", int8_t, uint64_t),
    CLAMPED(".u16", uint16_t, uint16_t, ".s16", int16_t, uint16_t),
    CLAMPED(".u16", uint16_t, uint16_t, ".s16", int16_t, uint32_t),
    CLAMPED(".u16", uint16_t, uint16_t, ".s16", int16_t, uint64_t),
    CLAMPED(".u16", uint16_t, uint16_t, ".u32", uint32_t, uint32_t),
    CLAMPED(".u16", uint16_t, uint16_t, ".u32", uint32_t, uint64_t),
    CLAMPED(".u16", uint16_t, uint16_t, ".s32", int32_t, uint32_t),
    CLAMPED(".u16", uint16_t, uint16_t, ".s32", int32_t, uint64_t),
    CLAMPED(".u16", uint16_t, uint16_t, ".u64", uint64_t, uint64_t),
    CLAMPED(".u16", uint16_t, uint16_t, ".s64", int64_t, uint64_t),
    CLAMPED(".u16", uint16_t, uint32_t, ".s8", int8_t, uint16_t),
    CLAMPED(".u16", uint16_t, uint32_t, ".s8", int8_t, uint32_t),
    CLAMPED(".u16", uint16_t, uint32_t, ".s8", int8_t, uint64_t),
    CLAMPED(".u16", uint16_t, uint32_t, ".s16", int16_t, uint16_t),
    CLAMPED(".u16", uint16_t, uint32_t, ".s16", int16_t, uint32_t),
    CLAMPED(".u16", uint16_t, uint32_t, ".s16", int16_t, uint64_t),
    CLAMPED(".u16", uint16_t, uint32_t, ".u32", uint32_t, uint32_t),
    CLAMPED(".u16", uint16_t, uint32_t, ".u32", uint32_t, uint64_t),
    CLAMPED(".u16", uint16_t, uint32_t, ".s32", int32_t, uint32_t),
    CLAMPED(".u16", uint16_t, uint32_t, ".s32", int32_t, uint64_t),
    CLAMPED(".u16", uint16_t, uint32_t, ".u64", uint64_t, uint64_t),
    CLAMPED(".u16", uint16_t, uint32_t, ".s64", int64_t, uint64_t),
    CLAMPED(".s16", int16_t, uint16_t, ".u16", uint16_t, uint16_t),
    CLAMPED(".s16", int16_t, uint16_t, ".u16", uint16_t, uint32_t),
    CLAMPED(".s16", int16_t, uint16_t, ".u16", uint16_t, uint64_t),
    CLAMPED(".s16", int16_t, uint16_t, ".u32", uint32_t, uint32_t),
    CLAMPED(".s16", int16_t, uint16_t, ".u32", uint32_t, uint64_t),
    CLAMPED(".s16", int16_t, uint16_t, ".s32", int32_t, uint32_t),
    CLAMPED(".s16", int16_t, uint16_t, ".s32", int32_t, uint64_t),
    CLAMPED(".s16", int16_t, uint16_t, ".u64", uint64_t, uint64_t),
    CLAMPED(".s16", int16_t, uint16_t, ".s64", int64_t, uint64_t),
    CLAMPED(".s16", int16_t, uint32_t, ".u16", uint16_t, uint16_t),
    CLAMPED(".s16", int16_t, uint32_t, ".u16", uint16_t, uint32_t),
    CLAMPED(".s16", int16_t, uint32_t, ".u16", uint16_t, uint64_t),
    CLAMPED(".s16", int16_t, uint32_t, ".u32", uint32_t, uint32_t),
    CLAMPED(".s16", int16_t, uint32_t, ".u32", uint32_t, uint64_t),
    CLAMPED(".s16", int16_t, uint32_t, ".s32", int32_t, uint32_t),
    CLAMPED(".s16", int16_t, uint32_t, ".s32", int32_t, uint64_t),
    CLAMPED(".s16", int16_t, uint32_t, ".u64", uint64_t, uint64_t),
    CLAMPED(".s16", int16_t, uint32_t, ".s64", int64_t, uint64_t),
    CLAMPED(".u32", uint32_t, uint32_t, ".s8", int8_t, uint16_t),
    CLAMPED(".u32", uint32_t, uint32_t, ".s8", int8_t, uint32_t),
    CLAMPED(".u32", uint32_t, uint32_t, ".s8", int8_t, uint64_t),
    CLAMPED(".u32", uint32_t, uint32_t, ".s16", int16_t, uint16_t),
    CLAMPED(".u32", uint32_t, uint32_t, ".s16", int16_t, uint32_t),
    CLAMPED(".u32", uint32_t, uint32_t, ".s16", int16_t, uint64_t),
    CLAMPED(".u32", uint32_t, uint32_t, ".s32", int32_t, uint32_t),
    CLAMPED(".u32", uint32_t, uint32_t, ".s32", int32_t, uint64_t),
    CLAMPED(".u32", uint32_t, uint32_t, ".u64", uint64_t, uint64_t),
    CLAMPED(".u32", uint32_t, uint32_t, ".s64", int64_t, uint64_t),
    CLAMPED(".u32", uint32_t, uint64_t, ".s8", int8_t, uint16_t),
    CLAMPED(".u32", uint32_t, uint64_t, ".s8", int8_t, uint32_t),
    CLAMPED(".u32", uint32_t, uint64_t, ".s8", int8_t, uint64_t),
    CLAMPED(".u32", uint32_t, uint64_t, ".s16", int16_t, uint16_t),
    CLAMPED(".u32", uint32_t, uint64_t, ".s16", int16_t, uint32_t),
    CLAMPED(".u32", uint32_t, uint64_t, ".s16", int16_t, uint64_t),
    CLAMPED(".u32", uint32_t, uint64_t, ".s32", int32_t, uint32_t),
    CLAMPED(".u32", uint32_t, uint64_t, ".s32", int32_t, uint64_t),
    CLAMPED(".u32", uint32_t, uint64_t, ".u64", uint64_t, uint64_t),
    CLAMPED(".u32", uint32_t, uint64_t, ".s64", int64_t, uint64_t),
    CLAMPED(".s32", int32_t, uint32_t, ".u32", uint32_t, uint32_t),
    CLAMPED(".s32", int32_t, uint32_t, ".u32", uint32_t, uint64_t),
    CLAMPED(".s32", int32_t, uint32_t, ".u64", uint64_t, uint64_t),
    CLAMPED(".s32", int32_t, uint32_t, ".s64", int64_t, uint64_t),
    CLAMPED(".s32", int32_t, uint64_t, ".u32", uint32_t, uint32_t),
    CLAMPED(".s32", int32_t, uint64_t, ".u32", uint32_t, uint64_t),
    CLAMPED(".s32", int32_t, uint64_t, ".u64", uint64_t, uint64_t),
    CLAMPED(".s32", int32_t, uint64_t, ".s64", int64_t, uint64_t),
    CLAMPED(".u64", uint64_t, uint64_t, ".s8", int8_t, uint16_t),
    CLAMPED(".u64", uint64_t, uint64_t, ".s8", int8_t, uint32_t),
    CLAMPED(".u64", uint64_t, uint64_t, ".s8", int8_t, uint64_t),
    CLAMPED(".u64", uint64_t, uint64_t, ".s16", int16_t, uint16_t),
    CLAMPED(".u64", uint64_t, uint64_t, ".s16", int16_t, uint32_t),
    CLAMPED(".u64", uint64_t, uint64_t, ".s16", int16_t, uint64_t),
    CLAMPED(".u64", uint64_t, uint64_t, ".s32", int32_t, uint32_t),
    CLAMPED(".u64", uint64_t, uint64_t, ".s32", int32_t, uint64_t),
    CLAMPED(".u64", uint64_t, uint64_t, ".s64", int64_t, uint64_t),
    CLAMPED(".s64", int64_t, uint64_t, ".u64", uint64_t, uint64_t),

    TO_INTEGERS(".u8", uint8_t, uint16_t),
    TO_INTEGERS(".s8", int8_t, uint16_t),
    TO_INTEGERS(".u16", uint16_t, uint16_t),
    TO_INTEGERS(".s16", int16_t, uint16_t),
    TO_INTEGERS(".u32", uint32_t, uint32_t),
    TO_INTEGERS(".s32", int32_t, uint32_t),
    TO_INTEGERS(".u64", uint64_t, uint64_t),
    TO_INTEGERS(".s64", int64_t, uint64_t),
    INTEGRAL("rni", nearest),
    INTEGRAL("rzi", zero),
    INTEGRAL("rmi", down),
    INTEGRAL("rpi", up),

    BF16_FROM_INTEGER(".u16", uint16_t, uint16_t),
    BF16_FROM_INTEGER(".s16", int16_t, uint16_t),
    BF16_FROM_INTEGER(".u32", uint32_t, uint32_t),
    BF16_FROM_INTEGER(".s32", int32_t, uint32_t),
    BF16_FROM_INTEGER(".u64", uint64_t, uint64_t),
    BF16_FROM_INTEGER(".s64", int64_t, uint64_t),
    FROM_INTEGER(".u8", uint8_t, uint16_t),
    FROM_INTEGER(".s8", int8_t, uint16_t),
    FROM_INTEGER(".u8", uint8_t, uint32_t),
    FROM_INTEGER(".s8", int8_t, uint32_t),
    FROM_INTEGER(".u16", uint16_t, uint16_t),
    FROM_INTEGER(".s16", int16_t, uint16_t),
    FROM_INTEGER(".u32", uint32_t, uint32_t),
    FROM_INTEGER(".s32", int32_t, uint32_t),
    FROM_INTEGER(".u64", uint64_t, uint64_t),
    FROM_INTEGER(".s64", int64_t, uint64_t),

    lift<[](float a) -> double { return double(a); }>("cvt.f64.f32",
                                                      OpClass::convert),
    lift<[](float a) -> double { return double(flush(a)); }>("cvt.ftz.f64.f32",
                                                             OpClass::convert),
    lift<[](double a) -> float { return canonical(static_cast<float>(a)); }>(
        "cvt.rn.f32.f64", OpClass::convert),
    lift<[](float a) -> float { return saturate(a); }>("cvt.sat.f32.f32",
                                                       OpClass::convert),
    lift<[](float a) -> float { return saturate(flush(a)); }>(
        "cvt.ftz.sat.f32.f32", OpClass::convert),
    lift<[](float a) -> float { return flush(a); }>("cvt.ftz.f32.f32",
                                                    OpClass::convert),
    lift<[](uint16_t a) -> float { return canonical(widenF16(a)); }>(
        "cvt[.ftz].f32.f16", OpClass::convert),
    lift<[](uint16_t a) -> float { return canonical(widenBF16(a)); }>(
        "cvt.f32.bf16", OpClass::convert),
    lift<[](uint16_t a) -> double { return double(widenF16(a)); }>(
        "cvt.f64.f16", OpClass::convert),
    lift<[](double a) -> uint16_t { return narrowF16<>(narrowToOdd(a)); }>(
        "cvt.rn.f16.f64", OpClass::convert),
    lift<[](double a) -> uint16_t { return narrowBF16<>(narrowToOdd(a)); }>(
        "cvt.rn.bf16.f64", OpClass::convert),
    NARROW("rn", ".f16", narrowF16<>(x)),
    NARROW("rz", ".f16", narrowF16<Rounding::zero>(x)),
    NARROW("rn.relu", ".f16", narrowF16<>(relu(x))),
    NARROW("rn.satfinite", ".f16", finiteF16(x)),
    lift<[](float a) -> uint16_t { return narrowF16<>(flush(a)); }>(
        "cvt.rn.ftz.f16.f32", OpClass::convert),
    NARROW("rn", ".bf16", narrowBF16<>(x)),
    NARROW("rz", ".bf16", narrowBF16<Rounding::zero>(x)),
    NARROW("rn.relu", ".bf16", narrowBF16<>(relu(x))),
    NARROW("rz.relu", ".bf16", narrowBF16<Rounding::zero>(relu(x))),
    NARROW("rn.satfinite", ".bf16", finiteBF16(x)),
    lift<[](float a) { return tf32Away(a); }>("cvt.rna.tf32.f32",
                                              OpClass::convert),
};

} // namespace

RowSpan convertRows() { return rows; }

} // namespace headgate::runtime::sim::HEADGATE_LANES
