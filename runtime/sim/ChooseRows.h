// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which row of the table each instruction of a body is.

#ifndef HEADGATE_RUNTIME_SIM_CHOOSEROWS_H
#define HEADGATE_RUNTIME_SIM_CHOOSEROWS_H

#include "runtime/sim/Flow.h"
#include "runtime/sim/Op.h"

#include <string_view>
#include <vector>

namespace headgate::runtime::sim {

/// What an instruction has been found to be.
struct Chosen {
  const OpRow *row = nullptr;
  FlowInstruction flow;
};

/// A row for each instruction of `body`, or an error that names the first that
/// is none or that a device of compute capability `target` does not have.
Result<std::vector<Chosen>> chooseRows(const Body &body, LaneLevel level,
                                       int target);

/// "mma.sync.aligned": the words of an opcode.
std::vector<std::string_view> wordsOf(std::string_view opcode);

/// The error that refuses the instruction `at`.
Error refusal(const Instruction &at, const std::string &message);

} // namespace headgate::runtime::sim

#endif // HEADGATE_RUNTIME_SIM_CHOOSEROWS_H
