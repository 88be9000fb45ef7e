// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Result shapes are derived, not believed: a copy of the module returns the
// extents of its results (and both sides of every extent check) instead of the
// results, upstream's shape resolution reduces them to arithmetic on argument
// extents, and that arithmetic is the plan's expression. A declared
// `routed.dims` must agree with it on sample values.

#include "passes/EntryRecord.h"

#include "lib/Expr.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/Transforms/Passes.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "passes/EntryChecks.h"
#include "passes/SizeExpression.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

#include <set>

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

constexpr int64_t maxExtent = 2147483647; // positions and experts are i32

std::optional<DType> dtypeOf(Type element) {
  return TypeSwitch<Type, std::optional<DType>>(element)
      .Case<Float32Type>([](auto) { return DType::f32; })
      .Case<Float16Type>([](auto) { return DType::f16; })
      .Case<BFloat16Type>([](auto) { return DType::bf16; })
      .Case<Float64Type>([](auto) { return DType::f64; })
      .Case<IntegerType>([](IntegerType type) -> std::optional<DType> {
        if (type.isUnsigned())
          return type.getWidth() == 8 ? std::optional(DType::u8) : std::nullopt;
        switch (type.getWidth()) {
        case 1:
          return DType::i1;
        case 8:
          return DType::i8;
        case 16:
          return DType::i16;
        case 32:
          return DType::i32;
        case 64:
          return DType::i64;
        default:
          return std::nullopt;
        }
      })
      .Default([](Type) { return std::nullopt; });
}

/// What the extents of a function's tensors are called: numbers, declared dims,
/// else d0, d1, ... but for those that arguments declare.
class DimNames {
public:
  explicit DimNames(func::FuncOp func) {
    for (unsigned i = 0; i < func.getNumArguments(); ++i)
      if (auto dims = func.getArgAttrOfType<ArrayAttr>(i, "routed.dims"))
        for (StringAttr dim : dims.getAsRange<StringAttr>())
          declared.insert(dim.str());
  }

  std::vector<PlanExtent> ofArgument(RankedTensorType type,
                                     DictionaryAttr attributes) {
    return extents(type, attributes, [&] { return newDim(); });
  }

  /// Undeclared ones are "".
  std::vector<PlanExtent> ofResult(RankedTensorType type,
                                   DictionaryAttr attributes) {
    return extents(type, attributes, [] { return std::string(); });
  }

private:
  static std::vector<PlanExtent>
  extents(RankedTensorType type, DictionaryAttr attributes,
          llvm::function_ref<std::string()> undeclared) {
    ArrayAttr dims =
        attributes ? attributes.getAs<ArrayAttr>("routed.dims") : ArrayAttr();
    std::vector<PlanExtent> all;
    unsigned next = 0;
    for (int64_t extent : type.getShape()) {
      if (!ShapedType::isDynamic(extent))
        all.push_back(extent);
      else if (dims)
        all.push_back(cast<StringAttr>(dims[next++]).getValue().str());
      else
        all.push_back(undeclared());
    }
    return all;
  }

  std::string newDim() {
    std::string name;
    do
      name = "d" + std::to_string(unnamed++);
    while (declared.contains(name));
    return name;
  }

  std::set<std::string> declared;
  unsigned unnamed = 0;
};

/// Both sides of a check, as positions among the values the probe returns.
struct ProbedCheck {
  unsigned left, right;
  bool atMost;
  Location location;
  std::string op;
};

/// A copy of one function that returns index values.
struct Probe {
  std::string function;
  SmallVector<std::pair<unsigned, int64_t>> resultDims; // (result, dimension)
  SmallVector<ProbedCheck> checks; // returned behind the result dims
};

//===-- probing ----------------------------------------------------------===//

Probe makeProbe(func::FuncOp func) {
  Probe probe{func.getName().str(), {}, {}};
  auto terminator =
      cast<func::ReturnOp>(func.getBody().front().getTerminator());
  SmallVector<ExtentCheck> checks = collectExtentChecks(func);
  OpBuilder b(terminator);
  SmallVector<Value> values;
  for (auto [i, result] : llvm::enumerate(terminator.getOperands())) {
    auto type = cast<RankedTensorType>(result.getType());
    for (int64_t d = 0; d < type.getRank(); ++d) {
      if (!type.isDynamicDim(d))
        continue;
      probe.resultDims.push_back({i, d});
      values.push_back(
          b.createOrFold<tensor::DimOp>(terminator.getLoc(), result, d));
    }
  }
  for (ExtentCheck &check : checks) {
    unsigned left = values.size();
    values.append({check.left, check.right});
    probe.checks.push_back(
        {left, left + 1, check.atMost, check.location, check.op});
  }
  terminator.getOperandsMutable().assign(values);
  func.setType(
      b.getFunctionType(func.getArgumentTypes(),
                        SmallVector<Type>(values.size(), b.getIndexType())));
  func.removeResAttrsAttr();
  return probe;
}

/// An entry is one block without calls.
LogicalResult checkBody(func::FuncOp func) {
  if (!llvm::hasSingleElement(func.getBody()) ||
      !isa<func::ReturnOp>(func.getBody().front().getTerminator()))
    return func.emitError("cannot be an entry: its body has several blocks or "
                          "does not return");
  WalkResult result = func.walk([](func::CallOp call) {
    call.emitError("cannot be part of an entry: '")
        << call.getCallee()
        << "' could not be inlined; it has no body, calls itself or is marked "
           "no_inline";
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

//===-- one entry --------------------------------------------------------===//

class Recorder {
public:
  explicit Recorder(func::FuncOp func) : func(func), dimNames(func) {
    entry.name = func.getName().str();
  }

  /// Arguments and results as far as their types and attributes tell.
  LogicalResult recordTensors() {
    for (unsigned i = 0; i < func.getNumArguments(); ++i) {
      auto tensor = describe(func.getArgumentTypes()[i], func.getArgAttrDict(i),
                             "arg", i);
      if (failed(tensor))
        return failure();
      entry.inputs.push_back(*tensor);
    }
    bindDims();
    for (unsigned i = 0; i < func.getNumResults(); ++i) {
      auto tensor = describe(func.getResultTypes()[i],
                             func.getResultAttrDict(i), "result", i);
      if (failed(tensor))
        return failure();
      entry.outputs.push_back(*tensor);
    }
    return checkNames();
  }

  /// Result extents and requirements, from the probe's resolved return.
  LogicalResult recordProbe(const Probe &probe, func::ReturnOp resolved) {
    auto name = [&](unsigned argument, int64_t d) {
      return std::get<std::string>(entry.inputs[argument].shape[d]);
    };
    auto textOf = [&](unsigned i) {
      return sizeExpression(resolved.getOperand(i), name);
    };
    for (auto [i, where] : llvm::enumerate(probe.resultDims))
      if (failed(setResultExtent(where.first, where.second, textOf(i))))
        return failure();
    declaredRequirements();
    for (const ProbedCheck &check : probe.checks)
      if (failed(addCheck(check, textOf(check.left), textOf(check.right))))
        return failure();
    return success();
  }

  PlanEntry take() { return std::move(entry); }

private:
  /// Declared dims may be absent on a result: the probe fills them in.
  FailureOr<PlanTensor> describe(Type type, DictionaryAttr attributes,
                                 const char *kind, unsigned number) {
    PlanTensor tensor;
    tensor.name = kind + std::to_string(number);
    bool isResult = kind[0] == 'r';
    if (attributes)
      if (auto name = attributes.getAs<StringAttr>("routed.name"))
        tensor.name = name.str();
    auto ranked = dyn_cast<RankedTensorType>(type);
    std::optional<DType> dtype =
        ranked ? dtypeOf(ranked.getElementType()) : std::nullopt;
    if (!dtype)
      return func.emitError("cannot be an entry: ")
             << (isResult ? "result '" : "argument '") << tensor.name << "' is "
             << type
             << "; an entry takes and returns ranked tensors of f32, f16, "
                "bf16, f64, i1, i8, i16, i32, i64 or ui8";
    if (ranked.getRank() > maxRank)
      return func.emitError("cannot be an entry: '")
             << tensor.name << "' has " << ranked.getRank()
             << " dimensions; the runtime takes at most " << maxRank;
    tensor.dtype = *dtype;
    tensor.shape = isResult ? dimNames.ofResult(ranked, attributes)
                            : dimNames.ofArgument(ranked, attributes);
    return tensor;
  }

  void bindDims() {
    std::set<std::string> seen;
    for (const PlanTensor &input : entry.inputs)
      for (const PlanExtent &extent : input.shape) {
        const auto *text = std::get_if<std::string>(&extent);
        if (text && isExprName(*text) && seen.insert(*text).second)
          entry.dims.push_back({*text, {0, maxExtent}});
      }
  }

  LogicalResult checkNames() {
    std::set<std::string> seen;
    for (const auto &[dim, range] : entry.dims)
      seen.insert(dim);
    for (const auto *tensors : {&entry.inputs, &entry.outputs})
      for (const PlanTensor &tensor : *tensors) {
        // They are parameters of the kernel, beside its workspace.
        if (!isExprName(tensor.name) || tensor.name == "workspace")
          return func.emitError("cannot be an entry: '")
                 << tensor.name << "' cannot be the name of a tensor";
        if (!seen.insert(tensor.name).second)
          return func.emitError("cannot be an entry: '")
                 << tensor.name
                 << "' names two of its dims, arguments and results";
      }
    return success();
  }

  LogicalResult setResultExtent(unsigned result, int64_t d,
                                std::optional<std::string> derived) {
    PlanTensor &tensor = entry.outputs[result];
    auto &extent = std::get<std::string>(tensor.shape[d]);
    if (!derived) {
      InFlightDiagnostic error =
          func.emitError("cannot be an entry: dimension ")
          << d << " of result '" << tensor.name
          << "' has no size expression over the arguments' "
             "extents";
      error.attachNote(returned(result).getLoc()) << "the result is made here";
      return error;
    }
    if (extent.empty()) {
      extent = *derived;
      return success();
    }
    if (agree(extent, *derived))
      return success();
    InFlightDiagnostic error =
        func.emitError("dimension ")
        << d << " of result '" << tensor.name << "' is declared '" << extent
        << "', but the function computes '" << *derived << "'";
    error.attachNote(returned(result).getLoc()) << "the result is made here";
    return error;
  }

  Value returned(unsigned result) {
    return func.getBody().front().getTerminator()->getOperand(result);
  }

  /// Do two expressions have equal values on samples of the dims?
  bool agree(const std::string &a, const std::string &b) {
    if (a == b)
      return true;
    std::vector<std::string> names;
    for (const auto &[name, range] : entry.dims)
      names.push_back(name);
    auto left = Expr::parse(a, names), right = Expr::parse(b, names);
    if (!left || !right)
      return false;
    for (int64_t sample = 0; sample < 16; ++sample) {
      std::vector<int64_t> values;
      for (size_t i = 0; i < names.size(); ++i)
        values.push_back(1 + (sample * 37 + int64_t(i + 1) * 101 * sample +
                              int64_t(i) * 13) %
                                 997);
      auto x = left->evaluate(values), y = right->evaluate(values);
      if (!x || !y || *x != *y)
        return false;
    }
    return true;
  }

  void declaredRequirements() {
    auto pairs = func->getAttrOfType<ArrayAttr>("routed.requires");
    for (Attribute pair : pairs ? pairs.getValue() : ArrayRef<Attribute>()) {
      auto texts = cast<ArrayAttr>(pair);
      entry.requirements.push_back(
          {cast<StringAttr>(texts[0]).str(), cast<StringAttr>(texts[1]).str()});
    }
  }

  LogicalResult addCheck(const ProbedCheck &check,
                         const std::optional<std::string> &left,
                         const std::optional<std::string> &right) {
    // Data-dependent extents are the author's to guarantee.
    if (!left || !right || agree(*left, *right))
      return success();
    int64_t end, limit; // a slice of a static extent, say
    if (check.atMost && llvm::to_integer(*left, end, 10) &&
        llvm::to_integer(*right, limit, 10) && end <= limit)
      return success();
    // Dims are not negative, and nothing but a difference can be.
    if (check.atMost && *left == "0" && right->find('-') == right->npos)
      return success();
    std::string that = *left + (check.atMost ? " <= " : " == ") + *right;
    for (const PlanRequirement &known : entry.requirements)
      if (known.that == that)
        return success();
    entry.requirements.push_back(
        {that, "'" + check.op + "'" + at(check.location) + " needs " + that});
    return success();
  }

  static std::string at(Location location) {
    auto file = location->findInstanceOf<FileLineColLoc>();
    if (!file)
      return "";
    return " at line " + std::to_string(file.getLine());
  }

  func::FuncOp func;
  DimNames dimNames;
  PlanEntry entry;
};

} // namespace

LogicalResult headgate::passes::resolveExtents(ModuleOp module) {
  PassManager pm(module.getContext());
  // arith on tensors does not say what shape it has; linalg does.
  pm.addNestedPass<func::FuncOp>(createConvertElementwiseToLinalgPass());
  pm.addPass(createSCFForLoopCanonicalizationPass());
  pm.addPass(memref::createResolveRankedShapeTypeResultDimsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createCanonicalizerPass());
  return pm.run(module);
}

bool headgate::passes::isEntry(func::FuncOp func) {
  return func.isPublic() && !func.isExternal();
}

std::vector<std::vector<PlanExtent>>
headgate::passes::argumentExtents(func::FuncOp func) {
  std::vector<std::vector<PlanExtent>> all;
  DimNames names(func);
  for (unsigned i = 0; i < func.getNumArguments(); ++i)
    all.push_back(
        names.ofArgument(cast<RankedTensorType>(func.getArgumentTypes()[i]),
                         func.getArgAttrDict(i)));
  return all;
}

FailureOr<std::vector<PlanEntry>>
headgate::passes::recordEntries(ModuleOp module) {
  SmallVector<Recorder> recorders;
  for (auto func : module.getOps<func::FuncOp>()) {
    if (!isEntry(func))
      continue;
    recorders.emplace_back(func);
    if (failed(checkBody(func)) || failed(recorders.back().recordTensors()))
      return failure();
  }
  if (recorders.empty())
    return module.emitError("the module has no public function to compile");

  // Probing builds their ops, and a module need not use them itself.
  module.getContext()
      ->loadDialect<arith::ArithDialect, tensor::TensorDialect>();
  OwningOpRef<ModuleOp> copy = module.clone();
  SmallVector<Probe> probes;
  for (auto func : copy->getOps<func::FuncOp>())
    if (isEntry(func))
      probes.push_back(makeProbe(func));
  if (failed(resolveExtents(*copy)))
    return failure();

  std::vector<PlanEntry> entries;
  for (auto [recorder, probe] : llvm::zip(recorders, probes)) {
    auto func = copy->lookupSymbol<func::FuncOp>(probe.function);
    auto resolved =
        cast<func::ReturnOp>(func.getBody().front().getTerminator());
    if (failed(recorder.recordProbe(probe, resolved)))
      return failure();
    entries.push_back(recorder.take());
  }
  return entries;
}
