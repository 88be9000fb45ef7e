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
/// each if `whole`, and only such as tiles may say if `forGpu`.
void buildFormKernelsPipeline(mlir::OpPassManager &pm, bool whole,
                              bool forGpu = false);

// Targets below are names of lib/Target: "host:x86-64-v3".

/// Entries and kernels -> kernels alone: launched functions on tiles, where
/// tiles can say them; the others stay as they are.
void buildKernelsToTilesPipeline(mlir::OpPassManager &pm,
                                 llvm::StringRef target);

/// Launched functions on tiles -> the LLVM and NVVM dialects, for a GPU.
void buildTilesToNvvmPipeline(mlir::OpPassManager &pm, llvm::StringRef target);

/// Launched functions on tiles -> loops over vectors.
void buildTilesToVectorsPipeline(mlir::OpPassManager &pm,
                                 llvm::StringRef target);

/// Kernels that are not on tiles or vectors -> launched functions on buffers,
/// every buffer placed.
void buildRestToBuffersPipeline(mlir::OpPassManager &pm);

/// The three above; on the host.
void buildKernelsToBuffersPipeline(mlir::OpPassManager &pm,
                                   llvm::StringRef target);

/// Functions on buffers, linalg and vectors -> the LLVM dialect.
void buildVectorsToLLVMPipeline(mlir::OpPassManager &pm,
                                llvm::StringRef target);

/// Launched functions on buffers -> the LLVM dialect, with the host kernel's
/// signature.
void buildHostToLLVMPipeline(mlir::OpPassManager &pm, llvm::StringRef target);

/// Registers each as `--headgate-NAME-pipeline`, those for a target with
/// `target=`; and `--headgate-host-pipeline`, which is all that `--target=host
/// --lowering=kernels` runs for one level.
void registerHeadgatePipelines();

} // namespace headgate::passes

#endif // HEADGATE_PASSES_PIPELINES_H
