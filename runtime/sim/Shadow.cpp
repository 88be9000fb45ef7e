// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rare side of memory checks: what is not in one allocation, granules that
// split, clocks that move, and the words of the findings.

#include "runtime/sim/Control.h"
#include "runtime/sim/Faults.h"
#include "runtime/sim/Launch.h"
#include "runtime/sim/Sync.h"

#include <algorithm>
#include <cstring>

namespace headgate::runtime::sim {

namespace {
Site siteOf(const Program &program, uint32_t op) {
  const OpInfo &info = program.info[op];
  return {op, info.origin, info.text};
}
Finding makeFinding(const Warp &w, const Op &op, FindingKind kind, int lane,
                    std::string detail) {
  Finding finding{};
  finding.kind = kind;
  finding.kernel = w.block->program->name;
  finding.site = siteOf(*w.block->program, op.index);
  finding.block = w.block->id;
  finding.warp = w.index;
  finding.lane = lane;
  finding.detail = std::move(detail);
  return finding;
}
std::string bytesText(uint32_t bytes) {
  return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes");
}
ByteRecords &recordsOf(const Block &block, const Granule &granule) {
  return *reinterpret_cast<ByteRecords *>(block.splits + size_t(granule.split) *
                                                             block.splitStride);
}
uint32_t *readersOf(ByteRecords &records) {
  return reinterpret_cast<uint32_t *>(&records + 1);
}
const uint32_t *readersOf(const Granule &granule) {
  return reinterpret_cast<const uint32_t *>(&granule + 1);
}
uint32_t addressOf(const Block &block, const Granule &granule) {
  auto offset = reinterpret_cast<const uint8_t *>(&granule) - block.shadow;
  return (block.sharedBegin & ~15u) +
         static_cast<uint32_t>(offset / block.granuleStride) * 16;
}
} // namespace

void report(const Warp &w, const Op &op, FindingKind kind, int lane,
            std::string detail) {
  w.block->launch->reporter->add(
      makeFinding(w, op, kind, lane, std::move(detail)));
}

uint32_t checkShared(Warp &w, const Op &op, uint32_t mask, uint32_t bytes,
                     uint32_t align, const uint64_t *address) {
  const Block &block = *w.block;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    int lane = __builtin_ctz(rest);
    uint64_t at = address[lane];
    bool inside = at >= block.sharedBegin && at < block.sharedEnd &&
                  block.sharedEnd - at >= bytes;
    if (inside && at % align == 0)
      continue;
    report(w, op, inside ? FindingKind::misaligned : FindingKind::outOfBounds,
           lane,
           bytesText(bytes) + " at shared address " + hexText(at) +
               (inside ? ", which is no multiple of " + std::to_string(align)
                       : "; the block has " + hexText(block.sharedBegin) +
                             " to " + hexText(block.sharedEnd)));
    mask &= ~(1u << lane);
  }
  return mask;
}

uint32_t checkGlobal(Warp &w, const Op &op, uint32_t mask, uint32_t bytes,
                     uint32_t align, Access, const uint64_t *address) {
  Block &block = *w.block;
  AllocationCache &cache = block.allocations[op.index];
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    int lane = __builtin_ctz(rest);
    uint64_t at = address[lane];
    bool inside =
        at >= cache.begin && at < cache.end && cache.end - at >= bytes;
    if (!inside) {
      Allocation found;
      bool known = block.launch->memory->find(at, found);
      inside = known && found.live && at < found.end && found.end - at >= bytes;
      if (!inside) {
        bool freed = known && !found.live && at < found.end;
        std::string where =
            !known ? std::string("in no allocation")
            : at < found.end && !freed
                ? "at the end of an allocation of " +
                      std::to_string(found.end - found.begin) + " bytes"
                : std::to_string(freed ? at - found.begin : at - found.end) +
                      (freed ? " bytes into a freed allocation of "
                             : " bytes behind an allocation of ") +
                      std::to_string(found.end - found.begin) + " bytes";
        report(w, op,
               freed ? FindingKind::useAfterFree : FindingKind::outOfBounds,
               lane,
               bytesText(bytes) + " at global address " + hexText(at) + ", " +
                   where);
        mask &= ~(1u << lane);
        continue;
      }
      cache = {found.begin, found.end, false};
      if (block.checkGlobal) {
        const uint8_t *flags = block.launch->memory->flagsOf(found.begin);
        // Large buffers are usually copied in whole; small ones are cheap.
        cache.initialised = !std::memchr(flags, 0, found.end - found.begin);
      }
    }
    if (at % align != 0) {
      report(w, op, FindingKind::misaligned, lane,
             bytesText(bytes) + " at global address " + hexText(at) +
                 ", which is no multiple of " + std::to_string(align));
      mask &= ~(1u << lane);
    }
  }
  return mask;
}

void touchGlobal(Warp &w, const Op &op, uint32_t mask, uint32_t bytes,
                 Access access, const uint64_t *address) {
  const GlobalMemory &memory = *w.block->launch->memory;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    int lane = __builtin_ctz(rest);
    uint8_t *flags = memory.flagsOf(address[lane]);
    if (reads(access) && std::memchr(flags, 0, bytes)) {
      auto first =
          static_cast<const uint8_t *>(std::memchr(flags, 0, bytes)) - flags;
      report(w, op, FindingKind::uninitialisedGlobal, lane,
             bytesText(bytes) + " at global address " + hexText(address[lane]) +
                 "; byte " + std::to_string(first) + " was never written");
    }
    if (writes(access))
      std::memset(flags, 1, bytes);
  }
}

void reportLocal(const Warp &w, const Op &op, int lane, uint64_t address,
                 uint32_t bytes, bool inside) {
  report(
      w, op, inside ? FindingKind::misaligned : FindingKind::outOfBounds, lane,
      bytesText(bytes) + " at local address " + hexText(address) +
          "; a thread has " + std::to_string(w.block->localBytes) + " bytes");
}

void reportParameter(const Warp &w, const Op &op, int lane, uint64_t address,
                     uint32_t bytes, bool inside, bool write) {
  report(w, op,
         inside && !write ? FindingKind::misaligned : FindingKind::outOfBounds,
         lane,
         write ? "parameters cannot be written"
               : bytesText(bytes) + " at offset " + hexText(address) + " of " +
                     std::to_string(w.block->parameterBytes) +
                     " bytes of parameters");
}

void splitGranule(Block &block, Granule &granule) {
  uint32_t number;
  if (!block.freeSplits.empty()) {
    number = block.freeSplits.back();
    block.freeSplits.pop_back();
  } else {
    number =
        static_cast<uint32_t>(block.splitMemory.size() / block.splitStride);
    block.splitMemory.resize(block.splitMemory.size() + block.splitStride);
    block.splits = block.splitMemory.data();
  }
  auto &records = *reinterpret_cast<ByteRecords *>(
      block.splits + size_t(number) * block.splitStride);
  uint32_t *readers = readersOf(records);
  for (int b = 0; b < 16; ++b) {
    records.writeClock[b] = granule.writeClock;
    records.writeOp[b] = granule.writeOp;
    records.writer[b] = granule.writer;
    records.atomic[b] = granule.atomic;
    for (uint32_t w = 0; w < block.readerWords; ++w)
      readers[16 * w + b] = readersOf(granule)[w];
  }
  granule.split = number;
  granule.writeClock = splitClock;
}

void joinGranule(Block &block, Granule &granule) {
  block.freeSplits.push_back(granule.split);
  auto *readers = reinterpret_cast<uint32_t *>(&granule + 1);
  std::fill_n(readers, block.readerWords, 0);
}

void reportRace(const Warp &w, const Op &op, const Granule &granule,
                uint32_t bytes, Access access) {
  const Block &block = *w.block;
  const Program &program = *block.program;
  ByteRecords &records = recordsOf(block, granule);
  int b = __builtin_ctz(bytes);
  bool byWrite = records.writeClock[b] > w.clock[records.writer[b]] &&
                 !(isStrong(access) && records.atomic[b]);
  bool inFlight = byWrite && records.writeClock[b] == inFlightClock;
  uint32_t otherWarp = records.writer[b], otherOp = records.writeOp[b];
  bool known = true;
  if (!byWrite) {
    const uint32_t *readers = readersOf(records);
    for (uint32_t i = 0; i < block.readerWords; ++i)
      if (readers[16 * i + b] > w.ceiling[i]) {
        otherWarp = i;
        uint32_t site = readers[16 * i + b] & maxSite;
        known = site < program.siteOps.size() && site < maxSite;
        otherOp = known ? program.siteOps[site] : 0;
        break;
      }
  }
  uint32_t at = addressOf(block, granule) + static_cast<uint32_t>(b);
  std::string mine = writes(access) ? "writes" : "reads";
  std::string text = mine + " shared address " + hexText(at) + ", which ";
  if (inFlight)
    text += "a cp.async of warp " + std::to_string(otherWarp) +
            " that nobody has waited for is writing";
  else
    text += "warp " + std::to_string(otherWarp) +
            (byWrite ? " wrote" : " read") + "; nothing orders the two";
  Finding finding = makeFinding(
      w, op, inFlight ? FindingKind::asyncRace : FindingKind::race, -1, text);
  finding.hasOther = known;
  if (known)
    finding.other = siteOf(program, otherOp);
  finding.otherWarp = otherWarp;
  block.launch->reporter->add(std::move(finding));
}

void reportUninitialised(const Warp &w, const Op &op, const Granule &granule,
                         uint32_t bytes) {
  report(w, op, FindingKind::uninitialisedShared, -1,
         "reads shared address " +
             hexText(addressOf(*w.block, granule) + __builtin_ctz(bytes)) +
             ", which was never written");
}

void reportAbsentSource(const Warp &w, const Op &op, uint32_t mask,
                        const uint32_t *source) {
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    int lane = __builtin_ctz(rest);
    if (mask >> source[lane] & 1)
      continue;
    return report(w, op, FindingKind::laneExchange, lane,
                  "reads lane " + std::to_string(source[lane]) +
                      ", which does not take part");
  }
}

void reportDivergence(const Warp &w, const Op &op, uint32_t mask) {
  std::string others;
  for (const Split &split : w.splits)
    others +=
        "; lanes " + hexText(split.mask) + " are at line " +
        std::to_string(w.block->program->info[split.next->index].origin.line);
  bool partial = w.live != allLanes && mask == w.live && others.empty();
  report(w, op, FindingKind::divergence, -1,
         partial
             ? "the instruction needs a full warp; lanes " + hexText(w.live) +
                   " live"
             : "the instruction is .aligned, but only lanes " + hexText(mask) +
                   " of " + hexText(w.live) + " execute it" + others);
}

uint64_t clockOf(const Warp &w) {
  uint64_t steps = 0;
  for (size_t i = 0; i < w.block->program->ops.size(); ++i)
    steps += w.counts[i];
  return steps;
}

void tick(Warp &w) {
  uint32_t &mine = w.clock[w.index];
  if (mine < maxClock - 1)
    ++mine;
  w.packedClock = mine << siteBits;
}

void acquireClocks(Warp &w, const std::array<uint32_t, maxWarps> &other) {
  for (uint32_t i = 0; i < w.block->warpCount; ++i)
    if (i != w.index && other[i] > w.clock[i]) {
      w.clock[i] = other[i];
      w.ceiling[i] = other[i] << siteBits | maxSite;
    }
}

void fence(Warp &w) {
  if (w.hasSeen)
    acquireClocks(w, w.seen);
  w.fenced = w.clock;
  w.hasFenced = true;
  tick(w);
}

void synchroniseAt(Warp &w, uint64_t address, Order order, bool writes) {
  Block &block = *w.block;
  if (block.released.empty() && !w.hasFenced && order == Order::relaxed)
    return;
  bool acquires = order == Order::acquire || order == Order::acqRel;
  bool releases = order == Order::release || order == Order::acqRel;
  auto raise = [](auto &to, const auto &from) {
    for (uint32_t i = 0; i < maxWarps; ++i)
      to[i] = std::max(to[i], from[i]);
  };
  if (auto found = block.released.find(address);
      found != block.released.end()) {
    if (acquires)
      acquireClocks(w, found->second);
    raise(w.seen, found->second);
    w.hasSeen = true;
  }
  if (!writes || !(releases || w.hasFenced))
    return;
  raise(block.released[address], releases ? w.clock : w.fenced);
  if (releases)
    tick(w);
}

uint32_t countWavefronts(uint32_t mask, uint32_t bytes,
                         const uint64_t *address) {
  // 64-bit accesses go by half warps, 128-bit ones by quarters (8 lanes).
  uint32_t lanesAtOnce = bytes <= 4 ? 32 : bytes <= 8 ? 16 : 8;
  uint32_t words = (bytes + 3) / 4, total = 0;
  for (uint32_t first = 0; first < 32; first += lanesAtOnce) {
    uint64_t seen[32 * 4];
    uint8_t next[32 * 4], head[32], depth[32] = {};
    std::memset(head, 0xff, sizeof(head));
    uint8_t count = 0;
    uint32_t most = 0;
    for (uint32_t lane = first; lane < first + lanesAtOnce; ++lane) {
      if (!(mask >> lane & 1))
        continue;
      for (uint32_t k = 0; k < words; ++k) {
        uint64_t word = (address[lane] >> 2) + k;
        auto bank = static_cast<uint32_t>(word & 31);
        uint8_t entry = head[bank];
        while (entry != 0xff && seen[entry] != word)
          entry = next[entry];
        if (entry != 0xff)
          continue;
        seen[count] = word;
        next[count] = head[bank];
        head[bank] = count++;
        most = std::max<uint32_t>(most, ++depth[bank]);
      }
    }
    total += most;
  }
  return total;
}

uint32_t countSectors(uint32_t mask, uint32_t bytes, const uint64_t *address) {
  uint64_t sectors[64];
  uint32_t count = 0;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    uint64_t at = address[__builtin_ctz(rest)];
    for (uint64_t sector = at >> 5; sector <= (at + bytes - 1) >> 5; ++sector)
      if (count == 0 || sectors[count - 1] != sector)
        if (count < 64)
          sectors[count++] = sector;
  }
  std::sort(sectors, sectors + count);
  return static_cast<uint32_t>(std::unique(sectors, sectors + count) - sectors);
}

} // namespace headgate::runtime::sim
