// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// cp.async between issue and wait. Bytes move when the schedule says so: late,
// at the wait, a source that was overwritten too early shows in the data.

#include "runtime/sim/Faults.h"
#include "runtime/sim/Launch.h"

#include <cstring>

namespace headgate::runtime::sim {

AsyncCopy &issueCopy(Warp &w, const Op &op) {
  while (!w.copies.empty() && !w.copies.front().pending)
    w.copies.pop_front();
  AsyncCopy &copy = w.copies.emplace_back();
  copy.op = &op;
  return copy;
}

void moveCopy(Warp &w, AsyncCopy &copy, uint32_t mask) {
  mask &= copy.unmoved;
  copy.unmoved &= ~mask;
  for (; mask; mask &= mask - 1) {
    int lane = __builtin_ctz(mask);
    uint8_t *to = w.block->shared + copy.destination[lane];
    uint32_t length = copy.sourceBytes[lane];
    if (length == 16) {
      std::memcpy(to, reinterpret_cast<const void *>(copy.source[lane]), 16);
      continue;
    }
    if (length)
      std::memcpy(to, reinterpret_cast<const void *>(copy.source[lane]),
                  length);
    std::memset(to + length, 0, copy.bytes - length);
  }
}

namespace {
/// The bytes have arrived: a write of this warp, now.
void land(Warp &w, const AsyncCopy &copy, uint32_t mask) {
  Block &block = *w.block;
  if (!block.shadow)
    return;
  uint32_t now = w.clock[w.index], first = block.sharedBegin & ~15u;
  for (; mask; mask &= mask - 1) {
    uint32_t offset = copy.destination[__builtin_ctz(mask)] - first;
    auto *granule = reinterpret_cast<Granule *>(
        block.shadow + size_t(offset >> 4) * block.granuleStride);
    if (granule->writeClock == inFlightClock) {
      if (granule->writer == w.index)
        granule->writeClock = now;
      continue;
    }
    if (granule->writeClock != splitClock)
      continue;
    auto &records = *reinterpret_cast<ByteRecords *>(
        block.splits + size_t(granule->split) * block.splitStride);
    for (uint32_t b = offset & 15; b < (offset & 15) + copy.bytes; ++b)
      if (records.writeClock[b] == inFlightClock &&
          records.writer[b] == w.index)
        records.writeClock[b] = now;
  }
}

void complete(Warp &w, AsyncCopy &copy, uint32_t mask) {
  mask &= copy.pending;
  if (!mask)
    return;
  moveCopy(w, copy, mask);
  copy.pending &= ~mask;
  land(w, copy, mask);
}
} // namespace

void commitCopies(Warp &w, uint32_t mask) {
  for (int i = 0; i < 32; ++i)
    w.committed[i] += mask >> i & 1;
}

void waitForCopies(Warp &w, uint32_t mask, int64_t pending) {
  for (AsyncCopy &copy : w.copies) {
    uint32_t done = 0;
    for (int i = 0; i < 32; ++i)
      // Group g of a lane is complete if at most `pending` were committed
      // since.
      done |= int64_t(copy.group[i]) + pending < int64_t(w.committed[i])
                  ? 1u << i
                  : 0u;
    if (copy.pending)
      complete(w, copy, mask & done);
  }
}

void waitForAllCopies(Warp &w, uint32_t mask) {
  for (AsyncCopy &copy : w.copies)
    complete(w, copy, mask);
}

} // namespace headgate::runtime::sim
