// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LLVM dialect -> relocatable object for a host CPU, in memory.

#ifndef HEADGATE_PASSES_HOSTOBJECT_H
#define HEADGATE_PASSES_HOSTOBJECT_H

#include "headgate/Result.h"
#include "lib/HostTarget.h"
#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace headgate::passes {

/// Code for one CPU level. An image may call only what every Linux process has:
/// memcpy, memset, memmove, malloc, free and libm's float functions.
struct HostObject {
  std::string object; ///< bytes of an ELF object, -fPIC, hidden but for entries
  std::string llvmIR; ///< the optimised module as text, where asked for
};

/// Registers LLVM's code generator. Call it once before compileHostObject.
void initializeHostCodegen();

/// Compiles `module` (LLVM dialect; entries are the functions named `entries`)
/// for `target`; calls on several threads may overlap. Unsupported is returned
/// for code that calls anything but the closed list, naming the symbol.
Result<HostObject> compileHostObject(mlir::ModuleOp module,
                                     const std::vector<std::string> &entries,
                                     const HostTarget &target, bool wantsIR);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_HOSTOBJECT_H
