// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Comparisons and selections (PTX ISA 9.7.6).

#include "runtime/sim/lanes/Half.h"

namespace headgate::runtime::sim::HEADGATE_LANES {

namespace {

/// setp with its optional second result and predicate: p = (a cmp b) op c,
/// q = !(a cmp b) op c.
template <typename T, auto compare>
void setPredicate(Warp &w, const Op &op, uint32_t mask) {
  const T *a = lanesAt<const T>(w, op.at[2]),
          *b = lanesAt<const T>(w, op.at[3]);
  uint32_t found =
      ballot([&](int i) HEADGATE_INLINE_LAMBDA { return compare(a[i], b[i]); });
  uint32_t inverse = ~found;
  if (op.combine) {
    uint32_t with = predicateAt(w, op.at[4]) ^ op.at[5];
    found = op.combine == 1   ? found & with
            : op.combine == 2 ? found | with
                              : found ^ with;
    inverse = op.combine == 1   ? inverse & with
              : op.combine == 2 ? inverse | with
                                : inverse ^ with;
  }
  assign(predicateAt(w, op.at[0]), mask, found);
  assign(predicateAt(w, op.at[1]), mask, inverse);
}

/// setp of 16-bit floats has one result.
template <auto compare> void setOne(Warp &w, const Op &op, uint32_t mask) {
  const auto *a = lanesAt<const uint16_t>(w, op.at[1]),
             *b = lanesAt<const uint16_t>(w, op.at[2]);
  uint32_t found =
      ballot([&](int i) HEADGATE_INLINE_LAMBDA { return compare(a[i], b[i]); });
  uint32_t with = predicateAt(w, op.at[3]) ^ op.at[4];
  found = op.combine == 0   ? found
          : op.combine == 1 ? found & with
          : op.combine == 2 ? found | with
                            : found ^ with;
  assign(predicateAt(w, op.at[0]), mask, found);
}

/// set: all ones or 1.0f instead of a predicate.
template <typename D, typename T, auto compare>
void setValue(Warp &w, const Op &op, uint32_t mask) {
  const T *a = lanesAt<const T>(w, op.at[1]),
          *b = lanesAt<const T>(w, op.at[2]);
  uint32_t with = predicateAt(w, op.at[3]) ^ op.at[4];
  uint8_t combine = op.combine;
  forLanes(lanesAt<D>(w, op.at[0]), mask, [&](int i) HEADGATE_INLINE_LAMBDA {
    bool found = compare(a[i], b[i]), c = with >> i & 1;
    found = combine == 0   ? found
            : combine == 1 ? found && c
            : combine == 2 ? found || c
                           : found != c;
    return found ? (isReal<D> ? D(1) : static_cast<D>(~uint64_t(0))) : D(0);
  });
}

/// Pairs of f16: one predicate for each half.
template <typename H, auto compare>
void setPair(Warp &w, const Op &op, uint32_t mask) {
  const auto *a = lanesAt<const uint32_t>(w, op.at[2]),
             *b = lanesAt<const uint32_t>(w, op.at[3]);
  for (int half = 0; half < 2; ++half) {
    uint32_t found = ballot([&](int i) HEADGATE_INLINE_LAMBDA {
      return compare(H::widen(static_cast<uint16_t>(a[i] >> 16 * half)),
                     H::widen(static_cast<uint16_t>(b[i] >> 16 * half)));
    });
    assign(predicateAt(w, op.at[half]), mask, found);
  }
}

template <typename T, auto compare>
constexpr OpRow predicateRow(const char *pattern) {
  return {pattern,
          {{OperandSpec::Kind::resultAnd, 1},
           sourceOf<T>(),
           sourceOf<T>(),
           {OperandSpec::Kind::predicate, 1, 1, true}},
          4,
          isReal<T> ? OpClass::real : OpClass::integer,
          &setPredicate<T, compare>};
}
template <auto compare> constexpr OpRow oneRow(const char *pattern) {
  return {pattern,
          {{OperandSpec::Kind::result, 1},
           sourceOf<uint16_t>(),
           sourceOf<uint16_t>(),
           {OperandSpec::Kind::predicate, 1, 1, true}},
          4,
          OpClass::real,
          &setOne<compare>};
}
template <typename D, typename T, auto compare>
constexpr OpRow valueRow(const char *pattern) {
  return {pattern,
          {resultOf<D>(),
           sourceOf<T>(),
           sourceOf<T>(),
           {OperandSpec::Kind::predicate, 1, 1, true}},
          4,
          isReal<T> ? OpClass::real : OpClass::integer,
          &setValue<D, T, compare>};
}
template <typename H, auto compare>
constexpr OpRow pairRow(const char *pattern) {
  return {pattern,
          {{OperandSpec::Kind::resultAnd, 1},
           sourceOf<uint32_t>(),
           sourceOf<uint32_t>()},
          3,
          OpClass::real,
          &setPair<H, compare>};
}

#define PREDICATE(word, type, T, expression)                                   \
  predicateRow<T, [](T a, T b) { return (expression); }>(                      \
      "setp." word "[.and|.or|.xor]" type)
#define VALUE(word, dtype, D, type, T, expression)                             \
  valueRow<D, T, [](T a, T b) { return (expression); }>(                       \
      "set." word "[.and|.or|.xor]" dtype type)

#define EQUALITY(type, T)                                                      \
  PREDICATE("eq", type, T, a == b), PREDICATE("ne", type, T, a != b)
#define ORDERED(type, T)                                                       \
  EQUALITY(type, T), PREDICATE("lt", type, T, a < b),                          \
      PREDICATE("le", type, T, a <= b), PREDICATE("gt", type, T, a > b),       \
      PREDICATE("ge", type, T, a >= b)
#define UNSIGNED(type, T)                                                      \
  ORDERED(type, T), PREDICATE("lo", type, T, a < b),                           \
      PREDICATE("ls", type, T, a <= b), PREDICATE("hi", type, T, a > b),       \
      PREDICATE("hs", type, T, a >= b)

// Unordered comparisons hold where an operand is NaN; ne of the ISA does not.
#define REAL_CASES(CASE)                                                       \
  CASE("eq", a == b), CASE("ne", a<b || a> b), CASE("lt", a < b),              \
      CASE("le", a <= b), CASE("gt", a > b), CASE("ge", a >= b),               \
      CASE("equ", !(a < b || a > b)), CASE("neu", a != b),                     \
      CASE("ltu", !(a >= b)), CASE("leu", !(a > b)), CASE("gtu", !(a <= b)),   \
      CASE("geu", !(a < b)), CASE("num", a == a && b == b),                    \
      CASE("nan", a != a || b != b)
#define F32_CASE(word, expression)                                             \
  PREDICATE(word, ".f32", float, expression),                                  \
      predicateRow<float, [](float x, float y) {                               \
        float a = flush(x), b = flush(y);                                      \
        return (expression);                                                   \
      }>("setp." word "[.and|.or|.xor].ftz.f32")
#define F64_CASE(word, expression) PREDICATE(word, ".f64", double, expression)
#define HALF_CASE(word, H, ftz, type, expression)                              \
  oneRow<[](uint16_t x, uint16_t y) {                                          \
    float a = H::widen(x), b = H::widen(y);                                    \
    return (expression);                                                       \
  }>("setp." word "[.and|.or|.xor]" ftz type),                                 \
      pairRow<H, [](float a, float b) { return (expression); }>(               \
          "setp." word ftz type "x2")
#define F16_CASE(word, expression)                                             \
  HALF_CASE(word, F16, "", ".f16", expression),                                \
      HALF_CASE(word, FlushedF16, ".ftz", ".f16", expression)
#define BF16_CASE(word, expression)                                            \
  HALF_CASE(word, BF16, "", ".bf16", expression)

/// set of 16-bit floats: 1.0 or 0 of the same type.
#define HALF_VALUE(word, H, one, type, expression)                             \
  lift<[](uint16_t x, uint16_t y) -> uint16_t {                                \
    float a = H::widen(x), b = H::widen(y);                                    \
    return (expression) ? one : 0;                                             \
  }>("set." word type type, OpClass::real),                                    \
      lift<[](uint32_t x, uint32_t y) -> uint32_t {                            \
        uint32_t result = 0;                                                   \
        for (int half = 0; half < 2; ++half) {                                 \
          float a = H::widen(static_cast<uint16_t>(x >> 16 * half));           \
          float b = H::widen(static_cast<uint16_t>(y >> 16 * half));           \
          result |= uint32_t(expression ? one : 0) << 16 * half;               \
        }                                                                      \
        return result;                                                         \
      }>("set." word type "x2" type "x2", OpClass::real)
#define F16_VALUE(word, expression)                                            \
  HALF_VALUE(word, F16, 0x3c00, ".f16", (expression))
#define BF16_VALUE(word, expression)                                           \
  HALF_VALUE(word, BF16, 0x3f80, ".bf16", (expression))

#define VALUES(dtype, D, type, T)                                              \
  VALUE("eq", dtype, D, type, T, a == b),                                      \
      VALUE("lt", dtype, D, type, T, a < b),                                   \
      VALUE("le", dtype, D, type, T, a <= b),                                  \
      VALUE("gt", dtype, D, type, T, a > b),                                   \
      VALUE("ge", dtype, D, type, T, a >= b),                                  \
      VALUE("ne", dtype, D, type, T, isReal<T> ? a<b || a> b : a != b)

#define SELECT(pattern, T)                                                     \
  lift<[](T a, T b, Truth c) -> T { return c.value ? a : b; }>(pattern,        \
                                                               OpClass::move)

constexpr OpRow rows[] = {
    EQUALITY(".b16", uint16_t),
    EQUALITY(".b32", uint32_t),
    EQUALITY(".b64", uint64_t),
    UNSIGNED(".u16", uint16_t),
    UNSIGNED(".u32", uint32_t),
    UNSIGNED(".u64", uint64_t),
    ORDERED(".s16", int16_t),
    ORDERED(".s32", int32_t),
    ORDERED(".s64", int64_t),
    REAL_CASES(F32_CASE),
    REAL_CASES(F64_CASE),
    REAL_CASES(F16_CASE),
    REAL_CASES(BF16_CASE),
    VALUES("{.u32|.s32}", uint32_t, ".s32", int32_t),
    VALUES("{.u32|.s32}", uint32_t, ".u32", uint32_t),
    VALUES("{.u32|.s32}", uint32_t, ".f32", float),
    VALUES(".f32", float, ".s32", int32_t),
    VALUES(".f32", float, ".u32", uint32_t),
    VALUES(".f32", float, ".f32", float),
    REAL_CASES(F16_VALUE),
    REAL_CASES(BF16_VALUE),
    SELECT("selp{.b16|.u16|.s16}", uint16_t),
    SELECT("selp{.b32|.u32|.s32}", uint32_t),
    SELECT("selp.f32", float),
    SELECT("selp{.b64|.u64|.s64}", uint64_t),
    SELECT("selp.f64", double),
#define BY_SIGN(pattern, T)                                                    \
  lift<[](T a, T b, int32_t c) -> T { return c >= 0 ? a : b; }>(pattern,       \
                                                                OpClass::move)
    BY_SIGN("slct{.b32|.u32|.s32}.s32", uint32_t),
    BY_SIGN("slct.f32.s32", float),
    BY_SIGN("slct{.b64|.u64|.s64}.s32", uint64_t),
};

} // namespace

RowSpan compareRows() { return rows; }

} // namespace headgate::runtime::sim::HEADGATE_LANES
