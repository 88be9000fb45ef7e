// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Integer arithmetic, logic and shifts (PTX ISA 9.7.1, 9.7.2, 9.7.8).

#include "runtime/sim/lanes/Rows.h"

namespace headgate::runtime::sim::HEADGATE_LANES {

namespace {

template <typename T>
using Wide = std::conditional_t<
    sizeof(T) == 2, std::conditional_t<std::is_signed_v<T>, int32_t, uint32_t>,
    std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>;
template <typename T> using Bits = std::make_unsigned_t<T>;

template <typename T> HEADGATE_INLINE T add(T a, T b) {
  return static_cast<T>(Bits<T>(a) + Bits<T>(b));
}
template <typename T> HEADGATE_INLINE T subtract(T a, T b) {
  return static_cast<T>(Bits<T>(a) - Bits<T>(b));
}
template <typename T> HEADGATE_INLINE T multiplyLow(T a, T b) {
  // A 16-bit product is computed as int, where it could overflow.
  return static_cast<T>(uint64_t(Bits<T>(a)) * uint64_t(Bits<T>(b)));
}
template <typename T> HEADGATE_INLINE T multiplyHigh(T a, T b) {
  if constexpr (sizeof(T) == 8) {
    using Double =
        std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>;
    return static_cast<T>((Double(a) * Double(b)) >> 64);
  } else {
    return static_cast<T>((Wide<T>(a) * Wide<T>(b)) >> (8 * sizeof(T)));
  }
}
template <typename T> HEADGATE_INLINE Wide<T> multiplyWide(T a, T b) {
  return Wide<T>(a) * Wide<T>(b);
}
/// Division by zero gives all ones, as GPUs do; the ISA leaves it open.
template <typename T> HEADGATE_INLINE T divide(T a, T b) {
  if (b == 0)
    return static_cast<T>(~T(0));
  if (std::is_signed_v<T> && b == static_cast<T>(-1))
    return subtract<T>(0, a);
  return static_cast<T>(a / b);
}
template <typename T> HEADGATE_INLINE T remainder(T a, T b) {
  if (b == 0)
    return a;
  if (std::is_signed_v<T> && b == static_cast<T>(-1))
    return 0;
  return static_cast<T>(a % b);
}
HEADGATE_INLINE int32_t saturate(int64_t value) {
  return value > INT32_MAX   ? INT32_MAX
         : value < INT32_MIN ? INT32_MIN
                             : static_cast<int32_t>(value);
}
template <typename T> HEADGATE_INLINE T absolute(T a) {
  return a < 0 ? subtract<T>(0, a) : a;
}

/// Shifts clamp at the width instead of taking the amount modulo it.
template <typename T> HEADGATE_INLINE T shiftLeft(T a, uint32_t n) {
  return n >= 8 * sizeof(T) ? T(0) : static_cast<T>(a << n);
}
template <typename T> HEADGATE_INLINE T shiftRight(T a, uint32_t n) {
  constexpr uint32_t width = 8 * sizeof(T);
  if constexpr (std::is_signed_v<T>)
    return static_cast<T>(a >> (n >= width ? width - 1 : n));
  else
    return n >= width ? T(0) : static_cast<T>(a >> n);
}
HEADGATE_INLINE uint64_t joined(uint32_t low, uint32_t high) {
  return uint64_t(high) << 32 | low;
}

template <typename T>
HEADGATE_INLINE T extractField(T a, uint32_t b, uint32_t c) {
  constexpr uint32_t width = 8 * sizeof(T);
  uint32_t position = b & 0xff, length = c & 0xff;
  if (length == 0)
    return 0;
  uint32_t top =
      position + length - 1 < width ? position + length - 1 : width - 1;
  bool sign = std::is_signed_v<T> && (Bits<T>(a) >> top & 1);
  Bits<T> all = ~Bits<T>(0);
  Bits<T> field = position < width ? Bits<T>(a) >> position : 0;
  // Bits of the field that lie in `a`; those behind it are the sign.
  Bits<T> inside = (length >= width ? all : (Bits<T>(1) << length) - 1) &
                   (position < width ? all >> position : 0);
  return static_cast<T>(sign ? (field & inside) | ~inside : field & inside);
}
template <typename T>
HEADGATE_INLINE T insertField(T a, T b, uint32_t c, uint32_t d) {
  constexpr uint32_t width = 8 * sizeof(T);
  uint32_t position = c & 0xff, length = d & 0xff;
  if (length == 0 || position >= width)
    return b;
  T kept = length >= width ? ~T(0) : static_cast<T>((T(1) << length) - 1);
  return static_cast<T>((b & ~(kept << position)) | ((a & kept) << position));
}

HEADGATE_INLINE uint32_t reverseBits(uint32_t x) {
  x = (x >> 1 & 0x55555555u) | (x & 0x55555555u) << 1;
  x = (x >> 2 & 0x33333333u) | (x & 0x33333333u) << 2;
  x = (x >> 4 & 0x0f0f0f0fu) | (x & 0x0f0f0f0fu) << 4;
  return __builtin_bswap32(x);
}
template <typename T> HEADGATE_INLINE uint32_t leadingZeros(T a) {
  if (a == 0)
    return 8 * sizeof(T);
  return static_cast<uint32_t>(sizeof(T) == 8
                                   ? __builtin_clzll(a)
                                   : __builtin_clz(static_cast<uint32_t>(a)));
}
/// Position of the highest bit that differs from the sign, or all ones.
template <typename T> HEADGATE_INLINE uint32_t findBit(T a, bool shiftAmount) {
  Bits<T> bits = a < 0 ? ~Bits<T>(a) : Bits<T>(a);
  if (bits == 0)
    return ~0u;
  uint32_t position = 8 * sizeof(T) - 1 - leadingZeros(bits);
  return shiftAmount ? 8 * sizeof(T) - 1 - position : position;
}

/// prmt: byte i of the result is chosen by nibble i of the selector.
HEADGATE_INLINE uint32_t permute(uint32_t a, uint32_t b, uint32_t selector) {
  uint64_t bytes = joined(a, b);
  uint32_t result = 0;
  for (uint32_t i = 0; i < 4; ++i) {
    uint32_t nibble = selector >> (4 * i) & 15;
    auto byte = static_cast<uint32_t>(bytes >> (8 * (nibble & 7)) & 0xff);
    if (nibble & 8)
      byte = byte & 0x80 ? 0xff : 0;
    result |= byte << (8 * i);
  }
  return result;
}
enum class PermuteMode { f4e, b4e, rc8, ecl, ecr, rc16 };
/// The selector that the mode and the low bits of c stand for.
template <PermuteMode mode> HEADGATE_INLINE uint32_t selectorOf(uint32_t c) {
  uint32_t n = c & 3, result = 0;
  for (uint32_t i = 0; i < 4; ++i) {
    uint32_t byte = 0;
    switch (mode) {
    case PermuteMode::f4e:
      byte = n + i;
      break;
    case PermuteMode::b4e:
      byte = (n - i) & 7;
      break;
    case PermuteMode::rc8:
      byte = n;
      break;
    case PermuteMode::ecl:
      byte = i < n ? n : i;
      break;
    case PermuteMode::ecr:
      byte = i < n ? i : n;
      break;
    case PermuteMode::rc16:
      byte = 2 * (n & 1) + (i & 1);
      break;
    }
    result |= byte << (4 * i);
  }
  return result;
}

/// lop3: bit (a<<2 | b<<1 | c) of the table, for each bit.
void lookUp(Warp &w, const Op &op, uint32_t mask) {
  const auto *a = lanesAt<const uint32_t>(w, op.at[1]),
             *b = lanesAt<const uint32_t>(w, op.at[2]),
             *c = lanesAt<const uint32_t>(w, op.at[3]);
  uint32_t minterm[8];
  for (int i = 0; i < 8; ++i)
    minterm[i] = op.imm >> i & 1 ? ~0u : 0;
  forLanes(lanesAt<uint32_t>(w, op.at[0]), mask, [&](int i) {
    uint32_t x = a[i], y = b[i], z = c[i];
    uint32_t low = (y & ((z & minterm[3]) | (~z & minterm[2]))) |
                   (~y & ((z & minterm[1]) | (~z & minterm[0])));
    uint32_t high = (y & ((z & minterm[7]) | (~z & minterm[6]))) |
                    (~y & ((z & minterm[5]) | (~z & minterm[4])));
    return (x & high) | (~x & low);
  });
}
constexpr OpRow lookUpRow = {"lop3.b32",
                             {resultOf<uint32_t>(),
                              sourceOf<uint32_t>(),
                              sourceOf<uint32_t>(),
                              sourceOf<uint32_t>(),
                              {OperandSpec::Kind::immediate}},
                             5,
                             OpClass::integer,
                             &lookUp};

template <typename T>
HEADGATE_INLINE uint32_t dotBytes(uint32_t a, uint32_t b, uint32_t c) {
  for (int i = 0; i < 4; ++i)
    c += uint32_t(int32_t(T(a >> 8 * i)) * int32_t(T(b >> 8 * i)));
  return c;
}

/// f of both halves, each a T.
template <typename T, T f(T, T)>
HEADGATE_INLINE uint32_t onBoth(uint32_t a, uint32_t b) {
  auto low = f(static_cast<T>(a), static_cast<T>(b));
  auto high = f(static_cast<T>(a >> 16), static_cast<T>(b >> 16));
  return uint32_t(static_cast<uint16_t>(high)) << 16 |
         static_cast<uint16_t>(low);
}
template <typename T> HEADGATE_INLINE T least(T a, T b) {
  return a < b ? a : b;
}
template <typename T> HEADGATE_INLINE T most(T a, T b) { return a < b ? b : a; }
HEADGATE_INLINE int16_t leastRelu(int16_t a, int16_t b) {
  return most<int16_t>(least<int16_t>(a, b), 0);
}
HEADGATE_INLINE int16_t mostRelu(int16_t a, int16_t b) {
  return most<int16_t>(most<int16_t>(a, b), 0);
}

#define BINARY(name, T, f) lift<[](T a, T b) { return f<T>(a, b); }>(name)
#define SIX(name, f)                                                           \
  BINARY(name ".u16", uint16_t, f), BINARY(name ".s16", int16_t, f),           \
      BINARY(name ".u32", uint32_t, f), BINARY(name ".s32", int32_t, f),       \
      BINARY(name ".u64", uint64_t, f), BINARY(name ".s64", int64_t, f)
#define MAD_LOW(name, T)                                                       \
  lift<[](T a, T b, T c) { return add<T>(multiplyLow<T>(a, b), c); }>(name)
#define MAD_HIGH(name, T)                                                      \
  lift<[](T a, T b, T c) { return add<T>(multiplyHigh<T>(a, b), c); }>(name)
#define MAD_WIDE(name, T)                                                      \
  lift<[](T a, T b, Wide<T> c) {                                               \
    return add<Wide<T>>(multiplyWide<T>(a, b), c);                             \
  }>(name)
#define SHIFT(name, T, f) lift<[](T a, uint32_t n) { return f<T>(a, n); }>(name)
#define LOGIC(name, expression)                                                \
  lift<[](Truth x, Truth y) -> bool {                                          \
    bool a = x.value, b = y.value;                                             \
    return (expression);                                                       \
  }>(name ".pred"),                                                            \
      lift<[](uint16_t a, uint16_t b) -> uint16_t { return (expression); }>(   \
          name ".b16"),                                                        \
      lift<[](uint32_t a, uint32_t b) -> uint32_t { return (expression); }>(   \
          name ".b32"),                                                        \
      lift<[](uint64_t a, uint64_t b) -> uint64_t { return (expression); }>(   \
          name ".b64")
#define PERMUTE(name, mode)                                                    \
  lift<[](uint32_t a, uint32_t b, uint32_t c) {                                \
    return permute(a, b, selectorOf<PermuteMode::mode>(c));                    \
  }>(name)

constexpr OpRow rows[] = {
    SIX("add", add),
    SIX("sub", subtract),
    lift<[](int32_t a, int32_t b) { return saturate(int64_t(a) + b); }>(
        "add.sat.s32"),
    lift<[](int32_t a, int32_t b) { return saturate(int64_t(a) - b); }>(
        "sub.sat.s32"),
    SIX("mul.lo", multiplyLow),
    SIX("mul.hi", multiplyHigh),
    BINARY("mul.wide.u16", uint16_t, multiplyWide),
    BINARY("mul.wide.s16", int16_t, multiplyWide),
    BINARY("mul.wide.u32", uint32_t, multiplyWide),
    BINARY("mul.wide.s32", int32_t, multiplyWide),
    MAD_LOW("mad.lo.u16", uint16_t),
    MAD_LOW("mad.lo.s16", int16_t),
    MAD_LOW("mad.lo.u32", uint32_t),
    MAD_LOW("mad.lo.s32", int32_t),
    MAD_LOW("mad.lo.u64", uint64_t),
    MAD_LOW("mad.lo.s64", int64_t),
    MAD_HIGH("mad.hi.u16", uint16_t),
    MAD_HIGH("mad.hi.s16", int16_t),
    MAD_HIGH("mad.hi.u32", uint32_t),
    MAD_HIGH("mad.hi.s32", int32_t),
    MAD_HIGH("mad.hi.u64", uint64_t),
    MAD_HIGH("mad.hi.s64", int64_t),
    MAD_WIDE("mad.wide.u16", uint16_t),
    MAD_WIDE("mad.wide.s16", int16_t),
    MAD_WIDE("mad.wide.u32", uint32_t),
    MAD_WIDE("mad.wide.s32", int32_t),
    lift<[](uint32_t a, uint32_t b) -> uint32_t {
      return (a & 0xffffff) * (b & 0xffffff);
    }>("mul24.lo.u32"),
    lift<[](int32_t a, int32_t b) -> int32_t {
      return static_cast<int32_t>(uint32_t(a << 8 >> 8) *
                                  uint32_t(b << 8 >> 8));
    }>("mul24.lo.s32"),
    SIX("div", divide),
    SIX("rem", remainder),
    lift<[](int16_t a) { return absolute<int16_t>(a); }>("abs.s16"),
    lift<[](int32_t a) { return absolute<int32_t>(a); }>("abs.s32"),
    lift<[](int64_t a) { return absolute<int64_t>(a); }>("abs.s64"),
    lift<[](int16_t a) { return subtract<int16_t>(0, a); }>("neg.s16"),
    lift<[](int32_t a) { return subtract<int32_t>(0, a); }>("neg.s32"),
    lift<[](int64_t a) { return subtract<int64_t>(0, a); }>("neg.s64"),
#define MINMAX(suffix, T)                                                      \
  BINARY("min" suffix, T, least), BINARY("max" suffix, T, most)
    MINMAX(".u16", uint16_t),
    MINMAX(".s16", int16_t),
    MINMAX(".u32", uint32_t),
    MINMAX(".s32", int32_t),
    MINMAX(".u64", uint64_t),
    MINMAX(".s64", int64_t),
    lift<[](int32_t a, int32_t b) { return most(least(a, b), 0); }>(
        "min.relu.s32"),
    lift<[](int32_t a, int32_t b) { return most(most(a, b), 0); }>(
        "max.relu.s32"),
#define PAIR(name, T, f)                                                       \
  lift<[](uint32_t a, uint32_t b) { return onBoth<T, f>(a, b); }>(name)
    PAIR("add{.u16x2|.s16x2}", uint16_t, add<uint16_t>),
    PAIR("min.u16x2", uint16_t, least<uint16_t>),
    PAIR("max.u16x2", uint16_t, most<uint16_t>),
    PAIR("min.s16x2", int16_t, least<int16_t>),
    PAIR("max.s16x2", int16_t, most<int16_t>),
    PAIR("min.relu.s16x2", int16_t, leastRelu),
    PAIR("max.relu.s16x2", int16_t, mostRelu),
    lift<[](int32_t a, int32_t b, uint32_t c) -> uint32_t {
      return c +
             (a < b ? uint32_t(b) - uint32_t(a) : uint32_t(a) - uint32_t(b));
    }>("sad.s32"),
    lift<[](uint32_t a, uint32_t b, uint32_t c) -> uint32_t {
      return c + (a < b ? b - a : a - b);
    }>("sad.u32"),

    LOGIC("and", a &b),
    LOGIC("or", a | b),
    LOGIC("xor", a ^ b),
    lift<[](Truth a) -> bool { return !a.value; }>("not.pred"),
    lift<[](uint16_t a) -> uint16_t { return static_cast<uint16_t>(~a); }>(
        "not.b16"),
    lift<[](uint32_t a) -> uint32_t { return ~a; }>("not.b32"),
    lift<[](uint64_t a) -> uint64_t { return ~a; }>("not.b64"),
    lift<[](uint16_t a) -> uint16_t { return a == 0; }>("cnot.b16"),
    lift<[](uint32_t a) -> uint32_t { return a == 0; }>("cnot.b32"),
    lift<[](uint64_t a) -> uint64_t { return a == 0; }>("cnot.b64"),
    lookUpRow,

    SHIFT("shl.b16", uint16_t, shiftLeft),
    SHIFT("shl.b32", uint32_t, shiftLeft),
    SHIFT("shl.b64", uint64_t, shiftLeft),
    SHIFT("shr{.u16|.b16}", uint16_t, shiftRight),
    SHIFT("shr{.u32|.b32}", uint32_t, shiftRight),
    SHIFT("shr{.u64|.b64}", uint64_t, shiftRight),
    SHIFT("shr.s16", int16_t, shiftRight),
    SHIFT("shr.s32", int32_t, shiftRight),
    SHIFT("shr.s64", int64_t, shiftRight),
    lift<[](uint32_t a, uint32_t b, uint32_t c) -> uint32_t {
      uint32_t n = c & 31;
      return static_cast<uint32_t>((joined(a, b) << n) >> 32);
    }>("shf.l.wrap.b32"),
    lift<[](uint32_t a, uint32_t b, uint32_t c) -> uint32_t {
      uint32_t n = c < 32 ? c : 32;
      return static_cast<uint32_t>((joined(a, b) << n) >> 32);
    }>("shf.l.clamp.b32"),
    lift<[](uint32_t a, uint32_t b, uint32_t c) -> uint32_t {
      return static_cast<uint32_t>(joined(a, b) >> (c & 31));
    }>("shf.r.wrap.b32"),
    lift<[](uint32_t a, uint32_t b, uint32_t c) -> uint32_t {
      return static_cast<uint32_t>(joined(a, b) >> (c < 32 ? c : 32));
    }>("shf.r.clamp.b32"),

    lift<[](uint32_t a, uint32_t b, uint32_t c) {
      return extractField<uint32_t>(a, b, c);
    }>("bfe.u32"),
    lift<[](int32_t a, uint32_t b, uint32_t c) {
      return extractField<int32_t>(a, b, c);
    }>("bfe.s32"),
    lift<[](uint64_t a, uint32_t b, uint32_t c) {
      return extractField<uint64_t>(a, b, c);
    }>("bfe.u64"),
    lift<[](int64_t a, uint32_t b, uint32_t c) {
      return extractField<int64_t>(a, b, c);
    }>("bfe.s64"),
    lift<[](uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
      return insertField<uint32_t>(a, b, c, d);
    }>("bfi.b32"),
    lift<[](uint64_t a, uint64_t b, uint32_t c, uint32_t d) {
      return insertField<uint64_t>(a, b, c, d);
    }>("bfi.b64"),
    lift<[](uint32_t a, uint32_t b) -> uint32_t {
      uint32_t position = a & 31, length = b & 31;
      return ((1u << length) - 1) << position;
    }>("bmsk.wrap.b32"),
    lift<[](uint32_t a, uint32_t b) -> uint32_t {
      if (a >= 32)
        return 0;
      return (b >= 32 ? ~0u : (1u << b) - 1) << a;
    }>("bmsk.clamp.b32"),

    lift<[](uint32_t a, uint32_t b, uint32_t c) { return permute(a, b, c); }>(
        "prmt.b32"),
    PERMUTE("prmt.b32.f4e", f4e),
    PERMUTE("prmt.b32.b4e", b4e),
    PERMUTE("prmt.b32.rc8", rc8),
    PERMUTE("prmt.b32.ecl", ecl),
    PERMUTE("prmt.b32.ecr", ecr),
    PERMUTE("prmt.b32.rc16", rc16),

    lift<[](uint32_t a) -> uint32_t {
      return static_cast<uint32_t>(__builtin_popcount(a));
    }>("popc.b32"),
    lift<[](uint64_t a) -> uint32_t {
      return static_cast<uint32_t>(__builtin_popcountll(a));
    }>("popc.b64"),
    lift<[](uint32_t a) { return leadingZeros<uint32_t>(a); }>("clz.b32"),
    lift<[](uint64_t a) { return leadingZeros<uint64_t>(a); }>("clz.b64"),
    lift<[](uint32_t a) { return reverseBits(a); }>("brev.b32"),
    lift<[](uint64_t a) -> uint64_t {
      return joined(reverseBits(static_cast<uint32_t>(a >> 32)),
                    reverseBits(static_cast<uint32_t>(a)));
    }>("brev.b64"),
#define FIND(suffix, T)                                                        \
  lift<[](T a) { return findBit<T>(a, false); }>("bfind" suffix),              \
      lift<[](T a) { return findBit<T>(a, true); }>("bfind.shiftamt" suffix)
    FIND(".u32", uint32_t),
    FIND(".s32", int32_t),
    FIND(".u64", uint64_t),
    FIND(".s64", int64_t),
    lift<[](uint32_t a, uint32_t b, uint32_t c) {
      return dotBytes<int8_t>(a, b, c);
    }>("dp4a.s32.s32"),
    lift<[](uint32_t a, uint32_t b, uint32_t c) {
      return dotBytes<uint8_t>(a, b, c);
    }>("dp4a.u32.u32"),
};

} // namespace

RowSpan integerRows() { return rows; }

} // namespace headgate::runtime::sim::HEADGATE_LANES
