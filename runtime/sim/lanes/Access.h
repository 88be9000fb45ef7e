// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From the addresses of an instruction to host memory, checking on the way:
// bounds and alignment, then the shadow of what is touched. The common case
// (all lanes in one allocation, granules touched whole, everything ordered) is
// here and inline; all else calls out.

#ifndef HEADGATE_RUNTIME_SIM_LANES_ACCESS_H
#define HEADGATE_RUNTIME_SIM_LANES_ACCESS_H

#include "runtime/sim/lanes/Rows.h"

namespace headgate::runtime::sim::HEADGATE_LANES {

HEADGATE_INLINE Granule *granuleAt(Block &block, uint32_t number) {
  return reinterpret_cast<Granule *>(block.shadow +
                                     size_t(number) * block.granuleStride);
}
HEADGATE_INLINE uint32_t *readersOf(Granule *granule) {
  return reinterpret_cast<uint32_t *>(granule + 1);
}

/// Any access to some bytes of a granule, through its byte records.
/// `clockValue` is what later accesses must have seen of a write.
inline __attribute__((noinline)) void touchBytes(Warp &w, const Op &op,
                                                 Granule *granule,
                                                 uint32_t bytes, Access access,
                                                 uint32_t clockValue) {
  Block &block = *w.block;
  if (granule->writeClock != splitClock)
    splitGranule(block, *granule);
  auto *records = reinterpret_cast<ByteRecords *>(
      block.splits + size_t(granule->split) * block.splitStride);
  auto *readers = reinterpret_cast<uint32_t *>(records + 1);
  if (reads(access) && (bytes & ~granule->initialised))
    reportUninitialised(w, op, *granule, bytes & ~granule->initialised);

  bool strong = isStrong(access);
  uint32_t unordered = 0;
  for (int b = 0; b < 16; ++b)
    unordered |= (records->writeClock[b] > w.clock[records->writer[b]] &&
                  !(strong && records->atomic[b]))
                     ? 1u << b
                     : 0u;
  if (writes(access))
    for (uint32_t other = 0; other < block.readerWords; ++other) {
      uint32_t ceiling = w.ceiling[other];
      uint32_t found = 0;
      for (int b = 0; b < 16; ++b)
        found |= readers[16 * other + b] > ceiling ? 1u << b : 0u;
      unordered |= found;
    }
  if (unordered & bytes)
    reportRace(w, op, *granule, unordered & bytes, access);

  if (writes(access)) {
    granule->initialised |= static_cast<uint16_t>(bytes);
    if (bytes == 0xffff && !strong) {
      joinGranule(block, *granule);
      granule->writeClock = clockValue;
      granule->writer = static_cast<uint8_t>(w.index);
      granule->atomic = 0;
      granule->writeOp = op.index;
      return;
    }
    for (int b = 0; b < 16; ++b) {
      bool mine = bytes >> b & 1;
      records->writeClock[b] = mine ? clockValue : records->writeClock[b];
      records->writeOp[b] = mine ? op.index : records->writeOp[b];
      records->writer[b] =
          mine ? static_cast<uint8_t>(w.index) : records->writer[b];
      records->atomic[b] = mine ? strong : records->atomic[b];
    }
    for (uint32_t other = 0; other < block.readerWords; ++other)
      for (int b = 0; b < 16; ++b)
        readers[16 * other + b] = bytes >> b & 1 ? 0 : readers[16 * other + b];
  } else if (!strong) {
    uint32_t mark = w.packedClock | op.site;
    uint32_t *mine = readers + 16 * w.index;
    for (int b = 0; b < 16; ++b)
      mine[b] = bytes >> b & 1 ? mark : mine[b];
  }
}

HEADGATE_INLINE void readGranule(Warp &w, const Op &op, Granule *granule) {
  if (granule->initialised == 0xffff &&
      granule->writeClock <= w.clock[granule->writer]) [[likely]]
    readersOf(granule)[w.index] = w.packedClock | op.site;
  else
    touchBytes(w, op, granule, 0xffff, Access::read, 0);
}

HEADGATE_INLINE void writeGranule(Warp &w, const Op &op, Granule *granule,
                                  uint32_t clockValue) {
  uint32_t *readers = readersOf(granule);
  bool unordered = granule->writeClock > w.clock[granule->writer];
  for (uint32_t i = 0; i < w.block->readerWords; i += 4)
    for (uint32_t k = 0; k < 4; ++k)
      unordered |= readers[i + k] > w.ceiling[i + k];
  if (unordered) [[unlikely]]
    return touchBytes(w, op, granule, 0xffff, Access::write, clockValue);
  for (uint32_t i = 0; i < w.block->readerWords; i += 4)
    for (uint32_t k = 0; k < 4; ++k)
      readers[i + k] = 0;
  granule->writeClock = clockValue;
  granule->initialised = 0xffff;
  granule->writer = static_cast<uint8_t>(w.index);
  granule->atomic = 0;
  granule->writeOp = op.index;
}

HEADGATE_INLINE void touchGranule(Warp &w, const Op &op, uint32_t number,
                                  uint32_t bytes, Access access,
                                  uint32_t clockValue) {
  Granule *granule = granuleAt(*w.block, number);
  if (bytes == 0xffff && access == Access::read)
    return readGranule(w, op, granule);
  if (bytes == 0xffff && access == Access::write)
    return writeGranule(w, op, granule, clockValue);
  touchBytes(w, op, granule, bytes, access, clockValue);
}

/// The shadow of an access of all lanes: those that follow each other in one
/// granule count as one access.
HEADGATE_INLINE void touchShared(Warp &w, const Op &op, uint32_t mask,
                                 uint32_t bytes, Access access,
                                 const uint64_t *address, uint32_t clockValue) {
  if (!w.block->shadow)
    return;
  uint32_t first = w.block->sharedBegin & ~15u, current = UINT32_MAX,
           touched = 0;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    auto offset = static_cast<uint32_t>(address[__builtin_ctz(rest)]) - first;
    uint32_t last = (offset + bytes - 1) >> 4;
    for (uint32_t number = offset >> 4; number <= last; ++number) {
      uint32_t begin = number == offset >> 4 ? offset & 15 : 0;
      uint32_t end = number == last ? ((offset + bytes - 1) & 15) + 1 : 16;
      uint32_t part = ((1u << end) - 1) & ~((1u << begin) - 1);
      if (number != current) {
        if (touched)
          touchGranule(w, op, current, touched, access, clockValue);
        current = number;
        touched = 0;
      }
      touched |= part;
    }
  }
  if (touched)
    touchGranule(w, op, current, touched, access, clockValue);
}

/// Least and greatest address of the lanes, and all their bits.
struct Extent {
  uint64_t least, most, bits;
};
HEADGATE_INLINE Extent extentOf(uint32_t mask, const uint64_t *address) {
  uint64_t least = ~uint64_t(0), most = 0, bits = 0;
#pragma omp simd reduction(min                                                 \
                           : least) reduction(max                              \
                                              : most) reduction(|              \
                                                                : bits)
  for (int i = 0; i < 32; ++i) {
    bool on = mask >> i & 1;
    uint64_t low = on ? address[i] : ~uint64_t(0), high = on ? address[i] : 0;
    least = low < least ? low : least;
    most = high > most ? high : most;
    bits |= high;
  }
  return {least, most, bits};
}

/// Whether lane i is at the first address plus i times `bytes`.
HEADGATE_INLINE bool isContiguous(uint32_t mask, uint32_t bytes,
                                  const uint64_t *address) {
  if (mask != allLanes)
    return false;
  uint64_t wrong = 0;
  for (int i = 0; i < 32; ++i)
    wrong |= address[i] ^ (address[0] + uint64_t(i) * bytes);
  return wrong == 0;
}

/// How many wavefronts an access of shared memory takes without conflicts: one
/// for each group of lanes, as many as 128 bytes serve, in which one is active.
HEADGATE_INLINE uint32_t idealWavefronts(uint32_t mask, uint32_t bytes) {
  if (bytes <= 4)
    return 1;
  uint32_t lanes = 128 / bytes, ideal = 0;
  for (uint32_t first = 0; first < 32; first += lanes)
    ideal += (mask >> first & ((1u << lanes) - 1)) != 0;
  return ideal;
}

HEADGATE_INLINE void countShared(Warp &w, const Op &op, uint32_t mask,
                                 uint32_t bytes, const uint64_t *address) {
  if (!w.block->memory)
    return;
  MemoryCounters &counters = w.block->memory[op.index];
  uint32_t lanes = static_cast<uint32_t>(__builtin_popcount(mask));
  uint32_t ideal = idealWavefronts(mask, bytes);
  ++counters.requests;
  counters.bytes += lanes * bytes;
  counters.ideal += ideal;
  counters.wavefronts += bytes >= 4 && isContiguous(mask, bytes, address)
                             ? ideal
                             : countWavefronts(mask, bytes, address);
}

/// Sectors of 32 bytes that a request to global memory needs.
HEADGATE_INLINE void countGlobal(Warp &w, const Op &op, uint32_t mask,
                                 uint32_t bytes, const uint64_t *address) {
  if (!w.block->memory)
    return;
  MemoryCounters &counters = w.block->memory[op.index];
  uint32_t total = static_cast<uint32_t>(__builtin_popcount(mask)) * bytes;
  ++counters.requests;
  counters.bytes += total;
  counters.ideal += (total + 31) / 32;
  counters.wavefronts +=
      isContiguous(mask, bytes, address)
          ? ((address[0] + 32 * bytes - 1) >> 5) - (address[0] >> 5) + 1
          : countSectors(mask, bytes, address);
}

/// Addresses of an operand: place of the base at `word`, displacement behind.
HEADGATE_INLINE void readAddresses(Warp &w, const Op &op, uint32_t word,
                                   bool wide, uint64_t *address) {
  auto displacement = static_cast<int32_t>(op.at[word + 1]);
  if (wide) {
    const auto *base = lanesAt<const uint64_t>(w, op.at[word]);
    for (int i = 0; i < 32; ++i)
      address[i] = base[i] + static_cast<int64_t>(displacement);
  } else {
    const auto *base = lanesAt<const uint32_t>(w, op.at[word]);
    for (int i = 0; i < 32; ++i)
      address[i] = base[i] + static_cast<uint32_t>(displacement);
  }
}

HEADGATE_INLINE uint32_t enterShared(Warp &w, const Op &op, uint32_t mask,
                                     uint32_t bytes, Access access,
                                     uint64_t *address) {
  Block &block = *w.block;
  Extent extent = extentOf(mask, address);
  if (extent.least < block.sharedBegin ||
      extent.most > block.sharedEnd - uint64_t(bytes) ||
      block.sharedEnd - block.sharedBegin < bytes ||
      (extent.bits & (bytes - 1))) [[unlikely]]
    mask = checkShared(w, op, mask, bytes, bytes, address);
  if (!mask)
    return 0;
  touchShared(w, op, mask, bytes, access, address, w.clock[w.index]);
  countShared(w, op, mask, bytes, address);
  auto base = reinterpret_cast<uint64_t>(block.shared);
  for (int i = 0; i < 32; ++i)
    address[i] += base;
  return mask;
}

HEADGATE_INLINE uint32_t enterGlobal(Warp &w, const Op &op, uint32_t mask,
                                     uint32_t bytes, Access access,
                                     uint64_t *address) {
  AllocationCache &cache = w.block->allocations[op.index];
  Extent extent = extentOf(mask, address);
  bool initialised = cache.initialised;
  if (extent.least < cache.begin || extent.most + bytes > cache.end ||
      extent.most > UINT64_MAX - bytes || (extent.bits & (bytes - 1)))
      [[unlikely]] {
    mask = checkGlobal(w, op, mask, bytes, bytes, access, address);
    initialised = false;
  }
  if (!mask)
    return 0;
  if (!initialised && w.block->checkGlobal)
    touchGlobal(w, op, mask, bytes, access, address);
  countGlobal(w, op, mask, bytes, address);
  return mask;
}

/// Local memory: each lane has its own, addressed from 0.
uint32_t enterLocal(Warp &w, const Op &op, uint32_t mask, uint32_t bytes,
                    uint64_t *address);
uint32_t enterParameters(Warp &w, const Op &op, uint32_t mask, uint32_t bytes,
                         Access access, uint64_t *address);
uint32_t enterGeneric(Warp &w, const Op &op, uint32_t mask, uint32_t bytes,
                      Access access, uint64_t *address);

/// Turns addresses of op.space into host addresses. Lanes that may not access
/// are reported and left out of the mask that comes back.
HEADGATE_INLINE uint32_t enter(Warp &w, const Op &op, uint32_t mask,
                               uint32_t bytes, Access access,
                               uint64_t *address) {
  switch (op.space) {
  case Space::shared:
    return enterShared(w, op, mask, bytes, access, address);
  case Space::global:
  case Space::constant:
    return enterGlobal(w, op, mask, bytes, access, address);
  case Space::local:
    return enterLocal(w, op, mask, bytes, address);
  case Space::param:
    return enterParameters(w, op, mask, bytes, access, address);
  case Space::generic:
    return enterGeneric(w, op, mask, bytes, access, address);
  }
  return 0;
}

/// Happens-before of flags: what a strong access at these addresses orders.
void synchronise(Warp &w, const Op &op, uint32_t mask, uint32_t word,
                 bool writes);

} // namespace headgate::runtime::sim::HEADGATE_LANES

#endif // HEADGATE_RUNTIME_SIM_LANES_ACCESS_H
