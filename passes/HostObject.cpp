// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/HostObject.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "passes/FloatBuiltins.h"
#include "passes/RunLlvmPasses.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/Config/Targets.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/OptBisect.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/IPO/Internalize.h"

#include <thread>

using namespace headgate;
using namespace headgate::passes;

namespace {

Error failed(std::string message) {
  return Error(ErrorCode::failed, std::move(message));
}

Result<std::unique_ptr<llvm::TargetMachine>>
machineFor(const HostTarget &host) {
  llvm::Triple triple(host.triple);
  std::string why;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, why);
  if (!target)
    return failed("this LLVM has no code generator for " + host.name + ": " +
                  why);
  std::unique_ptr<llvm::TargetMachine> machine(target->createTargetMachine(
      triple, host.cpu, host.features, llvm::TargetOptions(), llvm::Reloc::PIC_,
      std::nullopt, llvm::CodeGenOptLevel::Aggressive));
  if (!machine)
    return failed("LLVM cannot generate code for CPU '" + host.cpu + "'");
  return machine;
}

/// Nothing but the entries is seen from outside.
void hideAllBut(llvm::Module &module, const std::vector<std::string> &entries) {
  llvm::internalizeModule(module, [&](const llvm::GlobalValue &value) {
    return llvm::is_contained(entries, value.getName().str());
  });
}

/// What pays for kernels. Their loops over tiles are vectors already, and MLIR
/// has simplified them; other loops, the rows kernels', are vectorised here.
/// LLVM's own list for -O2 takes twice as long for the same speed.
///
/// Bodies are simplified before they are inlined: where the inliner does not
/// see what a pointer is based on, `noalias` of an argument is lost with the
/// call. ipsccp and indvars give ranges, by which vector-combine and gvn remove
/// masks that no tile needs. Nothing is unrolled: a decomposed layer is
/// hundreds of loops with small constant bounds, for which code would take ten
/// times as long to generate, of which a sixth at most comes back at run time.
constexpr llvm::StringLiteral passes =
    "globaldce,function(sroa,early-cse<memssa>),ipsccp,"
    "function(instcombine<no-verify-fixpoint>,simplifycfg,gvn,"
    "loop-mssa(loop-rotate,licm),instcombine<no-verify-fixpoint>,"
    "loop(indvars,loop-deletion),vector-combine,gvn),"
    "cgscc(inline),"
    "function(instcombine<no-verify-fixpoint>,gvn,loop-mssa(licm),"
    "instcombine<no-verify-fixpoint>,loop-vectorize,"
    "instcombine<no-verify-fixpoint>,simplifycfg,loop-mssa(licm))";

/// Holds back what code generation does at great length to loops that address
/// memory well as they are: kernels run as fast, and take a fifteenth less to
/// compile.
class CodegenGate : public llvm::OptPassGate {
public:
  bool isEnabled() const override { return true; }
  bool shouldRunPass(llvm::StringRef pass, llvm::StringRef) const override {
    return pass != "Loop Strength Reduction";
  }
};

/// What every Linux process has or gets: libc's memory functions and libm's
/// float functions, those included that LLVM forms from others.
bool isAllowed(llvm::StringRef symbol) {
  static const llvm::StringSet<> allowed = {
      "memcpy", "memmove", "memset",     "malloc",    "free",

      "acosf",  "acoshf",  "asinf",      "asinhf",    "atan2f",  "atanf",
      "atanhf", "cbrtf",   "ceilf",      "copysignf", "cosf",    "coshf",
      "erfcf",  "erff",    "exp10f",     "exp2f",     "expf",    "expm1f",
      "fabsf",  "floorf",  "fmaf",       "fmaxf",     "fminf",   "fmodf",
      "ldexpf", "log10f",  "log1pf",     "log2f",     "logf",    "nearbyintf",
      "powf",   "rintf",   "roundevenf", "roundf",    "sincosf", "sinf",
      "sinhf",  "sqrtf",   "tanf",       "tanhf",     "truncf"};
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
      return failed("the generated object has a symbol that cannot be read");
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

/// An object of `entries` and what they need; the module is optimised for it.
Result<std::string> compile(llvm::Module &module,
                            const std::vector<std::string> &entries,
                            const HostTarget &target) {
  auto machine = machineFor(target);
  if (!machine)
    return std::move(machine).error();
  module.setDataLayout((*machine)->createDataLayout());
  module.setTargetTriple((*machine)->getTargetTriple());
  hideAllBut(module, entries);
  defineFloatBuiltins(module);
  runLlvmPasses(module, **machine, passes);
  static CodegenGate gate; // the context keeps its address
  module.getContext().setOptPassGate(gate);
  llvm::SmallString<0> object;
  llvm::raw_svector_ostream stream(object);
  llvm::legacy::PassManager codegen;
  if ((*machine)->addPassesToEmitFile(codegen, stream, nullptr,
                                      llvm::CodeGenFileType::ObjectFile,
                                      /*DisableVerify=*/true))
    return failed("LLVM cannot emit objects for " + target.name);
  codegen.run(module);
  if (Status allowed = checkUndefined(object); !allowed)
    return std::move(allowed).error();
  return object.str().str();
}

/// How much there is to compile for an entry, in instructions.
size_t sizeOf(const llvm::Function &function,
              llvm::SmallPtrSetImpl<const llvm::Function *> &seen) {
  if (!seen.insert(&function).second)
    return 0;
  size_t size = function.getInstructionCount();
  for (const llvm::Instruction &instruction : llvm::instructions(function))
    if (auto *call = llvm::dyn_cast<llvm::CallBase>(&instruction))
      if (const llvm::Function *callee = call->getCalledFunction())
        size += sizeOf(*callee, seen);
  return size;
}

/// Entries by part: the largest first, each to the part that has least so far.
std::vector<std::vector<std::string>> shareOut(const llvm::Module &module,
                                               const HostCode &code) {
  std::vector<std::pair<size_t, std::string>> sizes;
  for (const std::string &entry : code.entries) {
    llvm::SmallPtrSet<const llvm::Function *, 8> seen;
    const llvm::Function *function = module.getFunction(entry);
    sizes.emplace_back(function ? sizeOf(*function, seen) : 0, entry);
  }
  llvm::sort(sizes, std::greater<>());
  std::vector<std::vector<std::string>> parts(code.parts);
  std::vector<size_t> filled(code.parts);
  for (const auto &[size, entry] : sizes) {
    size_t least = llvm::min_element(filled) - filled.begin();
    filled[least] += size;
    parts[least].push_back(entry);
  }
  llvm::erase_if(parts, [](auto &part) { return part.empty(); });
  return parts;
}

/// Each part in a context and thread of its own.
Result<HostObject> compileParts(const llvm::Module &module,
                                const HostCode &code,
                                const HostTarget &target) {
  llvm::SmallString<0> bitcode;
  llvm::raw_svector_ostream stream(bitcode);
  llvm::WriteBitcodeToFile(module, stream);
  std::vector<std::vector<std::string>> parts = shareOut(module, code);
  std::vector<Result<std::string>> objects(
      parts.size(), failed("the LLVM IR cannot be read back"));
  std::vector<std::thread> threads;
  for (size_t i = 0; i < parts.size(); ++i)
    threads.emplace_back([&, i] {
      llvm::LLVMContext context;
      auto part = llvm::parseBitcodeFile({bitcode, target.name}, context);
      if (part)
        objects[i] = compile(**part, parts[i], target);
      else
        llvm::consumeError(part.takeError());
    });
  for (std::thread &thread : threads)
    thread.join();
  HostObject result;
  for (Result<std::string> &object : objects) {
    if (!object)
      return std::move(object).error();
    result.objects.push_back(std::move(*object));
  }
  return result;
}

} // namespace

void headgate::passes::initializeHostCodegen() {
#if LLVM_HAS_X86_TARGET
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86Target();
  LLVMInitializeX86TargetMC();
  LLVMInitializeX86AsmPrinter();
#endif
#if LLVM_HAS_AARCH64_TARGET
  LLVMInitializeAArch64TargetInfo();
  LLVMInitializeAArch64Target();
  LLVMInitializeAArch64TargetMC();
  LLVMInitializeAArch64AsmPrinter();
#endif
}

Result<HostObject>
headgate::passes::compileHostObject(mlir::ModuleOp module, const HostCode &code,
                                    const HostTarget &target) {
  mlir::registerBuiltinDialectTranslation(*module.getContext());
  mlir::registerLLVMDialectTranslation(*module.getContext());
  llvm::LLVMContext context;
  auto llvmModule = mlir::translateModuleToLLVMIR(module, context);
  if (!llvmModule)
    return failed("the lowered module cannot be translated to LLVM IR");
  HostObject result;
  if (code.parts > 1 && code.entries.size() > 1)
    return compileParts(*llvmModule, code, target);
  auto object = compile(*llvmModule, code.entries, target);
  if (!object)
    return std::move(object).error();
  result.objects.push_back(std::move(*object));
  if (code.wantsIR) {
    llvm::raw_string_ostream ir(result.llvmIR);
    llvmModule->print(ir, nullptr);
  }
  return result;
}
