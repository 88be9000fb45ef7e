// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Extended-precision integers (PTX ISA 9.7.2): add.cc and its like leave a
// carry of each lane in CC.CF, addc and its like take it. Subtraction leaves
// and takes a borrow.

#include "runtime/sim/lanes/Rows.h"

namespace headgate::runtime::sim::HEADGATE_LANES {

namespace {

/// to[i] = a(i) + b(i), with the carry that is there and one that is left.
template <typename T, bool takes, bool leaves, bool subtracts, typename A,
          typename B>
HEADGATE_INLINE void addWithCarry(Warp &w, T *to, uint32_t mask, A a, B b) {
  uint32_t carry = takes ? w.carry : 0;
  T value[32];
  uint32_t over = 0;
  for (int i = 0; i < 32; ++i) {
    T x = a(i), y = b(i), part = subtracts ? T(x - y) : T(x + y);
    T in = carry >> i & 1;
    value[i] = subtracts ? T(part - in) : T(part + in);
    bool first = subtracts ? x < y : part < x;
    bool second = subtracts ? part < in : value[i] < part;
    over |= uint32_t(first || second) << i;
  }
  if (leaves)
    assign(w.carry, mask, over);
  forLanes(to, mask, [&](int i) HEADGATE_INLINE_LAMBDA { return value[i]; });
}

template <typename T, bool takes, bool leaves, bool subtracts>
void add(Warp &w, const Op &op, uint32_t mask) {
  const auto *a = lanesAt<const T>(w, op.at[1]),
             *b = lanesAt<const T>(w, op.at[2]);
  addWithCarry<T, takes, leaves, subtracts>(
      w, lanesAt<T>(w, op.at[0]), mask,
      [&](int i) HEADGATE_INLINE_LAMBDA { return a[i]; },
      [&](int i) HEADGATE_INLINE_LAMBDA { return b[i]; });
}

/// `S` is T, with the sign that the product has.
template <typename T, typename S, bool high, bool takes, bool leaves>
void multiplyAdd(Warp &w, const Op &op, uint32_t mask) {
  using Wide =
      std::conditional_t<std::is_signed_v<S>, __int128, unsigned __int128>;
  const auto *a = lanesAt<const S>(w, op.at[1]),
             *b = lanesAt<const S>(w, op.at[2]);
  const auto *c = lanesAt<const T>(w, op.at[3]);
  addWithCarry<T, takes, leaves, false>(
      w, lanesAt<T>(w, op.at[0]), mask,
      [&](int i) HEADGATE_INLINE_LAMBDA {
        Wide product = Wide(a[i]) * Wide(b[i]);
        return static_cast<T>(high ? product >> (8 * sizeof(T)) : product);
      },
      [&](int i) HEADGATE_INLINE_LAMBDA { return c[i]; });
}

template <typename T>
constexpr OpRow row(const char *pattern, uint8_t sources, Handler run) {
  OpRow row = {
      pattern, {resultOf<T>()}, uint8_t(1 + sources), OpClass::integer, run};
  for (int i = 1; i <= sources; ++i)
    row.operands[i] = sourceOf<T>();
  return row;
}

#define TYPES_32 "{.u32|.s32}"
#define TYPES_64 "{.u64|.s64}"
#define ADD(name, types, T, takes, leaves, subtracts)                          \
  row<T>(name types, 2, &add<T, takes, leaves, subtracts>)
#define ADDS(types, T)                                                         \
  ADD("add.cc", types, T, false, true, false),                                 \
      ADD("addc", types, T, true, false, false),                               \
      ADD("addc.cc", types, T, true, true, false),                             \
      ADD("sub.cc", types, T, false, true, true),                              \
      ADD("subc", types, T, true, false, true),                                \
      ADD("subc.cc", types, T, true, true, true)
#define MADS(half, type, T, S, high)                                           \
  row<T>("mad." half ".cc" type, 3, &multiplyAdd<T, S, high, false, true>),    \
      row<T>("madc." half type, 3, &multiplyAdd<T, S, high, true, false>),     \
      row<T>("madc." half ".cc" type, 3, &multiplyAdd<T, S, high, true, true>)

constexpr OpRow rows[] = {
    ADDS(TYPES_32, uint32_t),
    ADDS(TYPES_64, uint64_t),
    MADS("lo", ".u32", uint32_t, uint32_t, false),
    MADS("lo", ".s32", uint32_t, int32_t, false),
    MADS("hi", ".u32", uint32_t, uint32_t, true),
    MADS("hi", ".s32", uint32_t, int32_t, true),
    MADS("lo", ".u64", uint64_t, uint64_t, false),
    MADS("lo", ".s64", uint64_t, int64_t, false),
    MADS("hi", ".u64", uint64_t, uint64_t, true),
    MADS("hi", ".s64", uint64_t, int64_t, true),
};

} // namespace

RowSpan carryRows() { return rows; }

} // namespace headgate::runtime::sim::HEADGATE_LANES
