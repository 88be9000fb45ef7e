// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/TileLimits.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/Matchers.h"

#include <cmath>
#include <optional>

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

/// What a tile holds in its columns from `limit` on.
struct Tail {
  enum Kind { unknown, unspecified, constant } kind = unknown;
  Value limit;
  double value = 0; ///< of a constant
};

/// The one value of a constant tile.
std::optional<double> splatOf(Value value) {
  while (auto broadcast = value.getDefiningOp<tile::BroadcastOp>())
    value = broadcast.getSource();
  DenseElementsAttr elements;
  if (!matchPattern(value, m_Constant(&elements)) || !elements.isSplat() ||
      !isa<FloatType>(elements.getElementType()))
    return std::nullopt;
  return elements.getSplatValue<APFloat>().convertToDouble();
}

bool isRowConstant(Value value) {
  auto broadcast = value.getDefiningOp<tile::BroadcastOp>();
  return broadcast && broadcast.getAlong() == 1;
}

class Tails {
public:
  Tail of(Value value) {
    auto [it, isNew] = known.try_emplace(value);
    if (!isNew)
      return it->second;
    Tail tail = compute(value);
    return known[value] = tail;
  }

private:
  Tail compute(Value value) {
    Operation *op = value.getDefiningOp();
    if (!op)
      return {};
    if (auto dot = dyn_cast<tile::DotOp>(op))
      return dot.getCols() ? Tail{Tail::unspecified, dot.getCols()} : Tail{};
    if (auto branch = dyn_cast<scf::IfOp>(op))
      return ofBranch(branch, cast<OpResult>(value).getResultNumber());
    if (auto select = dyn_cast<arith::SelectOp>(op))
      return either(select.getTrueValue(), select.getFalseValue());
    if (OpTrait::hasElementwiseMappableTraits(op) && op->getNumResults() == 1)
      return ofElementwise(op);
    return {};
  }

  Tail ofBranch(scf::IfOp branch, unsigned result) {
    if (branch.getElseRegion().empty())
      return {};
    return either(branch.thenYield().getOperand(result),
                  branch.elseYield().getOperand(result));
  }

  /// One or the other, it is not known which.
  Tail either(Value left, Value right) {
    Tail a = of(left), b = of(right);
    if (a.kind == Tail::unknown && b.kind == Tail::unknown)
      return {};
    if (a.kind == Tail::unknown)
      a = constantTail(left, b.limit);
    if (b.kind == Tail::unknown)
      b = constantTail(right, a.limit);
    if (a.limit != b.limit || !a.limit)
      return {};
    if (a.kind == Tail::unspecified)
      return b;
    if (b.kind == Tail::unspecified ||
        (b.kind == Tail::constant && a.kind == Tail::constant &&
         a.value == b.value))
      return a;
    return {};
  }

  Tail constantTail(Value value, Value limit) {
    if (std::optional<double> splat = splatOf(value))
      return {Tail::constant, limit, *splat};
    return {};
  }

  Tail ofElementwise(Operation *op) {
    Value limit;
    bool isUnspecified = false;
    for (Value operand : op->getOperands()) {
      Tail tail = of(operand);
      if (tail.kind == Tail::unknown)
        continue;
      if (limit && limit != tail.limit)
        return {};
      limit = tail.limit;
      isUnspecified |= tail.kind == Tail::unspecified;
    }
    if (!limit)
      return {};
    if (isUnspecified)
      return {Tail::unspecified, limit};
    if (std::optional<double> value = fold(op))
      return {Tail::constant, limit, *value};
    return {};
  }

  /// The value of `op` where its operands are their tails. A row's own factor
  /// or summand counts as finite: where it is not, the row's other elements
  /// are as undefined as this one.
  std::optional<double> fold(Operation *op) {
    auto at = [&](unsigned i) -> std::optional<double> {
      Tail tail = of(op->getOperand(i));
      if (tail.kind == Tail::constant)
        return tail.value;
      return splatOf(op->getOperand(i));
    };
    if (isa<arith::TruncFOp, arith::ExtFOp>(op))
      return at(0);
    if (isa<math::Exp2Op, math::ExpOp>(op))
      return at(0) && std::isinf(*at(0)) && *at(0) < 0 ? std::optional(0.0)
                                                       : std::nullopt;
    auto product = [&](unsigned i, unsigned j) -> std::optional<double> {
      if (!at(i) || !at(j))
        return std::nullopt;
      return *at(i) * *at(j);
    };
    auto plusRow = [&](std::optional<double> x,
                       unsigned row) -> std::optional<double> {
      bool staysInfinite =
          x && std::isinf(*x) &&
          (isRowConstant(op->getOperand(row)) || at(row) == 0.0);
      return staysInfinite ? x : std::nullopt;
    };
    if (isa<arith::MulFOp>(op))
      return product(0, 1);
    if (isa<math::FmaOp>(op))
      return plusRow(product(0, 1), 2);
    if (isa<arith::AddFOp>(op)) {
      auto sum = plusRow(at(0), 1);
      return sum ? sum : plusRow(at(1), 0);
    }
    if (isa<arith::SubFOp>(op))
      return plusRow(at(0), 1);
    return std::nullopt;
  }

  DenseMap<Value, Tail> known;
};

/// Which columns a stored tile's readers need.
struct Need {
  bool isRead = false;
  Value limit; ///< null: all
};

/// Goes through the steps from the last to the first.
class LimitFinder {
public:
  explicit LimitFinder(TilePlan &plan) : plan(plan) {}

  void run(Steps &steps) {
    for (auto &step : llvm::reverse(steps))
      visit(*step);
  }

private:
  void visit(Step &step) {
    if (step.kind == Step::sweep)
      step.limit = limitOf(step);
    if (step.kind == Step::copies) {
      // Around a loop a tile is needed whole; a branch's result hands on what
      // its readers need.
      bool isBranch = isa<scf::IfOp>(step.anchor->getParentOp()) &&
                      isa<scf::YieldOp>(step.anchor);
      for (auto [value, target] : step.writes)
        need(value, isBranch ? needs[target] : Need{true, Value()});
      return;
    }
    for (Steps &inner : llvm::reverse(step.inner))
      run(inner);
    noteReads(step);
  }

  void need(Value value, Need more) {
    Need &need = needs[value];
    if (!more.isRead)
      return;
    if (need.isRead && need.limit != more.limit)
      more.limit = Value();
    need = more;
  }

  Value limitOf(Step &step) {
    std::optional<Value> common;
    auto meet = [&](Value limit) {
      if (common && *common != limit)
        limit = Value();
      common = limit;
    };
    for (auto [value, target] : step.writes) {
      bool isInit = isa<BlockArgument>(target); // around a loop, see above
      if (isInit || needs[target].isRead)
        meet(isInit ? Value() : needs[target].limit);
    }
    for (tile::ReduceOp reduce : step.reduces)
      meet(isNeutral(reduce) ? tails.of(reduce.getSource()).limit : Value());
    for (size_t i = 0; i < step.stores.size(); ++i)
      meet(Value());
    bool isUsable = common && *common && step.shape.size() == 2 &&
                    dominance.properlyDominates(*common, step.anchor);
    return isUsable ? *common : Value();
  }

  /// True if the elements beyond the limit of what `reduce` reads do not
  /// change its result.
  bool isNeutral(tile::ReduceOp reduce) {
    Tail tail = tails.of(reduce.getSource());
    if (tail.kind != Tail::constant)
      return tail.kind == Tail::unspecified;
    switch (reduce.getKind()) {
    case tile::Reduction::Max:
      return std::isinf(tail.value) && tail.value < 0;
    case tile::Reduction::Min:
      return std::isinf(tail.value) && tail.value > 0;
    case tile::Reduction::Add:
      return tail.value == 0;
    }
    return false;
  }

  void noteReads(Step &step) {
    TileReads reads = plan.readsOf(step);
    for (Value value : reads.aligned)
      need(value, {true, step.limit});
    auto dot = dyn_cast<tile::DotOp>(step.anchor);
    for (Value value : reads.other) {
      bool isFactor = step.kind == Step::dot && value == dot.getLhs();
      need(value, {true, isFactor ? dot.getDepth() : Value()});
    }
  }

  TilePlan &plan;
  Tails tails;
  DominanceInfo dominance;
  DenseMap<Value, Need> needs;
};

} // namespace

void headgate::passes::limitSweeps(TilePlan &plan) {
  LimitFinder(plan).run(plan.steps);
}
