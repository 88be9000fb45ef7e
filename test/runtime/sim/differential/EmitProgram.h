// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A random program as LLVM IR, for a GPU and for the host. Both mean the same
// bits: shifts and divisions are guarded, NaNs are made one where their bits
// could be seen, and bfloat on the host is integer arithmetic written out here,
// since hosts call a library for it.

#ifndef HEADGATE_TEST_RUNTIME_SIM_DIFFERENTIAL_EMITPROGRAM_H
#define HEADGATE_TEST_RUNTIME_SIM_DIFFERENTIAL_EMITPROGRAM_H

#include "test/runtime/sim/differential/RandomProgram.h"

#include <llvm/IR/Module.h>

namespace headgate::test {

enum class Side { host, gpu };

/// What a thread may load from its part of the input: slots, of which the first
/// bytes; and what it may load and store behind its slots in the output.
constexpr unsigned loadableBytes = 512, storableBytes = 256;
inline unsigned inputBytes() { return slotCount() * slotBytes; }
inline unsigned outputBytes() {
  return slotCount() * slotBytes + storableBytes;
}

/// Adds a kernel `name(in, out)`, or a function `name(in, out, thread)`.
/// `generic`: the kernel's pointers are generic.
void emitProgram(llvm::Module &module, const RandomProgram &program,
                 const std::string &name, Side side, bool generic);

} // namespace headgate::test

#endif // HEADGATE_TEST_RUNTIME_SIM_DIFFERENTIAL_EMITPROGRAM_H
