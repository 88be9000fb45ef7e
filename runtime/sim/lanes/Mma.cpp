// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mma.sync (PTX ISA 9.7.14.5). With g = lane / 4 and t = lane % 4, element i of
// a lane's fragments lies at (ISA figures of each shape):
//
//   16 bits, k16   A (g + 8*(i/2%2), 2t + i%2 + 8*(i/4))   B (2t + i%2 +
//   8*(i/2), g) 16 bits, k8    A (g + 8*(i/2), 2t + i%2)               B (2t +
//   i, g) tf32, k8       A (g + 8*(i%2), t + 4*(i/2))            B (t + 4i, g)
//   8 bits, k32    A (g + 8*(i/4%2), 4t + i%4 + 16*(i/8))  B (4t + i%4 +
//   16*(i/4), g) C, D           (g + 8*(i/2), 2t + i%2)
//
// The 16-bit shapes run on fragments as they are: for each k, A is broadcast in
// its quad, B gathered for the columns 2t and 2t + 1, and four accumulators get
// one fused multiply-add each. Everything else, and mma=exact, goes element by
// element.

#include "runtime/sim/lanes/Half.h"

#if defined(__AVX512F__) || defined(__FMA__)
#include <immintrin.h>
#endif

namespace headgate::runtime::sim::HEADGATE_LANES {

namespace {

using Reals = float __attribute__((vector_size(64)));
using Words = uint32_t __attribute__((vector_size(64)));

HEADGATE_INLINE Reals fused(Reals a, Reals b, Reals c) {
#if defined(__AVX512F__)
  return (Reals)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__FMA__)
  Reals result;
  for (int i = 0; i < 2; ++i) {
    __m256 x, y, z;
    __builtin_memcpy(&x, reinterpret_cast<char *>(&a) + 32 * i, 32);
    __builtin_memcpy(&y, reinterpret_cast<char *>(&b) + 32 * i, 32);
    __builtin_memcpy(&z, reinterpret_cast<char *>(&c) + 32 * i, 32);
    z = _mm256_fmadd_ps(x, y, z);
    __builtin_memcpy(reinterpret_cast<char *>(&result) + 32 * i, &z, 32);
  }
  return result;
#else
  for (int i = 0; i < 16; ++i)
    c[i] = __builtin_fmaf(a[i], b[i], c[i]);
  return c;
#endif
}

/// Low and high halves of 16 words as f32.
template <typename H>
HEADGATE_INLINE void widenPair(Words words, Reals &low, Reals &high);
template <>
HEADGATE_INLINE void widenPair<BF16>(Words words, Reals &low, Reals &high) {
  low = (Reals)(words << 16);
  high = (Reals)(words & 0xffff0000u);
}
template <>
HEADGATE_INLINE void widenPair<F16>(Words words, Reals &low, Reals &high) {
#if defined(__AVX512F__)
  auto bits = (__m512i)words;
  low = (Reals)_mm512_cvtph_ps(_mm512_cvtepi32_epi16(bits));
  high = (Reals)_mm512_cvtph_ps(
      _mm512_cvtepi32_epi16(_mm512_srli_epi32(bits, 16)));
#else
  for (int i = 0; i < 16; ++i) {
    low[i] = widenF16(static_cast<uint16_t>(words[i]));
    high[i] = widenF16(static_cast<uint16_t>(words[i] >> 16));
  }
#endif
}

template <int t> HEADGATE_INLINE Reals quadBroadcast(Reals a) {
  return __builtin_shufflevector(a, a, t, t, t, t, 4 + t, 4 + t, 4 + t, 4 + t,
                                 8 + t, 8 + t, 8 + t, 8 + t, 12 + t, 12 + t,
                                 12 + t, 12 + t);
}
/// For lane 4q + t of each quad: element 8t + first of the 32.
template <int first> HEADGATE_INLINE Reals gatherColumns(Reals a, Reals b) {
  return __builtin_shufflevector(a, b, first, 8 + first, 16 + first, 24 + first,
                                 first, 8 + first, 16 + first, 24 + first,
                                 first, 8 + first, 16 + first, 24 + first,
                                 first, 8 + first, 16 + first, 24 + first);
}

struct Accumulators {
  Reals at[2][2][2]; ///< row half, column parity, half of the warp
};

/// One pair of k: 8*block + 2*t, then the odd one.
template <int t>
HEADGATE_INLINE void stepPair(Accumulators &sum, const Reals (*a)[2][2],
                              const Reals (*b)[2]) {
  // a[row half][parity][half of the warp], b[parity][half of the warp]
  for (int parity = 0; parity < 2; ++parity) {
    Reals even = gatherColumns<t>(b[parity][0], b[parity][1]);
    Reals odd = gatherColumns<4 + t>(b[parity][0], b[parity][1]);
    for (int rows = 0; rows < 2; ++rows)
      for (int h = 0; h < 2; ++h) {
        Reals value = quadBroadcast<t>(a[rows][parity][h]);
        sum.at[rows][0][h] = fused(value, even, sum.at[rows][0][h]);
        sum.at[rows][1][h] = fused(value, odd, sum.at[rows][1][h]);
      }
  }
}

template <typename H, int k>
HEADGATE_INLINE void multiply(Warp &w, const Op &op, uint32_t first,
                              Accumulators &sum) {
  constexpr int blocks = k / 8;
  for (int block = 0; block < blocks; ++block) {
    Reals a[2][2][2], b[2][2];
    for (int rows = 0; rows < 2; ++rows) {
      const auto *words =
          lanesAt<const Words>(w, op.at[first + 2 * block + rows]);
      for (int h = 0; h < 2; ++h)
        widenPair<H>(words[h], a[rows][0][h], a[rows][1][h]);
    }
    const auto *words =
        lanesAt<const Words>(w, op.at[first + 2 * blocks + block]);
    for (int h = 0; h < 2; ++h)
      widenPair<H>(words[h], b[0][h], b[1][h]);
    stepPair<0>(sum, a, b);
    stepPair<1>(sum, a, b);
    stepPair<2>(sum, a, b);
    stepPair<3>(sum, a, b);
  }
}

HEADGATE_INLINE Reals canonicalAll(Reals x) {
  Reals nan = Reals{} + floatOf(nan32);
  return x == x ? x : nan;
}

void multiplySlowly(Warp &w, const Op &op, uint32_t mask, int kind);

/// f32 accumulators: words are d0..d3, A, B, c0..c3.
template <typename H, int k> void mmaF32(Warp &w, const Op &op, uint32_t mask) {
  if (mask != allLanes) [[unlikely]]
    reportDivergence(w, op, mask);
  if (w.block->exactMma) [[unlikely]]
    return multiplySlowly(w, op, mask, std::is_same_v<H, F16> ? k : k + 1);
  constexpr uint32_t first = 4, c = first + 3 * k / 8;
  Accumulators sum;
  for (int i = 0; i < 4; ++i)
    for (int h = 0; h < 2; ++h)
      sum.at[i / 2][i % 2][h] = lanesAt<const Reals>(w, op.at[c + i])[h];
  multiply<H, k>(w, op, first, sum);
  for (int i = 0; i < 4; ++i) {
    auto *to = lanesAt<Reals>(w, op.at[i]);
    for (int h = 0; h < 2; ++h) {
      Reals value = canonicalAll(sum.at[i / 2][i % 2][h]);
      if (mask == allLanes) [[likely]] {
        to[h] = value;
        continue;
      }
      for (int lane = 0; lane < 16; ++lane)
        if (mask >> (16 * h + lane) & 1)
          to[h][lane] = value[lane];
    }
  }
}

/// f16 accumulators: words are d0, d1, A, B, c0, c1. Summed in f32, rounded
/// once.
template <int k> void mmaF16(Warp &w, const Op &op, uint32_t mask) {
  if (mask != allLanes) [[unlikely]]
    reportDivergence(w, op, mask);
  constexpr uint32_t first = 2, c = first + 3 * k / 8;
  Accumulators sum;
  for (int rows = 0; rows < 2; ++rows)
    for (int h = 0; h < 2; ++h)
      widenPair<F16>(lanesAt<const Words>(w, op.at[c + rows])[h],
                     sum.at[rows][0][h], sum.at[rows][1][h]);
  multiply<F16, k>(w, op, first, sum);
  for (int rows = 0; rows < 2; ++rows) {
    const auto *low = reinterpret_cast<const float *>(sum.at[rows][0]);
    const auto *high = reinterpret_cast<const float *>(sum.at[rows][1]);
    forLanes(lanesAt<uint32_t>(w, op.at[rows]), mask,
             [&](int i) HEADGATE_INLINE_LAMBDA -> uint32_t {
               return uint32_t(narrowF16<>(high[i])) << 16 |
                      narrowF16<>(low[i]);
             });
  }
}

// ---- element by element

enum class Element { f16, bf16, tf32, s8, u8 };
struct Shape {
  int k, aRegisters, bRegisters;
  Element element;
};
/// By number: 16 and 8 (f16), 17 and 9 (bf16), 4 and 5 (tf32 k4 and k8), 32 and
/// 33 (s8 and u8, k32), 18 and 19 (s8 and u8, k16).
HEADGATE_INLINE Shape shapeOf(int kind) {
  switch (kind) {
  case 16:
    return {16, 4, 2, Element::f16};
  case 17:
    return {16, 4, 2, Element::bf16};
  case 8:
    return {8, 2, 1, Element::f16};
  case 9:
    return {8, 2, 1, Element::bf16};
  case 4:
    return {4, 2, 1, Element::tf32};
  case 5:
    return {8, 4, 2, Element::tf32};
  case 32:
    return {32, 4, 2, Element::s8};
  case 33:
    return {32, 4, 2, Element::u8};
  case 18:
    return {16, 2, 1, Element::s8};
  default:
    return {16, 2, 1, Element::u8};
  }
}
HEADGATE_INLINE double elementOf(uint32_t word, int part, Element element) {
  switch (element) {
  case Element::f16:
    return widenF16(static_cast<uint16_t>(word >> 16 * part));
  case Element::bf16:
    return widenBF16(static_cast<uint16_t>(word >> 16 * part));
  case Element::tf32: // the low 13 bits are ignored
    return floatOf(word & 0xffffe000u);
  case Element::s8:
    return static_cast<int8_t>(word >> 8 * part);
  case Element::u8:
    return static_cast<uint8_t>(word >> 8 * part);
  }
  return 0;
}

/// Fills a[16][k] and b[k][8]; one register holds `parts` elements.
inline void readOperands(Warp &w, const Op &op, uint32_t first, Shape shape,
                         double (*a)[32], double (*b)[8]) {
  int parts = shape.element == Element::tf32 ? 1
              : shape.element == Element::f16 || shape.element == Element::bf16
                  ? 2
                  : 4;
  for (int lane = 0; lane < 32; ++lane) {
    int g = lane / 4, t = lane % 4;
    for (int r = 0; r < shape.aRegisters; ++r)
      for (int p = 0; p < parts; ++p)
        a[g + 8 * (r % 2)][parts * t + p + 4 * parts * (r / 2)] =
            elementOf(lanesAt<const uint32_t>(w, op.at[first + r])[lane], p,
                      shape.element);
    for (int r = 0; r < shape.bRegisters; ++r)
      for (int p = 0; p < parts; ++p)
        b[parts * t + p + 4 * parts * r][g] =
            elementOf(lanesAt<const uint32_t>(
                          w, op.at[first + shape.aRegisters + r])[lane],
                      p, shape.element);
  }
}

void multiplySlowly(Warp &w, const Op &op, uint32_t mask, int kind) {
  if (mask != allLanes) [[unlikely]]
    reportDivergence(w, op, mask);
  Shape shape = shapeOf(kind);
  double a[16][32], b[32][8];
  readOperands(w, op, 4, shape, a, b);
  uint32_t c = 4 + shape.aRegisters + shape.bRegisters;
  bool integer = shape.element == Element::s8 || shape.element == Element::u8;
  for (int i = 0; i < 4; ++i) {
    uint32_t result[32];
    for (int lane = 0; lane < 32; ++lane) {
      int row = lane / 4 + 8 * (i / 2), column = 2 * (lane % 4) + i % 2;
      uint32_t start = lanesAt<const uint32_t>(w, op.at[c + i])[lane];
      if (integer) {
        int64_t sum = static_cast<int32_t>(start);
        for (int k = 0; k < shape.k; ++k)
          sum += static_cast<int64_t>(a[row][k] * b[k][column]);
        result[lane] = static_cast<uint32_t>(sum);
      } else if (w.block->exactMma) {
        double sum = floatOf(start);
        for (int k = 0; k < shape.k; ++k)
          sum += a[row][k] * b[k][column];
        result[lane] = bitsOf(canonical(static_cast<float>(sum)));
      } else {
        float sum = floatOf(start);
        for (int k = 0; k < shape.k; ++k)
          sum = __builtin_fmaf(static_cast<float>(a[row][k]),
                               static_cast<float>(b[k][column]), sum);
        result[lane] = bitsOf(canonical(sum));
      }
    }
    forLanes(lanesAt<uint32_t>(w, op.at[i]), mask,
             [&](int lane) HEADGATE_INLINE_LAMBDA { return result[lane]; });
  }
}
template <int kind> void mmaSlow(Warp &w, const Op &op, uint32_t mask) {
  multiplySlowly(w, op, mask, kind);
}

using Kind = OperandSpec::Kind;
constexpr OpRow row(const char *pattern, uint8_t d, uint8_t a, uint8_t b,
                    Handler run) {
  return {pattern,
          {{Kind::result, 32, d},
           {Kind::source, 32, a},
           {Kind::source, 32, b},
           {Kind::realSource, 32, d}},
          4,
          OpClass::matrix,
          run};
}
#define MMA(shape) "mma.sync.aligned." shape ".row.col"

constexpr OpRow rows[] = {
    row(MMA("m16n8k16") ".f32.bf16.bf16.f32", 4, 4, 2, &mmaF32<BF16, 16>),
    row(MMA("m16n8k8") ".f32.bf16.bf16.f32", 4, 2, 1, &mmaF32<BF16, 8>),
    row(MMA("m16n8k16") ".f32.f16.f16.f32", 4, 4, 2, &mmaF32<F16, 16>),
    row(MMA("m16n8k8") ".f32.f16.f16.f32", 4, 2, 1, &mmaF32<F16, 8>),
    row(MMA("m16n8k16") ".f16.f16.f16.f16", 2, 4, 2, &mmaF16<16>),
    row(MMA("m16n8k8") ".f16.f16.f16.f16", 2, 2, 1, &mmaF16<8>),
    row(MMA("m16n8k8") ".f32.tf32.tf32.f32", 4, 4, 2, &mmaSlow<5>),
    row(MMA("m16n8k4") ".f32.tf32.tf32.f32", 4, 2, 1, &mmaSlow<4>),
    row(MMA("m16n8k32") ".s32.s8.s8.s32", 4, 4, 2, &mmaSlow<32>),
    row(MMA("m16n8k32") ".s32.u8.u8.s32", 4, 4, 2, &mmaSlow<33>),
    row(MMA("m16n8k16") ".s32.s8.s8.s32", 4, 2, 1, &mmaSlow<18>),
    row(MMA("m16n8k16") ".s32.u8.u8.s32", 4, 2, 1, &mmaSlow<19>),
};

} // namespace

RowSpan mmaRows() { return rows; }

} // namespace headgate::runtime::sim::HEADGATE_LANES
