// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one argument list of a launched function, on every target: a pointer for
// each buffer in operand order, the workspace if there is one, an i32 for each
// distinct extent in order of first appearance, then the scalars (i64 or f32).

#ifndef HEADGATE_PASSES_KERNELABI_H
#define HEADGATE_PASSES_KERNELABI_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <string>
#include <vector>

namespace headgate::passes {

struct KernelArgument {
  enum class Kind { buffer, workspace, extent, index, f32 };
  Kind kind;
  int64_t operand = -1; ///< the function's argument; of an extent: -1
  std::string name;     ///< of a buffer: "a0", "a1", ...
};

struct KernelAbi {
  std::vector<KernelArgument> arguments;
};

/// The ABI of a kernel or of a function that is launched for one. An error
/// where an argument is no contiguous buffer and no scalar, or has no dims.
mlir::FailureOr<KernelAbi> abiOf(mlir::func::FuncOp function);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_KERNELABI_H
