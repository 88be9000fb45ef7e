// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Today each public function is one host kernel of one block ("op":
// "function"): the decomposed layer with its own temporaries. The argument list
// is WrapHostEntries' ABI: pointers in operand order, then one i64 for each
// dynamic extent in the same order.

#include "passes/Export.h"

#include "lib/Expr.h"
#include "lib/Sha256.h"
#include "mlir/Pass/PassManager.h"
#include "passes/EntryRecord.h"
#include "passes/HostObject.h"
#include "passes/Passes.h"
#include "passes/Pipelines.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

/// SHA-256 of a function's IR in generic form without locations: what tuning
/// records call the kernel's identity.
std::string irIdentity(Operation *op) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  op->print(stream, OpPrintingFlags().printGenericOpForm().useLocalScope());
  return "sha256:" + sha256Hex(text);
}

std::string symbolOf(const PlanEntry &entry) { return "hg_" + entry.name; }

std::string textOf(const PlanExtent &extent) {
  return std::get<std::string>(extent);
}

/// Replaces each token {i.d} of `text` by the extent that it stands for.
std::string withExtents(std::string text, const PlanEntry &entry) {
  size_t inputs = entry.inputs.size();
  for (size_t open; (open = text.find('{')) != text.npos;) {
    size_t dot = text.find('.', open), close = text.find('}', open);
    size_t tensor = std::stoul(text.substr(open + 1, dot - open - 1));
    size_t d = std::stoul(text.substr(dot + 1, close - dot - 1));
    const PlanTensor &owner =
        tensor < inputs ? entry.inputs[tensor] : entry.outputs[tensor - inputs];
    std::string extent = textOf(owner.shape[d]);
    text.replace(open, close - open + 1,
                 isExprName(extent) ? extent : "(" + extent + ")");
  }
  return text;
}

/// The kernel that runs all of `entry`, and the entry's one step.
PlanKernel kernelOf(PlanEntry &entry, const std::string &ir,
                    const std::vector<HostTarget> &targets) {
  PlanKernel kernel;
  kernel.name = entry.name;
  kernel.ir = ir;
  kernel.problem = R"({"op":"function"})";
  PlanStep step{kernel.name, {}};
  PlanLaunch launch;
  launch.symbol = symbolOf(entry);
  std::vector<PlanArgument> extents;
  for (const auto *tensors : {&entry.inputs, &entry.outputs})
    for (const PlanTensor &tensor : *tensors) {
      kernel.parameters.push_back(
          {tensor.name, ParameterType::ptr, byteWidth(tensor.dtype)});
      step.with.push_back({tensor.name, tensor.name});
      launch.arguments.push_back(
          {PlanArgument::Kind::parameter, tensor.name, 0, {}});
      for (const PlanExtent &extent : tensor.shape)
        if (std::holds_alternative<std::string>(extent))
          extents.push_back({PlanArgument::Kind::i64, textOf(extent), 0, {}});
    }
  for (const auto &[dim, range] : entry.dims) {
    kernel.parameters.push_back({dim, ParameterType::i64, 0});
    step.with.push_back({dim, dim});
  }
  launch.arguments.insert(launch.arguments.end(), extents.begin(),
                          extents.end());
  for (const HostTarget &target : targets) {
    PlanVariant variant;
    variant.id = entry.name + "." + std::to_string(kernel.variants.size());
    variant.image = target.image;
    variant.launches.push_back(launch);
    kernel.defaults["host"].push_back(variant.id);
    kernel.variants.push_back(std::move(variant));
  }
  entry.steps.push_back(std::move(step));
  return kernel;
}

class Exporter {
public:
  Exporter(ModuleOp module, const std::vector<HostTarget> &targets)
      : module(module), targets(targets) {}

  Result<Exported> run(Level level) {
    using Step = Status (Exporter::*)();
    const std::pair<Level, Step> steps[] = {
        {Level::routed, &Exporter::simplify},
        {Level::linalg, &Exporter::decompose},
        {Level::buffers, &Exporter::bufferize},
        {Level::object, &Exporter::generate}};
    for (auto [reached, step] : steps) {
      if (Status done = (this->*step)(); !done)
        return std::move(done).error();
      if (reached >= level)
        break;
    }
    return std::move(exported);
  }

private:
  Status simplify() { return lower(buildSimplifyPipeline); }

  Status decompose() {
    if (Status done = record(); !done)
      return done;
    return lower(buildDecomposePipeline);
  }

  Status bufferize() {
    if (Status done = lower(buildBufferizePipeline); !done)
      return done;
    for (size_t i = 0; i < exported.plan.entries.size(); ++i)
      addWorkspace(exported.plan.kernels[i], exported.plan.entries[i]);
    return Success{};
  }

  /// The workspace is the last buffer of the kernel's ABI.
  void addWorkspace(PlanKernel &kernel, const PlanEntry &entry) {
    Operation *func = module.lookupSymbol(symbolOf(entry));
    auto bytes = func->getAttrOfType<StringAttr>(workspaceBytesAttr);
    std::string size = withExtents(bytes.str(), entry);
    for (PlanVariant &variant : kernel.variants) {
      variant.workspaceBytes = size;
      std::vector<PlanArgument> &arguments = variant.launches[0].arguments;
      auto firstExtent =
          std::find_if(arguments.begin(), arguments.end(), [](auto &argument) {
            return argument.kind == PlanArgument::Kind::i64;
          });
      arguments.insert(firstExtent, {PlanArgument::Kind::workspace, "", 0, {}});
      arguments.push_back({PlanArgument::Kind::i64, size, 0, {}});
    }
  }

  /// Runs one pipeline. Its diagnostics say what is wrong and where.
  Status lower(void (*build)(OpPassManager &)) {
    PassManager pm(module.getContext());
    build(pm);
    if (succeeded(pm.run(module)))
      return Success{};
    return Error(ErrorCode::badInput, "the module cannot be compiled");
  }

  Status record() {
    FailureOr<std::vector<PlanEntry>> entries = recordEntries(module);
    if (failed(entries))
      return Error(ErrorCode::badInput, "the module cannot be compiled");
    for (PlanEntry &entry : *entries) {
      Operation *func = module.lookupSymbol(entry.name);
      exported.plan.kernels.push_back(
          kernelOf(entry, irIdentity(func), targets));
      exported.plan.entries.push_back(std::move(entry));
    }
    return Success{};
  }

  Status generate() {
    if (Status done = lower(buildHostToLLVMPipeline); !done)
      return done;
    std::vector<std::string> symbols;
    for (const PlanEntry &entry : exported.plan.entries)
      symbols.push_back(symbolOf(entry));
    for (const HostTarget &target : targets) {
      auto object = compileHostObject(module, symbols, target.cpu);
      if (!object)
        return std::move(object).error();
      if (exported.llvmIR.empty())
        exported.llvmIR = std::move(object->llvmIR);
      exported.objects.push_back({target.image, std::move(object->object)});
      exported.plan.images.push_back(
          {target.image, target.name, target.needs, {}});
    }
    return Success{};
  }

  ModuleOp module;
  const std::vector<HostTarget> &targets;
  Exported exported;
};

} // namespace

Result<Exported> headgate::passes::exportModule(
    ModuleOp module, const std::vector<HostTarget> &targets, Level level) {
  return Exporter(module, targets).run(level);
}
