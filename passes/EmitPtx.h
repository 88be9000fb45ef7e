// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LLVM and NVVM dialects -> PTX, in this process and in memory.

#ifndef HEADGATE_PASSES_EMITPTX_H
#define HEADGATE_PASSES_EMITPTX_H

#include "headgate/Result.h"
#include "lib/GpuTarget.h"
#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace headgate::passes {

/// One kernel, alone in its file: what Triton's loader and one launch need.
struct PtxKernel {
  std::string
      symbol; ///< of the only `.visible .entry`; of one file for all: ""
  std::string ptx;
  std::string llvmIR; ///< the optimised module as text, where asked for
};

struct PtxOptions {
  bool wantsIR = false;
  bool isOneFile = false; ///< one file for all kernels, for people to read
};

/// Registers LLVM's code generator. Call it once before emitPtx.
void initializeGpuCodegen();

/// The `llvm.func`s of `module` with `nvvm.kernel`, in order, each with the
/// globals and functions it uses; calls on several threads may overlap if
/// their modules' contexts differ. Unsupported is returned where a kernel calls
/// a function without a body: there is no library to link on a GPU.
///
/// LLVM ends the process on what it cannot select: who gives it code that a
/// user had a part in does it in a child process.
Result<std::vector<PtxKernel>> emitPtx(mlir::ModuleOp module,
                                       const GpuTarget &target,
                                       const PtxOptions &options = {});

} // namespace headgate::passes

#endif // HEADGATE_PASSES_EMITPTX_H
