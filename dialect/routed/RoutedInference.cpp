// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Result types from operand types, and where dynamic result extents come from.
//
// Parsing infers before it verifies and before it fills in defaults, so nothing
// may be assumed here: operands may have any type, an attribute with a default
// may be absent, a count may be negative and a product may overflow. Whatever
// inference does not need is left to the verifiers.

#include "dialect/routed/Extents.h"
#include "dialect/routed/Routed.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <limits>

using namespace mlir;
using namespace headgate::routed;

using Loc = std::optional<Location>;
using Shape = SmallVector<int64_t>;
using Types = SmallVectorImpl<Type>;

//===-- result types -----------------------------------------------------===//

/// The operand's type if it is a ranked tensor of enough dimensions, else null.
static RankedTensorType ranked(Value value, unsigned minRank) {
  auto type = value ? dyn_cast<RankedTensorType>(value.getType()) : nullptr;
  return type && type.getRank() >= minRank ? type : nullptr;
}

/// Makes an extent of `shape` static where `like` has a static one in its
/// place.
static void refine(Shape &shape, unsigned count, Value like) {
  RankedTensorType type = ranked(like, count);
  for (unsigned i = 0; type && i < count; ++i)
    if (isDynamic(shape[i]))
      shape[i] = type.getDimSize(i);
}

static Type tensorOf(ArrayRef<int64_t> shape, RankedTensorType like) {
  return RankedTensorType::get(shape, like.getElementType());
}
static Type f32Tensor(MLIRContext *c, ArrayRef<int64_t> shape) {
  return RankedTensorType::get(shape, Float32Type::get(c));
}
static Type i32Tensor(MLIRContext *c, ArrayRef<int64_t> shape) {
  return RankedTensorType::get(shape, IntegerType::get(c, 32));
}

LogicalResult SelectOp::inferReturnTypes(MLIRContext *c, Loc loc, Adaptor op,
                                         Types &types) {
  RankedTensorType logits = ranked(op.getLogits(), 4);
  if (!logits)
    return emitOptionalError(loc, "'routed.select' needs logits [B, S, R, M]");
  Shape all(logits.getShape());
  refine(all, 2, op.getValid());
  Shape chosen(all);
  chosen[3] = op.getK();
  if (chosen[3] < 0)
    return emitOptionalError(loc, "'routed.select' takes ", chosen[3],
                             " experts of each group");
  types.append({i32Tensor(c, chosen), f32Tensor(c, chosen), f32Tensor(c, all)});
  return success();
}

LogicalResult SelectTokensOp::inferReturnTypes(MLIRContext *c, Loc loc,
                                               Adaptor op, Types &types) {
  RankedTensorType logits = ranked(op.getLogits(), 4);
  if (!logits)
    return emitOptionalError(
        loc, "'routed.select_tokens' needs logits [B, S, R, M]");
  Shape all(logits.getShape());
  refine(all, 2, op.getValid());
  types.append({i32Tensor(c, all), f32Tensor(c, all), f32Tensor(c, all)});
  return success();
}

LogicalResult DispatchOp::inferReturnTypes(MLIRContext *c, Loc loc, Adaptor op,
                                           Types &types) {
  RankedTensorType experts = ranked(op.getExperts(), 4);
  if (!experts)
    return emitOptionalError(loc,
                             "'routed.dispatch' needs experts [B, S, R, k]");
  ArrayRef<int64_t> shape = experts.getShape();
  int64_t M = op.getNumExperts();
  if (M < 1) // dispatch (C1)
    return emitOptionalError(loc, "'routed.dispatch' sorts by ", M,
                             " experts, at least 1 is needed");
  std::optional<int64_t> slots = product(shape);
  std::optional<int64_t> segments = product({shape[0], shape[2], M});
  // dispatch (C2)
  if (!slots || !segments || *slots > std::numeric_limits<int32_t>::max() ||
      *segments >= std::numeric_limits<int32_t>::max())
    return emitOptionalError(
        loc,
        "'routed.dispatch' has more slots or segments than i32 can number");
  types.append({i32Tensor(c, *slots),
                i32Tensor(c, isDynamic(*segments) ? *segments : *segments + 1),
                i32Tensor(c, shape)});
  return success();
}

LogicalResult BalanceLossOp::inferReturnTypes(MLIRContext *c, Loc, Adaptor,
                                              Types &types) {
  types.push_back(f32Tensor(c, {}));
  return success();
}

LogicalResult GatherOp::inferReturnTypes(MLIRContext *, Loc loc, Adaptor op,
                                         Types &types) {
  RankedTensorType source = ranked(op.getSource(), 4);
  RankedTensorType experts = ranked(op.getExperts(), 4);
  if (!source || !experts)
    return emitOptionalError(loc, "'routed.gather' needs a source "
                                  "[B, S, R, M, ...] and experts [B, S, R, k]");
  Shape shape(source.getShape());
  refine(shape, 3, op.getExperts());
  shape[3] = experts.getDimSize(3);
  types.push_back(tensorOf(shape, source));
  return success();
}

LogicalResult LinearOp::inferReturnTypes(MLIRContext *, Loc loc, Adaptor op,
                                         Types &types) {
  RankedTensorType input = ranked(op.getInput(), 3);
  RankedTensorType matrices = ranked(op.getMatrices(), 4);
  RankedTensorType experts = ranked(op.getExperts(), 4);
  if (!input || !matrices || !experts)
    return emitOptionalError(loc,
                             "'routed.linear' needs an input [B, S, ..., in], "
                             "matrices [R, M, in, out] and experts "
                             "[B, S, R, k]");
  Shape shape(experts.getShape());
  refine(shape, 2, op.getInput());
  refine(shape, 4, op.getWeights());
  Sum sum = op.getSumAttr() ? op.getSumAttr().getValue() : Sum::None;
  shape.resize(sum == Sum::None ? 4 : sum == Sum::Slots ? 3 : 2);
  shape.push_back(matrices.getDimSize(op.getTransposed() ? 2 : 3));
  types.push_back(tensorOf(shape, input));
  return success();
}

LogicalResult CombineOp::inferReturnTypes(MLIRContext *, Loc loc, Adaptor op,
                                          Types &types) {
  RankedTensorType source = ranked(op.getSource(), 4);
  if (!source)
    return emitOptionalError(loc,
                             "'routed.combine' needs a source [B, S, h..., D]");
  RankedTensorType weights = ranked(op.getWeights(), 3);
  Shape factors(source.getShape().drop_front(2));
  switch (op.getKind()) {
  case Combine::Concat:
    break;
  case Combine::Sum:
    if (!weights || weights.getRank() >= source.getRank()) // combine (C5)
      return emitOptionalError(
          loc, "'routed.combine' adds up the heads that its weights have, so a "
               "sum needs weights [B, S, h...] over leading heads");
    factors.erase(factors.begin(), factors.begin() + weights.getRank() - 2);
    break;
  case Combine::Scatter:
    // combine (C3), combine (C4)
    if (factors.size() < 3 || op.getNumExperts().value_or(0) < 1)
      return emitOptionalError(
          loc,
          "'routed.combine' scatters slots to the places of their experts, "
          "so it needs a source [B, S, R, k, ..., D] and experts of at "
          "least 1");
    factors[1] = *op.getNumExperts();
    break;
  }
  std::optional<int64_t> width = product(factors);
  if (!width) // combine (C1)
    return emitOptionalError(loc, "'routed.combine' makes rows wider than 63 "
                                  "bits can say");
  Shape shape = {source.getDimSize(0), source.getDimSize(1), *width};
  refine(shape, 2, op.getWeights());
  refine(shape, 2, op.getExperts());
  types.push_back(tensorOf(shape, source));
  return success();
}

LogicalResult RopeOp::inferReturnTypes(MLIRContext *, Loc loc, Adaptor op,
                                       Types &types) {
  RankedTensorType source = ranked(op.getSource(), 3);
  if (!source)
    return emitOptionalError(loc,
                             "'routed.rope' needs a source [B, S, ..., D]");
  Shape shape(source.getShape());
  refine(shape, 2, op.getPositions());
  types.push_back(tensorOf(shape, source));
  return success();
}

LogicalResult MeanHeadsOp::inferReturnTypes(MLIRContext *, Loc loc, Adaptor op,
                                            Types &types) {
  RankedTensorType source = ranked(op.getSource(), 4);
  if (!source)
    return emitOptionalError(loc,
                             "'routed.mean_heads' needs a source [B, T, H, D]");
  Shape shape(source.getShape());
  shape[2] = 1;
  types.push_back(tensorOf(shape, source));
  return success();
}

LogicalResult AppendOp::inferReturnTypes(MLIRContext *, Loc loc, Adaptor op,
                                         Types &types) {
  // Not refined: a destination and its result have one type.
  types.push_back(op.getCache().getType());
  return success();
}

LogicalResult AttendOp::inferReturnTypes(MLIRContext *c, Loc loc, Adaptor op,
                                         Types &types) {
  RankedTensorType query = ranked(op.getQuery(), 4);
  RankedTensorType value = ranked(op.getValue(), 4);
  if (!query || !value)
    return emitOptionalError(loc, "'routed.attend' needs a query "
                                  "[B, S, h..., D], and keys and values "
                                  "[B, T, ..., D]");
  Shape shape(query.getShape());
  for (Value hasBatch : {op.getKey(), op.getValue(), op.getKvStart(),
                         op.getKvLen(), op.getQLen(), op.getHistory()})
    refine(shape, 1, hasBatch);
  refine(shape, 2, op.getExperts());
  if (RankedTensorType mask = ranked(op.getMask(), 3)) {
    bool isShared = mask.getDimSize(0) == 1;
    if (isDynamic(shape[0]) && !isShared)
      shape[0] = mask.getDimSize(0);
    if (isDynamic(shape[1]))
      shape[1] = mask.getDimSize(1);
  }
  shape.back() = value.getShape().back();
  types.push_back(tensorOf(shape, query));
  shape.pop_back();
  types.push_back(f32Tensor(c, shape));
  return success();
}

//===-- dynamic extents --------------------------------------------------===//

using Reified = ReifiedRankedShapedTypeDims;

/// The sizes of `result`, whose dynamic extents are those of `like`.
static SmallVector<OpFoldResult> sizes(OpBuilder &b, Value result, Value like) {
  auto type = cast<RankedTensorType>(result.getType());
  SmallVector<OpFoldResult> sizes;
  for (int64_t i = 0; i < type.getRank(); ++i)
    if (type.isDynamicDim(i))
      sizes.push_back(tensor::getMixedSize(b, result.getLoc(), like, i));
    else
      sizes.push_back(b.getIndexAttr(type.getDimSize(i)));
  return sizes;
}

static LogicalResult sizesLike(Operation *op, OpBuilder &b, Reified &shapes,
                               Value like) {
  for (Value result : op->getResults())
    shapes.push_back(sizes(b, result, like));
  return success();
}

LogicalResult SelectOp::reifyResultShapes(OpBuilder &b, Reified &shapes) {
  return sizesLike(*this, b, shapes, getLogits());
}
LogicalResult SelectTokensOp::reifyResultShapes(OpBuilder &b, Reified &shapes) {
  return sizesLike(*this, b, shapes, getLogits());
}
LogicalResult GatherOp::reifyResultShapes(OpBuilder &b, Reified &shapes) {
  return sizesLike(*this, b, shapes, getSource());
}
LogicalResult LinearOp::reifyResultShapes(OpBuilder &b, Reified &shapes) {
  return sizesLike(*this, b, shapes, getInput());
}
LogicalResult CombineOp::reifyResultShapes(OpBuilder &b, Reified &shapes) {
  return sizesLike(*this, b, shapes, getSource());
}
LogicalResult RopeOp::reifyResultShapes(OpBuilder &b, Reified &shapes) {
  return sizesLike(*this, b, shapes, getSource());
}
LogicalResult MeanHeadsOp::reifyResultShapes(OpBuilder &b, Reified &shapes) {
  return sizesLike(*this, b, shapes, getSource());
}
LogicalResult AppendOp::reifyResultShapes(OpBuilder &b, Reified &shapes) {
  return sizesLike(*this, b, shapes, getCache());
}
LogicalResult AttendOp::reifyResultShapes(OpBuilder &b, Reified &shapes) {
  return sizesLike(*this, b, shapes, getQuery());
}
LogicalResult BalanceLossOp::reifyResultShapes(OpBuilder &b, Reified &shapes) {
  return sizesLike(*this, b, shapes, getProbs());
}

LogicalResult DispatchOp::reifyResultShapes(OpBuilder &b, Reified &shapes) {
  Location loc = getLoc();
  auto size = [&](int64_t d) {
    return getValueOrCreateConstantIndexOp(
        b, loc, tensor::getMixedSize(b, loc, getExperts(), d));
  };
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(b, loc, value);
  };
  auto times = [&](Value x, Value y) {
    return b.createOrFold<arith::MulIOp>(loc, x, y);
  };
  Value groups = times(size(0), size(2));
  if (getRows().getType().isDynamicDim(0))
    shapes.push_back({times(times(groups, size(1)), size(3))});
  else
    shapes.push_back(sizes(b, getRows(), {}));
  if (getOffsets().getType().isDynamicDim(0))
    shapes.push_back({b.createOrFold<arith::AddIOp>(
        loc, times(groups, constant(getNumExperts())), constant(1))});
  else
    shapes.push_back(sizes(b, getOffsets(), {}));
  shapes.push_back(sizes(b, getRank(), getExperts()));
  return success();
}
