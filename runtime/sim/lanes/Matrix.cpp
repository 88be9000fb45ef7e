// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ldmatrix, stmatrix, movmatrix (PTX ISA 9.7.14.5.15 and on). A matrix is 8
// rows of 16 bytes; lane 8j + i holds the address of row i of matrix j. Without
// .trans, row i goes to lanes 4i..4i+3 of register j: 16 bytes side by side in
// the register file.

#include "runtime/sim/lanes/Access.h"

namespace headgate::runtime::sim::HEADGATE_LANES {

namespace {

using Words = uint32_t __attribute__((vector_size(16)));
using Halves = uint16_t __attribute__((vector_size(16)));

/// Lanes whose row may be accessed; the shadow knows of it.
template <int n>
HEADGATE_INLINE uint32_t enterRows(Warp &w, const Op &op, uint32_t mask,
                                   Access access, uint64_t *address) {
  Block &block = *w.block;
  if (mask != w.live || mask != allLanes) [[unlikely]]
    reportDivergence(w, op, mask);
  constexpr uint32_t rows = n == 4 ? allLanes : (1u << (8 * n)) - 1;
  readAddresses(w, op, access == Access::read ? n : 0, op.wideAddresses & 1,
                address);
  if (op.space == Space::generic)
    for (int i = 0; i < 32; ++i)
      address[i] -= sharedWindow;
  uint32_t valid = rows & mask;
  Extent extent = extentOf(valid, address);
  if (extent.least < block.sharedBegin || extent.most + 16 > block.sharedEnd ||
      extent.most > UINT32_MAX || (extent.bits & 15)) [[unlikely]]
    valid = checkShared(w, op, valid, 16, 16, address);
  if (block.shadow) {
    uint32_t first = block.sharedBegin & ~15u;
    for (uint32_t rest = valid; rest; rest &= rest - 1) {
      int lane = __builtin_ctz(rest);
      Granule *granule =
          granuleAt(block, (static_cast<uint32_t>(address[lane]) - first) >> 4);
      if (access == Access::read)
        readGranule(w, op, granule);
      else
        writeGranule(w, op, granule, w.clock[w.index]);
    }
  }
  if (block.memory) {
    MemoryCounters &counters = block.memory[op.index];
    ++counters.requests;
    counters.bytes += 128 * n;
    counters.ideal += n;
    for (int j = 0; j < n; ++j) {
      uint32_t banks = 0;
      for (int i = 0; i < 8; ++i)
        banks |= 1u << (address[8 * j + i] >> 4 & 7);
      counters.wavefronts +=
          banks == 0xff ? 1
                        : countWavefronts(valid & 0xffu << 8 * j, 16, address);
    }
  }
  return valid;
}

/// An 8x8 matrix of 16-bit values, transposed in place: word p of row c becomes
/// {M[2p][c], M[2p + 1][c]}.
HEADGATE_INLINE void transpose(const Words *row, Words *to) {
  Words pair[8];
  for (int p = 0; p < 4; ++p) {
    auto a = (Halves)row[2 * p], b = (Halves)row[2 * p + 1];
    pair[p] = (Words)__builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
    pair[4 + p] =
        (Words)__builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
  }
  for (int half = 0; half < 2; ++half) {
    const Words *q = pair + 4 * half;
    Words a = __builtin_shufflevector(q[0], q[1], 0, 4, 1, 5);
    Words b = __builtin_shufflevector(q[2], q[3], 0, 4, 1, 5);
    Words c = __builtin_shufflevector(q[0], q[1], 2, 6, 3, 7);
    Words d = __builtin_shufflevector(q[2], q[3], 2, 6, 3, 7);
    to[4 * half + 0] = __builtin_shufflevector(a, b, 0, 1, 4, 5);
    to[4 * half + 1] = __builtin_shufflevector(a, b, 2, 3, 6, 7);
    to[4 * half + 2] = __builtin_shufflevector(c, d, 0, 1, 4, 5);
    to[4 * half + 3] = __builtin_shufflevector(c, d, 2, 3, 6, 7);
  }
}

template <int n, bool transposed>
void loadMatrix(Warp &w, const Op &op, uint32_t mask) {
  uint64_t address[32];
  uint32_t valid = enterRows<n>(w, op, mask, Access::read, address);
  for (int j = 0; j < n; ++j) {
    Words row[8], result[8];
    for (int i = 0; i < 8; ++i) {
      row[i] = Words{};
      if (valid >> (8 * j + i) & 1)
        __builtin_memcpy(&row[i], w.block->shared + address[8 * j + i], 16);
    }
    if (transposed)
      transpose(row, result);
    const auto *values =
        reinterpret_cast<const uint32_t *>(transposed ? result : row);
    forLanes(lanesAt<uint32_t>(w, op.at[j]), mask,
             [&](int i) HEADGATE_INLINE_LAMBDA { return values[i]; });
  }
}

template <int n, bool transposed>
void storeMatrix(Warp &w, const Op &op, uint32_t mask) {
  uint64_t address[32];
  uint32_t valid = enterRows<n>(w, op, mask, Access::write, address);
  for (int j = 0; j < n; ++j) {
    Words row[8], result[8];
    __builtin_memcpy(row, lanesAt<uint32_t>(w, op.at[2 + j]), sizeof(row));
    // The matrix that ldmatrix.trans would have made these registers of is the
    // transpose of what they hold row by row.
    if (transposed)
      transpose(row, result);
    for (int i = 0; i < 8; ++i)
      if (valid >> (8 * j + i) & 1)
        __builtin_memcpy(w.block->shared + address[8 * j + i],
                         transposed ? &result[i] : &row[i], 16);
  }
}

void moveMatrix(Warp &w, const Op &op, uint32_t mask) {
  if (mask != w.live || mask != allLanes) [[unlikely]]
    reportDivergence(w, op, mask);
  Words row[8], result[8];
  __builtin_memcpy(row, lanesAt<uint32_t>(w, op.at[1]), sizeof(row));
  transpose(row, result);
  const auto *values = reinterpret_cast<const uint32_t *>(result);
  forLanes(lanesAt<uint32_t>(w, op.at[0]), mask,
           [&](int i) HEADGATE_INLINE_LAMBDA { return values[i]; });
}

using Kind = OperandSpec::Kind;
template <int n, bool transposed> constexpr OpRow loadRow(const char *pattern) {
  return {pattern,
          {{Kind::result, 32, n}, {Kind::address, 64}},
          2,
          OpClass::shared,
          &loadMatrix<n, transposed>};
}
template <int n, bool transposed>
constexpr OpRow storeRow(const char *pattern) {
  return {pattern,
          {{Kind::address, 64}, {Kind::source, 32, n}},
          2,
          OpClass::shared,
          &storeMatrix<n, transposed>};
}
#define WHERE "[.shared|.shared::cta].b16"

constexpr OpRow rows[] = {
    loadRow<1, false>("ldmatrix.sync.aligned.m8n8.x1" WHERE),
    loadRow<2, false>("ldmatrix.sync.aligned.m8n8.x2" WHERE),
    loadRow<4, false>("ldmatrix.sync.aligned.m8n8.x4" WHERE),
    loadRow<1, true>("ldmatrix.sync.aligned.m8n8.x1.trans" WHERE),
    loadRow<2, true>("ldmatrix.sync.aligned.m8n8.x2.trans" WHERE),
    loadRow<4, true>("ldmatrix.sync.aligned.m8n8.x4.trans" WHERE),
    storeRow<1, false>("stmatrix.sync.aligned.m8n8.x1" WHERE),
    storeRow<2, false>("stmatrix.sync.aligned.m8n8.x2" WHERE),
    storeRow<4, false>("stmatrix.sync.aligned.m8n8.x4" WHERE),
    storeRow<1, true>("stmatrix.sync.aligned.m8n8.x1.trans" WHERE),
    storeRow<2, true>("stmatrix.sync.aligned.m8n8.x2.trans" WHERE),
    storeRow<4, true>("stmatrix.sync.aligned.m8n8.x4.trans" WHERE),
    {"movmatrix.sync.aligned.m8n8.trans.b16",
     {{Kind::result, 32}, {Kind::source, 32}},
     2,
     OpClass::move,
     &moveMatrix},
};

} // namespace

RowSpan matrixRows() { return rows; }

} // namespace headgate::runtime::sim::HEADGATE_LANES
