// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/HostLevel.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "passes/ExportPlan.h"
#include "passes/HostObject.h"
#include "passes/Passes.h"
#include "passes/Pipelines.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

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

class LevelLowering {
public:
  LevelLowering(const DialectRegistry &registry, const HostTarget &target,
                std::vector<ForeignDiagnostic> &diagnostics)
      : context(registry, MLIRContext::Threading::DISABLED), target(target),
        handler(&context, [&](Diagnostic &diagnostic) {
          diagnostics.push_back(foreign(diagnostic));
          for (Diagnostic &note : diagnostic.getNotes())
            diagnostics.push_back(foreign(note));
        }) {
    context.printOpOnDiagnostic(false);
  }

  Result<HostLevel> run(StringRef bytecode, Level level, unsigned parts) {
    auto parsed = parseSourceString<ModuleOp>(bytecode, &context);
    if (!parsed)
      return failed();
    module = *parsed;
    if (!lower(buildKernelsToTilesPipeline))
      return failed();
    if (level == Level::tiles)
      return withText();
    if (!lower(buildTilesToVectorsPipeline))
      return failed();
    if (level == Level::vectors)
      return withText();
    if (!lower([](OpPassManager &pm, StringRef) {
          buildRestToBuffersPipeline(pm);
        }))
      return failed();
    if (level == Level::buffers)
      return withText();
    auto variants = exportVariants(module);
    if (mlir::failed(variants))
      return failed();
    result.variants = std::move(*variants);
    HostCode code{.parts = parts, .wantsIR = level == Level::llvm};
    for (const auto &[kernel, variant] : result.variants)
      for (const PlanLaunch &launch : variant.launches)
        code.entries.push_back(launch.symbol);
    if (!lower(buildHostToLLVMPipeline))
      return failed();
    auto object = compileHostObject(module, code, target);
    if (!object)
      return std::move(object).error();
    result.objects = std::move(object->objects);
    result.text = std::move(object->llvmIR);
    return std::move(result);
  }

private:
  /// Verifies what a pipeline leaves, but not between its passes, which would
  /// take as long as the passes do: headgate-opt verifies there, in tests.
  bool lower(llvm::function_ref<void(OpPassManager &, StringRef)> build) {
    PassManager pm(&context);
    pm.enableVerifier(false);
    build(pm, target.name);
    return succeeded(pm.run(module)) && succeeded(verify(module));
  }

  Result<HostLevel> withText() {
    llvm::raw_string_ostream(result.text) << module << "\n";
    return std::move(result);
  }

  static Error failed() {
    return Error(ErrorCode::badInput, "the module cannot be compiled");
  }

  MLIRContext context;
  const HostTarget &target;
  ScopedDiagnosticHandler handler;
  ModuleOp module;
  HostLevel result;
};

} // namespace

Result<HostLevel> headgate::passes::lowerForHost(
    StringRef bytecode, const DialectRegistry &registry,
    const HostTarget &target, Level level, unsigned parts,
    std::vector<ForeignDiagnostic> &diagnostics) {
  return LevelLowering(registry, target, diagnostics)
      .run(bytecode, level, parts);
}
