#include "dialect/routed/Routed.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace headgate::routed;

// All experts in index order: the gather copies. In rank order it permutes.
OpFoldResult GatherOp::fold(FoldAdaptor) {
  auto select = getExperts().getDefiningOp<SelectOp>();
  if (!select || select.getOrder() != Order::Index || select.getValid() ||
      int64_t(select.getK()) != getSource().getType().getDimSize(3) || getSource().getType() != getType())
    return {};
  return getSource();
}

OpFoldResult MeanHeadsOp::fold(FoldAdaptor) {
  return getSource().getType() == getType() ? getSource() : Value();
}

// An unweighted concatenation is a view.
LogicalResult CombineOp::canonicalize(CombineOp op, PatternRewriter &rewriter) {
  if (op.getKind() != Combine::Concat || op.getWeights())
    return rewriter.notifyMatchFailure(op, "weighs or adds heads");
  SmallVector<ReassociationIndices> groups = {{0}, {1}, {}};
  for (int64_t i = 2; i < op.getSource().getType().getRank(); ++i)
    groups.back().push_back(i);
  rewriter.replaceOpWithNewOp<tensor::CollapseShapeOp>(op, op.getType(), op.getSource(), groups);
  return success();
}
