// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs a grid: blocks on host threads, each warp by warp.

#ifndef HEADGATE_RUNTIME_SIM_LAUNCH_H
#define HEADGATE_RUNTIME_SIM_LAUNCH_H

#include "runtime/sim/Machine.h"
#include "runtime/sim/Memory.h"
#include "runtime/sim/Program.h"
#include "runtime/sim/Report.h"
#include "runtime/sim/SimOptions.h"

#include <tbb/task_arena.h>

namespace headgate::runtime::sim {

/// What all blocks of a launch share.
struct LaunchContext {
  const Program *program = nullptr;
  const SimOptions *options = nullptr;
  GlobalMemory *memory = nullptr;
  Reporter *reporter = nullptr;
  std::array<uint32_t, 3> grid{1, 1, 1}, block{1, 1, 1};
  uint32_t dynamicShared = 0;
  std::vector<uint8_t> parameters;
};

/// A host thread's block, used again for the next one. Not thread-safe.
class BlockRunner {
public:
  explicit BlockRunner(const LaunchContext &context);
  /// Runs block `id` to its end, or until it cannot go on.
  void run(std::array<uint32_t, 3> id);
  void addCounters(LaunchCounters &counters) const;
  Block &block() { return block_; }

private:
  void start(std::array<uint32_t, 3> id);
  void setSpecials(Warp &warp);
  bool runWarp(Warp &warp, uint64_t quantum);
  Warp *choose();
  void retireSomeCopies();

  const LaunchContext &context_;
  Block block_;
  uint32_t turn_ = 0;
  uint64_t blocks_ = 0;
  std::vector<uint64_t> counts_;
  std::vector<AllocationCache> allocations_;
  std::vector<MemoryCounters> memory_;
};

/// Blocks start in grid order on `threads` threads of `arena`.
LaunchCounters runGrid(const LaunchContext &context, tbb::task_arena &arena,
                       int threads);

} // namespace headgate::runtime::sim

#endif // HEADGATE_RUNTIME_SIM_LAUNCH_H
