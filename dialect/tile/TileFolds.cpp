// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Folds and canonicalizations: rewrites that keep every bit of every result.

#include "dialect/tile/Tile.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace headgate::tile;

LogicalResult DotOp::canonicalize(DotOp op, PatternRewriter &rewriter) {
  auto isWhole = [](Value count, int64_t extent) {
    IntegerAttr value;
    return count && matchPattern(count, m_Constant(&value)) &&
           value.getInt() == extent;
  };
  bool allCols = isWhole(op.getCols(), op.getType().getDimSize(1));
  bool allTerms = isWhole(op.getDepth(), op.getTerms());
  if (!allCols && !allTerms)
    return rewriter.notifyMatchFailure(op, "leaves something out");
  rewriter.modifyOpInPlace(op, [&] {
    if (allCols)
      op.getColsMutable().clear();
    if (allTerms)
      op.getDepthMutable().clear();
  });
  return success();
}

OpFoldResult BroadcastOp::fold(FoldAdaptor adaptor) {
  auto splat = dyn_cast_if_present<SplatElementsAttr>(adaptor.getSource());
  return splat ? splat.resizeSplat(getType()) : OpFoldResult();
}

LogicalResult BroadcastOp::canonicalize(BroadcastOp op,
                                        PatternRewriter &rewriter) {
  auto splat = op.getSource().getDefiningOp<tensor::SplatOp>();
  if (!splat)
    return rewriter.notifyMatchFailure(op, "does not repeat one value");
  rewriter.replaceOpWithNewOp<tensor::SplatOp>(op, op.getType(),
                                               splat.getInput());
  return success();
}
