// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// f32 and f64 arithmetic (PTX ISA 9.7.3, 9.7.5).

#include "runtime/sim/lanes/Real.h"

namespace headgate::runtime::sim::HEADGATE_LANES {

namespace {

/// Scalar libm on purpose: accurate to an ulp and independent of the level.
HEADGATE_INLINE float log2Of(float x) {
  return static_cast<float>(__builtin_log2(double(x)));
}
HEADGATE_INLINE float sineOf(float x) {
  return static_cast<float>(__builtin_sin(double(x)));
}
HEADGATE_INLINE float cosineOf(float x) {
  return static_cast<float>(__builtin_cos(double(x)));
}
HEADGATE_INLINE float tanhOf(float x) {
  return static_cast<float>(__builtin_tanh(double(x)));
}
HEADGATE_INLINE float reciprocalOf(float x) { return 1.0f / x; }
HEADGATE_INLINE float inverseRootOf(float x) {
  return static_cast<float>(1.0 / __builtin_sqrt(double(x)));
}
HEADGATE_INLINE float rootOf(float x) { return __builtin_sqrtf(x); }
HEADGATE_INLINE float identity(float x) { return x; }
HEADGATE_INLINE float absoluteOf(float x) {
  return floatOf(bitsOf(x) & 0x7fffffffu);
}
HEADGATE_INLINE float negativeOf(float x) {
  return floatOf(bitsOf(x) ^ 0x80000000u);
}

template <typename T, bool isMax, bool nan> HEADGATE_INLINE T pick(T a, T b) {
  T r = isMax ? most(a, b) : least(a, b);
  return nan ? orNaN(r, a, b) : r;
}

#define F32(pattern, ftz, expression)                                          \
  lift<[](float x, float y) -> float {                                         \
    float a = input<ftz>(x), b = input<ftz>(y);                                \
    return output<ftz>(expression);                                            \
  }>(pattern, OpClass::real)
/// Plain, .ftz, .sat and .ftz.sat.
#define ARITHMETIC(name, expression)                                           \
  F32(name "[.rn].f32", false, expression),                                    \
      F32(name "[.rn].ftz.f32", true, expression),                             \
      F32(name "[.rn].sat.f32", false, saturate(expression)),                  \
      F32(name "[.rn].ftz.sat.f32", true, saturate(expression))
#define FMA(pattern, ftz, wrap)                                                \
  lift<[](float a, float b, float c) -> float {                                \
    return output<ftz>(                                                        \
        wrap(__builtin_fmaf(input<ftz>(a), input<ftz>(b), input<ftz>(c))));    \
  }>(pattern, OpClass::real)
/// The same operations rounded toward zero, down and up.
#define DIRECTED(word, ftz, ftzWord, toward)                                   \
  F32("add." word ftzWord ".f32", ftz,                                         \
      narrowToward<Toward::toward>(addToOdd(double(a), double(b)))),           \
      F32("sub." word ftzWord ".f32", ftz,                                     \
          narrowToward<Toward::toward>(addToOdd(double(a), -double(b)))),      \
      F32("mul." word ftzWord ".f32", ftz,                                     \
          narrowToward<Toward::toward>(double(a) * double(b))),                \
      lift<[](float a, float b, float c) -> float {                            \
        double product = double(input<ftz>(a)) * double(input<ftz>(b));        \
        return output<ftz>(narrowToward<Toward::toward>(                       \
            addToOdd(product, double(input<ftz>(c)))));                        \
      }>("fma." word ftzWord ".f32", OpClass::real)
#define UNARY(pattern, ftz, f)                                                 \
  lift<[](float a) -> float { return output<ftz>(f(input<ftz>(a))); }>(        \
      pattern, OpClass::real)
#define MINMAX(name, isMax)                                                    \
  F32(name ".f32", false, (pick<float, isMax, false>(a, b))),                  \
      F32(name ".ftz.f32", true, (pick<float, isMax, false>(a, b))),           \
      F32(name ".NaN.f32", false, (pick<float, isMax, true>(a, b))),           \
      F32(name ".ftz.NaN.f32", true, (pick<float, isMax, true>(a, b)))
#define F64(pattern, expression)                                               \
  lift<[](double a, double b) -> double { return (expression); }>(             \
      pattern, OpClass::real)
#define F64_UNARY(pattern, expression)                                         \
  lift<[](double a) -> double { return (expression); }>(pattern, OpClass::real)

constexpr OpRow rows[] = {
    ARITHMETIC("add", a + b),
    ARITHMETIC("sub", a - b),
    ARITHMETIC("mul", a *b),
    FMA("fma.rn.f32", false, identity),
    FMA("fma.rn.ftz.f32", true, identity),
    FMA("fma.rn.sat.f32", false, saturate),
    FMA("fma.rn.ftz.sat.f32", true, saturate),
    DIRECTED("rz", false, "", zero),
    DIRECTED("rm", false, "", down),
    DIRECTED("rp", false, "", up),
    DIRECTED("rz", true, ".ftz", zero),
    DIRECTED("rm", true, ".ftz", down),
    DIRECTED("rp", true, ".ftz", up),
    FMA("mad.rn.f32", false, identity),
    FMA("mad.rn.ftz.f32", true, identity),
    F32("div{.rn|.approx|.full}.f32", false, a / b),
    F32("div{.rn|.approx|.full}.ftz.f32", true, a / b),
    MINMAX("min", false),
    MINMAX("max", true),
    lift<[](float a) -> float { return absoluteOf(a); }>("abs.f32",
                                                         OpClass::real),
    lift<[](float a) -> float { return absoluteOf(flush(a)); }>("abs.ftz.f32",
                                                                OpClass::real),
    lift<[](float a) -> float { return negativeOf(a); }>("neg.f32",
                                                         OpClass::real),
    lift<[](float a) -> float { return negativeOf(flush(a)); }>("neg.ftz.f32",
                                                                OpClass::real),
    lift<[](float a, float b) -> float {
      // copysign d, a, b: the sign of a on the magnitude of b.
      return floatOf((bitsOf(a) & 0x80000000u) | (bitsOf(b) & 0x7fffffffu));
    }>("copysign.f32", OpClass::real),
    lift<[](double a, double b) -> double {
      constexpr uint64_t sign = uint64_t(1) << 63;
      return doubleOf((bitsOf(a) & sign) | (bitsOf(b) & ~sign));
    }>("copysign.f64", OpClass::real),
    UNARY("sqrt{.rn|.approx}.f32", false, rootOf),
    UNARY("sqrt{.rn|.approx}.ftz.f32", true, rootOf),
    UNARY("rsqrt.approx.f32", false, inverseRootOf),
    UNARY("rsqrt.approx.ftz.f32", true, inverseRootOf),
    UNARY("rcp{.rn|.approx}.f32", false, reciprocalOf),
    UNARY("rcp{.rn|.approx}.ftz.f32", true, reciprocalOf),
    UNARY("ex2.approx.f32", false, exp2Of),
    UNARY("ex2.approx.ftz.f32", true, exp2Of),
    UNARY("lg2.approx.f32", false, log2Of),
    UNARY("lg2.approx.ftz.f32", true, log2Of),
    UNARY("sin.approx.f32", false, sineOf),
    UNARY("sin.approx.ftz.f32", true, sineOf),
    UNARY("cos.approx.f32", false, cosineOf),
    UNARY("cos.approx.ftz.f32", true, cosineOf),
    UNARY("tanh.approx.f32", false, tanhOf),
    lift<[](float a) -> bool { return __builtin_isfinite(a); }>(
        "testp.finite.f32", OpClass::real),
    lift<[](float a) -> bool { return __builtin_isinf(a); }>(
        "testp.infinite.f32", OpClass::real),
    lift<[](float a) -> bool { return a == a; }>("testp.number.f32",
                                                 OpClass::real),
    lift<[](float a) -> bool { return a != a; }>("testp.notanumber.f32",
                                                 OpClass::real),

    F64("add[.rn].f64", a + b),
    F64("sub[.rn].f64", a - b),
    F64("mul[.rn].f64", a *b),
    F64("div.rn.f64", a / b),
    lift<[](double a, double b, double c) -> double {
      return __builtin_fma(a, b, c);
    }>("fma.rn.f64", OpClass::real),
    F64("min.f64", least(a, b)),
    F64("max.f64", most(a, b)),
    F64_UNARY("abs.f64", doubleOf(bitsOf(a) & ~(uint64_t(1) << 63))),
    F64_UNARY("neg.f64", doubleOf(bitsOf(a) ^ uint64_t(1) << 63)),
    F64_UNARY("sqrt.rn.f64", __builtin_sqrt(a)),
    F64_UNARY("rcp.rn.f64", 1.0 / a),
    F64_UNARY("rsqrt.approx.f64", 1.0 / __builtin_sqrt(a)),
};

} // namespace

RowSpan floatRows() { return rows; }

} // namespace headgate::runtime::sim::HEADGATE_LANES
