// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// f16, bf16 and pairs of them (PTX ISA 9.7.4). One operation in f32, rounded
// again, is right: 24 bits are more than twice 11 and two (Figueroa 1995). The
// fused multiply-add goes through double, rounded to odd on the way.

#include "runtime/sim/lanes/Half.h"

namespace headgate::runtime::sim::HEADGATE_LANES {

namespace {

/// f16 only: bf16 has no .ftz on inputs that matters here (it is not allowed).
template <typename H, bool ftz> HEADGATE_INLINE uint16_t flushed(uint16_t x) {
  return ftz && (x & 0x7c00) == 0 ? x & 0x8000 : x;
}
template <typename H, bool ftz> HEADGATE_INLINE float in(uint16_t x) {
  return H::widen(flushed<H, ftz>(x));
}
template <typename H, bool ftz> HEADGATE_INLINE uint16_t out(float x) {
  return flushed<H, ftz>(H::narrow(x));
}
template <typename H, bool ftz>
HEADGATE_INLINE float fused(uint16_t a, uint16_t b, uint16_t c) {
  double product = double(in<H, ftz>(a)) * double(in<H, ftz>(b));
  return narrowToOdd(addToOdd(product, double(in<H, ftz>(c))));
}
HEADGATE_INLINE float relu(float x) { return x > 0 || x != x ? x : 0.0f; }
HEADGATE_INLINE float identity(float x) { return x; }

template <auto f> HEADGATE_INLINE uint32_t onBoth(uint32_t a, uint32_t b) {
  auto low = f(static_cast<uint16_t>(a), static_cast<uint16_t>(b));
  auto high = f(static_cast<uint16_t>(a >> 16), static_cast<uint16_t>(b >> 16));
  return uint32_t(high) << 16 | low;
}
template <auto f>
HEADGATE_INLINE uint32_t onBoth(uint32_t a, uint32_t b, uint32_t c) {
  auto low = f(static_cast<uint16_t>(a), static_cast<uint16_t>(b),
               static_cast<uint16_t>(c));
  auto high = f(static_cast<uint16_t>(a >> 16), static_cast<uint16_t>(b >> 16),
                static_cast<uint16_t>(c >> 16));
  return uint32_t(high) << 16 | low;
}
template <auto f> HEADGATE_INLINE uint32_t onBoth(uint32_t a) {
  auto low = f(static_cast<uint16_t>(a));
  auto high = f(static_cast<uint16_t>(a >> 16));
  return uint32_t(high) << 16 | low;
}

// Each makes the row of one value and that of a pair.
#define ONE(base, type, f)                                                     \
  lift<[](uint16_t a) -> uint16_t { return f(a); }>(base type, OpClass::real), \
      lift<[](uint32_t a) -> uint32_t {                                        \
        return onBoth<[](uint16_t x) HEADGATE_INLINE_LAMBDA -> uint16_t {      \
          return f(x);                                                         \
        }>(a);                                                                 \
      }>(base type "x2", OpClass::real)
#define TWO(base, type, H, ftz, expression)                                    \
  lift<[](uint16_t p, uint16_t q) -> uint16_t {                                \
    float a = in<H, ftz>(p), b = in<H, ftz>(q);                                \
    return out<H, ftz>(expression);                                            \
  }>(base type, OpClass::real),                                                \
      lift<[](uint32_t x, uint32_t y) -> uint32_t {                            \
        return onBoth<[](uint16_t p, uint16_t q)                               \
                          HEADGATE_INLINE_LAMBDA -> uint16_t {                 \
                            float a = in<H, ftz>(p), b = in<H, ftz>(q);        \
                            return out<H, ftz>(expression);                    \
                          }>(x, y);                                            \
      }>(base type "x2", OpClass::real)
#define FMA(base, type, H, ftz, wrap)                                          \
  lift<[](uint16_t a, uint16_t b, uint16_t c) -> uint16_t {                    \
    return out<H, ftz>(wrap(fused<H, ftz>(a, b, c)));                          \
  }>(base type, OpClass::real),                                                \
      lift<[](uint32_t x, uint32_t y, uint32_t z) -> uint32_t {                \
        return onBoth<[](uint16_t a, uint16_t b, uint16_t c)                   \
                          HEADGATE_INLINE_LAMBDA -> uint16_t {                 \
                            return out<H, ftz>(wrap(fused<H, ftz>(a, b, c)));  \
                          }>(x, y, z);                                         \
      }>(base type "x2", OpClass::real)

#define ABSOLUTE(x) static_cast<uint16_t>((x)&0x7fff)
#define NEGATIVE(x) static_cast<uint16_t>((x) ^ 0x8000)
#define EXP2_F16(x) F16::narrow(exp2Of(F16::widen(x)))
#define EXP2_BF16(x) BF16::narrow(flush(exp2Of(flush(BF16::widen(x)))))
#define TANH(x) static_cast<float>(__builtin_tanh(static_cast<double>(x)))
#define TANH_F16(x) F16::narrow(TANH(F16::widen(x)))
#define TANH_BF16(x) BF16::narrow(TANH(BF16::widen(x)))

constexpr OpRow rows[] = {
    TWO("add[.rn]", ".f16", F16, false, a + b),
    TWO("add[.rn].ftz", ".f16", F16, true, a + b),
    TWO("add[.rn].sat", ".f16", F16, false, saturate(a + b)),
    TWO("sub[.rn]", ".f16", F16, false, a - b),
    TWO("sub[.rn].ftz", ".f16", F16, true, a - b),
    TWO("mul[.rn]", ".f16", F16, false, a *b),
    TWO("mul[.rn].ftz", ".f16", F16, true, a *b),
    TWO("add[.rn]", ".bf16", BF16, false, a + b),
    TWO("sub[.rn]", ".bf16", BF16, false, a - b),
    TWO("mul[.rn]", ".bf16", BF16, false, a *b),
    FMA("fma.rn", ".f16", F16, false, identity),
    FMA("fma.rn.ftz", ".f16", F16, true, identity),
    FMA("fma.rn.sat", ".f16", F16, false, saturate),
    FMA("fma.rn.relu", ".f16", F16, false, relu),
    FMA("fma.rn", ".bf16", BF16, false, identity),
    FMA("fma.rn.relu", ".bf16", BF16, false, relu),
    TWO("min", ".f16", F16, false, least(a, b)),
    TWO("max", ".f16", F16, false, most(a, b)),
    TWO("min.ftz", ".f16", F16, true, least(a, b)),
    TWO("max.ftz", ".f16", F16, true, most(a, b)),
    TWO("min.NaN", ".f16", F16, false, orNaN(least(a, b), a, b)),
    TWO("max.NaN", ".f16", F16, false, orNaN(most(a, b), a, b)),
    TWO("min", ".bf16", BF16, false, least(a, b)),
    TWO("max", ".bf16", BF16, false, most(a, b)),
    TWO("min.NaN", ".bf16", BF16, false, orNaN(least(a, b), a, b)),
    TWO("max.NaN", ".bf16", BF16, false, orNaN(most(a, b), a, b)),
    ONE("abs", ".f16", ABSOLUTE),
    ONE("neg", ".f16", NEGATIVE),
    ONE("abs", ".bf16", ABSOLUTE),
    ONE("neg", ".bf16", NEGATIVE),
    ONE("ex2.approx", ".f16", EXP2_F16),
    ONE("ex2.approx.ftz", ".bf16", EXP2_BF16),
    ONE("tanh.approx", ".f16", TANH_F16),
    ONE("tanh.approx", ".bf16", TANH_BF16),
};

} // namespace

RowSpan halfRows() { return rows; }

} // namespace headgate::runtime::sim::HEADGATE_LANES
