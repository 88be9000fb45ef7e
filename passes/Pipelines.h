// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The only place that orders passes.

#ifndef HEADGATE_PASSES_PIPELINES_H
#define HEADGATE_PASSES_PIPELINES_H

#include "mlir/Support/LLVM.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace headgate::passes {

/// One body for each public function: calls inlined, then canonicalised.
void buildInlinePipeline(mlir::OpPassManager &pm);

/// Each layer in the form that costs least on `target` (a name of lib/Target:
/// "host:x86-64-v3"); canonical again.
void buildSimplifyPipeline(mlir::OpPassManager &pm, llvm::StringRef target,
                           bool allowReassociation);

/// routed on tensors -> linalg on tensors: the executable meaning.
void buildDecomposePipeline(mlir::OpPassManager &pm);

/// Entries on tensors -> entries on buffers that call kernels; one kernel for
/// each if `whole`.
void buildFormKernelsPipeline(mlir::OpPassManager &pm, bool whole);

/// Kernels -> launched functions on buffers, every buffer placed.
void buildKernelsToBuffersPipeline(mlir::OpPassManager &pm);

/// Launched functions on buffers -> the LLVM dialect, with the host kernel's
/// signature.
void buildHostToLLVMPipeline(mlir::OpPassManager &pm);

/// Registers `--headgate-inline-pipeline`, `--headgate-simplify-pipeline`, `--headgate-decompose-pipeline`,
/// `--headgate-kernels-to-buffers-pipeline`,
/// `--headgate-host-to-llvm-pipeline`, and `--headgate-host-pipeline`, which is
/// all that `--target=host --lowering=kernels` runs.
void registerHeadgatePipelines();

} // namespace headgate::passes

#endif // HEADGATE_PASSES_PIPELINES_H
