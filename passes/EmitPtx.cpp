// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Covered by test/passes/emit-ptx.mlir and emit-ptx-errors.mlir.

#include "passes/EmitPtx.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "passes/RunLlvmPasses.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/Config/Targets.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Utils/Cloning.h"

using namespace headgate;
using namespace headgate::passes;

namespace {

Error failed(std::string message) {
  return Error(ErrorCode::failed, std::move(message));
}

Result<std::unique_ptr<llvm::TargetMachine>> machineFor(const GpuTarget &gpu) {
  llvm::Triple triple("nvptx64-nvidia-cuda");
  std::string why;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, why);
  if (!target)
    return failed("this LLVM has no code generator for " + gpu.name + ": " +
                  why);
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, gpu.name, gpu.features, llvm::TargetOptions(), std::nullopt,
      std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

/// What a thread's program that is unrolled already needs, and no more: licm
/// and gvn, which are in LLVM's own lists from -O1 on, move addresses out of
/// the loop over tiles, and registers are what a tile lacks (128x128 with
/// D = 64 then spills 28 bytes, and nothing without them).
constexpr llvm::StringLiteral passes =
    "function(early-cse<memssa>,instcombine<no-verify-fixpoint>,simplifycfg,"
    "adce)";

bool multiplies(const llvm::Loop &loop) {
  for (const llvm::BasicBlock *block : loop.blocks())
    for (const llvm::Instruction &op : *block)
      if (auto *call = llvm::dyn_cast<llvm::IntrinsicInst>(&op))
        if (call->getCalledFunction()->getName().starts_with("llvm.nvvm.mma."))
          return true;
  return false;
}

/// Asks ptxas not to unroll loops that multiply. Their tiles are as large as
/// registers allow; a projection of 8 turns would have 255 for 168 and spill.
void keepRolled(llvm::Module &module) {
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    llvm::DominatorTree dominators(function);
    llvm::LoopInfo loops(dominators);
    for (llvm::Loop *loop : loops)
      if (multiplies(*loop))
        loop->setLoopAlreadyUnrolled();
  }
}

bool isKernel(const llvm::Function &function) {
  return function.getCallingConv() == llvm::CallingConv::PTX_Kernel;
}

/// A copy of `module` in which `kernel` is the only kernel.
std::unique_ptr<llvm::Module> alone(const llvm::Module &module,
                                    const llvm::Function &kernel) {
  llvm::ValueToValueMapTy map;
  auto copy =
      llvm::CloneModule(module, map, [&](const llvm::GlobalValue *value) {
        auto *function = llvm::dyn_cast<llvm::Function>(value);
        return !function || function == &kernel || !isKernel(*function);
      });
  for (llvm::Function &other : llvm::make_early_inc_range(*copy))
    if (other.isDeclaration() && other.use_empty())
      other.eraseFromParent();
  return copy;
}

Status checkCalls(const llvm::Module &module) {
  for (const llvm::Function &function : module)
    if (function.isDeclaration() && !function.isIntrinsic() &&
        !function.use_empty())
      return Error(ErrorCode::unsupported,
                   "the compiled code calls '" + function.getName().str() +
                       "', but nothing is linked to kernels of a GPU");
  return Success{};
}

/// Gathers LLVM's errors, which it would print before it ends the process.
class Diagnostics : public llvm::DiagnosticHandler {
public:
  explicit Diagnostics(std::string &errors) : errors(errors) {}
  bool handleDiagnostics(const llvm::DiagnosticInfo &info) override {
    if (info.getSeverity() != llvm::DS_Error)
      return true;
    llvm::raw_string_ostream stream(errors);
    llvm::DiagnosticPrinterRawOStream printer(stream);
    stream << (errors.empty() ? "" : "\n");
    info.print(printer);
    return true;
  }

private:
  std::string &errors;
};

class Emitter {
public:
  Emitter(const GpuTarget &target, const PtxOptions &options)
      : target(target), options(options) {
    context.setDiagnosticHandler(std::make_unique<Diagnostics>(errors));
  }

  Result<std::vector<PtxKernel>> run(mlir::ModuleOp source) {
    auto module = mlir::translateModuleToLLVMIR(source, context);
    if (!module)
      return failed("the lowered module cannot be translated to LLVM IR");
    auto made = machineFor(target);
    if (!made)
      return std::move(made).error();
    machine = *std::move(made);
    if (options.isOneFile) {
      auto all = emit(*module, "");
      if (!all)
        return std::move(all).error();
      return std::vector<PtxKernel>{*std::move(all)};
    }
    std::vector<PtxKernel> kernels;
    for (const llvm::Function &function : *module) {
      if (!isKernel(function) || function.isDeclaration())
        continue;
      auto kernel = emit(*alone(*module, function), function.getName().str());
      if (!kernel)
        return std::move(kernel).error().in("kernel '" +
                                            function.getName().str() + "'");
      kernels.push_back(std::move(*kernel));
    }
    return kernels;
  }

private:
  Result<PtxKernel> emit(llvm::Module &module, std::string symbol) {
    module.setDataLayout(machine->createDataLayout());
    module.setTargetTriple(machine->getTargetTriple());
    runLlvmPasses(module, *machine, passes);
    keepRolled(module);
    if (Status allowed = checkCalls(module); !allowed)
      return std::move(allowed).error();
    PtxKernel kernel{std::move(symbol), {}, {}};
    if (options.wantsIR) {
      llvm::raw_string_ostream ir(kernel.llvmIR);
      module.print(ir, nullptr);
    }
    llvm::SmallString<0> text;
    llvm::raw_svector_ostream stream(text);
    llvm::legacy::PassManager codegen;
    if (machine->addPassesToEmitFile(codegen, stream, nullptr,
                                     llvm::CodeGenFileType::AssemblyFile))
      return failed("LLVM cannot emit PTX for " + target.name);
    codegen.run(module);
    if (!errors.empty())
      return failed(std::move(errors));
    kernel.ptx = text.str().str();
    return kernel;
  }

  const GpuTarget &target;
  const PtxOptions &options;
  std::string errors;
  llvm::LLVMContext context;
  std::unique_ptr<llvm::TargetMachine> machine; ///< of all kernels
};

} // namespace

void headgate::passes::initializeGpuCodegen() {
#if LLVM_HAS_NVPTX_TARGET
  LLVMInitializeNVPTXTargetInfo();
  LLVMInitializeNVPTXTarget();
  LLVMInitializeNVPTXTargetMC();
  LLVMInitializeNVPTXAsmPrinter();
#endif
}

Result<std::vector<PtxKernel>>
headgate::passes::emitPtx(mlir::ModuleOp module, const GpuTarget &target,
                          const PtxOptions &options) {
  mlir::registerBuiltinDialectTranslation(*module.getContext());
  mlir::registerLLVMDialectTranslation(*module.getContext());
  mlir::registerNVVMDialectTranslation(*module.getContext());
  return Emitter(target, options).run(module);
}
