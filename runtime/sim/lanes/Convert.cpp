// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// cvt to integers (PTX ISA 9.7.9.21): from integers, where registers may be
// wider than the type, and from floats.

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
/// Not to 8 bits.
#define FROM_BF16(dtype, T, R, word, toward)                                   \
  lift<[](uint16_t a) -> R {                                                   \
    return held<R>(toInteger<T>(toIntegral<Toward::toward>(widenBF16(a))));    \
  }>("cvt." word dtype ".bf16", OpClass::convert)
#define BF16_TO_INTEGERS(dtype, T, R)                                          \
  FROM_BF16(dtype, T, R, "rni", nearest), FROM_BF16(dtype, T, R, "rzi", zero), \
      FROM_BF16(dtype, T, R, "rmi", down), FROM_BF16(dtype, T, R, "rpi", up)
#define TO_INTEGERS(dtype, T, R)                                               \
  TO_INTEGER(dtype, T, R, "rni", nearest),                                     \
      TO_INTEGER(dtype, T, R, "rzi", zero),                                    \
      TO_INTEGER(dtype, T, R, "rmi", down), TO_INTEGER(dtype, T, R, "rpi", up)

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
    BF16_TO_INTEGERS(".u16", uint16_t, uint16_t),
    BF16_TO_INTEGERS(".s16", int16_t, uint16_t),
    BF16_TO_INTEGERS(".u32", uint32_t, uint32_t),
    BF16_TO_INTEGERS(".s32", int32_t, uint32_t),
    BF16_TO_INTEGERS(".u64", uint64_t, uint64_t),
    BF16_TO_INTEGERS(".s64", int64_t, uint64_t),
};

} // namespace

RowSpan convertRows() { return rows; }

} // namespace headgate::runtime::sim::HEADGATE_LANES
