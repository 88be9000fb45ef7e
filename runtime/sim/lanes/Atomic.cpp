// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// atom and red (PTX ISA 9.7.13.5): lane by lane, lowest first. Global memory is
// shared with the host threads that run other blocks, so the host's own
// compare-and-swap does the work everywhere.

#include "runtime/sim/lanes/Access.h"
#include "runtime/sim/lanes/Half.h"

namespace headgate::runtime::sim::HEADGATE_LANES {

namespace {

/// `update` gives the new value from the old one and the operands.
template <typename T, auto update, bool returns, int sources>
void atomic(Warp &w, const Op &op, uint32_t mask) {
  constexpr uint32_t first = returns ? 1 : 0;
  uint64_t address[32];
  readAddresses(w, op, first, op.wideAddresses & 1, address);
  synchronise(w, op, mask, first, true);
  uint32_t valid = enter(w, op, mask, sizeof(T), Access::atomic, address);
  const T *b = lanesAt<const T>(w, op.at[first + 2]);
  const T *c = lanesAt<const T>(w, op.at[first + 1 + sources]);
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    int lane = __builtin_ctz(rest);
    T old = 0;
    if (valid >> lane & 1) {
      auto *place = reinterpret_cast<T *>(address[lane]);
      T x = b[lane], y = c[lane];
      old = __atomic_load_n(place, __ATOMIC_RELAXED);
      while (!__atomic_compare_exchange_n(place, &old, update(old, x, y), false,
                                          __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
        ;
    }
    if constexpr (returns)
      lanesAt<T>(w, op.at[0])[lane] = old;
  }
}

using Kind = OperandSpec::Kind;
constexpr OperandSpec address = {Kind::address, 64},
                      policy = {Kind::policy, 64, 1, true};

template <typename T, auto update, int sources, bool real>
constexpr OpRow atomRow(const char *pattern) {
  constexpr OperandSpec source = {real ? Kind::realSource : Kind::source,
                                  8 * sizeof(T)};
  if constexpr (sources == 2)
    return {pattern,
            {resultOf<T>(), address, source, source, policy},
            5,
            OpClass::global,
            &atomic<T, update, true, 2>};
  else
    return {pattern,
            {resultOf<T>(), address, source, policy},
            4,
            OpClass::global,
            &atomic<T, update, true, 1>};
}
template <typename T, auto update, bool real>
constexpr OpRow redRow(const char *pattern) {
  constexpr OperandSpec source = {real ? Kind::realSource : Kind::source,
                                  8 * sizeof(T)};
  return {pattern,
          {address, source, policy},
          3,
          OpClass::global,
          &atomic<T, update, false, 1>};
}

HEADGATE_INLINE uint32_t addFloat(uint32_t a, uint32_t b) {
  return bitsOf(canonical(floatOf(a) + floatOf(b)));
}
template <typename H> HEADGATE_INLINE uint16_t addHalf(uint16_t a, uint16_t b) {
  return H::narrow(H::widen(a) + H::widen(b));
}
template <typename H>
HEADGATE_INLINE uint32_t addHalves(uint32_t a, uint32_t b) {
  auto low = addHalf<H>(static_cast<uint16_t>(a), static_cast<uint16_t>(b));
  auto high = addHalf<H>(static_cast<uint16_t>(a >> 16),
                         static_cast<uint16_t>(b >> 16));
  return uint32_t(high) << 16 | low;
}

#define PREFIX                                                                 \
  "[.relaxed|.acquire|.release|.acq_rel][.cta|.cluster|.gpu|.sys]"             \
  "[.global|.shared|.shared::cta]"
#define BOTH(form, T, real, expression)                                        \
  atomRow<                                                                     \
      T, [](T a, T b, T) HEADGATE_INLINE_LAMBDA -> T { return (expression); }, \
      1, real>("atom" PREFIX form),                                            \
      redRow<T,                                                                \
             [](T a, T b, T)                                                   \
                 HEADGATE_INLINE_LAMBDA -> T { return (expression); },         \
             real>("red" PREFIX form)
#define ONLY_ATOM(form, T, sources, expression)                                \
  atomRow<T,                                                                   \
          [](T a, T b, T c) HEADGATE_INLINE_LAMBDA -> T {                      \
            (void)a, (void)b, (void)c;                                         \
            return (expression);                                               \
          },                                                                   \
          sources, false>("atom" PREFIX form)
#define H "[.L2::cache_hint]"

constexpr OpRow rows[] = {
    BOTH(".add" H "{.u32|.s32}", uint32_t, false, a + b),
    BOTH(".add" H ".u64", uint64_t, false, a + b),
    BOTH(".add" H ".f32", uint32_t, true, addFloat(a, b)),
    BOTH(".add" H ".f64", uint64_t, true, bitsOf(doubleOf(a) + doubleOf(b))),
    BOTH(".add.noftz" H ".f16", uint16_t, false, addHalf<F16>(a, b)),
    BOTH(".add.noftz" H ".f16x2", uint32_t, false, addHalves<F16>(a, b)),
    BOTH(".add.noftz" H ".bf16", uint16_t, false, addHalf<BF16>(a, b)),
    BOTH(".add.noftz" H ".bf16x2", uint32_t, false, addHalves<BF16>(a, b)),
    BOTH(".min" H ".u32", uint32_t, false, a < b ? a : b),
    BOTH(".max" H ".u32", uint32_t, false, a < b ? b : a),
    BOTH(".min" H ".u64", uint64_t, false, a < b ? a : b),
    BOTH(".max" H ".u64", uint64_t, false, a < b ? b : a),
    BOTH(".min" H ".s32", int32_t, false, a < b ? a : b),
    BOTH(".max" H ".s32", int32_t, false, a < b ? b : a),
    BOTH(".min" H ".s64", int64_t, false, a < b ? a : b),
    BOTH(".max" H ".s64", int64_t, false, a < b ? b : a),
    BOTH(".inc" H ".u32", uint32_t, false, a >= b ? 0 : a + 1),
    BOTH(".dec" H ".u32", uint32_t, false, a == 0 || a > b ? b : a - 1),
    BOTH(".and" H ".b32", uint32_t, false, a &b),
    BOTH(".or" H ".b32", uint32_t, false, a | b),
    BOTH(".xor" H ".b32", uint32_t, false, a ^ b),
    BOTH(".and" H ".b64", uint64_t, false, a &b),
    BOTH(".or" H ".b64", uint64_t, false, a | b),
    BOTH(".xor" H ".b64", uint64_t, false, a ^ b),
    ONLY_ATOM(".exch" H ".b32", uint32_t, 1, b),
    ONLY_ATOM(".exch" H ".b64", uint64_t, 1, b),
    ONLY_ATOM(".cas" H ".b16", uint16_t, 2, a == b ? c : a),
    ONLY_ATOM(".cas" H ".b32", uint32_t, 2, a == b ? c : a),
    ONLY_ATOM(".cas" H ".b64", uint64_t, 2, a == b ? c : a),
};

} // namespace

RowSpan atomicRows() { return rows; }

} // namespace headgate::runtime::sim::HEADGATE_LANES
