// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Erases entries, so that the kernels stand alone. Covered by
// test/passes/keep-kernels.mlir.

#include "passes/Passes.h"

namespace headgate::passes {
#define GEN_PASS_DEF_KEEPKERNELS
#include "passes/Passes.h.inc"
} // namespace headgate::passes

using namespace mlir;
using namespace headgate;

namespace {

struct KeepKernelsPass : passes::impl::KeepKernelsBase<KeepKernelsPass> {
  void runOnOperation() override {
    for (auto function :
         llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      if (!function->hasAttr(passes::kernelName))
        function.erase();
  }
};

} // namespace
