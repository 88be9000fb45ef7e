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

void headgate::passes::buildSimplifyPipeline(OpPassManager &pm) {
  pm.addPass(createInlinerPass());
  pm.addPass(createSymbolDCEPass());
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

void headgate::passes::buildBufferizePipeline(OpPassManager &pm) {
  // arith on tensors does not bufferize.
  pm.addNestedPass<func::FuncOp>(createConvertElementwiseToLinalgPass());
  pm.addPass(createIsolateEntries());
  bufferization::OneShotBufferizePassOptions bufferize;
  bufferize.bufferizeFunctionBoundaries = true;
  bufferize.allowReturnAllocsFromLoops = true; // freed all the same
  bufferize.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  pm.addPass(bufferization::createOneShotBufferizePass(bufferize));
  bufferization::BufferResultsToOutParamsPassOptions results;
  results.hoistStaticAllocs = true;
  results.hoistDynamicAllocs = true;
  results.modifyPublicFunctions = true;
  pm.addPass(bufferization::createBufferResultsToOutParamsPass(results));
  bufferization::buildBufferDeallocationPipeline(pm);
  pm.addPass(createCopiesToLinalg());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createPlaceTemporaries());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createWrapHostEntries());
}

void headgate::passes::buildHostToLLVMPipeline(OpPassManager &pm) {
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

void headgate::passes::registerHeadgatePipelines() {
  PassPipelineRegistration<>("headgate-simplify-pipeline",
                             "inline calls and canonicalise",
                             buildSimplifyPipeline);
  PassPipelineRegistration<>(
      "headgate-decompose-pipeline",
      "routed on tensors to linalg on tensors (the executable meaning)",
      buildDecomposePipeline);
  PassPipelineRegistration<>(
      "headgate-bufferize-pipeline",
      "linalg on tensors to host kernels on buffers, every buffer freed",
      buildBufferizePipeline);
  PassPipelineRegistration<>("headgate-host-to-llvm-pipeline",
                             "host kernels on buffers to the LLVM dialect",
                             buildHostToLLVMPipeline);
  PassPipelineRegistration<>("headgate-host-pipeline",
                             "routed on tensors to the LLVM dialect, for the "
                             "host",
                             [](OpPassManager &pm) {
                               buildSimplifyPipeline(pm);
                               buildDecomposePipeline(pm);
                               buildBufferizePipeline(pm);
                               buildHostToLLVMPipeline(pm);
                             });
}
