// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/TargetLevel.h"

#include "dialect/routed/Routed.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "passes/ExportPlan.h"
#include "passes/HostObject.h"
#include "passes/Launch.h"
#include "passes/Passes.h"
#include "passes/Pipelines.h"
#include "passes/ShowRemarks.h"

#include <map>
#include <thread>

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

Error cannotCompile() {
  return Error(ErrorCode::badInput, "the module cannot be compiled");
}

ForeignDiagnostic foreign(Diagnostic &diagnostic) {
  ForeignDiagnostic copy{diagnostic.getSeverity(), diagnostic.str()};
  Location location = diagnostic.getLocation();
  if (auto place = location->findInstanceOf<FileLineColLoc>()) {
    copy.file = place.getFilename().str();
    copy.line = place.getLine();
    copy.column = place.getColumn();
  }
  return copy;
}

/// A module in a context of its own, and the pipelines that lower it.
class LevelLowering {
public:
  LevelLowering(const DialectRegistry &registry, const std::string &target,
                bool explain, std::vector<ForeignDiagnostic> &diagnostics)
      : context(registry, MLIRContext::Threading::DISABLED), target(target),
        handler(&context, [&](Diagnostic &diagnostic) {
          diagnostics.push_back(foreign(diagnostic));
          for (Diagnostic &note : diagnostic.getNotes())
            diagnostics.push_back(foreign(note));
        }) {
    context.printOpOnDiagnostic(false);
    if (explain)
      showRemarks(context);
  }

  ModuleOp module() { return *owned; }

  bool parse(StringRef bytecode) {
    owned = parseSourceString<ModuleOp>(bytecode, &context);
    return bool(owned);
  }

  /// Verifies what a pipeline leaves, but not between its passes, which would
  /// take as long as the passes do: headgate-opt verifies there, in tests.
  bool lower(llvm::function_ref<void(OpPassManager &, StringRef)> build) {
    PassManager pm(&context);
    pm.enableVerifier(false);
    build(pm, target);
    return succeeded(pm.run(module())) && succeeded(verify(module()));
  }

  TargetLevel text() {
    TargetLevel level;
    llvm::raw_string_ostream(level.text) << module() << "\n";
    return level;
  }

private:
  MLIRContext context;
  const std::string &target;
  ScopedDiagnosticHandler handler;
  OwningOpRef<ModuleOp> owned;
};

//===-- the host ---------------------------------------------------------===//

Result<TargetLevel> lowerTiles(LevelLowering &lowering,
                               const HostTarget &target,
                               const ExportOptions &options) {
  if (!lowering.lower(buildTilesToVectorsPipeline))
    return cannotCompile();
  if (options.level == Level::vectors)
    return lowering.text();
  if (!lowering.lower(
          [](OpPassManager &pm, StringRef) { buildRestToBuffersPipeline(pm); }))
    return cannotCompile();
  if (options.level == Level::buffers)
    return lowering.text();
  auto variants = exportVariants(lowering.module());
  if (failed(variants))
    return cannotCompile();
  TargetLevel result{.variants = std::move(*variants)};
  HostCode code{.parts = options.parts,
                .wantsIR = options.level == Level::llvm};
  for (const auto &[kernel, variant] : result.variants)
    for (const PlanLaunch &launch : variant.launches)
      code.entries.push_back(launch.symbol);
  if (!lowering.lower(buildHostToLLVMPipeline))
    return cannotCompile();
  auto object = compileHostObject(lowering.module(), code, target);
  if (!object)
    return std::move(object).error();
  result.objects = std::move(object->objects);
  result.text = std::move(object->llvmIR);
  return result;
}

//===-- a GPU ------------------------------------------------------------===//

/// Every kernel is a tile program, or else an error at the op that is none: a
/// GPU's kernels have no other form to fall back on.
bool allAreTilePrograms(ModuleOp module, StringRef target) {
  bool all = true;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (launchOf(function) || function.isExternal())
      continue;
    Operation *culprit = function;
    for (Operation &op : function.getBody().getOps())
      if (isa<routed::RoutedDialect, linalg::LinalgDialect>(op.getDialect()) &&
          !isa<linalg::FillOp>(op)) {
        culprit = &op;
        break;
      }
    InFlightDiagnostic error = culprit->emitOpError()
                               << "has no kernel for " << target;
    error.attachNote() << "--explain says why its kernel '"
                       << function.getName() << "' is no tile program";
    all = false;
  }
  return all;
}

/// How one launch is made, beside its grid.
struct BlockShape {
  int64_t threads, sharedBytes;
};

/// Code for some launched functions on tiles.
struct GpuCode {
  std::vector<PtxKernel> kernels;
  std::map<std::string, BlockShape> blocks; ///< by symbol
};

Result<GpuCode> generate(LevelLowering &lowering, const GpuTarget &target,
                         const PtxOptions &options) {
  if (!lowering.lower(buildTilesToNvvmPipeline))
    return cannotCompile();
  GpuCode code;
  for (auto function : lowering.module().getOps<LLVM::LLVMFuncOp>()) {
    auto threads = function->getAttrOfType<DenseI32ArrayAttr>(
        NVVM::NVVMDialect::getReqntidAttrName());
    auto shared = function->getAttrOfType<IntegerAttr>(sharedBytesName);
    if (threads)
      code.blocks[function.getName().str()] = {threads[0],
                                               shared ? shared.getInt() : 0};
  }
  auto kernels = emitPtx(lowering.module(), target, options);
  if (!kernels)
    return std::move(kernels).error();
  code.kernels = std::move(*kernels);
  return code;
}

/// The functions of `module`, each as the number of the part that makes it, so
/// that parts have about as many ops.
std::vector<unsigned> shareOut(ModuleOp module, unsigned parts) {
  std::vector<std::pair<int64_t, size_t>> sizes;
  for (auto function : module.getOps<func::FuncOp>()) {
    int64_t count = 0;
    function.walk([&](Operation *) { ++count; });
    sizes.push_back({-count, sizes.size()});
  }
  std::sort(sizes.begin(), sizes.end());
  std::vector<int64_t> load(parts, 0);
  std::vector<unsigned> partOf(sizes.size());
  for (auto [minusCount, index] : sizes) {
    auto least = std::min_element(load.begin(), load.end());
    partOf[index] = least - load.begin();
    *least -= minusCount;
  }
  return partOf;
}

/// Makes the code of `module` in parts, side by side.
Result<GpuCode> generateParts(ModuleOp module, const DialectRegistry &registry,
                              const GpuTarget &target,
                              const ExportOptions &options,
                              std::vector<ForeignDiagnostic> &diagnostics) {
  unsigned parts = options.parts;
  std::string bytecode;
  llvm::raw_string_ostream stream(bytecode);
  if (failed(writeBytecodeToFile(module, stream)))
    return Error(ErrorCode::failed, "the module cannot be written down");
  std::vector<unsigned> partOf = shareOut(module, parts);
  std::vector<Result<GpuCode>> codes(parts, Result<GpuCode>(cannotCompile()));
  std::vector<std::vector<ForeignDiagnostic>> said(parts);
  auto makePart = [&](unsigned part) {
    LevelLowering lowering(registry, target.name, options.explain, said[part]);
    if (!lowering.parse(bytecode))
      return;
    auto all = llvm::to_vector(lowering.module().getOps<func::FuncOp>());
    for (auto [function, itsPart] : llvm::zip_equal(all, partOf))
      if (itsPart != part)
        function.erase();
    codes[part] = generate(lowering, target, {});
  };
  std::vector<std::thread> threads;
  for (unsigned part = 0; part < parts; ++part)
    threads.emplace_back(makePart, part);
  for (std::thread &thread : threads)
    thread.join();
  GpuCode all;
  for (unsigned part = 0; part < parts; ++part) {
    diagnostics.insert(diagnostics.end(), said[part].begin(), said[part].end());
    if (!codes[part])
      return std::move(codes[part]).error();
    llvm::append_range(all.kernels, std::move(codes[part]->kernels));
    all.blocks.merge(codes[part]->blocks);
  }
  return all;
}

/// Fills in what code generation decided of the launches, and puts their code
/// in the order of the plan, which does not depend on parts.
void describeLaunches(TargetLevel &level, GpuCode &code) {
  for (auto &[kernel, variant] : level.variants)
    for (PlanLaunch &launch : variant.launches) {
      const BlockShape &block = code.blocks.at(launch.symbol);
      launch.block = block.threads;
      launch.sharedBytes = block.sharedBytes;
      for (PtxKernel &made : code.kernels)
        if (made.symbol == launch.symbol)
          level.kernels.push_back(std::move(made));
    }
}

Result<TargetLevel> lowerTiles(LevelLowering &lowering,
                               const DialectRegistry &registry,
                               const GpuTarget &target,
                               const ExportOptions &options,
                               std::vector<ForeignDiagnostic> &diagnostics) {
  ModuleOp module = lowering.module();
  auto variants = exportVariants(module);
  if (failed(variants))
    return cannotCompile();
  for (auto function : module.getOps<func::FuncOp>()) {
    function.setName(launchSymbol(function));
    function.setPublic();
  }
  if (options.level == Level::nvvm) {
    if (!lowering.lower(buildTilesToNvvmPipeline))
      return cannotCompile();
    return lowering.text();
  }
  bool isText = options.level < Level::object;
  auto code =
      isText ? generate(
                   lowering, target,
                   {.wantsIR = options.level == Level::llvm, .isOneFile = true})
             : generateParts(module, registry, target, options, diagnostics);
  if (!code)
    return std::move(code).error();
  TargetLevel result{.variants = std::move(*variants)};
  if (!isText) {
    describeLaunches(result, *code);
  } else if (!code->kernels.empty()) {
    const PtxKernel &all = code->kernels.front();
    result.text = options.level == Level::llvm ? all.llvmIR : all.ptx;
  }
  return result;
}

} // namespace

Result<TargetLevel> headgate::passes::lowerForTarget(
    StringRef bytecode, const DialectRegistry &registry,
    const CodeTarget &target, const ExportOptions &options,
    std::vector<ForeignDiagnostic> &diagnostics) {
  LevelLowering lowering(registry, nameOf(target), options.explain,
                         diagnostics);
  if (!lowering.parse(bytecode))
    return cannotCompile();
  if (!lowering.lower(buildKernelsToTilesPipeline))
    return cannotCompile();
  if (options.level == Level::tiles)
    return lowering.text();
  if (const auto *host = std::get_if<HostTarget>(&target))
    return lowerTiles(lowering, *host, options);
  if (!allAreTilePrograms(lowering.module(), nameOf(target)))
    return cannotCompile();
  return lowerTiles(lowering, registry, std::get<GpuTarget>(target), options,
                    diagnostics);
}
