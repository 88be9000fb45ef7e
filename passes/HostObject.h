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
  /// Bytes of ELF objects, -fPIC, hidden but for entries: one for each part,
  /// together an image.
  std::vector<std::string> objects;
  std::string llvmIR; ///< the optimised module as text, where asked for
};

struct HostCode {
  std::vector<std::string> entries; ///< names of functions seen from outside
  /// Objects to make, side by side: entries are shared out among them. What
  /// they are does not depend on the machine.
  unsigned parts = 1;
  bool wantsIR = false; ///< of one part
};

/// Registers LLVM's code generator. Call it once before compileHostObject.
void initializeHostCodegen();

/// Compiles `module` (LLVM dialect) for `target`; calls on several threads may
/// overlap. Unsupported is returned for code that calls anything but the closed
/// list, naming the symbol.
Result<HostObject> compileHostObject(mlir::ModuleOp module,
                                     const HostCode &code,
                                     const HostTarget &target);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_HOSTOBJECT_H
