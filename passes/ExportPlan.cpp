// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/ExportPlan.h"

#include "dialect/routed/Routed.h"
#include "lib/Sha256.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "passes/KernelAbi.h"
#include "passes/Launch.h"
#include "passes/Passes.h"
#include "passes/SizeExpression.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

#include <map>

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

using Kind = KernelArgument::Kind;

int64_t elementBytes(Type element) {
  if (element.isIndex())
    return 8;
  return std::max<int64_t>(1, element.getIntOrFloatBitWidth() / 8);
}

//===-- entries ----------------------------------------------------------===//

class StepExporter {
public:
  StepExporter(func::FuncOp function, PlanEntry &entry)
      : function(function), entry(entry) {}

  LogicalResult run() {
    for (auto call : function.getOps<func::CallOp>())
      if (failed(addStep(call)))
        return failure();
    aliases();
    return success();
  }

private:
  LogicalResult addStep(func::CallOp call) {
    auto kernel = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
        call, call.getCalleeAttr());
    FailureOr<KernelAbi> abi = abiOf(kernel);
    if (failed(abi))
      return failure();
    PlanStep step{kernel.getName().str(), {}};
    for (const KernelArgument &argument : abi->arguments) {
      auto text = argumentText(call, kernel, argument);
      if (!text)
        return call.emitError("an extent is not a function of the entry's");
      step.with.push_back({argument.name, *text});
    }
    entry.steps.push_back(std::move(step));
    return success();
  }

  std::optional<std::string> argumentText(func::CallOp call,
                                          func::FuncOp kernel,
                                          const KernelArgument &argument) {
    switch (argument.kind) {
    case Kind::buffer:
      return bufferName(call.getOperand(argument.operand));
    case Kind::index:
      return sizeExpression(call.getOperand(argument.operand), nameOf());
    case Kind::extent:
      return extentText(call, kernel, argument.name);
    case Kind::workspace:
    case Kind::f32:
      return {};
    }
    llvm_unreachable("all kinds are listed");
  }

  std::optional<std::string> extentText(func::CallOp call, func::FuncOp kernel,
                                        StringRef name) {
    for (auto [i, operand] : llvm::enumerate(call.getOperands())) {
      auto type = dyn_cast<MemRefType>(operand.getType());
      for (int64_t d = 0; type && d < type.getRank(); ++d)
        if (type.isDynamicDim(d) && extentName(kernel, i, d) == name)
          return extentExpression(operand, d, nameOf());
    }
    return {};
  }

  /// The input, output or temporary that `buffer` shows.
  std::optional<std::string> bufferName(Value buffer) {
    while (auto view = buffer.getDefiningOp<ViewLikeOpInterface>())
      buffer = view.getViewSource();
    if (auto argument = dyn_cast<BlockArgument>(buffer))
      return tensor(argument.getArgNumber()).name;
    auto alloc = buffer.getDefiningOp<memref::AllocOp>();
    return alloc ? temporaryName(alloc) : std::nullopt;
  }

  /// Names a temporary at its first use; it lives until its last.
  std::optional<std::string> temporaryName(memref::AllocOp alloc) {
    int64_t step = entry.steps.size();
    auto [known, isNew] = temporaries.try_emplace(alloc, temporaries.size());
    if (isNew) {
      std::optional<std::string> bytes = bytesText(alloc);
      if (!bytes)
        return {};
      entry.temporaries.push_back(
          {freeName(known->second), *bytes, {step, step}});
    }
    PlanTemporary &temporary = entry.temporaries[known->second];
    temporary.live[1] = step;
    return temporary.name;
  }

  std::optional<std::string> bytesText(memref::AllocOp alloc) {
    MemRefType type = alloc.getType();
    int64_t fixed = elementBytes(type.getElementType());
    std::string text;
    for (int64_t d = 0; d < type.getRank(); ++d) {
      auto extent = extentExpression(alloc, d, nameOf());
      if (!extent)
        return {};
      if (type.isDynamicDim(d))
        text += (text.empty() ? "" : "*") + within(*extent);
      else
        fixed *= type.getDimSize(d);
    }
    if (text.empty())
      return std::to_string(fixed);
    return fixed == 1 ? text : text + "*" + std::to_string(fixed);
  }

  static std::string within(const std::string &text) {
    bool isSum = text.find_first_of("+-<>=") != text.npos;
    return isSum ? "(" + text + ")" : text;
  }

  /// "t0": not what a tensor or dim is called.
  std::string freeName(unsigned number) {
    std::string name = "t" + std::to_string(number);
    auto isTaken = [&] {
      for (const auto *tensors : {&entry.inputs, &entry.outputs})
        for (const PlanTensor &tensor : *tensors)
          if (tensor.name == name)
            return true;
      for (const auto &[dim, range] : entry.dims)
        if (dim == name)
          return true;
      return false;
    };
    while (isTaken())
      name = "_" + name;
    return name;
  }

  PlanTensor &tensor(unsigned argument) {
    size_t inputs = entry.inputs.size();
    return argument < inputs ? entry.inputs[argument]
                             : entry.outputs[argument - inputs];
  }

  std::function<std::string(unsigned, int64_t)> nameOf() {
    return [this](unsigned argument, int64_t d) {
      return extentName(function, argument, d);
    };
  }

  void aliases() {
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      if (auto alias = function.getArgAttrOfType<IntegerAttr>(i, aliasName))
        tensor(i).alias = tensor(alias.getInt()).name;
  }

  func::FuncOp function;
  PlanEntry &entry;
  llvm::DenseMap<Operation *, unsigned> temporaries;
};

//===-- kernels ----------------------------------------------------------===//

/// SHA-256 of a kernel's IR in generic form, without its name and locations:
/// what tuning records call its identity.
std::string irIdentity(func::FuncOp kernel) {
  StringAttr name = kernel.getSymNameAttr();
  kernel.setSymName("kernel");
  std::string text;
  llvm::raw_string_ostream stream(text);
  kernel->print(stream, OpPrintingFlags().printGenericOpForm().useLocalScope());
  kernel.setSymNameAttr(name);
  return "sha256:" + sha256Hex(text);
}

std::string elementName(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << getElementTypeOrSelf(type);
  return text;
}

void describeAttend(routed::AttendOp op, llvm::json::Object &problem) {
  ArrayRef<int64_t> heads = op.getHeads();
  ArrayRef<int64_t> key = op.getKey().getType().getShape();
  problem["dtype"] = elementName(op.getQuery().getType());
  problem["class"] = std::string(1, "ABCD"[unsigned(op.getLoweringClass())]);
  problem["heads"] = llvm::json::Array(heads);
  problem["kvHeads"] = key[2];
  problem["D"] = key.back();
  problem["Dv"] = op.getValue().getType().getShape().back();
  problem["causal"] = op.getCausal();
}

void describeProjection(linalg::ContractOp op, llvm::json::Object &problem) {
  problem["dtype"] = elementName(op.getDpsInputOperand(1)->get().getType());
  int64_t columns = 1, depth = 1;
  AffineMap w = op.getIndexingMapsArray()[1], y = op.getIndexingMapsArray()[2];
  auto type = cast<ShapedType>(op.getDpsInputOperand(1)->get().getType());
  for (auto [expr, extent] : llvm::zip(w.getResults(), type.getShape()))
    (y.isFunctionOfDim(cast<AffineDimExpr>(expr).getPosition()) ? columns
                                                                : depth) *=
        extent;
  problem["N"] = columns;
  problem["K"] = depth;
}

/// What the kernel does, in order, without what only moves or shapes values.
llvm::json::Array opsOf(func::FuncOp kernel) {
  llvm::json::Array ops;
  for (Operation &op : kernel.getBody().getOps())
    if (isa<routed::RoutedDialect, linalg::LinalgDialect>(op.getDialect()) &&
        !isa<linalg::FillOp>(op))
      ops.push_back(op.getName().getStringRef());
  return ops;
}

/// What a person wants to know of a kernel, and a tuner groups by.
std::string problemOf(func::FuncOp kernel) {
  llvm::json::Object problem;
  problem["op"] = kernel->getAttrOfType<StringAttr>(kernelName).str();
  problem["ops"] = opsOf(kernel);
  for (auto op : kernel.getOps<routed::AttendOp>())
    describeAttend(op, problem);
  for (auto op : kernel.getOps<linalg::ContractOp>())
    describeProjection(op, problem);
  return llvm::formatv("{0}", llvm::json::Value(std::move(problem))).str();
}

PlanArgument planArgument(const KernelArgument &argument) {
  if (argument.kind == Kind::workspace)
    return {PlanArgument::Kind::workspace, "", 0, {}};
  return {PlanArgument::Kind::parameter, argument.name, 0, {}};
}

} // namespace

std::string headgate::passes::launchSymbol(func::FuncOp function) {
  return ("hg_" + function.getName()).str();
}

LogicalResult headgate::passes::exportSteps(func::FuncOp function,
                                            PlanEntry &entry) {
  return StepExporter(function, entry).run();
}

FailureOr<PlanKernel> headgate::passes::exportKernel(func::FuncOp kernel) {
  FailureOr<KernelAbi> abi = abiOf(kernel);
  if (failed(abi))
    return failure();
  PlanKernel plan;
  plan.name = kernel.getName().str();
  plan.ir = irIdentity(kernel);
  plan.problem = problemOf(kernel);
  for (const KernelArgument &argument : abi->arguments) {
    PlanParameter parameter{argument.name};
    switch (argument.kind) {
    case Kind::buffer:
      parameter.align = elementBytes(
          getElementTypeOrSelf(kernel.getArgumentTypes()[argument.operand]));
      break;
    case Kind::extent:
      parameter.type = ParameterType::i32;
      break;
    case Kind::index:
      parameter.type = ParameterType::i64;
      break;
    case Kind::f32:
      parameter.type = ParameterType::f32;
      break;
    case Kind::workspace:
      return kernel.emitError("a kernel has no workspace; its variants have");
    }
    plan.parameters.push_back(std::move(parameter));
  }
  return plan;
}

FailureOr<std::vector<std::pair<std::string, PlanVariant>>>
headgate::passes::exportVariants(ModuleOp module) {
  struct Launched {
    Launch launch;
    func::FuncOp function;
  };
  // By kernel in the order of the module, then by variant and index.
  llvm::MapVector<StringRef, std::map<std::pair<int64_t, int64_t>, Launched>>
      kernels;
  for (auto function : module.getOps<func::FuncOp>())
    if (std::optional<Launch> launch = launchOf(function)) {
      StringRef kernel = cast<StringAttr>(
          function->getAttrOfType<DictionaryAttr>(launchName).get("kernel"));
      kernels[kernel][{launch->variant, launch->index}] = {*launch, function};
    }
  std::vector<std::pair<std::string, PlanVariant>> variants;
  for (auto &[kernel, launches] : kernels)
    for (auto &[number, launched] : launches) {
      const Launch &launch = launched.launch;
      if (launch.index == 0) {
        variants.push_back({kernel.str(), {}});
        PlanVariant &variant = variants.back().second;
        variant.schedule = launch.schedule;
        variant.when = launch.when;
        if (!launch.workspaceBytes.empty())
          variant.workspaceBytes = launch.workspaceBytes;
      }
      FailureOr<KernelAbi> abi = abiOf(launched.function);
      if (failed(abi))
        return failure();
      PlanLaunch planned;
      planned.symbol = launchSymbol(launched.function);
      planned.grid = launch.grid;
      planned.scratchBytes = launch.scratchBytes;
      for (const KernelArgument &argument : abi->arguments)
        planned.arguments.push_back(planArgument(argument));
      variants.back().second.launches.push_back(std::move(planned));
    }
  return variants;
}
