// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Turns a function of scalars into an operation on the 32 lanes of a warp, and
// its types into the operands of a row. Every source in this directory is
// compiled for x86-64-v2, v3 and v4, in namespaces of these names, so nothing
// here may have one copy for all: no inline function of other headers that is
// not always inlined, no template of the standard library that is not.

#ifndef HEADGATE_RUNTIME_SIM_LANES_LANES_H
#define HEADGATE_RUNTIME_SIM_LANES_LANES_H

#include "runtime/sim/Faults.h"
#include "runtime/sim/Machine.h"

#include <cstring>
#include <type_traits>
#include <utility>

#define HEADGATE_INLINE inline __attribute__((always_inline))
#define HEADGATE_INLINE_LAMBDA __attribute__((always_inline))

namespace headgate::runtime::sim::HEADGATE_LANES {

template <typename T> HEADGATE_INLINE T *lanesAt(Warp &w, uint32_t at) {
  return reinterpret_cast<T *>(w.registers + at);
}
HEADGATE_INLINE uint32_t &predicateAt(Warp &w, uint32_t at) {
  return *reinterpret_cast<uint32_t *>(w.registers + at);
}

/// to[i] = f(i) for the lanes of `mask`. Sources and result are the same
/// register or do not overlap, so the lanes are independent.
template <typename T, typename F>
HEADGATE_INLINE void forLanes(T *to, uint32_t mask, F f) {
  if (mask == allLanes) {
#pragma omp simd
    for (int i = 0; i < 32; ++i)
      to[i] = f(i);
  } else {
#pragma omp simd
    for (int i = 0; i < 32; ++i) {
      T value = f(i);
      to[i] = (mask >> i & 1) ? value : to[i];
    }
  }
}

/// One bit for each lane where f(i) holds.
template <typename F> HEADGATE_INLINE uint32_t ballot(F f) {
  uint32_t bits = 0;
#pragma omp simd reduction(| : bits)
  for (int i = 0; i < 32; ++i)
    bits |= f(i) ? 1u << i : 0u;
  return bits;
}

HEADGATE_INLINE void assign(uint32_t &predicate, uint32_t mask,
                            uint32_t value) {
  predicate = (predicate & ~mask) | (value & mask);
}

/// 16 bits that are a float, not an integer: f16 or bf16, see Half.h.
template <typename T> constexpr bool isReal = std::is_floating_point_v<T>;
/// A predicate as a source of a scalar function.
struct Truth {
  bool value;
};

template <typename T> constexpr OperandSpec sourceOf() {
  if constexpr (std::is_same_v<T, Truth>)
    return {OperandSpec::Kind::predicate};
  else
    return {isReal<T> ? OperandSpec::Kind::realSource
                      : OperandSpec::Kind::source,
            static_cast<uint8_t>(8 * sizeof(T))};
}
template <typename T> constexpr OperandSpec resultOf() {
  return {OperandSpec::Kind::result,
          static_cast<uint8_t>(std::is_same_v<T, bool> ? 1 : 8 * sizeof(T))};
}

/// Words that an operand of type T takes.
template <typename T>
constexpr uint32_t wordsOf = std::is_same_v<T, Truth> ? 2 : 1;

template <typename T> struct Lane {
  const T *values;
  HEADGATE_INLINE Lane(Warp &w, const Op &op, uint32_t word)
      : values(lanesAt<const T>(w, op.at[word])) {}
  HEADGATE_INLINE T operator[](int i) const { return values[i]; }
};
template <> struct Lane<Truth> {
  uint32_t bits;
  HEADGATE_INLINE Lane(Warp &w, const Op &op, uint32_t word)
      : bits(predicateAt(w, op.at[word]) ^ op.at[word + 1]) {}
  HEADGATE_INLINE Truth operator[](int i) const {
    return {(bits >> i & 1) != 0};
  }
};

/// The word where argument `n` begins, behind one result.
template <typename... A> constexpr uint32_t wordBefore(size_t n) {
  constexpr uint32_t widths[] = {wordsOf<A>..., 0};
  uint32_t word = 1;
  for (size_t i = 0; i < n; ++i)
    word += widths[i];
  return word;
}

template <auto f, typename R, typename... A> struct Lifted {
  template <size_t... I>
  static HEADGATE_INLINE void apply(Warp &w, const Op &op, uint32_t mask,
                                    std::index_sequence<I...>) {
    [&](Lane<A>... sources) HEADGATE_INLINE_LAMBDA {
      if constexpr (std::is_same_v<R, bool>)
        assign(predicateAt(w, op.at[0]), mask,
               ballot([&](int i)
                          HEADGATE_INLINE_LAMBDA { return f(sources[i]...); }));
      else
        forLanes(lanesAt<R>(w, op.at[0]), mask,
                 [&](int i)
                     HEADGATE_INLINE_LAMBDA { return f(sources[i]...); });
    }(Lane<A>(w, op, wordBefore<A...>(I))...);
  }
  static void run(Warp &w, const Op &op, uint32_t mask) {
    apply(w, op, mask, std::index_sequence_for<A...>());
  }
  static constexpr OpRow row(const char *pattern, OpClass kind) {
    return {pattern,
            {resultOf<R>(), sourceOf<A>()...},
            static_cast<uint8_t>(1 + sizeof...(A)),
            kind,
            &run};
  }
};

template <auto f, typename Type> struct LiftedType;
template <auto f, typename C, typename R, typename... A>
struct LiftedType<f, R (C::*)(A...) const> : Lifted<f, R, A...> {};

/// A row that runs the captureless lambda `f` lane by lane.
template <auto f>
constexpr OpRow lift(const char *pattern, OpClass kind = OpClass::integer) {
  return LiftedType<f, decltype(&decltype(f)::operator())>::row(pattern, kind);
}

} // namespace headgate::runtime::sim::HEADGATE_LANES

#endif // HEADGATE_RUNTIME_SIM_LANES_LANES_H
