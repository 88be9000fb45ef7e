// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Control flow of a body: basic blocks, the order in which splits of a warp
// meet earliest, and the registers that may be read before they are written.

#ifndef HEADGATE_RUNTIME_SIM_FLOW_H
#define HEADGATE_RUNTIME_SIM_FLOW_H

#include <cstdint>
#include <span>
#include <vector>

namespace headgate::runtime::sim {

/// What one instruction means for control flow and registers.
struct FlowInstruction {
  std::vector<uint32_t> targets; ///< instructions it may jump to
  bool fallsThrough = true;
  bool guarded = false;
  std::vector<uint32_t> reads, writes; ///< registers
};

struct BasicBlock {
  uint32_t begin, end; ///< instructions
  std::vector<uint32_t> successors;
};

struct Flow {
  std::vector<BasicBlock> blocks;
  /// Reachable blocks: reverse post-order, in which every loop is contiguous.
  std::vector<uint32_t> order;
  /// Registers that some path reads before writing all lanes.
  std::vector<bool> maybeUndefined;
};

Flow analyseFlow(std::span<const FlowInstruction> instructions,
                 uint32_t registers);

} // namespace headgate::runtime::sim

#endif // HEADGATE_RUNTIME_SIM_FLOW_H
