// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/runtime/sim/differential/Compile.h"

#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Verifier.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/TargetParser/Host.h>

#include <mutex>

namespace headgate::test {

using namespace llvm;

namespace {

void startLlvm() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
    InitializeNativeTarget();
    InitializeNativeTargetAsmPrinter();
  });
}

std::unique_ptr<TargetMachine> gpuMachine(const GpuBuild &build) {
  startLlvm();
  Triple triple("nvptx64-nvidia-cuda");
  std::string error;
  const Target *target = TargetRegistry::lookupTarget(triple, error);
  if (!target)
    reportFatalUsageError(Twine(error));
  TargetOptions options;
  options.AllowFPOpFusion = FPOpFusion::Strict;
  return std::unique_ptr<TargetMachine>(target->createTargetMachine(
      triple, build.processor, build.features, options, std::nullopt,
      std::nullopt,
      build.optimise ? CodeGenOptLevel::Default : CodeGenOptLevel::None));
}

std::unique_ptr<Module> gpuModule(LLVMContext &context,
                                  std::span<const RandomProgram> programs,
                                  const GpuBuild &build,
                                  const TargetMachine &machine) {
  auto module = std::make_unique<Module>("programs", context);
  module->setTargetTriple(machine.getTargetTriple());
  module->setDataLayout(machine.createDataLayout());
  for (size_t i = 0; i < programs.size(); ++i)
    emitProgram(*module, programs[i], "k" + std::to_string(i), Side::gpu,
                build.generic);
  if (verifyModule(*module, &errs()))
    reportFatalUsageError("a program is no valid IR");
  return module;
}

void optimise(Module &module, TargetMachine *machine) {
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager calls;
  ModuleAnalysisManager modules;
  PassBuilder passes(machine);
  passes.registerModuleAnalyses(modules);
  passes.registerCGSCCAnalyses(calls);
  passes.registerFunctionAnalyses(functions);
  passes.registerLoopAnalyses(loops);
  passes.crossRegisterProxies(loops, functions, calls, modules);
  passes.buildPerModuleDefaultPipeline(OptimizationLevel::O2)
      .run(module, modules);
}

} // namespace

std::string compileForGpu(std::span<const RandomProgram> programs,
                          const GpuBuild &build) {
  LLVMContext context;
  std::unique_ptr<TargetMachine> machine = gpuMachine(build);
  std::unique_ptr<Module> module =
      gpuModule(context, programs, build, *machine);
  if (build.optimise)
    optimise(*module, machine.get());
  SmallString<0> text;
  raw_svector_ostream stream(text);
  legacy::PassManager passes;
  machine->addPassesToEmitFile(passes, stream, nullptr,
                               CodeGenFileType::AssemblyFile);
  passes.run(*module);
  return std::string(text);
}

std::string irForGpu(const RandomProgram &program, const GpuBuild &build) {
  LLVMContext context;
  std::unique_ptr<TargetMachine> machine = gpuMachine(build);
  std::unique_ptr<Module> module =
      gpuModule(context, {&program, 1}, build, *machine);
  std::string text;
  raw_string_ostream(text) << *module;
  return text;
}

bool hostHasHalf() {
  StringMap<bool> features = sys::getHostCPUFeatures();
  return features.lookup("f16c");
}

HostPrograms::HostPrograms(std::span<const RandomProgram> programs) {
  startLlvm();
  auto context = std::make_unique<LLVMContext>();
  ExitOnError check("host: ");
  jit_ = check(orc::LLJITBuilder().create());
  auto module = std::make_unique<Module>("programs", *context);
  module->setTargetTriple(jit_->getTargetTriple());
  module->setDataLayout(jit_->getDataLayout());
  for (size_t i = 0; i < programs.size(); ++i)
    emitProgram(*module, programs[i], "k" + std::to_string(i), Side::host,
                false);
  check(jit_->addIRModule(
      orc::ThreadSafeModule(std::move(module), std::move(context))));
}

HostPrograms::Function HostPrograms::function(size_t program) const {
  ExitOnError check("host: ");
  return check(jit_->lookup("k" + std::to_string(program))).toPtr<Function>();
}

} // namespace headgate::test
