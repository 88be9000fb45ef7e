// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/sim/Control.h"

#include "runtime/sim/Faults.h"
#include "runtime/sim/Program.h"
#include "runtime/sim/Sync.h"

#include <algorithm>

namespace headgate::runtime::sim {

namespace {
const Op *const nowhere = reinterpret_cast<const Op *>(UINTPTR_MAX);

uint32_t &predicateAt(Warp &w, uint32_t at) {
  return *reinterpret_cast<uint32_t *>(w.registers + at);
}
const uint32_t *lanesAt(const Warp &w, uint32_t at) {
  return reinterpret_cast<const uint32_t *>(w.registers + at);
}

/// Lanes of `members` that wait at warp barriers of these members.
uint32_t arrivedLanes(const Warp &w, uint32_t members) {
  uint32_t lanes = 0;
  for (const Split &split : w.splits)
    if (split.wait == Split::Wait::warpSync && split.members == members)
      lanes |= split.mask;
  return lanes;
}

/// Whether the split may run now; what it waited for may have come.
bool isRunnable(const Warp &w, const Split &split) {
  switch (split.wait) {
  case Split::Wait::nothing:
    return true;
  case Split::Wait::lanes:
    return (split.members & w.live & ~split.mask) == 0;
  case Split::Wait::warpSync:
    return (split.members & w.live & ~arrivedLanes(w, split.members)) == 0;
  case Split::Wait::barrier:
    return false;
  }
  return false;
}

/// Splits at one place become one, unless they wait for a barrier.
void mergeSplits(Warp &w) {
  auto canMeet = [](const Split &split) {
    return split.wait == Split::Wait::nothing ||
           split.wait == Split::Wait::lanes;
  };
  for (size_t i = 0; i < w.splits.size(); ++i)
    for (size_t k = i + 1; k < w.splits.size();) {
      Split &a = w.splits[i], &b = w.splits[k];
      if (a.next != b.next || !canMeet(a) || !canMeet(b)) {
        ++k;
        continue;
      }
      a.mask |= b.mask;
      a.wait = Split::Wait::nothing; // the instruction looks again
      b = w.splits.back();
      w.splits.pop_back();
    }
}
} // namespace

bool arrange(Warp &w) {
  Warp::Event event = w.event;
  w.event = Warp::Event::none;
  const Op *current = w.next;
  if (w.active)
    w.splits.push_back({w.next, w.active, Split::Wait::nothing, 0, 0});
  w.active = 0;
  w.limit = nowhere;
  if (event == Warp::Event::stop) {
    w.blocked = true;
    return false;
  }
  // Those at warp barriers go together, before anything else moves.
  uint32_t released = 0;
  for (size_t i = 0; i < w.splits.size(); ++i)
    if (w.splits[i].wait == Split::Wait::warpSync && isRunnable(w, w.splits[i]))
      released |= 1u << i;
  for (size_t i = 0; i < w.splits.size(); ++i)
    if (released >> i & 1)
      w.splits[i].wait = Split::Wait::nothing;
  mergeSplits(w);

  Split *least = nullptr, *behind = nullptr;
  for (Split &split : w.splits) {
    if (!isRunnable(w, split))
      continue;
    if (!least || split.next < least->next)
      least = &split;
    if (split.next > current && (!behind || split.next < behind->next))
      behind = &split;
  }
  if (!least) {
    w.blocked = true;
    return false;
  }
  // Who used up their turn let another split go on, wherever it is.
  Split *chosen = event == Warp::Event::yield && behind ? behind : least;
  w.next = chosen->next;
  w.active = chosen->mask;
  *chosen = w.splits.back();
  w.splits.pop_back();
  for (const Split &split : w.splits)
    if ((split.wait == Split::Wait::nothing ||
         split.wait == Split::Wait::lanes) &&
        split.next > w.next && split.next < w.limit)
      w.limit = split.next;
  w.blocked = false;
  return event != Warp::Event::yield;
}

void suspend(Warp &w, const Op *next, uint32_t mask, Split::Wait wait,
             uint32_t detail) {
  Split split{next, mask, wait, 0, 0};
  (wait == Split::Wait::barrier ? split.barrier : split.members) = detail;
  w.splits.push_back(split);
  w.active &= ~mask;
  w.event = Warp::Event::blocked;
  w.limit = nullptr;
}

bool waitForLanes(Warp &w, const Op &op, uint32_t mask, uint32_t members) {
  if (mask & ~members) {
    report(w, op, FindingKind::laneExchange, __builtin_ctz(mask & ~members),
           "the lane is not in the instruction's own member mask " +
               hexText(members));
    return true;
  }
  if ((members & w.live & ~mask) == 0)
    return true;
  suspend(w, &op, mask, Split::Wait::lanes, members);
  return false;
}

void jump(Warp &w, const Op &op, uint32_t mask) {
  const Op *target = &op - op.index + op.imm;
  if (mask == w.active) {
    w.next = target;
  } else {
    w.splits.push_back({w.next, w.active & ~mask, Split::Wait::nothing, 0, 0});
    w.active = mask;
    w.next = target;
    w.limit = nullptr;
  }
  if (target <= &op) {
    if (!w.splits.empty())
      w.limit = nullptr; // it may have jumped to where others are
    if (--w.fuel == 0) {
      w.event = Warp::Event::yield;
      w.limit = nullptr;
    }
  }
}

namespace {

void branchIndexed(Warp &w, const Op &op, uint32_t mask) {
  const uint32_t *index = lanesAt(w, op.at[0]);
  uint32_t count = op.at[1];
  uint32_t others = w.active & ~mask;
  const Op *ops = &op - op.index;
  for (uint32_t rest = mask; rest;) {
    uint32_t value = index[__builtin_ctz(rest)], same = 0;
    for (uint32_t lanes = rest; lanes; lanes &= lanes - 1)
      if (index[__builtin_ctz(lanes)] == value)
        same |= lanes & -lanes;
    rest &= ~same;
    if (value >= count) {
      report(w, op, FindingKind::outOfBounds, __builtin_ctz(same),
             "branch index " + std::to_string(value) + " of a table of " +
                 std::to_string(count));
      value = count - 1;
    }
    w.splits.push_back(
        {ops + op.at[2 + value], same, Split::Wait::nothing, 0, 0});
  }
  if (others)
    w.splits.push_back({w.next, others, Split::Wait::nothing, 0, 0});
  w.active = 0;
  w.limit = nullptr;
  if (--w.fuel == 0)
    w.event = Warp::Event::yield;
}

void exitLanes(Warp &w, const Op &op, uint32_t mask) {
  Block &block = *w.block;
  w.live &= ~mask;
  w.active &= ~mask;
  block.liveThreads -= static_cast<uint32_t>(__builtin_popcount(mask));
  w.limit = nullptr;
  completeBarriers(block, op, w);
}

void trap(Warp &w, const Op &op, uint32_t mask) {
  report(w, op, FindingKind::trap, __builtin_ctz(mask),
         "the kernel stopped itself");
  w.block->stopped = true;
  w.event = Warp::Event::stop;
  w.limit = nullptr;
}

void nothing(Warp &, const Op &, uint32_t) {}

void pause(Warp &w, const Op &, uint32_t) {
  w.event = Warp::Event::yield;
  w.limit = nullptr;
}

void warpBarrier(Warp &w, const Op &op, uint32_t mask) {
  uint32_t members = lanesAt(w, op.at[0])[__builtin_ctz(mask)];
  if (mask & ~members)
    report(w, op, FindingKind::laneExchange, __builtin_ctz(mask & ~members),
           "the lane is not in the barrier's own member mask " +
               hexText(members));
  else if (members & w.live & ~mask)
    suspend(w, w.next, mask, Split::Wait::warpSync, members);
}

void fenceOp(Warp &w, const Op &, uint32_t) { fence(w); }

/// A policy is a hint: any value will do.
void makePolicy(Warp &w, const Op &op, uint32_t mask) {
  auto *to = reinterpret_cast<uint64_t *>(w.registers + op.at[0]);
  for (int i = 0; i < 32; ++i)
    if (mask >> i & 1)
      to[i] = 0;
}

using Kind = OperandSpec::Kind;
constexpr OperandSpec source32 = {Kind::source, 32};
constexpr OperandSpec count32 = {Kind::source, 32, 1, true};
constexpr OperandSpec predicate = {Kind::predicate, 1};
#define BARRIER(pattern, operands, n, run)                                     \
  { pattern, operands, n, OpClass::barrier, run }

const OpRow rows[] = {
    {"exit", {}, 0, OpClass::control, &exitLanes}, // first: see Decode.cpp
    {"ret[.uni]", {}, 0, OpClass::control, &exitLanes},
    {"bra[.uni]", {{Kind::label}}, 1, OpClass::control, &jump},
    {"brx.idx[.uni]",
     {source32, {Kind::labels}},
     2,
     OpClass::control,
     &branchIndexed},
    {"trap", {}, 0, OpClass::control, &trap},
    {"brkpt", {}, 0, OpClass::control, &nothing},
    {"pmevent[.mask]", {{Kind::immediate}}, 1, OpClass::control, &nothing},
    {"nanosleep.u32", {source32}, 1, OpClass::control, &pause},
    {"bar.sync", {source32, count32}, 2, OpClass::barrier, &barrierSync},
    {"bar.cta.sync", {source32, count32}, 2, OpClass::barrier, &barrierSync},
    {"bar.arrive", {source32, source32}, 2, OpClass::barrier, &barrierArrive},
    {"bar.cta.arrive",
     {source32, source32},
     2,
     OpClass::barrier,
     &barrierArrive},
    {"barrier[.cta].sync[.aligned]",
     {source32, count32},
     2,
     OpClass::barrier,
     &barrierSync},
    {"barrier[.cta].arrive[.aligned]",
     {source32, source32},
     2,
     OpClass::barrier,
     &barrierArrive},
#define REDUCE(base, words)                                                    \
  {base ".red.popc" words ".u32",                                              \
   {{Kind::result, 32}, source32, predicate},                                  \
   3,                                                                          \
   OpClass::barrier,                                                           \
   &barrierCount},                                                             \
      {base ".red.and" words ".pred",                                          \
       {{Kind::result, 1}, source32, predicate},                               \
       3,                                                                      \
       OpClass::barrier,                                                       \
       &barrierAll},                                                           \
      {base ".red.or" words ".pred",                                           \
       {{Kind::result, 1}, source32, predicate},                               \
       3,                                                                      \
       OpClass::barrier,                                                       \
       &barrierAny},                                                           \
      {base ".red.popc" words ".u32",                                          \
       {{Kind::result, 32}, source32, source32, predicate},                    \
       4,                                                                      \
       OpClass::barrier,                                                       \
       &barrierCountOf},                                                       \
      {base ".red.and" words ".pred",                                          \
       {{Kind::result, 1}, source32, source32, predicate},                     \
       4,                                                                      \
       OpClass::barrier,                                                       \
       &barrierAllOf},                                                         \
  {                                                                            \
    base ".red.or" words ".pred",                                              \
        {{Kind::result, 1}, source32, source32, predicate}, 4,                 \
        OpClass::barrier, &barrierAnyOf                                        \
  }
    REDUCE("bar[.cta]", ""),
    REDUCE("barrier[.cta]", "[.aligned]"),
    {"bar.warp.sync", {source32}, 1, OpClass::barrier, &warpBarrier},
    {"membar{.cta|.gl|.sys}", {}, 0, OpClass::barrier, &fenceOp},
    {"fence[.sc|.acq_rel]{.cta|.cluster|.gpu|.sys}",
     {},
     0,
     OpClass::barrier,
     &fenceOp},
    {"prefetch[.global|.local]{.L1|.L2}",
     {{Kind::address, 64}},
     1,
     OpClass::control,
     &nothing},
    {"prefetch.global{.L2::evict_last|.L2::evict_normal}",
     {{Kind::address, 64}},
     1,
     OpClass::control,
     &nothing},
    {"prefetchu.L1", {{Kind::address, 64}}, 1, OpClass::control, &nothing},
    {"discard[.global].L2",
     {{Kind::address, 64}, {Kind::immediate}},
     2,
     OpClass::control,
     &nothing},
    {"applypriority[.global].L2::evict_normal",
     {{Kind::address, 64}, {Kind::immediate}},
     2,
     OpClass::control,
     &nothing},
#define FRACTION                                                               \
  "createpolicy.fractional{.L2::evict_last|.L2::evict_normal|.L2::evict_"      \
  "first|"                                                                     \
  ".L2::evict_unchanged}[.L2::evict_first|.L2::evict_unchanged].b64"
    {FRACTION,
     {{Kind::result, 64}, {Kind::realSource, 32, 1, true}},
     2,
     OpClass::move,
     &makePolicy},
};

} // namespace

std::span<const OpRow> controlRows() { return rows; }

void runTracked(Warp &w, const Op &op, uint32_t mask) {
  const Program &program = *w.block->program;
  const TrackedOp &tracked = program.trackedOps[program.tracked[op.index] - 1];
  uint32_t valid = allLanes;
  switch (tracked.use) {
  case TrackedOp::Use::uses:
    for (size_t i = 0; i < tracked.reads.size(); ++i)
      if (uint32_t missing = mask & ~predicateAt(w, tracked.reads[i])) {
        report(w, op, FindingKind::uninitialisedRegister,
               __builtin_ctz(missing),
               "reads register '" + tracked.names[i] +
                   "', which this lane has not written");
        predicateAt(w, tracked.reads[i]) |= missing; // once is enough
      }
    break;
  case TrackedOp::Use::moves:
    for (uint32_t at : tracked.reads)
      valid &= predicateAt(w, at);
    break;
  case TrackedOp::Use::packs:
    valid = tracked.whole ? allLanes : 0;
    for (uint32_t at : tracked.reads)
      valid |= predicateAt(w, at);
    break;
  case TrackedOp::Use::selects: {
    uint32_t chosen = predicateAt(w, tracked.selector) ^ tracked.selectorFlip;
    valid = (chosen & predicateAt(w, tracked.whenTrue)) |
            (~chosen & predicateAt(w, tracked.whenFalse));
    break;
  }
  }
  tracked.run(w, op, mask);
  for (uint32_t at : tracked.writes) {
    uint32_t &word = predicateAt(w, at);
    word = (word & ~mask) | (valid & mask);
  }
}

} // namespace headgate::runtime::sim
