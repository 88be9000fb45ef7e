// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/sim/Sync.h"

#include "runtime/sim/Control.h"
#include "runtime/sim/Faults.h"
#include "runtime/sim/Program.h"

#include <algorithm>
#include <cstdio>

namespace headgate::runtime::sim {

std::string hexText(uint64_t value) {
  char text[20];
  std::snprintf(text, sizeof(text), "0x%llx",
                static_cast<unsigned long long>(value));
  return text;
}

namespace {

enum class Reduction : uint8_t { none, count, all, any };

uint32_t &predicateAt(Warp &w, uint32_t at) {
  return *reinterpret_cast<uint32_t *>(w.registers + at);
}
uint32_t uniformAt(const Warp &w, uint32_t at, uint32_t mask) {
  return reinterpret_cast<const uint32_t *>(w.registers +
                                            at)[__builtin_ctz(mask)];
}
std::string lineOf(const Block &block, uint32_t op) {
  return "line " + std::to_string(block.program->info[op].origin.line);
}

Reduction reductionOf(const Block &block, const Op &op) {
  const std::string &text = block.program->info[op.index].text;
  if (text.find(".red.") == text.npos)
    return Reduction::none;
  return text.find(".popc") != text.npos  ? Reduction::count
         : text.find(".and") != text.npos ? Reduction::all
                                          : Reduction::any;
}

/// Gives the lanes what the .red barrier at `op` found.
void writeReduction(Warp &w, const Op &op, uint32_t mask,
                    const Barrier &barrier) {
  Reduction reduction = reductionOf(*w.block, op);
  if (reduction == Reduction::none)
    return;
  if (reduction != Reduction::count) {
    bool holds = reduction == Reduction::all
                     ? barrier.reduced == barrier.combined
                     : barrier.reduced > 0;
    uint32_t &word = predicateAt(w, op.at[0]);
    word = holds ? word | mask : word & ~mask;
    return;
  }
  auto *lanes = reinterpret_cast<uint32_t *>(w.registers + op.at[0]);
  for (int i = 0; i < 32; ++i)
    if (mask >> i & 1)
      lanes[i] = barrier.reduced;
}

bool isComplete(const Block &block, const Barrier &barrier) {
  if (!barrier.open)
    return false;
  return barrier.arrived >=
         (barrier.counted ? barrier.expected : block.liveThreads);
}

/// Everyone who waits goes on, ordered behind all that arrived.
void release(Block &block, uint32_t number) {
  Barrier barrier = block.barriers[number];
  block.barriers[number] = {};
  for (Warp &w : block.warps) {
    bool waited = false;
    for (Split &split : w.splits)
      if (split.wait == Split::Wait::barrier && split.barrier == number) {
        split.wait = Split::Wait::nothing;
        writeReduction(w, split.next[-1], split.mask, barrier);
        waited = true;
      }
    if (waited) {
      acquireClocks(w, barrier.clock);
      w.blocked = false;
    }
  }
}

/// Whether lanes may join this generation; what is wrong is reported.
bool mayArrive(Warp &w, const Op &op, uint32_t mask, const Barrier &barrier,
               bool counted, uint32_t threads) {
  const Block &block = *w.block;
  auto misuse = [&](const std::string &why) {
    report(w, op, FindingKind::barrierMisuse, -1, why);
    return false;
  };
  if (counted && (threads == 0 || threads % 32 != 0))
    return misuse("a barrier for " + std::to_string(threads) +
                  " threads; the number must be a multiple of 32 above 0");
  if (barrier.open &&
      (barrier.counted != counted || barrier.expected != threads)) {
    uint32_t other = 0;
    while (other < maxWarps && !barrier.lanes[other])
      ++other;
    return misuse("the barrier expects " +
                  (counted ? std::to_string(threads) : std::string("all")) +
                  " threads here, but " +
                  (barrier.counted ? std::to_string(barrier.expected)
                                   : std::string("all")) +
                  " at the first arrival" +
                  (other < maxWarps
                       ? " (warp " + std::to_string(other) + ", " +
                             lineOf(block, barrier.lines[other]) + ")"
                       : ""));
  }
  if (barrier.lanes[w.index] & mask)
    return misuse(
        "warp " + std::to_string(w.index) +
        " arrives a second time before the barrier is complete; the first "
        "was at " +
        lineOf(block, barrier.lines[w.index]));
  return true;
}

void arriveAt(Warp &w, const Op &op, uint32_t mask, uint32_t number,
              bool counted, uint32_t threads, bool waits, Reduction reduction,
              uint32_t truth) {
  Block &block = *w.block;
  if (op.aligned && mask != w.live) {
    reportDivergence(w, op, mask);
  }
  if (number >= namedBarriers)
    return report(w, op, FindingKind::barrierMisuse, -1,
                  "barrier " + std::to_string(number) +
                      "; a block has 16, from 0");
  Barrier &barrier = block.barriers[number];
  if (!mayArrive(w, op, mask, barrier, counted, threads))
    return;
  barrier.open = true;
  barrier.counted = counted;
  barrier.expected = threads;
  auto lanes = static_cast<uint32_t>(__builtin_popcount(mask));
  // A counted barrier counts whole warps where the instruction is .aligned.
  barrier.arrived += counted && op.aligned ? 32 : lanes;
  barrier.lanes[w.index] |= mask;
  barrier.lines[w.index] = op.index;
  if (reduction != Reduction::none) {
    barrier.combined += lanes;
    barrier.reduced += static_cast<uint32_t>(__builtin_popcount(truth & mask));
  }
  for (uint32_t i = 0; i < block.warpCount; ++i)
    barrier.clock[i] = std::max(barrier.clock[i], w.clock[i]);
  tick(w);
  if (counted && barrier.arrived > barrier.expected)
    report(w, op, FindingKind::barrierMisuse, -1,
           "barrier " + std::to_string(number) + " gets " +
               std::to_string(barrier.arrived) + " threads, but expects " +
               std::to_string(barrier.expected));
  if (waits)
    suspend(w, w.next, mask, Split::Wait::barrier, number);
  if (isComplete(block, barrier))
    release(block, number);
}

/// at: [result,] number, [count,] [predicate, flip]
void barrierOp(Warp &w, const Op &op, uint32_t mask, bool waits,
               Reduction reduction, bool counted) {
  uint32_t word = reduction == Reduction::none ? 0 : 1;
  uint32_t number = uniformAt(w, op.at[word], mask);
  uint32_t threads = 0, truth = 0;
  if (reduction == Reduction::none) {
    counted = op.at[1] != absentOperand;
    if (counted)
      threads = uniformAt(w, op.at[1], mask);
  } else {
    if (counted)
      threads = uniformAt(w, op.at[2], mask);
    uint32_t at = counted ? 3 : 2;
    truth = predicateAt(w, op.at[at]) ^ op.at[at + 1];
  }
  arriveAt(w, op, mask, number, counted, threads, waits, reduction, truth);
}

} // namespace

void barrierSync(Warp &w, const Op &op, uint32_t mask) {
  barrierOp(w, op, mask, true, Reduction::none, false);
}
void barrierArrive(Warp &w, const Op &op, uint32_t mask) {
  barrierOp(w, op, mask, false, Reduction::none, true);
}
void barrierCount(Warp &w, const Op &op, uint32_t mask) {
  barrierOp(w, op, mask, true, Reduction::count, false);
}
void barrierAll(Warp &w, const Op &op, uint32_t mask) {
  barrierOp(w, op, mask, true, Reduction::all, false);
}
void barrierAny(Warp &w, const Op &op, uint32_t mask) {
  barrierOp(w, op, mask, true, Reduction::any, false);
}
void barrierCountOf(Warp &w, const Op &op, uint32_t mask) {
  barrierOp(w, op, mask, true, Reduction::count, true);
}
void barrierAllOf(Warp &w, const Op &op, uint32_t mask) {
  barrierOp(w, op, mask, true, Reduction::all, true);
}
void barrierAnyOf(Warp &w, const Op &op, uint32_t mask) {
  barrierOp(w, op, mask, true, Reduction::any, true);
}

void completeBarriers(Block &block, const Op &, Warp &) {
  for (uint32_t i = 0; i < namedBarriers; ++i)
    if (!block.barriers[i].counted && block.barriers[i].arrived &&
        isComplete(block, block.barriers[i]))
      release(block, i);
}

void checkBarriersAtExit(Block &block) {
  for (uint32_t i = 0; i < namedBarriers; ++i) {
    const Barrier &barrier = block.barriers[i];
    if (!barrier.open)
      continue;
    for (uint32_t w = 0; w < block.warpCount; ++w)
      if (barrier.lanes[w]) {
        report(block.warps[w], block.program->ops[barrier.lines[w]],
               FindingKind::barrierMisuse, -1,
               "barrier " + std::to_string(i) + " is left with " +
                   std::to_string(barrier.arrived) + " of " +
                   std::to_string(barrier.expected) + " threads at the end");
        break;
      }
  }
}

namespace {
std::string describeWait(const Block &block, const Split &split) {
  switch (split.wait) {
  case Split::Wait::barrier: {
    const Barrier &barrier = block.barriers[split.barrier];
    return "barrier " + std::to_string(split.barrier) + " (" +
           std::to_string(barrier.arrived) + " of " +
           (barrier.counted ? std::to_string(barrier.expected)
                            : std::to_string(block.liveThreads) + " live") +
           " threads have come)";
  }
  case Split::Wait::lanes:
  case Split::Wait::warpSync:
    return "lanes " + hexText(split.members & ~split.mask) + " of its warp";
  case Split::Wait::nothing:
    break;
  }
  return "nothing";
}
} // namespace

void reportDeadlock(Block &block) {
  std::string who;
  const Warp *first = nullptr;
  const Op *at = nullptr;
  for (const Warp &w : block.warps)
    for (const Split &split : w.splits) {
      const Op *op =
          split.wait == Split::Wait::lanes ? split.next : split.next - 1;
      if (!first) {
        first = &w;
        at = op;
      }
      who += "\n  warp " + std::to_string(w.index) + " lanes " +
             hexText(split.mask) + " at " + lineOf(block, op->index) + " (" +
             block.program->info[op->index].text + ") wait for " +
             describeWait(block, split);
    }
  if (first)
    report(*first, *at, FindingKind::deadlock, -1, "nobody can go on:" + who);
  block.stopped = true;
}

} // namespace headgate::runtime::sim
