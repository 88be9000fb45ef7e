// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/sim/Flow.h"

#include <algorithm>

namespace headgate::runtime::sim {

namespace {

constexpr uint32_t none = UINT32_MAX;
/// Bits that the analysis of registers may use; beyond, all count as defined.
constexpr uint64_t maxBits = uint64_t(1) << 32;

std::vector<BasicBlock> findBlocks(std::span<const FlowInstruction> code) {
  std::vector<bool> leads(code.size() + 1, false);
  leads[0] = true;
  for (size_t i = 0; i < code.size(); ++i) {
    for (uint32_t target : code[i].targets)
      leads[target] = true;
    if (!code[i].targets.empty() || !code[i].fallsThrough)
      leads[i + 1] = true;
  }
  std::vector<BasicBlock> blocks;
  std::vector<uint32_t> blockAt(code.size() + 1, none);
  for (uint32_t i = 0; i < code.size(); ++i) {
    if (leads[i])
      blocks.push_back({i, i, {}});
    blocks.back().end = i + 1;
    blockAt[i] = static_cast<uint32_t>(blocks.size() - 1);
  }
  for (BasicBlock &block : blocks) {
    const FlowInstruction &last = code[block.end - 1];
    // Falling through comes first: it is the likely way.
    if (last.fallsThrough && block.end < code.size())
      block.successors.push_back(blockAt[block.end]);
    for (uint32_t target : last.targets)
      if (target < code.size())
        block.successors.push_back(blockAt[target]);
  }
  return blocks;
}

/// Reverse post-order of what can be reached; without recursion, because a
/// body may have a million blocks.
std::vector<uint32_t> reversePostOrder(const std::vector<BasicBlock> &blocks) {
  std::vector<uint32_t> order;
  if (blocks.empty())
    return order;
  std::vector<bool> seen(blocks.size(), false);
  std::vector<std::pair<uint32_t, size_t>> stack = {{0, 0}};
  seen[0] = true;
  while (!stack.empty()) {
    auto &[block, next] = stack.back();
    if (next == blocks[block].successors.size()) {
      order.push_back(block);
      stack.pop_back();
      continue;
    }
    // The last successor is visited first, so that the first comes earliest.
    const auto &successors = blocks[block].successors;
    uint32_t successor = successors[successors.size() - 1 - next++];
    if (!seen[successor]) {
      seen[successor] = true;
      stack.push_back({successor, 0});
    }
  }
  std::reverse(order.begin(), order.end());
  return order;
}

/// Innermost natural loop of each block, and the loop around each loop.
struct Loops {
  std::vector<uint32_t> header;    ///< by loop
  std::vector<uint32_t> parent;    ///< by loop
  std::vector<uint32_t> innermost; ///< by block
};

class LoopFinder {
public:
  LoopFinder(const std::vector<BasicBlock> &blocks,
             const std::vector<uint32_t> &order)
      : blocks_(blocks), order_(order), number_(blocks.size(), none),
        predecessors_(blocks.size()), dominator_(blocks.size(), none) {}

  Loops find() {
    for (uint32_t i = 0; i < order_.size(); ++i)
      number_[order_[i]] = i;
    for (uint32_t block : order_)
      for (uint32_t successor : blocks_[block].successors)
        predecessors_[successor].push_back(block);
    findDominators();
    loops_.innermost.assign(blocks_.size(), none);
    // Inner headers come later in the order: from the back, inner loops are
    // found first and become children of those around them.
    for (size_t i = order_.size(); i-- > 0;)
      findLoop(order_[i]);
    return std::move(loops_);
  }

private:
  uint32_t meet(uint32_t a, uint32_t b) const {
    while (a != b) {
      while (number_[a] > number_[b])
        a = dominator_[a];
      while (number_[b] > number_[a])
        b = dominator_[b];
    }
    return a;
  }

  /// Cooper, Harvey and Kennedy 2001.
  void findDominators() {
    dominator_[order_[0]] = order_[0];
    for (bool changed = true; changed;) {
      changed = false;
      for (size_t i = 1; i < order_.size(); ++i) {
        uint32_t found = none;
        for (uint32_t predecessor : predecessors_[order_[i]])
          if (dominator_[predecessor] != none)
            found = found == none ? predecessor : meet(found, predecessor);
        if (dominator_[order_[i]] != found) {
          dominator_[order_[i]] = found;
          changed = true;
        }
      }
    }
  }

  bool dominates(uint32_t a, uint32_t b) const {
    while (number_[b] > number_[a])
      b = dominator_[b];
    return a == b;
  }

  uint32_t outermost(uint32_t loop) const {
    while (loops_.parent[loop] != none)
      loop = loops_.parent[loop];
    return loop;
  }

  void findLoop(uint32_t header) {
    std::vector<uint32_t> work;
    for (uint32_t predecessor : predecessors_[header])
      if (dominates(header, predecessor))
        work.push_back(predecessor);
    if (work.empty())
      return;
    auto loop = static_cast<uint32_t>(loops_.header.size());
    loops_.header.push_back(header);
    loops_.parent.push_back(none);
    // The header goes to the loop last, so that inner loops of the same block
    // cannot be: a header has one loop.
    loops_.innermost[header] = loop;
    while (!work.empty()) {
      uint32_t block = work.back();
      work.pop_back();
      uint32_t inner = loops_.innermost[block];
      uint32_t entry = block;
      if (inner != none) {
        inner = outermost(inner);
        if (inner == loop)
          continue;
        loops_.parent[inner] = loop;
        entry = loops_.header[inner];
      } else {
        loops_.innermost[block] = loop;
      }
      for (uint32_t predecessor : predecessors_[entry])
        if (entry != header &&
            !(inner != none && dominates(entry, predecessor)))
          work.push_back(predecessor);
    }
  }

  const std::vector<BasicBlock> &blocks_;
  const std::vector<uint32_t> &order_;
  std::vector<uint32_t> number_;
  std::vector<std::vector<uint32_t>> predecessors_;
  std::vector<uint32_t> dominator_;
  Loops loops_;
};

/// Puts the blocks of each loop together, at the place of its header.
std::vector<uint32_t> groupLoops(const std::vector<uint32_t> &order,
                                 const Loops &loops) {
  size_t count = loops.header.size();
  // members[loop]: blocks directly in it and (marked by the high half) loops.
  struct Member {
    uint32_t block, loop;
  };
  std::vector<std::vector<Member>> members(count + 1);
  std::vector<bool> placed(count, false);
  auto slot = [&](uint32_t loop) { return loop == none ? count : loop; };
  for (uint32_t block : order) {
    uint32_t loop = loops.innermost[block];
    // Loops that begin with this block, from inner to outer.
    while (loop != none && !placed[loop]) {
      placed[loop] = true;
      members[slot(loops.parent[loop])].push_back({none, loop});
      loop = loops.parent[loop];
    }
    members[slot(loops.innermost[block])].push_back({block, none});
  }
  std::vector<uint32_t> result;
  std::vector<std::pair<size_t, size_t>> stack = {{count, 0}};
  while (!stack.empty()) {
    auto &[list, next] = stack.back();
    if (next == members[list].size()) {
      stack.pop_back();
      continue;
    }
    Member member = members[list][next++];
    if (member.loop == none)
      result.push_back(member.block);
    else
      stack.push_back({member.loop, 0});
  }
  return result;
}

/// Forward analysis: which registers every path has written, for all lanes.
std::vector<bool> findUndefined(std::span<const FlowInstruction> code,
                                const Flow &flow, uint32_t registers) {
  std::vector<bool> undefined(registers, false);
  size_t words = (registers + 63) / 64;
  if (uint64_t(flow.blocks.size()) * words * 64 > maxBits)
    return undefined;
  std::vector<uint64_t> in(flow.blocks.size() * words, ~uint64_t(0));
  std::vector<uint64_t> state(words);
  if (!flow.order.empty())
    std::fill_n(in.begin() + flow.order[0] * words, words, 0);
  auto run = [&](uint32_t block, auto &&visit) {
    std::copy_n(in.begin() + block * words, words, state.begin());
    for (uint32_t i = flow.blocks[block].begin; i < flow.blocks[block].end;
         ++i) {
      visit(code[i]);
      if (!code[i].guarded)
        for (uint32_t reg : code[i].writes)
          state[reg / 64] |= uint64_t(1) << reg % 64;
    }
  };
  for (bool changed = true; changed;) {
    changed = false;
    for (uint32_t block : flow.order) {
      run(block, [](const FlowInstruction &) {});
      for (uint32_t successor : flow.blocks[block].successors)
        for (size_t i = 0; i < words; ++i) {
          uint64_t &word = in[successor * words + i];
          changed |= (word & ~state[i]) != 0;
          word &= state[i];
        }
    }
  }
  for (uint32_t block : flow.order)
    run(block, [&](const FlowInstruction &instruction) {
      for (uint32_t reg : instruction.reads)
        if (!(state[reg / 64] >> reg % 64 & 1))
          undefined[reg] = true;
    });
  return undefined;
}

} // namespace

Flow analyseFlow(std::span<const FlowInstruction> code, uint32_t registers) {
  Flow flow;
  if (code.empty())
    return flow;
  flow.blocks = findBlocks(code);
  std::vector<uint32_t> order = reversePostOrder(flow.blocks);
  flow.order = groupLoops(order, LoopFinder(flow.blocks, order).find());
  flow.maybeUndefined = findUndefined(code, flow, registers);
  return flow;
}

} // namespace headgate::runtime::sim
