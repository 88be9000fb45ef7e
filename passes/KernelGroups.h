// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which ops of an entry become one kernel, and of which kind.

#ifndef HEADGATE_PASSES_KERNELGROUPS_H
#define HEADGATE_PASSES_KERNELGROUPS_H

#include "passes/ExtentTexts.h"

namespace headgate::passes {

enum class KernelKind {
  attend,   ///< one attention of class A or D, the gather of its query inside
  gemm,     ///< one projection: bias, contraction, rounding
  rows,     ///< token-local ops: a block computes a range of tokens
  append,   ///< new rows into a cache
  function, ///< anything else, by one block
};

/// "attend": the value of `headgate.kernel`.
llvm::StringRef kindName(KernelKind kind);

struct KernelGroup {
  KernelKind kind;
  /// In program order. Ops that are free are not listed: kernels compute them
  /// for themselves.
  llvm::SmallVector<mlir::Operation *> ops;
  /// Extents of batch and position of every result; empty unless all ops are
  /// token-local.
  llvm::SmallVector<std::string> tokens;
};

/// Does `op` cost nothing, or so little that each kernel which uses it computes
/// it again? Constants, scalars, empty and constant tensors, broadcasts,
/// reshapes, slices; the gather of a query; concats, which are buffers.
bool isFree(mlir::Operation *op, const ExtentTexts &texts);

/// The groups of the entry block of `func`, each behind those whose results it
/// needs. For a GPU a group of token-local ops has one that gives results, and
/// before it what only this one reads; else all of them that can be computed
/// token by token. Emits remarks: what was fused, what was left to one block or
/// kept apart, and why.
llvm::SmallVector<KernelGroup> groupOps(mlir::func::FuncOp func,
                                        const ExtentTexts &texts, bool forGpu);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_KERNELGROUPS_H
