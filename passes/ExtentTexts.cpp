// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A copy of the function returns every extent instead of its results;
// upstream's shape resolution reduces them to arithmetic on argument extents.

#include "passes/ExtentTexts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "passes/EntryChecks.h"
#include "passes/EntryRecord.h"
#include "passes/SizeExpression.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

/// A value of the original function whose copy is returned.
struct Probed {
  Value value;
  int64_t d; // -1: the value itself
};

class Prober {
public:
  explicit Prober(func::FuncOp func)
      : module(ModuleOp::create(func.getLoc())), original(func) {
    OpBuilder b(module->getBodyRegion());
    copy = cast<func::FuncOp>(b.clone(*func, mapping));
  }

  LogicalResult run() {
    auto terminator =
        cast<func::ReturnOp>(copy.getBody().front().getTerminator());
    OpBuilder b(terminator);
    SmallVector<Value> returned;
    collect(b, returned);
    for (ExtentCheck &check : collectExtentChecks(copy))
      if (!check.atMost)
        returned.append({check.left, check.right});
    terminator.getOperandsMutable().assign(returned);
    copy.setType(b.getFunctionType(
        copy.getArgumentTypes(),
        SmallVector<Type>(returned.size(), b.getIndexType())));
    copy.removeResAttrsAttr();
    return resolveExtents(*module);
  }

  OwningOpRef<ModuleOp> module;
  SmallVector<Probed> probed; // the first results; pairs of checks behind
  func::FuncOp copy;

private:
  void collect(OpBuilder &b, SmallVectorImpl<Value> &returned) {
    auto visit = [&](Value value) {
      if (isa<IndexType>(value.getType())) {
        probed.push_back({value, -1});
        returned.push_back(mapping.lookup(value));
      }
      auto type = dyn_cast<RankedTensorType>(value.getType());
      for (int64_t d = 0; type && d < type.getRank(); ++d) {
        if (!type.isDynamicDim(d))
          continue;
        probed.push_back({value, d});
        returned.push_back(b.createOrFold<tensor::DimOp>(
            value.getLoc(), mapping.lookup(value), d));
      }
    };
    Block &body = original.getBody().front();
    for (BlockArgument argument : body.getArguments())
      visit(argument);
    for (Operation &op : body)
      for (Value result : op.getResults())
        visit(result);
  }

  func::FuncOp original;
  IRMapping mapping;
};

/// The names of the arguments' dynamic extents. Names that must be equal are
/// called by the one that the arguments show first.
class Names {
public:
  explicit Names(func::FuncOp func) : extents(argumentExtents(func)) {
    for (const auto &argument : extents)
      for (const PlanExtent &extent : argument)
        if (const auto *name = std::get_if<std::string>(&extent))
          order.try_emplace(*name, order.size());
  }

  std::string operator()(unsigned argument, int64_t d) const {
    return leader(std::get<std::string>(extents[argument][d]));
  }

  /// `pairs` are values that must be equal, two by two.
  void join(OperandRange pairs) {
    for (size_t i = 0; i + 1 < pairs.size(); i += 2) {
      auto a = sizeExpression(pairs[i], *this),
           b = sizeExpression(pairs[i + 1], *this);
      if (!a || !b || !order.contains(*a) || !order.contains(*b) || *a == *b)
        continue;
      bool isFirst = order.lookup(*a) < order.lookup(*b);
      equal[isFirst ? *b : *a] = isFirst ? *a : *b;
    }
  }

private:
  std::string leader(std::string name) const {
    for (auto at = equal.find(name); at != equal.end(); at = equal.find(name))
      name = at->second;
    return name;
  }

  std::vector<std::vector<PlanExtent>> extents;
  llvm::StringMap<unsigned> order;
  llvm::StringMap<std::string> equal; ///< name -> an earlier one
};

} // namespace

FailureOr<ExtentTexts> ExtentTexts::of(func::FuncOp func) {
  Prober prober(func);
  if (failed(prober.run()))
    return failure();
  auto resolved =
      cast<func::ReturnOp>(prober.copy.getBody().front().getTerminator());
  Names names(func);
  names.join(resolved.getOperands().drop_front(prober.probed.size()));
  ExtentTexts result;
  for (auto [probed, value] : llvm::zip(prober.probed, resolved.getOperands()))
    if (auto text = sizeExpression(value, names)) {
      result.texts[{probed.value, probed.d}] = *text;
      result.values.try_emplace(*text, value);
    }
  result.probe = std::move(prober.module);
  return result;
}

std::optional<std::string> ExtentTexts::extent(Value tensor, int64_t d) const {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (!type.isDynamicDim(d))
    return std::to_string(type.getDimSize(d));
  auto found = texts.find({tensor, d});
  return found == texts.end() ? std::nullopt : std::optional(found->second);
}

std::optional<SmallVector<std::string>>
ExtentTexts::extents(Value tensor) const {
  SmallVector<std::string> all;
  int64_t rank = cast<RankedTensorType>(tensor.getType()).getRank();
  for (int64_t d = 0; d < rank; ++d) {
    std::optional<std::string> text = extent(tensor, d);
    if (!text)
      return {};
    all.push_back(std::move(*text));
  }
  return all;
}

std::optional<std::string> ExtentTexts::index(Value scalar) const {
  auto found = texts.find({scalar, -1});
  return found == texts.end() ? std::nullopt : std::optional(found->second);
}

void ExtentTexts::setLike(Value tensor, Value like) {
  auto type = cast<RankedTensorType>(tensor.getType());
  for (int64_t d = 0; d < type.getRank(); ++d)
    if (type.isDynamicDim(d))
      if (auto text = extent(like, d))
        texts[{tensor, d}] = *text;
}

void ExtentTexts::setIndex(Value scalar, Value like, int64_t d) {
  if (auto text = extent(like, d))
    texts[{scalar, -1}] = *text;
}

/// Copies the arithmetic behind `value`, a value of the probe.
static Value rebuild(OpBuilder &b, Value value, ValueRange arguments,
                     IRMapping &mapping) {
  if (Value known = mapping.lookupOrNull(value))
    return known;
  Operation *op = value.getDefiningOp();
  Value result;
  if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    auto source = cast<BlockArgument>(dim.getSource());
    Value argument = arguments[source.getArgNumber()];
    int64_t d = *dim.getConstantIndex();
    result = isa<MemRefType>(argument.getType())
                 ? b.createOrFold<memref::DimOp>(op->getLoc(), argument, d)
                 : b.createOrFold<tensor::DimOp>(op->getLoc(), argument, d);
  } else {
    for (Value operand : op->getOperands())
      rebuild(b, operand, arguments, mapping);
    return b.clone(*op, mapping)->getResult(0);
  }
  mapping.map(value, result);
  return result;
}

Value ExtentTexts::build(OpBuilder &b, Location loc, StringRef text,
                         ValueRange arguments) const {
  int64_t number;
  if (!text.getAsInteger(10, number))
    return arith::ConstantIndexOp::create(b, loc, number);
  auto found = values.find(text);
  assert(found != values.end() && "the text is one of this function's");
  IRMapping mapping;
  return rebuild(b, found->second, arguments, mapping);
}
