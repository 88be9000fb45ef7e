// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One block of rows against the keys of one head, and the panels that it reads.
// Needs AVX-512 and, for bf16, AVX512-BF16.

#ifndef HEADGATE_BENCHMARKS_HOST_KERNELS_KERNEL_H
#define HEADGATE_BENCHMARKS_HOST_KERNELS_KERNEL_H

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <immintrin.h>
#include <initializer_list>

namespace headgate::handwritten {

constexpr int blockRows = 12, tileKeys = 256;
constexpr float lowest = -1e30f;

/// 2^x for x <= 0, by adding the exponent.
inline __m512 exp2Of(__m512 x) {
  x = _mm512_max_ps(x, _mm512_set1_ps(-126.f));
  const __m512 magic = _mm512_set1_ps(12582912.f);
  __m512 z = _mm512_add_ps(x, magic);
  __m512 f = _mm512_sub_ps(x, _mm512_sub_ps(z, magic));
  __m512 p = _mm512_set1_ps(1.33952e-3f);
  for (float c :
       {9.6181291e-3f, 5.5503324e-2f, 2.4022651e-1f, 6.9314718e-1f, 1.f})
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(c));
  return _mm512_castsi512_ps(_mm512_add_epi32(
      _mm512_castps_si512(p), _mm512_slli_epi32(_mm512_castps_si512(z), 23)));
}

/// f32: one term at a time.
struct F32 {
  using Element = float;
  static constexpr int terms = 1; ///< terms of one multiplication
  using Unit = float;             ///< that many terms of one row
  static __m512 spread(const Unit *unit) { return _mm512_set1_ps(*unit); }
  static __m512 multiplyAdd(__m512 sum, __m512 a, const Unit *b) {
    return _mm512_fmadd_ps(a, _mm512_load_ps(b), sum);
  }
  static void storePair(Element *to, __m512 a, __m512 b) {
    _mm512_store_ps(to, a);
    _mm512_store_ps(to + 16, b);
  }
  static __m512 load(const Element *from) { return _mm512_loadu_ps(from); }
  static void store(Element *to, __m512 x) { _mm512_storeu_ps(to, x); }
};

/// bf16: pairs of terms.
struct Bf16 {
  using Element = uint16_t;
  static constexpr int terms = 2;
  using Unit = uint32_t;
  static __m512i spread(const Unit *unit) { return _mm512_set1_epi32(*unit); }
  static __m512 multiplyAdd(__m512 sum, __m512i a, const Unit *b) {
    return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)_mm512_load_si512(b));
  }
  static void storePair(Element *to, __m512 a, __m512 b) {
    _mm512_store_si512(to, (__m512i)_mm512_cvtne2ps_pbh(b, a));
  }
  static __m512 load(const Element *from) {
    __m256i words = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(from));
    return _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_cvtepu16_epi32(words), 16));
  }
  static void store(Element *to, __m512 x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(to),
                        (__m256i)_mm512_cvtneps_pbh(x));
  }
};

/// Query rows, one below the other, and results at a distance. Where there are
/// several experts, `chosen` says of which a row is; they are `expert` apart.
template <typename Element> struct Rows {
  const Element *q;
  Element *o;
  int64_t oStride;
  const int32_t *chosen = nullptr;
  int64_t chosenStride = 0, expert = 0;

  const Element *query(int64_t i, int64_t D) const {
    return q + i * D + (chosen ? chosen[i * chosenStride] * expert : 0);
  }
};

/// The keys of one head as [S / 32][D / terms][32][terms], its values as
/// [D / 32][S / terms][32][terms]; zeros after the last row.
template <typename T, int D> struct Panels {
  using Element = typename T::Element;
  static constexpr int terms = T::terms;

  static int64_t elements(int64_t S) { return 2 * (S + 31) / 32 * 32 * D + 64; }

  void place(int64_t count, Element *storage) {
    S = count;
    padded = (S + 31) / 32 * 32;
    keys = storage;
    values = storage + padded * D;
  }

  /// Rows [first, last); first is a multiple of 32, and so is last or it is S.
  void pack(const Element *k, const Element *v, int64_t first, int64_t last) {
    if (last % 32)
      clear(last / 32 * 32);
    for (int64_t t0 = first; t0 < last; t0 += 32)
      for (int64_t d = 0; d < D; d += terms)
        for (int64_t t = t0; t < t0 + 32 && t < last; ++t)
          std::memcpy(keys + t0 * D + d * 32 + (t - t0) * terms, k + t * D + d,
                      terms * sizeof(Element));
    for (int64_t t = first; t < last; ++t)
      for (int64_t d0 = 0; d0 < D; d0 += 32) {
        Element *to = values + d0 * padded + t / terms * terms * 32 + t % terms;
        for (int64_t d = 0; d < 32; ++d)
          to[d * terms] = v[t * D + d0 + d];
      }
  }

  int64_t S = 0, padded = 0;
  Element *keys = nullptr, *values = nullptr;

private:
  void clear(int64_t first) {
    std::memset(keys + first * D, 0, 32 * D * sizeof(Element));
    for (int64_t d = 0; d < D; d += 32)
      std::memset(values + d * padded + first * 32, 0,
                  32 * 32 * sizeof(Element));
  }
};

/// sums[12][32] += a[12][terms] * b[terms][32], in units.
template <typename T>
inline void multiply(__m512 (&sums)[blockRows][2], const typename T::Unit *a,
                     int64_t aStride, const typename T::Unit *b, int64_t n) {
  for (int64_t k = 0; k < n; ++k) {
    const auto *b0 = b + k * 32, *b1 = b0 + 16;
#pragma GCC unroll 16
    for (int i = 0; i < blockRows; ++i) {
      auto left = T::spread(a + i * aStride + k);
      sums[i][0] = T::multiplyAdd(sums[i][0], left, b0);
      sums[i][1] = T::multiplyAdd(sums[i][1], left, b1);
    }
  }
}

template <typename T, int D> class Kernel {
public:
  using Element = typename T::Element;
  using Unit = typename T::Unit;
  static constexpr int terms = T::terms;

  /// Rows [first, first + 12) as far as there are.
  void run(const Panels<T, D> &panels, const Rows<Element> &rows,
           int64_t first) {
    int64_t live = panels.S - first < blockRows ? panels.S - first : blockRows;
    for (int64_t i = 0; i < blockRows; ++i)
      if (i < live)
        std::memcpy(query[i], rows.query(first + i, D), sizeof(query[i]));
      else
        std::memset(query[i], 0, sizeof(query[i]));
    std::memset(out, 0, sizeof(out));
    for (int i = 0; i < blockRows; ++i) {
      max[i] = lowest;
      sum[i] = 0;
    }
    int64_t end = first + live;
    for (int64_t k0 = 0; k0 < end; k0 += tileKeys) {
      int64_t n = end - k0 < tileKeys ? end - k0 : tileKeys;
      int64_t whole = (n + 31) / 32 * 32;
      for (int64_t j = 0; j < whole; j += 32)
        score(units(panels.keys + (k0 + j) * D), j);
      softmax(whole, first - k0, k0 + n > first);
      for (int64_t d = 0; d < D; d += 32)
        accumulate(d, units(panels.values + d * panels.padded + k0 * 32), n);
    }
    for (int64_t i = 0; i < live; ++i) {
      __m512 inverse = _mm512_set1_ps(1.f / sum[i]);
      for (int64_t d = 0; d < D; d += 16)
        T::store(rows.o + (first + i) * rows.oStride + d,
                 _mm512_mul_ps(inverse, _mm512_load_ps(out[i] + d)));
    }
  }

private:
  static const Unit *units(const void *elements) {
    return static_cast<const Unit *>(elements);
  }

  void score(const Unit *panel, int64_t at) {
    __m512 sums[blockRows][2];
#pragma GCC unroll 16
    for (int i = 0; i < blockRows; ++i)
      sums[i][0] = sums[i][1] = _mm512_setzero_ps();
    multiply<T>(sums, units(query), D / terms, panel, D / terms);
#pragma GCC unroll 16
    for (int i = 0; i < blockRows; ++i) {
      _mm512_store_ps(scores[i] + at, sums[i][0]);
      _mm512_store_ps(scores[i] + at + 16, sums[i][1]);
    }
  }

  /// Row by row: hides keys after row `diagonal + i`, gives probabilities,
  /// updates maximum and sum, and says by how much older ones shrink.
  void softmax(int64_t n, int64_t diagonal, bool isMasked) {
    const float scale = 1.44269504f / std::sqrt(float(D));
    const __m512 factor = _mm512_set1_ps(scale);
    for (int i = 0; i < blockRows; ++i) {
      float *row = scores[i];
      if (isMasked)
        hideAfter(row, n, diagonal + i);
      __m512 max0 = _mm512_set1_ps(lowest), max1 = max0;
      for (int64_t j = 0; j < n; j += 32) {
        max0 = _mm512_max_ps(max0, _mm512_load_ps(row + j));
        max1 = _mm512_max_ps(max1, _mm512_load_ps(row + j + 16));
      }
      float next = scale * _mm512_reduce_max_ps(_mm512_max_ps(max0, max1));
      next = next > max[i] ? next : max[i];
      old[i] = exp2f(max[i] - next);
      max[i] = next;
      const __m512 shift = _mm512_set1_ps(next);
      __m512 sum0 = _mm512_setzero_ps(), sum1 = sum0;
      for (int64_t j = 0; j < n; j += 32) {
        __m512 a =
            exp2Of(_mm512_fmsub_ps(_mm512_load_ps(row + j), factor, shift));
        __m512 b = exp2Of(
            _mm512_fmsub_ps(_mm512_load_ps(row + j + 16), factor, shift));
        T::storePair(probabilities()[i] + j, a, b);
        sum0 = _mm512_add_ps(sum0, a);
        sum1 = _mm512_add_ps(sum1, b);
      }
      sum[i] =
          sum[i] * old[i] + _mm512_reduce_add_ps(_mm512_add_ps(sum0, sum1));
    }
  }

  static void hideAfter(float *row, int64_t n, int64_t last) {
    const __m512i lanes =
        _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for (int64_t j = last < 0 ? 0 : last / 16; j < n / 16; ++j) {
      __m512i at = _mm512_add_epi32(lanes, _mm512_set1_epi32(int(j * 16)));
      __mmask16 hidden =
          _mm512_cmpgt_epi32_mask(at, _mm512_set1_epi32(int(last)));
      _mm512_mask_store_ps(row + j * 16, hidden, _mm512_set1_ps(lowest));
    }
  }

  void accumulate(int64_t d, const Unit *panel, int64_t n) {
    __m512 sums[blockRows][2];
#pragma GCC unroll 16
    for (int i = 0; i < blockRows; ++i) {
      __m512 factor = _mm512_set1_ps(old[i]);
      sums[i][0] = _mm512_mul_ps(factor, _mm512_load_ps(out[i] + d));
      sums[i][1] = _mm512_mul_ps(factor, _mm512_load_ps(out[i] + d + 16));
    }
    multiply<T>(sums, units(probabilities()), tileKeys / terms, panel,
                (n + terms - 1) / terms);
#pragma GCC unroll 16
    for (int i = 0; i < blockRows; ++i) {
      _mm512_store_ps(out[i] + d, sums[i][0]);
      _mm512_store_ps(out[i] + d + 16, sums[i][1]);
    }
  }

  /// f32 probabilities overwrite their scores, to stay in the first cache.
  Element (*probabilities())[tileKeys] {
    if constexpr (terms == 1)
      return scores;
    else
      return narrow;
  }

  alignas(64) float scores[blockRows][tileKeys];
  alignas(64) Element narrow[terms == 1 ? 1 : blockRows][tileKeys];
  alignas(64) Element query[blockRows][D];
  alignas(64) float out[blockRows][D];
  float max[blockRows], sum[blockRows], old[blockRows];
};

/// The better of 2 experts in each of 8 groups, and their softmax weights,
/// divided by the sum over all groups. Ties go to the first.
inline void route(const float *logits, int32_t *chosen, float *weights) {
  __m512 pairs = _mm512_loadu_ps(logits);
  const __m512i even =
      _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 0, 0, 0, 0, 0, 0, 0, 0);
  __m512 a = _mm512_permutexvar_ps(even, pairs);
  __m512 b = _mm512_permutexvar_ps(_mm512_add_epi32(even, _mm512_set1_epi32(1)),
                                   pairs);
  __mmask16 second = _mm512_cmp_ps_mask(b, a, _CMP_GT_OQ);
  __m512 less = _mm512_sub_ps(_mm512_min_ps(a, b), _mm512_max_ps(a, b));
  __m512 one = _mm512_set1_ps(1);
  __m512 weight = _mm512_div_ps(
      one, _mm512_add_ps(
               one, exp2Of(_mm512_mul_ps(less, _mm512_set1_ps(1.44269504f)))));
  float sum = _mm512_mask_reduce_add_ps(0xff, weight);
  weight = _mm512_div_ps(weight, _mm512_set1_ps(sum));
  _mm256_storeu_ps(weights, _mm512_castps512_ps256(weight));
  _mm256_storeu_si256(
      reinterpret_cast<__m256i *>(chosen),
      _mm512_castsi512_si256(_mm512_maskz_set1_epi32(second, 1)));
}

/// The mean of N rows that are `apart`.
template <typename T, int N, int D>
void meanOfHeads(const typename T::Element *heads, int64_t apart,
                 typename T::Element *mean) {
  for (int64_t d = 0; d < D; d += 16) {
    __m512 sum = T::load(heads + d);
    for (int64_t n = 1; n < N; ++n)
      sum = _mm512_add_ps(sum, T::load(heads + n * apart + d));
    T::store(mean + d, _mm512_mul_ps(sum, _mm512_set1_ps(1.f / N)));
  }
}

template <typename T, int N, int D>
void weightedSum(const typename T::Element *heads, const float *weights,
                 typename T::Element *result) {
  for (int64_t d = 0; d < D; d += 16) {
    __m512 sum = _mm512_setzero_ps();
    for (int64_t n = 0; n < N; ++n)
      sum = _mm512_fmadd_ps(_mm512_set1_ps(weights[n]),
                            T::load(heads + n * D + d), sum);
    T::store(result + d, sum);
  }
}

} // namespace headgate::handwritten

#endif // HEADGATE_BENCHMARKS_HOST_KERNELS_KERNEL_H
