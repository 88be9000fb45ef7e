// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Barriers of a block (PTX ISA 9.7.13.1) as instructions. "Of" takes a number
// of threads, the others wait for all that live.

#ifndef HEADGATE_RUNTIME_SIM_SYNC_H
#define HEADGATE_RUNTIME_SIM_SYNC_H

#include "runtime/sim/Machine.h"

#include <string>

namespace headgate::runtime::sim {

void barrierSync(Warp &warp, const Op &op, uint32_t mask);
void barrierArrive(Warp &warp, const Op &op, uint32_t mask);
void barrierCount(Warp &warp, const Op &op, uint32_t mask);
void barrierAll(Warp &warp, const Op &op, uint32_t mask);
void barrierAny(Warp &warp, const Op &op, uint32_t mask);
void barrierCountOf(Warp &warp, const Op &op, uint32_t mask);
void barrierAllOf(Warp &warp, const Op &op, uint32_t mask);
void barrierAnyOf(Warp &warp, const Op &op, uint32_t mask);

/// "0x1f"
std::string hexText(uint64_t value);

} // namespace headgate::runtime::sim

#endif // HEADGATE_RUNTIME_SIM_SYNC_H
