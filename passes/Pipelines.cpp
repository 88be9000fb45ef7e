// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Pipelines.h"

#include "lib/Target.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Pipelines/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "passes/BesideTiles.h"
#include "passes/LowerToLLVM.h"
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

void headgate::passes::buildFormKernelsPipeline(OpPassManager &pm, bool whole,
                                                bool forGpu) {
  FormKernelsOptions options;
  options.whole = whole;
  options.gpu = forGpu;
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

void headgate::passes::buildKernelsToTilesPipeline(OpPassManager &pm,
                                                   StringRef target) {
  pm.addPass(createKeepKernels());
  pm.addPass(createAttachSchedule({target.str()}));
  pm.addPass(createLowerRoutedToTile());
  pm.addPass(createLowerLinalgToTile());
  // On the host they are loops over tokens: slice-rows.
  Result<Target> machine = findTarget(target);
  if (machine && machine->isGpu())
    pm.addPass(createLowerRowsToTile());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

/// From here on code is that of one thread.
static void buildThreadsToNvvmPipeline(OpPassManager &pm) {
  pm.addNestedPass<func::FuncOp>(createAssignLayouts());
  pm.addPass(createLowerTileToNvvm());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createLowerToLLVM());
  pm.addPass(createConvertNVVMToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
}

void headgate::passes::buildTilesToNvvmPipeline(OpPassManager &pm,
                                                StringRef target) {
  SplitRowSumsOptions sums;
  sums.ways = 4;
  pm.addNestedPass<func::FuncOp>(createSplitRowSums(sums));
  pm.addNestedPass<func::FuncOp>(createPipelineLoads());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addNestedPass<func::FuncOp>(createCheckStreams());
  buildThreadsToNvvmPipeline(pm);
}

void headgate::passes::buildTilesToVectorsPipeline(OpPassManager &pm,
                                                   StringRef target) {
  pm.addNestedPass<func::FuncOp>(createSplitRowSums());
  pm.addPass(createPackOperands({target.str()}));
  pm.addNestedPass<func::FuncOp>(createLowerTileToVector({target.str()}));
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void headgate::passes::buildRestToBuffersPipeline(OpPassManager &pm) {
  pm.addPass(createBesideTiles([](OpPassManager &rest) {
    rest.addNestedPass<func::FuncOp>(createLowerAppend());
    rest.addNestedPass<func::FuncOp>(createSliceRows());
    buildDecomposePipeline(rest);
    bufferize(rest);
    rest.addNestedPass<func::FuncOp>(createPlaceTemporaries());
  }));
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void headgate::passes::buildKernelsToBuffersPipeline(OpPassManager &pm,
                                                     StringRef target) {
  buildKernelsToTilesPipeline(pm, target);
  buildTilesToVectorsPipeline(pm, target);
  buildRestToBuffersPipeline(pm);
}

void headgate::passes::buildHostToLLVMPipeline(OpPassManager &pm,
                                               StringRef target) {
  pm.addPass(createWrapHostKernels());
  buildVectorsToLLVMPipeline(pm, target);
}

void headgate::passes::buildVectorsToLLVMPipeline(OpPassManager &pm,
                                                  StringRef target) {
  Result<Target> machine = findTarget(target);
  pm.addNestedPass<func::FuncOp>(createConvertLinalgToLoopsPass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createCSEPass());
  // Conversions of bf16 that the CPU lacks would become calls that no library
  // on the user's machine has.
  arith::ArithExpandOpsPassOptions expand;
  expand.includeBf16 = !machine || !machine->hasDotBf16;
  pm.addPass(arith::createArithExpandOpsPass(expand));
  pm.addPass(createLowerToLLVM());
  pm.addPass(createReconcileUnrealizedCastsPass());
}

namespace {

struct TargetOptions : PassPipelineOptions<TargetOptions> {
  Option<std::string> target{*this, "target",
                             llvm::cl::desc("as lib/Target spells it"),
                             llvm::cl::init("host:x86-64-v3")};
};

struct SimplifyOptions : TargetOptions {
  Option<bool> allowReassociation{
      *this, "allow-reassociation",
      llvm::cl::desc("let sums be added in another order"),
      llvm::cl::init(false)};
};

/// Registers a pipeline that has a target and no other option.
void registerForTarget(StringRef name, StringRef description,
                       void (*build)(OpPassManager &, StringRef)) {
  PassPipelineRegistration<TargetOptions>(
      name, description,
      [build](OpPassManager &pm, const TargetOptions &options) {
        build(pm, options.target);
      });
}

void buildHostPipeline(OpPassManager &pm, StringRef target) {
  buildInlinePipeline(pm);
  buildSimplifyPipeline(pm, target, /*allowReassociation=*/false);
  buildFormKernelsPipeline(pm, /*whole=*/false);
  buildKernelsToBuffersPipeline(pm, target);
  buildHostToLLVMPipeline(pm, target);
}

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
  registerForTarget("headgate-kernels-to-tiles-pipeline",
                    "kernels to launched functions on tiles, where tiles can "
                    "say them",
                    buildKernelsToTilesPipeline);
  registerForTarget("headgate-gpu-tiles-to-nvvm-pipeline",
                    "launched functions on tiles to the LLVM and NVVM dialects",
                    buildTilesToNvvmPipeline);
  registerForTarget("headgate-tiles-to-vectors-pipeline",
                    "launched functions on tiles to loops over vectors",
                    buildTilesToVectorsPipeline);
  registerForTarget("headgate-vectors-to-llvm-pipeline",
                    "functions on buffers, linalg and vectors to the LLVM "
                    "dialect",
                    buildVectorsToLLVMPipeline);
  registerForTarget("headgate-kernels-to-buffers-pipeline",
                    "kernels to launched functions on buffers",
                    buildKernelsToBuffersPipeline);
  registerForTarget("headgate-host-to-llvm-pipeline",
                    "launched functions on buffers to the LLVM dialect",
                    buildHostToLLVMPipeline);
  registerForTarget("headgate-host-pipeline",
                    "routed on tensors to the LLVM dialect, for the host",
                    buildHostPipeline);
}
