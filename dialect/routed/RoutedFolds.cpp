// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Folds and canonicalizations: rewrites that keep every bit of every result and
// never cost. What trades cost or rounding is a pass, not a canonicalization.

#include "dialect/routed/Extents.h"
#include "dialect/routed/Routed.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace headgate::routed;

/// The selection behind `experts`, if no token of it can be a hole.
static SelectOp selectionWithoutHoles(Value experts) {
  auto select = experts.getDefiningOp<SelectOp>();
  return select && !select.getValid() ? select : SelectOp();
}

/// Slot j holds expert j: all `count` experts were taken, in index order. In
/// rank order the slots are a permutation of them.
static bool isIdentity(Value experts, int64_t count) {
  SelectOp select = selectionWithoutHoles(experts);
  return select && select.getOrder() == Order::Index && select.getK() == count;
}

//===-- select -----------------------------------------------------------===//

namespace {

/// Attributes that only say what nobody reads.
struct DropUnreadWeights : OpRewritePattern<SelectOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SelectOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.getWeights().use_empty())
      return rewriter.notifyMatchFailure(op, "weights are read");
    bool isOnlyChoice = op.getProbs().use_empty() && !op.getBias();
    Activation activation =
        isOnlyChoice ? Activation::Ones : op.getActivation();
    auto one = rewriter.getF32FloatAttr(1),
         eps = rewriter.getF32FloatAttr(1e-9);
    if (op.getNorm() == Norm::None && op.getScaleAttr() == one &&
        op.getEpsAttr() == eps && op.getActivation() == activation)
      return rewriter.notifyMatchFailure(op, "says nothing about weights");
    rewriter.modifyOpInPlace(op, [&] {
      op.setNorm(Norm::None);
      op.setScaleAttr(one);
      op.setEpsAttr(eps);
      op.setActivation(activation);
    });
    return success();
  }
};

} // namespace

//===-- gather, mean_heads -----------------------------------------------===//

OpFoldResult GatherOp::fold(FoldAdaptor) {
  if (getSource().getType() != getType() ||
      !isIdentity(getExperts(), getSource().getType().getDimSize(3)))
    return {};
  return getSource();
}

OpFoldResult MeanHeadsOp::fold(FoldAdaptor) {
  return getSource().getType() == getType() ? getSource() : Value();
}

//===-- combine ----------------------------------------------------------===//

namespace {

struct ConcatIsView : OpRewritePattern<CombineOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(CombineOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getKind() != Combine::Concat || op.getWeights())
      return rewriter.notifyMatchFailure(op, "weighs or adds heads");
    SmallVector<ReassociationIndices> groups = {{0}, {1}, {}};
    for (int64_t i = 2; i < op.getSource().getType().getRank(); ++i)
      groups.back().push_back(i);
    rewriter.replaceOpWithNewOp<tensor::CollapseShapeOp>(
        op, op.getType(), op.getSource(), groups);
    return success();
  }
};

struct ScatterOfAllIsConcat : OpRewritePattern<CombineOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(CombineOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getKind() != Combine::Scatter)
      return rewriter.notifyMatchFailure(op, "is no scatter");
    if (!isIdentity(op.getExperts(), *op.getNumExperts()))
      return rewriter.notifyMatchFailure(op, "slots are not all experts in "
                                             "index order");
    auto concat = CombineOp::create(rewriter, op.getLoc(), Combine::Concat,
                                    op.getSource(), op.getWeights(), Value(),
                                    IntegerAttr());
    if (concat.getType() != op.getType()) {
      rewriter.eraseOp(concat);
      return rewriter.notifyMatchFailure(op, "experts have static extents that "
                                             "source lacks");
    }
    rewriter.replaceOp(op, concat);
    return success();
  }
};

//===-- attend -----------------------------------------------------------===//

/// Would the results of `op` have other types without `operand`, whose leading
/// extents are `count` of B and S?
bool refinesResults(AttendOp op, Value operand, unsigned count) {
  ArrayRef<int64_t> rows = op.getQuery().getType().getShape();
  ArrayRef<int64_t> shape =
      cast<RankedTensorType>(operand.getType()).getShape();
  for (unsigned i = 0; i < count; ++i)
    if (isDynamic(rows[i]) && !isDynamic(shape[i]))
      return true;
  return false;
}

/// Where the key-value head does not depend on the expert, all that experts say
/// is which slots are holes.
struct DropExpertsWithoutHoles : OpRewritePattern<AttendOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AttendOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.getExperts() || op.getLoweringClass() != LoweringClass::A)
      return rewriter.notifyMatchFailure(op, "needs no experts or all of them");
    if (!selectionWithoutHoles(op.getExperts()))
      return rewriter.notifyMatchFailure(op, "experts may have holes");
    if (refinesResults(op, op.getExperts(), 2))
      return rewriter.notifyMatchFailure(op, "experts refine the result types");
    rewriter.modifyOpInPlace(op, [&] {
      op.getExpertsMutable().clear();
      op.removeNumExpertsAttr();
      if (std::optional<AffineMap> map = op.getKvHead()) // loses its symbol
        op.setKvHead(AffineMap::get(map->getNumDims(), 0, map->getResult(0)));
    });
    return success();
  }
};

/// Where slot j holds expert j, a map of experts is one of slots.
struct ExpertsAreSlots : OpRewritePattern<AttendOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AttendOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getLoweringClass() != LoweringClass::B)
      return rewriter.notifyMatchFailure(op, "does not read its experts");
    if (!isIdentity(op.getExperts(), *op.getNumExperts()))
      return rewriter.notifyMatchFailure(op, "slots are not all experts in "
                                             "index order");
    if (refinesResults(op, op.getExperts(), 2))
      return rewriter.notifyMatchFailure(op, "experts refine the result types");
    AffineMap map = *op.getKvHead();
    map = map.replaceDimsAndSymbols({}, rewriter.getAffineDimExpr(1),
                                    map.getNumDims(), 0);
    rewriter.modifyOpInPlace(op, [&] {
      op.getExpertsMutable().clear();
      op.removeNumExpertsAttr();
      op.setKvHead(map);
    });
    return success();
  }
};

struct DropDefaultKvHead : OpRewritePattern<AttendOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AttendOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.getKvHead() || op.getKvHead()->getNumSymbols())
      return rewriter.notifyMatchFailure(op, "has no map of head indices");
    int64_t heads = *product(op.getHeads());
    int64_t kvHeads = op.getKey().getType().getDimSize(2);
    if (heads % kvHeads != 0)
      return rewriter.notifyMatchFailure(op, "has no default");
    int64_t number = 0;
    if (failed(op.forEachKvHead([&](int64_t kvHead) {
          return success(kvHead == number++ / (heads / kvHeads));
        })))
      return rewriter.notifyMatchFailure(op, "differs from the default");
    rewriter.modifyOpInPlace(op, [&] { op.removeKvHeadAttr(); });
    return success();
  }
};

/// The only query of a sequence is its last: it sees all keys before kv_len.
struct DropCausalOfOneQuery : OpRewritePattern<AttendOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AttendOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.getCausal() || op.getQuery().getType().getDimSize(1) != 1)
      return rewriter.notifyMatchFailure(op, "is not causal in one query");
    if (op.getWindow() || op.getQLen())
      return rewriter.notifyMatchFailure(op, "needs the place of its query");
    rewriter.modifyOpInPlace(op, [&] { op.setCausal(false); });
    return success();
  }
};

struct DropTrueMask : OpRewritePattern<AttendOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AttendOp op,
                                PatternRewriter &rewriter) const override {
    DenseElementsAttr mask;
    if (!op.getMask() || !matchPattern(op.getMask(), m_Constant(&mask)))
      return rewriter.notifyMatchFailure(op, "has no constant mask");
    if (!mask.isSplat() || !mask.getSplatValue<bool>())
      return rewriter.notifyMatchFailure(op, "mask hides keys");
    // A mask of extent 1 in B may be shared, so its B says nothing.
    bool isShared = op.getMask().getType().getDimSize(0) == 1;
    bool refines = isDynamic(op.getQuery().getType().getDimSize(1)) ||
                   (!isShared && refinesResults(op, op.getMask(), 1));
    if (refines)
      return rewriter.notifyMatchFailure(op, "mask refines the result types");
    rewriter.modifyOpInPlace(op, [&] { op.getMaskMutable().clear(); });
    return success();
  }
};

} // namespace

void SelectOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                           MLIRContext *context) {
  patterns.add<DropUnreadWeights>(context);
}

void CombineOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                            MLIRContext *context) {
  patterns.add<ConcatIsView, ScatterOfAllIsConcat>(context);
}

void AttendOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                           MLIRContext *context) {
  patterns.add<DropExpertsWithoutHoles, ExpertsAreSlots, DropDefaultKvHead,
               DropCausalOfOneQuery, DropTrueMask>(context);
}
