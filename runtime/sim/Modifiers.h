// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the words of an opcode say of an op beside its row.

#ifndef HEADGATE_RUNTIME_SIM_MODIFIERS_H
#define HEADGATE_RUNTIME_SIM_MODIFIERS_H

#include "runtime/sim/Op.h"
#include "runtime/sim/Program.h"

#include <string_view>

namespace headgate::runtime::sim {

/// Space, order and the like.
void readModifiers(std::string_view opcode, Op &op);

/// What counters call an op whose modifiers were read.
OpClass classOf(const OpRow &row, const Op &op);

/// "m16n8k16": multiply-adds of one mma; else 0.
uint32_t macsOf(std::string_view opcode);

} // namespace headgate::runtime::sim

#endif // HEADGATE_RUNTIME_SIM_MODIFIERS_H
