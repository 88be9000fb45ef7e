// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ld and st in all spaces (PTX ISA 9.7.9.8 and on). Lanes whose access is
// refused read zeros and store nothing.

#include "runtime/sim/lanes/Access.h"

namespace headgate::runtime::sim::HEADGATE_LANES {

uint32_t enterLocal(Warp &w, const Op &op, uint32_t mask, uint32_t bytes,
                    uint64_t *address) {
  Block &block = *w.block;
  uint32_t valid = mask;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    int lane = __builtin_ctz(rest);
    uint64_t at = address[lane];
    bool inside = at < block.localBytes && block.localBytes - at >= bytes;
    if (!inside || (at & (bytes - 1))) {
      reportLocal(w, op, lane, at, bytes, inside);
      valid &= ~(1u << lane);
      continue;
    }
    address[lane] = reinterpret_cast<uint64_t>(block.local) + at +
                    uint64_t(w.index * 32 + lane) * block.localBytes;
  }
  return valid;
}

uint32_t enterParameters(Warp &w, const Op &op, uint32_t mask, uint32_t bytes,
                         Access access, uint64_t *address) {
  Block &block = *w.block;
  uint32_t valid = mask;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    int lane = __builtin_ctz(rest);
    uint64_t at = address[lane] & UINT32_MAX;
    bool inside =
        at < block.parameterBytes && block.parameterBytes - at >= bytes;
    if (!inside || (at & (bytes - 1)) || writes(access)) {
      reportParameter(w, op, lane, at, bytes, inside, writes(access));
      valid &= ~(1u << lane);
      continue;
    }
    address[lane] = reinterpret_cast<uint64_t>(block.parameters) + at;
  }
  return valid;
}

uint32_t enterGeneric(Warp &w, const Op &op, uint32_t mask, uint32_t bytes,
                      Access access, uint64_t *address) {
  uint32_t in[3] = {};
  constexpr uint64_t windows[3] = {sharedWindow, localWindow, paramWindow};
  for (int k = 0; k < 3; ++k) {
    in[k] = mask & ballot([&](int i) HEADGATE_INLINE_LAMBDA {
              return (address[i] & windowMask) == windows[k];
            });
    for (uint32_t rest = in[k]; rest; rest &= rest - 1)
      address[__builtin_ctz(rest)] -= windows[k];
  }
  // The other lanes' addresses are changed by none of these but by enterShared,
  // which adds the base to all: their values are kept meanwhile.
  uint32_t valid = 0, global = mask & ~(in[0] | in[1] | in[2]);
  uint64_t shared[32];
  if (in[0]) {
    for (int i = 0; i < 32; ++i)
      shared[i] = address[i];
    uint32_t entered = enterShared(w, op, in[0], bytes, access, shared);
    valid |= entered;
    for (uint32_t rest = entered; rest; rest &= rest - 1)
      address[__builtin_ctz(rest)] = shared[__builtin_ctz(rest)];
  }
  if (in[1])
    valid |= enterLocal(w, op, in[1], bytes, address);
  if (in[2])
    valid |= enterParameters(w, op, in[2], bytes, access, address);
  if (global)
    valid |= enterGlobal(w, op, global, bytes, access, address);
  return valid;
}

void synchronise(Warp &w, const Op &op, uint32_t mask, uint32_t word,
                 bool writes) {
  uint64_t address[32];
  readAddresses(w, op, word, op.wideAddresses & 1, address);
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    uint64_t at = address[__builtin_ctz(rest)];
    synchroniseAt(w, op.space == Space::shared ? at + sharedWindow : at,
                  op.order, writes);
  }
}

namespace {

template <typename T> HEADGATE_INLINE T loadAt(uint64_t address) {
  T value;
  __builtin_memcpy(&value, reinterpret_cast<const void *>(address), sizeof(T));
  return value;
}
template <typename T> HEADGATE_INLINE void storeAt(uint64_t address, T value) {
  __builtin_memcpy(reinterpret_cast<void *>(address), &value, sizeof(T));
}

/// n values of type T in memory to n registers of type R.
template <typename T, typename R, int n>
void load(Warp &w, const Op &op, uint32_t mask) {
  constexpr uint32_t bytes = sizeof(T) * n;
  uint64_t address[32];
  readAddresses(w, op, n, op.wideAddresses & 1, address);
  Access access = op.order == Order::weak ? Access::read : Access::relaxedRead;
  uint32_t valid = enter(w, op, mask, bytes, access, address);
  if (op.order != Order::weak) [[unlikely]]
    synchronise(w, op, valid, n, false);
  if (n == 1 && sizeof(T) == sizeof(R) && isContiguous(valid, bytes, address)) {
    __builtin_memcpy(lanesAt<R>(w, op.at[0]),
                     reinterpret_cast<const void *>(address[0]),
                     32 * sizeof(T));
    return;
  }
  for (int k = 0; k < n; ++k) {
    R *to = lanesAt<R>(w, op.at[k]);
    for (uint32_t rest = mask; rest; rest &= rest - 1) {
      int lane = __builtin_ctz(rest);
      to[lane] = valid >> lane & 1
                     ? static_cast<R>(loadAt<T>(address[lane] + k * sizeof(T)))
                     : R(0);
    }
  }
}

template <typename T, typename R, int n>
void store(Warp &w, const Op &op, uint32_t mask) {
  constexpr uint32_t bytes = sizeof(T) * n;
  uint64_t address[32];
  readAddresses(w, op, 0, op.wideAddresses & 1, address);
  Access access =
      op.order == Order::weak ? Access::write : Access::relaxedWrite;
  if (op.order != Order::weak) [[unlikely]]
    synchronise(w, op, mask, 0, true);
  uint32_t valid = enter(w, op, mask, bytes, access, address);
  if (n == 1 && sizeof(T) == sizeof(R) && isContiguous(valid, bytes, address)) {
    __builtin_memcpy(reinterpret_cast<void *>(address[0]),
                     lanesAt<const R>(w, op.at[2]), 32 * sizeof(T));
    return;
  }
  for (int k = 0; k < n; ++k) {
    const R *from = lanesAt<const R>(w, op.at[2 + k]);
    for (uint32_t rest = valid; rest; rest &= rest - 1) {
      int lane = __builtin_ctz(rest);
      storeAt(address[lane] + k * sizeof(T), static_cast<T>(from[lane]));
    }
  }
}

using Kind = OperandSpec::Kind;
constexpr OperandSpec address = {Kind::address, 64},
                      policy = {Kind::policy, 64, 1, true};

template <typename T, typename R, int n>
constexpr OpRow loadRow(const char *pattern) {
  return {pattern,
          {{Kind::result, 8 * sizeof(R), n}, address, policy},
          3,
          OpClass::global,
          &load<T, R, n>};
}
template <typename T, typename R, int n, bool real = false>
constexpr OpRow storeRow(const char *pattern) {
  return {pattern,
          {address,
           {real ? Kind::realSource : Kind::source, 8 * sizeof(R), n},
           policy},
          3,
          OpClass::global,
          &store<T, R, n>};
}

#define HINTS                                                                  \
  "[.L1::evict_normal|.L1::evict_unchanged|.L1::evict_first|.L1::evict_last|"  \
  ".L1::no_allocate][.L2::evict_normal|.L2::evict_first|.L2::evict_last]"      \
  "[.L2::cache_hint][.L2::64B|.L2::128B|.L2::256B]"
#define ORDER(words) "[.weak|.volatile" words "][.cta|.cluster|.gpu|.sys]"
#define SPACES                                                                 \
  "[.global|.shared|.shared::cta|.local|.const|.param|.param::entry]"
#define LD                                                                     \
  "ld" ORDER("|.relaxed|.acquire") SPACES "[.ca|.cg|.cs|.lu|.cv][.nc]" HINTS
#define ST "st" ORDER("|.relaxed|.release") SPACES "[.wb|.cg|.cs|.wt]" HINTS
#define LOAD(type, T, R)                                                       \
  loadRow<T, R, 1>(LD type), loadRow<T, R, 2>(LD ".v2" type),                  \
      loadRow<T, R, 4>(LD ".v4" type)
#define STORE(type, T, R)                                                      \
  storeRow<T, R, 1>(ST type), storeRow<T, R, 2>(ST ".v2" type),                \
      storeRow<T, R, 4>(ST ".v4" type)

/// Bytes into the wider registers that PTX allows.
constexpr OpRow rows[] = {
    LOAD("{.u8|.b8}", uint8_t, uint16_t),
    LOAD("{.u8|.b8}", uint8_t, uint32_t),
    LOAD("{.u8|.b8}", uint8_t, uint64_t),
    LOAD(".s8", int8_t, uint16_t),
    LOAD(".s8", int8_t, uint32_t),
    LOAD(".s8", int8_t, uint64_t),
    LOAD("{.u16|.b16|.f16|.bf16}", uint16_t, uint16_t),
    LOAD("{.u16|.b16}", uint16_t, uint32_t),
    LOAD("{.u16|.b16}", uint16_t, uint64_t),
    LOAD(".s16", int16_t, uint16_t),
    LOAD(".s16", int16_t, uint32_t),
    LOAD(".s16", int16_t, uint64_t),
    LOAD("{.u32|.b32|.s32|.f32|.f16x2|.bf16x2}", uint32_t, uint32_t),
    LOAD("{.u32|.b32}", uint32_t, uint64_t),
    LOAD(".s32", int32_t, uint64_t),
    loadRow<uint64_t, uint64_t, 1>(LD "{.u64|.b64|.s64|.f64}"),
    loadRow<uint64_t, uint64_t, 2>(LD ".v2{.u64|.b64|.s64|.f64}"),

    STORE("{.u8|.b8|.s8}", uint8_t, uint16_t),
    STORE("{.u8|.b8|.s8}", uint8_t, uint32_t),
    STORE("{.u8|.b8|.s8}", uint8_t, uint64_t),
    STORE("{.u16|.b16|.s16|.f16|.bf16}", uint16_t, uint16_t),
    STORE("{.u16|.b16|.s16}", uint16_t, uint32_t),
    STORE("{.u16|.b16|.s16}", uint16_t, uint64_t),
    STORE("{.u32|.b32|.s32|.f16x2|.bf16x2}", uint32_t, uint32_t),
    STORE("{.u32|.b32|.s32}", uint32_t, uint64_t),
    storeRow<uint32_t, uint32_t, 1, true>(ST ".f32"),
    storeRow<uint32_t, uint32_t, 2, true>(ST ".v2.f32"),
    storeRow<uint32_t, uint32_t, 4, true>(ST ".v4.f32"),
    storeRow<uint64_t, uint64_t, 1>(ST "{.u64|.b64|.s64}"),
    storeRow<uint64_t, uint64_t, 2>(ST ".v2{.u64|.b64|.s64}"),
    storeRow<uint64_t, uint64_t, 1, true>(ST ".f64"),
    storeRow<uint64_t, uint64_t, 2, true>(ST ".v2.f64"),
};

} // namespace

RowSpan memoryRows() { return rows; }

} // namespace headgate::runtime::sim::HEADGATE_LANES
