// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Pipelines.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Pipelines/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "passes/Passes.h"

using namespace mlir;
using namespace headgate::passes;

void headgate::passes::buildInlinePipeline(OpPassManager &pm) {
  pm.addPass(createInlinerPass());
  pm.addPass(createSymbolDCEPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void headgate::passes::buildSimplifyPipeline(OpPassManager &pm,
                                             StringRef target,
                                             bool allowReassociation) {
  SimplifyRoutedOptions options;
  options.target = target.str();
  options.allowReassociation = allowReassociation;
  pm.addNestedPass<func::FuncOp>(createSimplifyRouted(options));
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void headgate::passes::buildDecomposePipeline(OpPassManager &pm) {
  pm.addPass(createRelaxContractions());
  pm.addPass(createDecomposeRouted());
  // Extents as arithmetic on the arguments' extents: sizes of temporaries are
  // then known to the plan.
  pm.addPass(memref::createResolveRankedShapeTypeResultDimsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void headgate::passes::buildFormKernelsPipeline(OpPassManager &pm, bool whole) {
  FormKernelsOptions options;
  options.whole = whole;
  pm.addPass(createFormKernels(options));
}

/// What is left on tensors, to buffers. Results go straight to where they are
/// materialised.
static void bufferize(OpPassManager &pm) {
  // arith on tensors does not bufferize.
  pm.addNestedPass<func::FuncOp>(createConvertElementwiseToLinalgPass());
  pm.addNestedPass<func::FuncOp>(createPlaceResults());
  bufferization::OneShotBufferizePassOptions bufferize;
  bufferize.allowReturnAllocsFromLoops = true; // freed all the same
  pm.addPass(bufferization::createOneShotBufferizePass(bufferize));
  bufferization::buildBufferDeallocationPipeline(pm);
  pm.addPass(createCopiesToLinalg());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void headgate::passes::buildKernelsToBuffersPipeline(OpPassManager &pm) {
  pm.addPass(createKeepKernels());
  pm.addNestedPass<func::FuncOp>(createLowerAppend());
  pm.addNestedPass<func::FuncOp>(createSliceRows());
  buildDecomposePipeline(pm);
  bufferize(pm);
  pm.addNestedPass<func::FuncOp>(createPlaceTemporaries());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void headgate::passes::buildHostToLLVMPipeline(OpPassManager &pm) {
  pm.addPass(createWrapHostKernels());
  pm.addNestedPass<func::FuncOp>(createConvertLinalgToLoopsPass());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  // Conversions of bf16 that the CPU lacks would become calls that no library
  // on the user's machine has.
  arith::ArithExpandOpsPassOptions expand;
  expand.includeBf16 = true;
  pm.addPass(arith::createArithExpandOpsPass(expand));
  pm.addPass(createFinalizeMemRefToLLVMConversionPass());
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createConvertMathToLibmPass());
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createConvertIndexToLLVMPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createConvertFuncToLLVMPass());
  pm.addPass(createUBToLLVMConversionPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
}

namespace {
struct SimplifyOptions : PassPipelineOptions<SimplifyOptions> {
  Option<std::string> target{*this, "target",
                             llvm::cl::desc("as lib/Target spells it"),
                             llvm::cl::init("host:x86-64-v3")};
  Option<bool> allowReassociation{
      *this, "allow-reassociation",
      llvm::cl::desc("let sums be added in another order"),
      llvm::cl::init(false)};
};
} // namespace

void headgate::passes::registerHeadgatePipelines() {
  PassPipelineRegistration<>("headgate-inline-pipeline",
                             "inline calls and canonicalise",
                             buildInlinePipeline);
  PassPipelineRegistration<SimplifyOptions>(
      "headgate-simplify-pipeline",
      "routed on tensors in the form that costs least",
      [](OpPassManager &pm, const SimplifyOptions &options) {
        buildSimplifyPipeline(pm, options.target, options.allowReassociation);
      });
  PassPipelineRegistration<>(
      "headgate-decompose-pipeline",
      "routed on tensors to linalg on tensors (the executable meaning)",
      buildDecomposePipeline);
  PassPipelineRegistration<>("headgate-kernels-to-buffers-pipeline",
                             "kernels to launched functions on buffers",
                             buildKernelsToBuffersPipeline);
  PassPipelineRegistration<>("headgate-host-to-llvm-pipeline",
                             "launched functions on buffers to the LLVM "
                             "dialect",
                             buildHostToLLVMPipeline);
  PassPipelineRegistration<>("headgate-host-pipeline",
                             "routed on tensors to the LLVM dialect, for the "
                             "host",
                             [](OpPassManager &pm) {
                               buildInlinePipeline(pm);
                               buildSimplifyPipeline(
                                   pm, "host:x86-64-v3",
                                   /*allowReassociation=*/false);
                               buildFormKernelsPipeline(pm, /*whole=*/false);
                               buildKernelsToBuffersPipeline(pm);
                               buildHostToLLVMPipeline(pm);
                             });
}
