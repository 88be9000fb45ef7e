// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Branches, exits, barriers and fences: the instructions that change which
// lanes run. They are the same for every CPU level.

#ifndef HEADGATE_RUNTIME_SIM_CONTROL_H
#define HEADGATE_RUNTIME_SIM_CONTROL_H

#include "runtime/sim/Machine.h"

#include <span>

namespace headgate::runtime::sim {

std::span<const OpRow> controlRows();

/// Where the next op of `warp` meets another split, or an event has come up:
/// merges, switches, blocks. False if the warp cannot go on for now.
bool arrange(Warp &warp);
/// Makes the lanes of `mask` wait at `next`; the rest of the active ones go on.
void suspend(Warp &warp, const Op *next, uint32_t mask, Split::Wait wait,
             uint32_t detail);
/// A jump to `target` of all active lanes.
void jump(Warp &warp, const Op &op, uint32_t mask);

/// Barriers that only exits can complete, after lanes have exited.
void completeBarriers(Block &block, const Op &op, Warp &warp);
/// What a block leaves behind is reported.
void checkBarriersAtExit(Block &block);
/// Nothing can run: who waits for what.
void reportDeadlock(Block &block);

/// Runs an op some of whose registers may not have been written.
void runTracked(Warp &warp, const Op &op, uint32_t mask);

} // namespace headgate::runtime::sim

#endif // HEADGATE_RUNTIME_SIM_CONTROL_H
