// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mov, its packing forms, and conversions of addresses (PTX ISA 9.7.9).

#include "runtime/sim/lanes/Real.h"

namespace headgate::runtime::sim::HEADGATE_LANES {

namespace {

constexpr OperandSpec vectorOf(OperandSpec::Kind kind, uint8_t bits,
                               uint8_t count) {
  return {kind, bits, count};
}

/// mov.b32 d, {a, b} and its like: low elements first.
template <typename D, typename S, int n>
void pack(Warp &w, const Op &op, uint32_t mask) {
  const S *parts[n];
  for (int k = 0; k < n; ++k)
    parts[k] = lanesAt<const S>(w, op.at[1 + k]);
  forLanes(lanesAt<D>(w, op.at[0]), mask, [&](int i) HEADGATE_INLINE_LAMBDA {
    D value = 0;
    for (int k = 0; k < n; ++k)
      value |= static_cast<D>(D(parts[k][i]) << (8 * sizeof(S) * k));
    return value;
  });
}
template <typename D, typename S, int n>
void unpack(Warp &w, const Op &op, uint32_t mask) {
  const S *whole = lanesAt<const S>(w, op.at[n]);
  for (int k = 0; k < n; ++k)
    forLanes(lanesAt<D>(w, op.at[k]), mask, [&](int i) HEADGATE_INLINE_LAMBDA {
      return static_cast<D>(whole[i] >> (8 * sizeof(D) * k));
    });
}
template <typename D, typename S, int n>
constexpr OpRow packRow(const char *pattern) {
  return {
      pattern,
      {resultOf<D>(), vectorOf(OperandSpec::Kind::source, 8 * sizeof(S), n)},
      2,
      OpClass::move,
      &pack<D, S, n>};
}
template <typename D, typename S, int n>
constexpr OpRow unpackRow(const char *pattern) {
  return {
      pattern,
      {vectorOf(OperandSpec::Kind::result, 8 * sizeof(D), n), sourceOf<S>()},
      2,
      OpClass::move,
      &unpack<D, S, n>};
}

#define MOVE(pattern, T)                                                       \
  lift<[](T a) -> T { return a; }>(pattern, OpClass::move)
/// Adds the window's base, or takes it away.
#define ADDRESS(pattern, expression)                                           \
  lift<[](uint64_t a) -> uint64_t { return (expression); }>(pattern,           \
                                                            OpClass::move)
#define IN_WINDOW(pattern, window)                                             \
  lift<[](uint64_t a) -> bool { return (a & windowMask) == window; }>(         \
      pattern, OpClass::move)

constexpr OpRow rows[] = {
    lift<[](Truth a) -> bool { return a.value; }>("mov.pred", OpClass::move),
    MOVE("mov{.b16|.u16|.s16}", uint16_t),
    MOVE("mov{.b32|.u32|.s32}", uint32_t),
    MOVE("mov.f32", float),
    MOVE("mov{.b64|.u64|.s64}", uint64_t),
    MOVE("mov.f64", double),
    packRow<uint32_t, uint16_t, 2>("mov.b32"),
    packRow<uint64_t, uint32_t, 2>("mov.b64"),
    packRow<uint64_t, uint16_t, 4>("mov.b64"),
    unpackRow<uint16_t, uint32_t, 2>("mov.b32"),
    unpackRow<uint32_t, uint64_t, 2>("mov.b64"),
    unpackRow<uint16_t, uint64_t, 4>("mov.b64"),

    ADDRESS("cvta{.global|.const}.u64", a),
    ADDRESS("cvta.to{.global|.const}.u64", a),
    ADDRESS("cvta{.shared|.shared::cta}.u64", a + sharedWindow),
    ADDRESS("cvta.to{.shared|.shared::cta}.u64", a - sharedWindow),
    ADDRESS("cvta.local.u64", a + localWindow),
    ADDRESS("cvta.to.local.u64", a - localWindow),
    ADDRESS("cvta{.param|.param::entry}.u64", a + paramWindow),
    ADDRESS("cvta.to{.param|.param::entry}.u64", a - paramWindow),
    IN_WINDOW("isspacep{.shared|.shared::cta}", sharedWindow),
    IN_WINDOW("isspacep.local", localWindow),
    IN_WINDOW("isspacep{.param|.param::entry}", paramWindow),
    lift<[](uint64_t a) -> bool { return (a >> 48 == 0); }>("isspacep.global",
                                                            OpClass::move),
};

} // namespace

RowSpan moveRows() { return rows; }

} // namespace headgate::runtime::sim::HEADGATE_LANES
