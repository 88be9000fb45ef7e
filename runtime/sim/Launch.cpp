// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/sim/Launch.h"

#include "runtime/sim/Control.h"
#include "runtime/sim/Faults.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <cstring>

namespace headgate::runtime::sim {

namespace {
/// Backward branches that a warp may take before others get their turn.
constexpr uint32_t greedyFuel = 4096, fairFuel = 64;
constexpr uint64_t roundRobinQuantum = 32, maxRandomQuantum = 64;
constexpr uint64_t noQuantum = UINT64_MAX;

uint32_t alignUp(uint32_t value, uint32_t align) {
  return (value + align - 1) / align * align;
}
/// Memory for `bytes`, from an address that is a multiple of 64 on.
uint8_t *alignedData(std::vector<uint8_t> &memory, size_t bytes) {
  memory.assign(bytes + 64, 0);
  auto address = reinterpret_cast<uintptr_t>(memory.data());
  return memory.data() + ((64 - address % 64) % 64);
}
} // namespace

BlockRunner::BlockRunner(const LaunchContext &context) : context_(context) {
  const Program &program = *context.program;
  const SimOptions &options = *context.options;
  block_.program = &program;
  block_.launch = &context;
  block_.threads = context.block[0] * context.block[1] * context.block[2];
  block_.warpCount = (block_.threads + 31) / 32;
  block_.sharedBegin = program.sharedBegin;
  block_.sharedEnd = program.dynamicShared + context.dynamicShared;
  block_.shared = alignedData(block_.sharedMemory, block_.sharedEnd);
  block_.localBytes = program.localBytes;
  block_.local = alignedData(block_.localMemory, size_t(program.localBytes) *
                                                     block_.warpCount * 32);
  block_.parameters = context.parameters.data();
  block_.parameterBytes = program.parameterBytes;
  block_.exactMma = options.exactMma;
  block_.earlyCopies = options.async == SimOptions::Async::early;
  block_.checkGlobal = options.check != SimOptions::Check::off;
  // Readers' words are compared four at a time.
  block_.readerWords = alignUp(block_.warpCount, 4);
  block_.granuleStride = sizeof(Granule) + 4 * block_.readerWords;
  block_.splitStride = sizeof(ByteRecords) + 64 * block_.readerWords;
  if (options.check == SimOptions::Check::all) {
    size_t granules = (block_.sharedEnd - block_.sharedBegin + 15) / 16 + 1;
    block_.shadow =
        alignedData(block_.shadowMemory, granules * block_.granuleStride);
  }
  counts_.resize(program.ops.size());
  allocations_.resize(program.ops.size());
  memory_.resize(program.ops.size());
  block_.allocations = allocations_.data();
  if (options.check != SimOptions::Check::off)
    block_.memory = memory_.data();

  auto fileBytes = static_cast<uint32_t>(program.registers.size());
  uint8_t *files =
      alignedData(block_.registerMemory, size_t(fileBytes) * block_.warpCount);
  block_.warps = std::vector<Warp>(block_.warpCount);
  for (uint32_t i = 0; i < block_.warpCount; ++i) {
    Warp &warp = block_.warps[i];
    warp.index = i;
    warp.block = &block_;
    warp.counts = counts_.data();
    warp.registers = files + size_t(i) * fileBytes;
    std::memcpy(warp.registers, program.registers.data(), fileBytes);
  }
}

void BlockRunner::setSpecials(Warp &warp) {
  using K = SpecialRegister::Kind;
  auto [bx, by, bz] = context_.block;
  auto valueOf = [&](const SpecialRegister &special,
                     uint32_t lane) -> uint32_t {
    uint32_t thread = warp.index * 32 + lane;
    const uint32_t tid[3] = {thread % bx, thread / bx % by, thread / bx / by};
    switch (special.kind) {
    case K::tid:
      return tid[special.dimension];
    case K::ntid:
      return context_.block[special.dimension];
    case K::ctaid:
      return block_.id[special.dimension];
    case K::nctaid:
      return context_.grid[special.dimension];
    case K::laneid:
      return lane;
    case K::warpid:
      return warp.index;
    case K::nwarpid:
      return block_.warpCount;
    case K::nsmid:
    case K::one:
      return 1;
    case K::maskEq:
      return 1u << lane;
    case K::maskLe:
      return (2u << lane) - 1;
    case K::maskLt:
      return (1u << lane) - 1;
    case K::maskGe:
      return ~((1u << lane) - 1);
    case K::maskGt:
      return ~((2u << lane) - 1);
    case K::dynamicShared:
      return context_.dynamicShared;
    case K::totalShared:
      return block_.sharedEnd - block_.sharedBegin;
    case K::smid:
    case K::gridid:
    case K::zero:
      return 0;
    }
    (void)bz;
    return 0;
  };
  for (const SpecialRegister &special : block_.program->specials)
    for (uint32_t lane = 0; lane < 32; ++lane) {
      uint64_t value = valueOf(special, lane);
      std::memcpy(warp.registers + special.at + lane * special.bits / 8, &value,
                  special.bits / 8);
    }
}

void BlockRunner::start(std::array<uint32_t, 3> id) {
  const Program &program = *block_.program;
  block_.id = id;
  block_.stopped = false;
  block_.steps = 0;
  block_.liveThreads = block_.threads;
  block_.barriers = {};
  block_.released.clear();
  // A seed gives each block its own schedule, whatever thread runs it.
  block_.random.seed(context_.options->seed * 0x9e3779b97f4a7c15u + id[0] +
                     (uint64_t(id[1]) << 32) + (uint64_t(id[2]) << 48));
  // NaN in every float format, so that what was not written shows.
  std::memset(block_.shared, 0xff, block_.sharedEnd);
  if (block_.shadow)
    std::memset(block_.shadow, 0,
                ((block_.sharedEnd - block_.sharedBegin + 15) / 16 + 1) *
                    block_.granuleStride);
  block_.splitMemory.clear();
  block_.freeSplits.clear();
  for (Warp &warp : block_.warps) {
    uint32_t threads = std::min(block_.threads - warp.index * 32, 32u);
    warp.live = threads == 32 ? allLanes : (1u << threads) - 1;
    warp.active = warp.live;
    warp.next = program.ops.data();
    warp.limit = reinterpret_cast<const Op *>(UINTPTR_MAX);
    warp.event = Warp::Event::none;
    warp.carry = 0;
    warp.blocked = false;
    warp.splits.clear();
    warp.copies.clear();
    warp.committed.fill(0);
    warp.clock.fill(0);
    warp.ceiling.fill(maxSite);
    warp.ceiling[warp.index] = UINT32_MAX;
    warp.clock[warp.index] = 0;
    tick(warp);
    warp.hasFenced = warp.hasSeen = false;
    warp.seen.fill(0);
    // Predicates and the validity of registers; the rest keeps its values, for
    // whoever reads them without a write is told so.
    std::memcpy(warp.registers, program.registers.data(),
                program.predicateBytes);
    setSpecials(warp);
  }
}

/// True if the warp can run again at once.
bool BlockRunner::runWarp(Warp &w, uint64_t quantum) {
  uint64_t steps = 0;
  w.fuel = quantum == noQuantum ? greedyFuel : fairFuel;
  bool going = w.active ? true : arrange(w);
  while (going) {
    const Op *op = w.next;
    uint32_t mask =
        w.active &
        (*reinterpret_cast<const uint32_t *>(w.registers + op->guard) ^
         op->guardFlip);
    w.next = op + 1;
    ++w.counts[op->index];
    ++steps;
    if (mask)
      op->run(w, *op, mask);
    if (w.next >= w.limit) [[unlikely]]
      going = arrange(w);
    if (steps >= quantum)
      break;
  }
  block_.steps += steps;
  return !w.blocked;
}

/// A warp that is not blocked, by the schedule; null if there is none.
Warp *BlockRunner::choose() {
  uint32_t count = block_.warpCount;
  auto runs = [](const Warp &w) { return w.live && !w.blocked; };
  if (context_.options->schedule == SimOptions::Schedule::random)
    turn_ = static_cast<uint32_t>(block_.random() % count);
  for (uint32_t i = 0; i < count; ++i) {
    Warp &warp = block_.warps[(turn_ + i) % count];
    if (runs(warp)) {
      turn_ = warp.index;
      return &warp;
    }
  }
  return nullptr;
}

/// async=random: any copies of any warp may land now.
void BlockRunner::retireSomeCopies() {
  Warp &warp = block_.warps[block_.random() % block_.warpCount];
  for (AsyncCopy &copy : warp.copies)
    if (copy.unmoved)
      moveCopy(warp, copy, static_cast<uint32_t>(block_.random()));
}

void BlockRunner::run(std::array<uint32_t, 3> id) {
  start(id);
  ++blocks_;
  turn_ = 0;
  using Schedule = SimOptions::Schedule;
  Schedule schedule = context_.options->schedule;
  bool randomCopies = context_.options->async == SimOptions::Async::random;
  while (!block_.stopped) {
    Warp *warp = choose();
    if (!warp)
      break;
    uint64_t quantum = schedule == Schedule::greedy ? noQuantum
                       : schedule == Schedule::roundRobin
                           ? roundRobinQuantum
                           : 1 + block_.random() % maxRandomQuantum;
    runWarp(*warp, quantum);
    turn_ = (warp->index + 1) % block_.warpCount;
    if (randomCopies)
      retireSomeCopies();
    if (block_.steps > context_.options->steps) {
      report(*warp, *std::min(warp->next, &block_.program->ops.back()),
             FindingKind::tooLong, -1,
             "the block has run " + std::to_string(block_.steps) +
                 " instructions, more than steps= allows; does it wait for "
                 "another "
                 "block?");
      block_.stopped = true;
    }
  }
  bool waiting = std::any_of(block_.warps.begin(), block_.warps.end(),
                             [](const Warp &w) { return w.live != 0; });
  if (waiting && !block_.stopped)
    reportDeadlock(block_);
  else if (!block_.stopped)
    checkBarriersAtExit(block_);
}

void BlockRunner::addCounters(LaunchCounters &counters) const {
  counters.blocks += blocks_;
  for (size_t i = 0; i < counts_.size(); ++i) {
    const OpInfo &info = block_.program->info[i];
    counters.instructions[static_cast<int>(info.kind)] += counts_[i];
    counters.mmaMacs += counts_[i] * info.macs;
    const MemoryCounters &memory = memory_[i];
    bool shared = info.kind == OpClass::shared;
    (shared ? counters.sharedRequests : counters.globalRequests) +=
        memory.requests;
    (shared ? counters.sharedWavefronts : counters.globalSectors) +=
        memory.wavefronts;
    (shared ? counters.sharedIdeal : counters.globalIdealSectors) +=
        memory.ideal;
    (shared ? counters.sharedBytes : counters.globalBytes) += memory.bytes;
  }
}

LaunchCounters runGrid(const LaunchContext &context, tbb::task_arena &arena,
                       int threads) {
  auto [x, y, z] = context.grid;
  uint64_t blocks = uint64_t(x) * y * z;
  std::atomic<uint64_t> next = 0;
  std::atomic<bool> stopped = false;
  std::mutex mutex;
  LaunchCounters counters;
  auto work = [&](int) {
    BlockRunner runner(context);
    for (uint64_t i; !stopped && (i = next.fetch_add(1)) < blocks;) {
      runner.run({static_cast<uint32_t>(i % x),
                  static_cast<uint32_t>(i / x % y),
                  static_cast<uint32_t>(i / x / y)});
      if (runner.block().stopped)
        stopped = true;
    }
    std::lock_guard lock(mutex);
    runner.addCounters(counters);
  };
  int workers = static_cast<int>(std::min<uint64_t>(blocks, threads));
  if (workers == 1)
    work(0);
  else
    arena.execute([&] {
      tbb::parallel_for(0, workers, work, tbb::simple_partitioner());
    });
  return counters;
}

} // namespace headgate::runtime::sim
