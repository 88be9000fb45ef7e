// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Buffers, vectors and control flow to the LLVM dialect.

#ifndef HEADGATE_PASSES_LOWERTOLLVM_H
#define HEADGATE_PASSES_LOWERTOLLVM_H

#include "mlir/Pass/Pass.h"

namespace headgate::passes {

/// Expands views of buffers and vector ops that have no instruction, then
/// converts affine, arith, cf, func, index, math, memref, ub, vector and
/// x86vector at once. A function of math becomes an intrinsic of LLVM where
/// there is one, else a call of libm. Needs: no structured control flow, no
/// linalg. Keeps: ops of LLVM, and casts from a descriptor to the buffer that
/// it describes, for `reconcile-unrealized-casts`.
std::unique_ptr<mlir::Pass> createLowerToLLVM();

} // namespace headgate::passes

#endif // HEADGATE_PASSES_LOWERTOLLVM_H
