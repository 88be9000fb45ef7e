// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Carries the sum of a row through a loop in parts and adds the parts after it,
// so that a turn of the loop has no sum across the lanes of a register:
//
//   l' = l * a + sum p     with l, a : [R], p : [R, C]
//   L' = L * a + parts p   with L : [R, ways];  l = sum L after the loop
//
// Exact in real numbers, since a is the same for all parts of a row; in f32
// another order of the same sum, which tile.reduce leaves open anyway. Covered
// by test/passes/split-row-sums.mlir.

#include "passes/Passes.h"

#include "dialect/tile/Tile.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"

namespace headgate::passes {
#define GEN_PASS_DEF_SPLITROWSUMS
#include "passes/Passes.h.inc"
} // namespace headgate::passes

using namespace mlir;
using namespace headgate;

namespace {

/// A carried sum: argument `number` of the loop's tiles.
struct RowSum {
  unsigned number;
  tile::ReduceOp added;
  /// The row's factor (null: 1), and the operations that apply it.
  Value factor;
  SmallVector<Operation *, 2> update;
};

bool hasOneUse(Value value) { return value.hasOneUse(); }

/// Matches `value` = argument, or argument * factor, used nowhere else.
bool matchScaled(Value value, BlockArgument argument, RowSum &sum) {
  if (value == argument)
    return true;
  auto product = value.getDefiningOp<arith::MulFOp>();
  if (!product || !hasOneUse(product))
    return false;
  for (unsigned i : {0, 1})
    if (product.getOperand(i) == argument) {
      sum.factor = product.getOperand(1 - i);
      sum.update.push_back(product);
      return true;
    }
  return false;
}

bool matchAdded(Value value, RowSum &sum) {
  sum.added = value.getDefiningOp<tile::ReduceOp>();
  return sum.added && sum.added.getKind() == tile::Reduction::Add &&
         hasOneUse(value);
}

/// The sum that the loop carries as argument `number`, if it is one.
std::optional<RowSum> matchRowSum(scf::ForOp loop, unsigned number,
                                  int64_t ways) {
  BlockArgument argument = loop.getRegionIterArg(number);
  auto type = dyn_cast<RankedTensorType>(argument.getType());
  if (!type || type.getRank() != 1 || !argument.hasOneUse() ||
      !matchPattern(loop.getInitArgs()[number], m_AnyZeroFloat()))
    return std::nullopt;
  RowSum sum{number, {}, {}, {}};
  Operation *last = loop.getYieldedValues()[number].getDefiningOp();
  if (!last || !last->hasOneUse())
    return std::nullopt;
  if (auto fma = dyn_cast<math::FmaOp>(last)) {
    bool isFirst = fma.getA() == argument;
    if ((!isFirst && fma.getB() != argument) || !matchAdded(fma.getC(), sum))
      return std::nullopt;
    sum.factor = isFirst ? fma.getB() : fma.getA();
  } else if (auto add = dyn_cast<arith::AddFOp>(last)) {
    if (!(matchScaled(add.getLhs(), argument, sum) &&
          matchAdded(add.getRhs(), sum)) &&
        !(matchScaled(add.getRhs(), argument, sum) &&
          matchAdded(add.getLhs(), sum)))
      return std::nullopt;
  } else {
    return std::nullopt;
  }
  sum.update.insert(sum.update.begin(), last);
  if (sum.added.getSource().getType().getDimSize(1) % ways)
    return std::nullopt;
  return sum;
}

/// The update of `sum` on tiles of `ways` columns, with the same operations.
Value splitUpdate(const RowSum &sum, BlockArgument parts) {
  Operation *last = sum.update.front();
  ImplicitLocOpBuilder b(last->getLoc(), last);
  Type type = parts.getType();
  tile::ReduceOp reduce = sum.added;
  Value added =
      tile::ReduceOp::create(b, type, tile::Reduction::Add, reduce.getSource());
  if (!sum.factor)
    return arith::AddFOp::create(b, parts, added);
  Value factor = tile::BroadcastOp::create(b, type, sum.factor, /*along=*/1);
  if (isa<math::FmaOp>(last))
    return math::FmaOp::create(b, parts, factor, added);
  Value product = arith::MulFOp::create(b, parts, factor);
  return arith::AddFOp::create(b, product, added);
}

void split(scf::ForOp loop, const RowSum &sum, int64_t ways) {
  ImplicitLocOpBuilder b(loop.getLoc(), loop);
  auto rowType =
      cast<RankedTensorType>(loop.getRegionIterArg(sum.number).getType());
  auto type = RankedTensorType::get({rowType.getDimSize(0), ways},
                                    rowType.getElementType());
  Value zeros = arith::ConstantOp::create(b, b.getZeroAttr(type));
  loop.getInitArgsMutable()[sum.number].assign(zeros);
  BlockArgument parts = loop.getRegionIterArg(sum.number);
  parts.setType(type);
  Value next = splitUpdate(sum, parts);
  loop.getBody()->getTerminator()->setOperand(sum.number, next);
  for (Operation *op : sum.update)
    op->erase();
  tile::ReduceOp(sum.added).erase();

  OpResult result = loop->getResult(sum.number);
  result.setType(type);
  b.setInsertionPointAfter(loop);
  Value whole =
      tile::ReduceOp::create(b, rowType, tile::Reduction::Add, result);
  result.replaceAllUsesExcept(whole, whole.getDefiningOp());
}

struct SplitRowSumsPass : passes::impl::SplitRowSumsBase<SplitRowSumsPass> {
  using SplitRowSumsBase::SplitRowSumsBase;

  void runOnOperation() override {
    if (!getOperation()->hasAttr(tile::scheduleAttrName) || ways < 2)
      return;
    getOperation().walk([&](scf::ForOp loop) {
      for (unsigned i = 0; i < loop.getNumRegionIterArgs(); ++i)
        if (std::optional<RowSum> sum = matchRowSum(loop, i, ways))
          split(loop, *sum, ways);
    });
  }
};

} // namespace
