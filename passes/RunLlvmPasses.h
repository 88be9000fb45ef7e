// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs a list of LLVM's passes, for a target.

#ifndef HEADGATE_PASSES_RUNLLVMPASSES_H
#define HEADGATE_PASSES_RUNLLVMPASSES_H

#include "llvm/ADT/StringRef.h"

namespace llvm {
class Module;
class TargetMachine;
} // namespace llvm

namespace headgate::passes {

/// `passes`: as opt -passes takes them.
void runLlvmPasses(llvm::Module &module, llvm::TargetMachine &machine,
                   llvm::StringRef passes);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_RUNLLVMPASSES_H
