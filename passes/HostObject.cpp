// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/HostObject.h"

#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/Transforms/IPO/Internalize.h"

using namespace headgate;
using namespace headgate::passes;

namespace {

Error failed(std::string message) {
  return Error(ErrorCode::failed, std::move(message));
}

Result<std::unique_ptr<llvm::TargetMachine>> targetFor(const std::string &cpu) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  llvm::Triple triple(llvm::sys::getDefaultTargetTriple());
  std::string why;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, why);
  if (!target)
    return failed("LLVM has no code generator for this host: " + why);
  std::unique_ptr<llvm::TargetMachine> machine(target->createTargetMachine(
      triple, cpu, "", llvm::TargetOptions(), llvm::Reloc::PIC_, std::nullopt,
      llvm::CodeGenOptLevel::Aggressive));
  if (!machine)
    return failed("LLVM cannot generate code for CPU '" + cpu + "'");
  return machine;
}

/// Nothing but the entries is seen from outside.
void hideAllBut(llvm::Module &module, const std::vector<std::string> &entries) {
  llvm::internalizeModule(module, [&](const llvm::GlobalValue &value) {
    return llvm::is_contained(entries, value.getName().str());
  });
}

bool isAllowed(llvm::StringRef symbol) {
  static const llvm::StringSet<> allowed = {
      "memcpy", "memset", "memmove",   "malloc", "free",   "acosf",  "acoshf",
      "asinf",  "asinhf", "atanf",     "atan2f", "atanhf", "cbrtf",  "ceilf",
      "cosf",   "coshf",  "erff",      "erfcf",  "expf",   "exp2f",  "expm1f",
      "floorf", "fmaf",   "fmodf",     "logf",   "log10f", "log1pf", "log2f",
      "powf",   "rintf",  "roundf",    "sinf",   "sinhf",  "sqrtf",  "tanf",
      "tanhf",  "truncf", "roundevenf"};
  return allowed.contains(symbol);
}

Status checkUndefined(llvm::StringRef object) {
  auto file = llvm::object::ObjectFile::createObjectFile(
      llvm::MemoryBufferRef(object, "host"));
  if (!file)
    return failed("the generated object cannot be read: " +
                  llvm::toString(file.takeError()));
  for (const llvm::object::SymbolRef &symbol : (*file)->symbols()) {
    llvm::Expected<uint32_t> flags = symbol.getFlags();
    llvm::Expected<llvm::StringRef> name = symbol.getName();
    if (!flags || !name) {
      llvm::consumeError(flags.takeError());
      llvm::consumeError(name.takeError());
      continue;
    }
    bool isUndefined = *flags & llvm::object::SymbolRef::SF_Undefined;
    if (isUndefined && !name->empty() && !isAllowed(*name))
      return Error(ErrorCode::unsupported,
                   "the compiled code calls '" + name->str() +
                       "', which host images may not: they link only memcpy, "
                       "memset, memmove, malloc, free and float functions of "
                       "libm");
  }
  return Success{};
}

} // namespace

Result<HostObject>
headgate::passes::compileHostObject(mlir::ModuleOp module,
                                    const std::vector<std::string> &entries,
                                    const std::string &cpu) {
  auto machine = targetFor(cpu);
  if (!machine)
    return std::move(machine).error();
  mlir::registerBuiltinDialectTranslation(*module.getContext());
  mlir::registerLLVMDialectTranslation(*module.getContext());
  llvm::LLVMContext context;
  auto llvmModule = mlir::translateModuleToLLVMIR(module, context);
  if (!llvmModule)
    return failed("the lowered module cannot be translated to LLVM IR");
  llvmModule->setDataLayout((*machine)->createDataLayout());
  llvmModule->setTargetTriple((*machine)->getTargetTriple());
  hideAllBut(*llvmModule, entries);
  auto optimize =
      mlir::makeOptimizingTransformer(3, /*sizeLevel=*/0, machine->get());
  if (llvm::Error error = optimize(llvmModule.get()))
    return failed("LLVM: " + llvm::toString(std::move(error)));

  HostObject result;
  llvm::raw_string_ostream ir(result.llvmIR);
  llvmModule->print(ir, nullptr);
  llvm::SmallString<0> object;
  llvm::raw_svector_ostream stream(object);
  llvm::legacy::PassManager codegen;
  if ((*machine)->addPassesToEmitFile(codegen, stream, nullptr,
                                      llvm::CodeGenFileType::ObjectFile))
    return failed("LLVM cannot emit objects for this host");
  codegen.run(*llvmModule);
  result.object = object.str().str();
  if (Status allowed = checkUndefined(result.object); !allowed)
    return std::move(allowed).error();
  return result;
}
