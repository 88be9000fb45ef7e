// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The only place that orders passes.

#ifndef HEADGATE_PASSES_PIPELINES_H
#define HEADGATE_PASSES_PIPELINES_H

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace headgate::passes {

/// One body for each public function: calls inlined, then canonicalised.
void buildSimplifyPipeline(mlir::OpPassManager &pm);

/// routed on tensors -> linalg on tensors: the executable meaning.
void buildDecomposePipeline(mlir::OpPassManager &pm);

/// linalg on tensors -> host kernels on buffers, every buffer freed. Public
/// functions become entries with the host kernel's signature.
void buildBufferizePipeline(mlir::OpPassManager &pm);

/// Host kernels on buffers -> the LLVM dialect.
void buildHostToLLVMPipeline(mlir::OpPassManager &pm);

/// Registers `--headgate-simplify-pipeline`, `--headgate-decompose-pipeline`,
/// `--headgate-bufferize-pipeline`, `--headgate-host-to-llvm-pipeline`, and
/// `--headgate-host-pipeline`, which is all four.
void registerHeadgatePipelines();

} // namespace headgate::passes

#endif // HEADGATE_PASSES_PIPELINES_H
