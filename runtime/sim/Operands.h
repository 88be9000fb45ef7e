// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whether an instruction has the operands that a row wants, and which registers
// it reads and writes.

#ifndef HEADGATE_RUNTIME_SIM_OPERANDS_H
#define HEADGATE_RUNTIME_SIM_OPERANDS_H

#include "runtime/sim/Flow.h"
#include "runtime/sim/Program.h"

#include <optional>

namespace headgate::runtime::sim {

/// The special register spelled `name`, but for clocks.
std::optional<SpecialRegister> findSpecial(std::string_view name);
bool isClock(std::string_view name);

/// Why the operands do not fit the row, or nothing if they do.
std::optional<std::string> checkOperands(const OpRow &row,
                                         const Instruction &instruction,
                                         const Body &body);

/// The bits of an immediate as a source of `bits` bits.
uint64_t immediateBits(const Operand &operand, uint32_t bits);

/// Registers of the instruction by its row; targets are left to the caller.
void findUses(const OpRow &row, const Instruction &instruction,
              FlowInstruction &flow);

/// The elements of a vector, or the operand itself.
std::vector<const Operand *> elementsOf(const Operand &operand);

} // namespace headgate::runtime::sim

#endif // HEADGATE_RUNTIME_SIM_OPERANDS_H
