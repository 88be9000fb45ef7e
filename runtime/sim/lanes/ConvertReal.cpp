// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// cvt to floats (PTX ISA 9.7.9.21): from integers and floats, in every
// direction. Values go through double. What double cannot hold is made odd
// there, so that the result is rounded once.

#include "runtime/sim/lanes/Half.h"

namespace headgate::runtime::sim::HEADGATE_LANES {

namespace {

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

/// A 64-bit integer to f64 in a direction.
template <Toward toward, typename S> HEADGATE_INLINE double integerToF64(S x) {
  auto nearest = static_cast<double>(x);
  auto above = static_cast<__int128>(nearest) - static_cast<__int128>(x);
  bool magnitudeDown = (toward == Toward::zero && (above > 0) == (x > 0)) ||
                       (toward == Toward::down && above > 0 && x > 0) ||
                       (toward == Toward::up && above < 0 && x < 0);
  bool magnitudeUp = (toward == Toward::down && above > 0 && x < 0) ||
                     (toward == Toward::up && above < 0 && x > 0);
  if (above == 0)
    return nearest;
  return doubleOf(bitsOf(nearest) - magnitudeDown + magnitudeUp);
}

template <Toward toward> HEADGATE_INLINE float toF32(double x) {
  return canonical(toward == Toward::nearest ? static_cast<float>(x)
                                             : narrowToward<toward>(x));
}
/// To 16 bits: cut, then one step away from zero where that is the direction.
template <typename H, Toward toward>
HEADGATE_INLINE uint16_t narrowDirected(float x) {
  uint16_t cut = H::cut(x);
  bool away =
      (toward == Toward::up && x > 0) || (toward == Toward::down && x < 0);
  return static_cast<uint16_t>(cut + (away && H::widen(cut) != x));
}
struct CutF16 : F16 {
  static HEADGATE_INLINE uint16_t cut(float x) {
    return narrowF16<Rounding::zero>(x);
  }
};
struct CutBF16 : BF16 {
  static HEADGATE_INLINE uint16_t cut(float x) {
    return narrowBF16<Rounding::zero>(x);
  }
};
template <Toward toward> HEADGATE_INLINE uint16_t toF16(double x) {
  float odd = narrowToOdd(x);
  return toward == Toward::nearest ? narrowF16<>(odd)
                                   : narrowDirected<CutF16, toward>(odd);
}
template <Toward toward> HEADGATE_INLINE uint16_t toBF16(double x) {
  float odd = narrowToOdd(x);
  return toward == Toward::nearest ? narrowBF16<>(odd)
                                   : narrowDirected<CutBF16, toward>(odd);
}
/// .sat: to [0, 1], NaN to +0.
HEADGATE_INLINE double unit(double x) {
  return x > 0 ? (x < 1 ? x : 1.0) : 0.0;
}
HEADGATE_INLINE float relu(float x) { return x > 0 || x != x ? x : 0.0f; }
/// .satfinite: an infinity becomes the largest number.
HEADGATE_INLINE uint16_t finiteF16(uint16_t h) {
  return static_cast<uint16_t>(h - ((h & 0x7fff) == 0x7c00));
}
HEADGATE_INLINE uint16_t finiteBF16(uint16_t h) {
  return static_cast<uint16_t>(h - ((h & 0x7fff) == 0x7f80));
}

/// 10 mantissa bits; the rest of the register is zero.
HEADGATE_INLINE uint32_t tf32(uint32_t bits, uint32_t up) {
  uint32_t rounded = (bits + up) & ~0x1fffu;
  return (bits & 0x7fffffffu) > 0x7f800000u    ? nan32
         : (bits & 0x7fffffffu) == 0x7f800000u ? bits
                                               : rounded;
}
HEADGATE_INLINE uint32_t tf32Away(float x) { return tf32(bitsOf(x), 0x1000); }
HEADGATE_INLINE uint32_t tf32Even(float x) {
  return tf32(bitsOf(x), 0xfff + (bitsOf(x) >> 13 & 1));
}
HEADGATE_INLINE uint32_t tf32Zero(float x) { return tf32(bitsOf(x), 0); }
HEADGATE_INLINE uint32_t tf32AwayFinite(float x) {
  uint32_t bits = tf32Away(x);
  return (bits & 0x7fffffffu) == 0x7f800000u ? bits - 0x2000 : bits;
}

#define CVT(pattern, S, D, expression)                                         \
  lift<[](S a) -> D { return (expression); }>("cvt" pattern, OpClass::convert)
#define ANY_DIRECTION "{.rn|.rz|.rm|.rp}"
#define EACH_DIRECTION(ROW, ...)                                               \
  ROW(".rn", nearest __VA_OPT__(, ) __VA_ARGS__),                              \
      ROW(".rz", zero __VA_OPT__(, ) __VA_ARGS__),                             \
      ROW(".rm", down __VA_OPT__(, ) __VA_ARGS__),                             \
      ROW(".rp", up __VA_OPT__(, ) __VA_ARGS__)

// ---- from integers; the smaller ones are exact in every direction
#define EXACT(stype, S, R)                                                     \
  CVT(ANY_DIRECTION "[.ftz].f32" stype, R, float,                              \
      static_cast<float>(static_cast<S>(a))),                                  \
      CVT(ANY_DIRECTION "[.ftz].sat.f32" stype, R, float,                      \
          static_cast<float>(unit(static_cast<S>(a))))
#define EXACT_F64(stype, S, R)                                                 \
  CVT(ANY_DIRECTION ".f64" stype, R, double,                                   \
      static_cast<double>(static_cast<S>(a))),                                 \
      CVT(ANY_DIRECTION ".sat.f64" stype, R, double,                           \
          unit(static_cast<double>(static_cast<S>(a))))
#define TO_F32(word, toward, stype, S, R)                                      \
  CVT(word "[.ftz].f32" stype, R, float,                                       \
      toF32<Toward::toward>(toDouble(static_cast<S>(a)))),                     \
      CVT(word "[.ftz].sat.f32" stype, R, float,                               \
          static_cast<float>(unit(toDouble(static_cast<S>(a)))))
#define TO_F64(word, toward, stype, S, R)                                      \
  CVT(word ".f64" stype, R, double,                                            \
      integerToF64<Toward::toward>(static_cast<S>(a))),                        \
      CVT(word ".sat.f64" stype, R, double, unit(toDouble(static_cast<S>(a))))
#define TO_F16(word, toward, stype, S, R)                                      \
  CVT(word ".f16" stype, R, uint16_t,                                          \
      toF16<Toward::toward>(toDouble(static_cast<S>(a)))),                     \
      CVT(word ".sat.f16" stype, R, uint16_t,                                  \
          toF16<Toward::toward>(unit(toDouble(static_cast<S>(a)))))
#define TO_BF16(word, toward, stype, S, R)                                     \
  CVT(word ".bf16" stype, R, uint16_t,                                         \
      toBF16<Toward::toward>(toDouble(static_cast<S>(a))))
#define BYTES(stype, S, R)                                                     \
  EXACT(stype, S, R), EXACT_F64(stype, S, R),                                  \
      EACH_DIRECTION(TO_F16, stype, S, R)
#define INTEGERS_16(stype, S)                                                  \
  EXACT(stype, S, uint16_t), EXACT_F64(stype, S, uint16_t),                    \
      EACH_DIRECTION(TO_F16, stype, S, uint16_t),                              \
      EACH_DIRECTION(TO_BF16, stype, S, uint16_t)
#define INTEGERS_32(stype, S)                                                  \
  EACH_DIRECTION(TO_F32, stype, S, uint32_t), EXACT_F64(stype, S, uint32_t),   \
      EACH_DIRECTION(TO_F16, stype, S, uint32_t),                              \
      EACH_DIRECTION(TO_BF16, stype, S, uint32_t)
#define INTEGERS_64(stype, S)                                                  \
  EACH_DIRECTION(TO_F32, stype, S, uint64_t),                                  \
      EACH_DIRECTION(TO_F64, stype, S, uint64_t),                              \
      EACH_DIRECTION(TO_F16, stype, S, uint64_t),                              \
      EACH_DIRECTION(TO_BF16, stype, S, uint64_t)

// ---- between floats, to a narrower one
#define FROM_F64(word, toward)                                                 \
  CVT(word ".f32.f64", double, float, toF32<Toward::toward>(a)),               \
      CVT(word ".ftz.f32.f64", double, float,                                  \
          flush(toF32<Toward::toward>(a))),                                    \
      CVT(word ".sat.f32.f64", double, float, toF32<Toward::toward>(unit(a))), \
      CVT(word ".ftz.sat.f32.f64", double, float,                              \
          flush(toF32<Toward::toward>(unit(a)))),                              \
      CVT(word ".f16.f64", double, uint16_t, toF16<Toward::toward>(a)),        \
      CVT(word ".sat.f16.f64", double, uint16_t,                               \
          toF16<Toward::toward>(unit(a))),                                     \
      CVT(word ".bf16.f64", double, uint16_t, toBF16<Toward::toward>(a))
#define FROM_F32(word, toward)                                                 \
  CVT(word ".ftz.f16.f32", float, uint16_t, toF16<Toward::toward>(flush(a))),  \
      CVT(word ".sat.f16.f32", float, uint16_t,                                \
          toF16<Toward::toward>(unit(a))),                                     \
      CVT(word ".ftz.sat.f16.f32", float, uint16_t,                            \
          toF16<Toward::toward>(unit(flush(a)))),                              \
      CVT(word ".ftz.bf16.f32", float, uint16_t,                               \
          toBF16<Toward::toward>(flush(a)))
#define BETWEEN_HALVES(word, toward)                                           \
  CVT(word ".f16.bf16", uint16_t, uint16_t,                                    \
      toF16<Toward::toward>(widenBF16(a))),                                    \
      CVT(word ".bf16.f16", uint16_t, uint16_t,                                \
          toBF16<Toward::toward>(widenF16(a)))

/// The forms that also make a pair; first the upper half.
#define NARROW(word, type, expression)                                         \
  CVT(word type ".f32", float, uint16_t, (expression)),                        \
      lift<[](float high, float low) -> uint32_t {                             \
        constexpr auto f = [](float a) HEADGATE_INLINE_LAMBDA -> uint16_t {    \
          return (expression);                                                 \
        };                                                                     \
        return uint32_t(f(high)) << 16 | f(low);                               \
      }>("cvt" word type "x2.f32", OpClass::convert)
#define RELU_FINITE "{.relu.satfinite|.satfinite.relu}"
#define NARROWS(word, mode)                                                    \
  NARROW(word, ".f16", narrowF16<Rounding::mode>(a)),                          \
      NARROW(word ".relu", ".f16", narrowF16<Rounding::mode>(relu(a))),        \
      NARROW(word ".satfinite", ".f16",                                        \
             finiteF16(narrowF16<Rounding::mode>(a))),                         \
      NARROW(word RELU_FINITE, ".f16",                                         \
             finiteF16(narrowF16<Rounding::mode>(relu(a)))),                   \
      NARROW(word, ".bf16", narrowBF16<Rounding::mode>(a)),                    \
      NARROW(word ".relu", ".bf16", narrowBF16<Rounding::mode>(relu(a))),      \
      NARROW(word ".satfinite", ".bf16",                                       \
             finiteBF16(narrowBF16<Rounding::mode>(a))),                       \
      NARROW(word RELU_FINITE, ".bf16",                                        \
             finiteBF16(narrowBF16<Rounding::mode>(relu(a))))

// ---- to a whole number that stays a float
#define INTEGRAL(word, toward)                                                 \
  CVT(word ".f32.f32", float, float,                                           \
      canonical(static_cast<float>(toIntegral<Toward::toward>(a)))),           \
      CVT(word ".ftz.f32.f32", float, float,                                   \
          canonical(                                                           \
              static_cast<float>(toIntegral<Toward::toward>(flush(a))))),      \
      CVT(word ".sat.f32.f32", float, float,                                   \
          saturate(static_cast<float>(toIntegral<Toward::toward>(a)))),        \
      CVT(word ".ftz.sat.f32.f32", float, float,                               \
          saturate(static_cast<float>(toIntegral<Toward::toward>(flush(a))))), \
      CVT(word ".f64.f64", double, double, toIntegral<Toward::toward>(a)),     \
      CVT(word ".sat.f64.f64", double, double,                                 \
          unit(toIntegral<Toward::toward>(a))),                                \
      CVT(word ".f16.f16", uint16_t, uint16_t,                                 \
          toF16<Toward::toward>(toIntegral<Toward::toward>(widenF16(a)))),     \
      CVT(word ".sat.f16.f16", uint16_t, uint16_t,                             \
          toF16<Toward::toward>(                                               \
              unit(toIntegral<Toward::toward>(widenF16(a))))),                 \
      CVT(word ".bf16.bf16", uint16_t, uint16_t,                               \
          toBF16<Toward::toward>(toIntegral<Toward::toward>(widenBF16(a))))

constexpr OpRow rows[] = {
    BYTES(".u8", uint8_t, uint16_t),
    BYTES(".s8", int8_t, uint16_t),
    BYTES(".u8", uint8_t, uint32_t),
    BYTES(".s8", int8_t, uint32_t),
    INTEGERS_16(".u16", uint16_t),
    INTEGERS_16(".s16", int16_t),
    INTEGERS_32(".u32", uint32_t),
    INTEGERS_32(".s32", int32_t),
    INTEGERS_64(".u64", uint64_t),
    INTEGERS_64(".s64", int64_t),

    EACH_DIRECTION(FROM_F64),
    EACH_DIRECTION(FROM_F32),
    BETWEEN_HALVES("[.rn]", nearest),
    BETWEEN_HALVES(".rz", zero),
    BETWEEN_HALVES(".rm", down),
    BETWEEN_HALVES(".rp", up),
    NARROWS(".rn", nearest),
    NARROWS(".rz", zero),
    CVT(".rm.f16.f32", float, uint16_t, toF16<Toward::down>(a)),
    CVT(".rp.f16.f32", float, uint16_t, toF16<Toward::up>(a)),
    CVT(".rm.bf16.f32", float, uint16_t, toBF16<Toward::down>(a)),
    CVT(".rp.bf16.f32", float, uint16_t, toBF16<Toward::up>(a)),
    CVT(".rna.tf32.f32", float, uint32_t, tf32Away(a)),
    CVT(".rna.satfinite.tf32.f32", float, uint32_t, tf32AwayFinite(a)),
    CVT(".rn.tf32.f32", float, uint32_t, tf32Even(a)),
    CVT(".rn.relu.tf32.f32", float, uint32_t, tf32Even(relu(a))),
    CVT(".rz.tf32.f32", float, uint32_t, tf32Zero(a)),
    CVT(".rz.relu.tf32.f32", float, uint32_t, tf32Zero(relu(a))),

    // To a wider float, or to the same.
    CVT(".f64.f32", float, double, double(a)),
    CVT(".ftz.f64.f32", float, double, double(flush(a))),
    CVT(".sat.f64.f32", float, double, unit(a)),
    CVT(".ftz.sat.f64.f32", float, double, unit(flush(a))),
    CVT(".f64.f16", uint16_t, double, double(widenF16(a))),
    CVT(".sat.f64.f16", uint16_t, double, unit(widenF16(a))),
    CVT("[.rn|.rz|.rm|.rp].f64.bf16", uint16_t, double, double(widenBF16(a))),
    CVT("[.ftz].f32.f16", uint16_t, float, canonical(widenF16(a))),
    CVT("[.ftz].sat.f32.f16", uint16_t, float, saturate(widenF16(a))),
    CVT("[.rn|.rz|.rm|.rp].f32.bf16", uint16_t, float, canonical(widenBF16(a))),
    CVT("[.rn|.rz|.rm|.rp].ftz.f32.bf16", uint16_t, float,
        canonical(flush(widenBF16(a)))),
    CVT(".f64.f64", double, double, a),
    CVT(".sat.f64.f64", double, double, unit(a)),
    CVT(".f32.f32", float, float, a),
    CVT(".sat.f32.f32", float, float, saturate(a)),
    CVT(".ftz.f32.f32", float, float, flush(a)),
    CVT(".ftz.sat.f32.f32", float, float, saturate(flush(a))),
    CVT(".f16.f16", uint16_t, uint16_t, a),
    CVT(".sat.f16.f16", uint16_t, uint16_t,
        toF16<Toward::nearest>(unit(widenF16(a)))),
    CVT(".bf16.bf16", uint16_t, uint16_t, a),
    INTEGRAL(".rni", nearest),
    INTEGRAL(".rzi", zero),
    INTEGRAL(".rmi", down),
    INTEGRAL(".rpi", up),
};

} // namespace

RowSpan convertRealRows() { return rows; }

} // namespace headgate::runtime::sim::HEADGATE_LANES
