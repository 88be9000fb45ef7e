// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/TokenNeeds.h"

#include "dialect/routed/Routed.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

using Needs = SmallVector<TokenNeed>;
using MaybeNeeds = std::optional<Needs>;

/// Collects the needs of one op; operands that are not named are whole.
class Collector {
public:
  explicit Collector(Operation *op) : needs(op->getNumOperands()) {}

  Collector &set(OpOperand &operand, TokenNeed need) {
    needs[operand.getOperandNumber()] = need;
    return *this;
  }
  Collector &set(MutableOperandRange optional, TokenNeed need) {
    for (OpOperand &operand : optional)
      set(operand, need);
    return *this;
  }
  template <typename Operand> Collector &token(Operand &&operand) {
    return set(operand, ownToken);
  }
  template <typename Operand> Collector &batch(Operand &&operand) {
    return set(operand, ownBatch);
  }
  Needs take() { return std::move(needs); }

private:
  Needs needs;
};

/// Are dimensions 0 and 1 groups of their own in a reshape?
bool keepsToken(ArrayRef<ReassociationIndices> groups) {
  return groups.size() >= 2 && groups[0].size() == 1 && groups[1].size() == 1;
}

/// Is token [b, s] of a slice token [b, s] of the whole?
bool startsAtFirstToken(tensor::ExtractSliceOp slice) {
  if (slice.getType().getRank() < 2 ||
      slice.getType().getRank() != slice.getSourceType().getRank())
    return false;
  return llvm::all_of(llvm::seq(2), [&](int d) {
    return isConstantIntValue(slice.getMixedOffsets()[d], 0) &&
           isConstantIntValue(slice.getMixedStrides()[d], 1);
  });
}

/// The operand dimension that loop `loop` indexes: -1 none, nothing if it is
/// used in another way than as a plain index.
std::optional<int> dimensionOf(AffineMap map, unsigned loop) {
  int found = -1;
  for (auto [d, expr] : llvm::enumerate(map.getResults())) {
    if (!expr.isFunctionOfDim(loop))
      continue;
    if (found >= 0 || !isa<AffineDimExpr>(expr))
      return {};
    found = d;
  }
  return found;
}

MaybeNeeds structuredNeeds(linalg::LinalgOp op) {
  if (op.getNumDpsInits() == 0 || op->getNumResults() != op.getNumDpsInits())
    return {};
  AffineMap result = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  if (result.getNumResults() < 2)
    return {};
  auto batch = dyn_cast<AffineDimExpr>(result.getResult(0));
  auto position = dyn_cast<AffineDimExpr>(result.getResult(1));
  if (!batch || !position || batch == position)
    return {};
  Needs needs;
  for (OpOperand &operand : op->getOpOperands()) {
    TokenNeed need;
    if (isa<RankedTensorType>(operand.get().getType())) {
      AffineMap map = op.getMatchingIndexingMap(&operand);
      auto b = dimensionOf(map, batch.getPosition());
      auto s = dimensionOf(map, position.getPosition());
      if (!b || !s || *b > 0 || *s > 1)
        return {}; // e.g. a matrix product's second operand, by columns
      need = {*b, *s};
      if (op.isDpsInit(&operand) && need != ownToken)
        return {};
    }
    needs.push_back(need);
  }
  return needs;
}

MaybeNeeds elementwiseNeeds(Operation *op) {
  Needs needs;
  for (Value operand : op->getOperands()) {
    auto type = dyn_cast<RankedTensorType>(operand.getType());
    needs.push_back(type ? ownToken : wholeTensor);
  }
  return needs;
}

MaybeNeeds attendNeeds(routed::AttendOp op) {
  Collector needs(op);
  needs.token(op.getQueryMutable())
      .token(op.getExpertsMutable())
      .batch(op.getKeyMutable())
      .batch(op.getValueMutable())
      .batch(op.getKvStartMutable())
      .batch(op.getKvLenMutable())
      .batch(op.getQLenMutable())
      .batch(op.getHistoryMutable());
  bool isShared = op.getMask() && op.getMask().getType().getDimSize(0) == 1;
  return needs.set(op.getMaskMutable(), {isShared ? -1 : 0, 1}).take();
}

MaybeNeeds ropeNeeds(routed::RopeOp op) {
  TokenNeed table = op.getPositions() ? wholeTensor : ownPosition;
  return Collector(op)
      .token(op.getSourceMutable())
      .token(op.getPositionsMutable())
      .set(op.getCosMutable(), table)
      .set(op.getSinMutable(), table)
      .take();
}

MaybeNeeds routedNeeds(Operation *op) {
  using namespace headgate::routed;
  Collector needs(op);
  return TypeSwitch<Operation *, MaybeNeeds>(op)
      .Case<SelectOp>([&](SelectOp select) {
        return needs.token(select.getLogitsMutable())
            .token(select.getValidMutable())
            .take();
      })
      .Case<GatherOp>([&](GatherOp gather) {
        return needs.token(gather.getSourceMutable())
            .token(gather.getExpertsMutable())
            .take();
      })
      .Case<LinearOp>([&](LinearOp linear) {
        return needs.token(linear.getInputMutable())
            .token(linear.getExpertsMutable())
            .token(linear.getWeightsMutable())
            .take();
      })
      .Case<AttendOp>(attendNeeds)
      .Case<CombineOp>([&](CombineOp combine) {
        return needs.token(combine.getSourceMutable())
            .token(combine.getWeightsMutable())
            .token(combine.getExpertsMutable())
            .take();
      })
      .Case<RopeOp>(ropeNeeds)
      .Case<MeanHeadsOp>([&](MeanHeadsOp mean) {
        return needs.token(mean.getSourceMutable()).take();
      })
      .Default([](Operation *) { return MaybeNeeds(); });
}

MaybeNeeds tensorNeeds(Operation *op) {
  auto ifLocal = [&](bool local) {
    return local ? elementwiseNeeds(op) : MaybeNeeds();
  };
  return TypeSwitch<Operation *, MaybeNeeds>(op)
      .Case<tensor::ExpandShapeOp, tensor::CollapseShapeOp>([&](auto view) {
        return ifLocal(keepsToken(view.getReassociationIndices()));
      })
      .Case<tensor::CastOp>([&](tensor::CastOp cast) {
        return ifLocal(isa<RankedTensorType>(cast.getSource().getType()));
      })
      .Case<tensor::ExtractSliceOp>([&](tensor::ExtractSliceOp slice) {
        return ifLocal(startsAtFirstToken(slice));
      })
      .Case<tensor::ConcatOp>([&](tensor::ConcatOp concat) {
        return ifLocal(concat.getDim() >= 2);
      })
      .Case<tensor::EmptyOp, tensor::SplatOp>(
          [&](Operation *) { return ifLocal(true); })
      .Default([](Operation *) { return MaybeNeeds(); });
}

bool hasTokens(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.getRank() >= 2;
}

} // namespace

std::optional<SmallVector<TokenNeed>>
headgate::passes::tokenNeeds(Operation *op) {
  if (op->getNumResults() == 0 ||
      !llvm::all_of(op->getResultTypes(), hasTokens))
    return {};
  if (auto softmax = dyn_cast<linalg::SoftmaxOp>(op))
    return softmax.getDimension() >= 2 ? elementwiseNeeds(op) : MaybeNeeds();
  if (auto structured = dyn_cast<linalg::LinalgOp>(op))
    return structuredNeeds(structured);
  if (isa<routed::RoutedDialect>(op->getDialect()))
    return routedNeeds(op);
  if (isa<tensor::TensorDialect>(op->getDialect()))
    return tensorNeeds(op);
  if (OpTrait::hasElementwiseMappableTraits(op))
    return elementwiseNeeds(op);
  return {};
}
