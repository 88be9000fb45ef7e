// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The mean of projected heads as one more head of the projection:
//
//   mean_heads(x W) = x mean(W)
//   mean_heads(rope(k)) = rope(mean_heads(k))
//
// Both sides round differently, so this needs leave to reassociate.

#include "lib/RoutedCost.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "passes/KernelProblem.h"
#include "passes/SimplifyRouted.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

constexpr StringRef remarkName = "mean-of-matrices";

Value collapsed(ImplicitLocOpBuilder &b, Value value,
                ArrayRef<ReassociationIndices> groups) {
  return tensor::CollapseShapeOp::create(b, value, groups);
}

Value expanded(ImplicitLocOpBuilder &b, Value value, ArrayRef<int64_t> shape,
               ArrayRef<ReassociationIndices> groups) {
  auto type = cast<RankedTensorType>(value.getType());
  return tensor::ExpandShapeOp::create(b, type.clone(shape), value, groups);
}

/// [H, n...] to [1, n...], the mean over H, rounded once to the same type.
Value meanOverFirst(ImplicitLocOpBuilder &b, Value heads) {
  auto type = cast<RankedTensorType>(heads.getType());
  ArrayRef<int64_t> shape = type.getShape();
  int64_t width = type.getNumElements() / shape[0];
  ReassociationIndices rest =
      llvm::to_vector(llvm::seq<int64_t>(1, type.getRank()));
  Value flat = rest.size() > 1 ? collapsed(b, heads, {{0}, rest}) : heads;
  Value rows = expanded(b, flat, {1, 1, shape[0], width}, {{0, 1, 2}, {3}});
  Value mean = routed::MeanHeadsOp::create(b, b.getLoc(), rows);
  Value row = collapsed(b, mean, {{0, 1, 2}, {3}});
  SmallVector<int64_t> result(shape);
  result[0] = 1;
  return rest.size() > 1 ? expanded(b, row, result, {{0}, rest}) : row;
}

/// How `mean` is made: of a projection, which may be rotated first.
struct MeanSource {
  routed::RopeOp rope; ///< may be null
  Projection projection;
};

std::optional<MeanSource> sourceOf(routed::MeanHeadsOp mean) {
  MeanSource source;
  Value rows = mean.getSource();
  if ((source.rope = rows.getDefiningOp<routed::RopeOp>())) {
    Value positions = source.rope.getPositions();
    if (positions && cast<RankedTensorType>(positions.getType()).getRank() > 2)
      return {}; // each head turns by an angle of its own
    rows = source.rope.getSource();
  }
  std::optional<Projection> projection = matchProjection(rows);
  if (!projection)
    return {};
  auto matrices = cast<RankedTensorType>(projection->matrices.getType());
  if (matrices.getRank() != 3 || !matrices.hasStaticShape())
    return {};
  source.projection = *projection;
  return source;
}

void fold(const Simplification &s, routed::MeanHeadsOp mean) {
  std::optional<MeanSource> source = sourceOf(mean);
  if (!source)
    return s.left(mean, remarkName,
                  "no projection is seen behind the rows of this mean");
  const Projection &projection = source->projection;
  auto matrices = cast<RankedTensorType>(projection.matrices.getType());
  ProjectedMean problem{dtypeOf(matrices.getElementType()),
                        matrices.getDimSize(0), matrices.getDimSize(1),
                        matrices.getDimSize(2)};
  int64_t tokens = s.tokensOf(mean.getSource());
  double rowsNs = meanOfRowsNs(problem, s.target, tokens);
  double matricesNs = meanOfMatricesNs(problem, s.target, tokens);
  if (matricesNs >= rowsNs)
    return s.left(mean, remarkName,
                  "a mean of rows: one of matrices " +
                      comparison(matricesNs, rowsNs, tokens));
  if (!s.reassociate)
    return s.left(mean, remarkName,
                  "a mean of matrices would round otherwise; "
                  "allow-reassociation lets it");
  ImplicitLocOpBuilder b(mean.getLoc(), mean);
  Value bias = projection.bias ? meanOverFirst(b, projection.bias) : Value();
  Value rows = buildProjection(b, projection.input,
                               meanOverFirst(b, projection.matrices), bias);
  rows = rounded(b, rows, mean.getType().getElementType());
  if (routed::RopeOp rope = source->rope)
    rows = routed::RopeOp::create(b, rope.getLoc(), rows, rope.getCos(),
                                  rope.getSin(), rope.getPositions());
  s.done(mean, remarkName,
         "one more head of the projection: a mean of matrices " +
             comparison(matricesNs, rowsNs, tokens));
  IRRewriter(mean.getContext())
      .replaceOp(mean, withType(b, rows, mean.getType()));
}

} // namespace

void headgate::passes::foldMeansIntoProjections(const Simplification &s) {
  for (routed::MeanHeadsOp mean : s.all<routed::MeanHeadsOp>())
    fold(s, mean);
}
