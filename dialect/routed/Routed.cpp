#include "dialect/routed/Routed.h"

#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace headgate::routed;

#include "dialect/routed/RoutedDialect.cpp.inc"
#include "dialect/routed/RoutedEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/routed/RoutedAttrs.cpp.inc"

void RoutedDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialect/routed/RoutedAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialect/routed/RoutedOps.cpp.inc"
      >();
}

//===-- extents ----------------------------------------------------------===//

static constexpr int64_t dyn = ShapedType::kDynamic;
using Shape = SmallVector<int64_t>;

// Inference runs before operand types are verified, so nothing may be assumed.
static RankedTensorType ranked(Value value, unsigned minRank = 1) {
  auto type = value ? dyn_cast<RankedTensorType>(value.getType()) : RankedTensorType();
  return type && type.getRank() >= minRank ? type : RankedTensorType();
}

static int64_t join(int64_t a, int64_t b) { return a == dyn ? b : a; }

static int64_t product(ArrayRef<int64_t> extents) {
  int64_t result = 1;
  for (int64_t extent : extents) {
    if (extent == dyn)
      return dyn;
    result *= extent;
  }
  return result;
}

static bool disagree(int64_t a, int64_t b) { return a != dyn && b != dyn && a != b; }

static LogicalResult agree(Operation *op, StringRef what, ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
  if (a.size() != b.size())
    return op->emitOpError() << what << ": " << a.size() << " extents against " << b.size();
  for (auto [x, y] : llvm::zip(a, b))
    if (disagree(x, y))
      return op->emitOpError() << what << ": " << x << " against " << y;
  return success();
}

static LogicalResult isStatic(Operation *op, StringRef what, ArrayRef<int64_t> extents) {
  if (llvm::is_contained(extents, dyn))
    return op->emitOpError() << what << " must be static";
  return success();
}

static Type f32(MLIRContext *c) { return Float32Type::get(c); }
static Type i32(MLIRContext *c) { return IntegerType::get(c, 32); }

#define REQUIRE(COND, WHAT)                                                                        \
  if (!(COND))                                                                                     \
    return emitOptionalError(loc, WHAT);

//===-- inference --------------------------------------------------------===//

using Types = SmallVectorImpl<Type>;
using Loc = std::optional<Location>;

LogicalResult SelectOp::inferReturnTypes(MLIRContext *c, Loc loc, Adaptor op, Types &types) {
  auto logits = ranked(op.getLogits(), 4);
  REQUIRE(logits, "'routed.select' needs logits [B, S, R, M]");
  Shape chosen(logits.getShape());
  chosen[3] = op.getK();
  REQUIRE(chosen[3] >= 0, "'routed.select' takes a negative number of experts");
  types.append({RankedTensorType::get(chosen, i32(c)), RankedTensorType::get(chosen, f32(c)),
                RankedTensorType::get(logits.getShape(), f32(c))});
  return success();
}

LogicalResult SelectTokensOp::inferReturnTypes(MLIRContext *c, Loc loc, Adaptor op, Types &types) {
  auto logits = ranked(op.getLogits(), 4);
  REQUIRE(logits, "'routed.select_tokens' needs logits [B, S, R, M]");
  Type weights = RankedTensorType::get(logits.getShape(), f32(c));
  types.append({RankedTensorType::get(logits.getShape(), i32(c)), weights, weights});
  return success();
}

LogicalResult GatherOp::inferReturnTypes(MLIRContext *, Loc loc, Adaptor op, Types &types) {
  auto source = ranked(op.getSource(), 4), experts = ranked(op.getExperts(), 4);
  REQUIRE(source && experts, "'routed.gather' needs a source [B, S, R, M, ...] and experts [B, S, R, k]");
  Shape shape(source.getShape());
  for (int i : {0, 1, 2})
    shape[i] = join(shape[i], experts.getDimSize(i));
  shape[3] = experts.getDimSize(3);
  types.push_back(source.clone(shape));
  return success();
}

LogicalResult LinearOp::inferReturnTypes(MLIRContext *, Loc loc, Adaptor op, Types &types) {
  auto input = ranked(op.getInput(), 3), matrices = ranked(op.getMatrices(), 4),
       experts = ranked(op.getExperts(), 4);
  REQUIRE(input && matrices && experts, "'routed.linear' needs rows, matrices [R, M, in, out] and experts [B, S, R, k]");
  Shape shape(experts.getShape());
  shape[0] = join(shape[0], input.getDimSize(0));
  shape[1] = join(shape[1], input.getDimSize(1));
  // Parsing infers before defaults are filled in: an absent sum is null here.
  Sum sum = op.getSumAttr() ? op.getSumAttr().getValue() : Sum::None;
  shape.resize(sum == Sum::None ? 4 : sum == Sum::Slots ? 3 : 2);
  shape.push_back(matrices.getDimSize(op.getTransposed() ? 2 : 3));
  types.push_back(input.clone(shape));
  return success();
}

LogicalResult AttendOp::inferReturnTypes(MLIRContext *c, Loc loc, Adaptor op, Types &types) {
  auto query = ranked(op.getQuery(), 4), key = ranked(op.getKey(), 4), value = ranked(op.getValue(), 4);
  REQUIRE(query && key && value, "'routed.attend' needs query, key and value of rank 4 or more");
  Shape shape(query.getShape());
  shape[0] = join(shape[0], key.getDimSize(0));
  shape.back() = value.getShape().back();
  types.push_back(query.clone(shape));
  shape.pop_back();
  types.push_back(RankedTensorType::get(shape, f32(c)));
  return success();
}

LogicalResult CombineOp::inferReturnTypes(MLIRContext *, Loc loc, Adaptor op, Types &types) {
  auto source = ranked(op.getSource(), 4);
  REQUIRE(source, "'routed.combine' needs a source [B, S, heads..., D]");
  ArrayRef<int64_t> heads = source.getShape().drop_front(2);
  int64_t width = dyn;
  if (op.getKind() == Combine::Concat)
    width = product(heads);
  if (op.getKind() == Combine::Sum) {
    auto weights = ranked(op.getWeights(), 3);
    REQUIRE(weights && weights.getRank() < source.getRank(), "'routed.combine' sum needs weights over leading heads");
    width = product(heads.drop_front(weights.getRank() - 2));
  }
  if (op.getKind() == Combine::Scatter) {
    REQUIRE(heads.size() >= 3 && op.getNumExperts(), "'routed.combine' scatter needs slots and experts");
    width = product(heads.drop_front(2));
    if (width != dyn && heads[0] != dyn)
      width *= heads[0] * int64_t(*op.getNumExperts());
  }
  types.push_back(source.clone({source.getDimSize(0), source.getDimSize(1), width}));
  return success();
}

LogicalResult RopeOp::inferReturnTypes(MLIRContext *, Loc loc, Adaptor op, Types &types) {
  auto source = ranked(op.getSource(), 3);
  REQUIRE(source, "'routed.rope' needs a source [B, S, heads..., D]");
  types.push_back(source);
  return success();
}

LogicalResult MeanHeadsOp::inferReturnTypes(MLIRContext *, Loc loc, Adaptor op, Types &types) {
  auto source = ranked(op.getSource(), 4);
  REQUIRE(source, "'routed.mean_heads' needs a source [B, T, H, D]");
  Shape shape(source.getShape());
  shape[2] = 1;
  types.push_back(source.clone(shape));
  return success();
}

LogicalResult AppendOp::inferReturnTypes(MLIRContext *, Loc loc, Adaptor op, Types &types) {
  REQUIRE(ranked(op.getCache(), 2), "'routed.append' needs a cache [B, T, ...]");
  types.push_back(op.getCache().getType());
  return success();
}

LogicalResult DispatchOp::inferReturnTypes(MLIRContext *c, Loc loc, Adaptor op, Types &types) {
  auto experts = ranked(op.getExperts(), 4);
  REQUIRE(experts, "'routed.dispatch' needs experts [B, S, R, k]");
  int64_t segments = product({experts.getDimSize(0), experts.getDimSize(2), int64_t(op.getNumExperts())});
  types.append({RankedTensorType::get({product(experts.getShape())}, i32(c)),
                RankedTensorType::get({segments == dyn ? dyn : segments + 1}, i32(c)), experts});
  return success();
}

LogicalResult BalanceLossOp::inferReturnTypes(MLIRContext *c, Loc, Adaptor, Types &types) {
  types.push_back(RankedTensorType::get({}, f32(c)));
  return success();
}

//===-- dynamic extents --------------------------------------------------===//

using Reified = ReifiedRankedShapedTypeDims;

// The sizes of `result`: static ones from its type, dynamic ones from `source`,
// which pairs each result dimension with an operand dimension.
static SmallVector<OpFoldResult> sizes(OpBuilder &b, Value result,
                                       ArrayRef<std::pair<Value, int64_t>> source) {
  auto type = cast<RankedTensorType>(result.getType());
  SmallVector<OpFoldResult> dims;
  for (int64_t i = 0; i < type.getRank(); ++i)
    dims.push_back(type.isDynamicDim(i)
                       ? tensor::getMixedSize(b, result.getLoc(), source[i].first, source[i].second)
                       : OpFoldResult(b.getIndexAttr(type.getDimSize(i))));
  return dims;
}

// All dynamic extents of routed results are B, S or T and lead the shape.
static SmallVector<OpFoldResult> leading(OpBuilder &b, Value result, Value like) {
  return sizes(b, result, {{like, 0}, {like, 1}});
}

#define LEADING(OP, LIKE)                                                                          \
  LogicalResult OP::reifyResultShapes(OpBuilder &b, Reified &shapes) {                             \
    for (Value result : getOperation()->getResults())                                              \
      shapes.push_back(leading(b, result, LIKE()));                                                \
    return success();                                                                              \
  }
LEADING(SelectOp, getLogits)
LEADING(SelectTokensOp, getLogits)
LEADING(GatherOp, getSource)
LEADING(LinearOp, getInput)
LEADING(AttendOp, getQuery)
LEADING(CombineOp, getSource)
LEADING(RopeOp, getSource)
LEADING(MeanHeadsOp, getSource)
LEADING(AppendOp, getCache)
LEADING(BalanceLossOp, getProbs)

LogicalResult DispatchOp::reifyResultShapes(OpBuilder &b, Reified &shapes) {
  Location loc = getLoc();
  auto type = getExperts().getType();
  OpFoldResult batch = tensor::getMixedSize(b, loc, getExperts(), 0);
  OpFoldResult tokens = tensor::getMixedSize(b, loc, getExperts(), 1);
  AffineExpr d0 = b.getAffineDimExpr(0), d1 = b.getAffineDimExpr(1);
  int64_t slots = type.getDimSize(2) * type.getDimSize(3);
  int64_t segments = type.getDimSize(2) * int64_t(getNumExperts());
  (void)slots; (void)segments; (void)d0; (void)d1; (void)batch; (void)tokens;
  Value B = getValueOrCreateConstantIndexOp(b, loc, batch), S = getValueOrCreateConstantIndexOp(b, loc, tokens);
  Value rows = arith::MulIOp::create(b, loc, arith::MulIOp::create(b, loc, B, S), arith::ConstantIndexOp::create(b, loc, slots));
  Value offsets = arith::AddIOp::create(b, loc, arith::MulIOp::create(b, loc, B, arith::ConstantIndexOp::create(b, loc, segments)),
                                        arith::ConstantIndexOp::create(b, loc, 1));
  shapes.push_back({getAsOpFoldResult(rows)});
  shapes.push_back({getAsOpFoldResult(offsets)});
  shapes.push_back(leading(b, getRank(), getExperts()));
  return success();
}

//===-- verification -----------------------------------------------------===//

LogicalResult SelectOp::verify() {
  auto shape = getLogits().getType().getShape();
  if (failed(isStatic(*this, "R and M", shape.drop_front(2)))) // (C1)
    return failure();
  if (int64_t(getK()) < 1 || int64_t(getK()) > shape[3]) // (C2)
    return emitOpError() << "takes " << getK() << " experts of each group, but a group has " << shape[3];
  if (getBias() && failed(agree(*this, "bias and logits", getBias().getType().getShape(), shape.drop_front(2)))) // (C3)
    return failure();
  if (getValid() && failed(agree(*this, "valid and logits", getValid().getType().getShape(), shape.take_front(2)))) // (C4)
    return failure();
  if (getActivation() == Activation::SoftmaxTopk && getNorm() == Norm::Group) // (C5)
    return emitOpError("normalises each group twice: softmax_topk sums to one already");
  return success();
}

LogicalResult SelectTokensOp::verify() {
  auto shape = getLogits().getType().getShape();
  if (failed(isStatic(*this, "R and M", shape.drop_front(2)))) // (C1)
    return failure();
  if (getActivation() == Activation::SoftmaxTopk) // (C2)
    return emitOpError("has no chosen experts of a token to take a softmax over");
  return success();
}

LogicalResult GatherOp::verify() {
  auto source = getSource().getType().getShape(), experts = getExperts().getType().getShape();
  if (failed(agree(*this, "source and experts", source.take_front(3), experts.take_front(3))) || // (C1)
      failed(isStatic(*this, "R, M and widths", source.drop_front(2))) ||                        // (C3)
      failed(isStatic(*this, "R and k", experts.drop_front(2))))
    return failure();
  if (experts[3] > source[3]) // (C2)
    return emitOpError() << "takes " << experts[3] << " experts of each group, but a group of its source has only " << source[3];
  return success();
}

LogicalResult LinearOp::verify() {
  auto input = getInput().getType().getShape(), matrices = getMatrices().getType().getShape(),
       experts = getExperts().getType().getShape();
  if (failed(isStatic(*this, "R, M, in and out", matrices)) || // (C1)
      failed(isStatic(*this, "R, k and in", input.drop_front(2))) ||
      failed(isStatic(*this, "R and k", experts.drop_front(2))))
    return failure();
  if (failed(agree(*this, "rows and experts", input.drop_back(), experts.take_front(input.size() - 1))) || // (C2)
      failed(agree(*this, "R", matrices.take_front(1), experts.slice(2, 1)))) // (C3)
    return failure();
  bool t = getTransposed();
  if (failed(agree(*this, "in", input.take_back(), matrices.slice(t ? 3 : 2, 1)))) // (C4)
    return failure();
  if (getBias()) { // (C5)
    Shape expected = {matrices[0], matrices[1], matrices[t ? 2 : 3]};
    if (failed(agree(*this, "bias and matrices", getBias().getType().getShape(), expected)))
      return failure();
  }
  if (getWeights() && failed(agree(*this, "weights and experts", getWeights().getType().getShape(), experts))) // (C6)
    return failure();
  if (getWeights() && getSum() == Sum::None) // (C7)
    return emitOpError("weighs projections that it does not add up");
  if (getElementTypeOrSelf(getInput()) != getElementTypeOrSelf(getMatrices())) // (C8)
    return emitOpError("mixes element types of rows and matrices");
  return success();
}

AffineMap AttendOp::getKvHeadMap() {
  if (auto map = getKvHead())
    return *map;
  MLIRContext *c = getContext();
  ArrayRef<int64_t> heads = getHeads();
  int64_t kvHeads = getKey().getType().getDimSize(2), shared = product(heads) / kvHeads;
  AffineExpr linear = getAffineConstantExpr(0, c);
  for (auto [i, extent] : llvm::enumerate(heads))
    linear = linear * extent + getAffineDimExpr(i, c);
  return AffineMap::get(heads.size(), 0, kvHeads == 1 ? getAffineConstantExpr(0, c) : linear.floorDiv(shared));
}

FloatAttr AttendOp::getScaleOrDefault() {
  if (getScaleAttr())
    return getScaleAttr();
  return FloatAttr::get(f32(getContext()), 1.0 / std::sqrt(double(getQuery().getType().getShape().back())));
}

LoweringClass AttendOp::getLoweringClass() {
  if (getHistory())
    return LoweringClass::C;
  if (getKvHead() && getKvHead()->isFunctionOfSymbol(0))
    return LoweringClass::B;
  return getHeads().size() > 1 ? LoweringClass::A : LoweringClass::D;
}

// Calls `fn` with every head index and, when `experts` is set, every expert.
static LogicalResult forEachHead(ArrayRef<int64_t> heads, int64_t experts,
                                 llvm::function_ref<LogicalResult(ArrayRef<int64_t>)> fn) {
  Shape extents(heads);
  extents.push_back(experts);
  Shape at(extents.size(), 0);
  for (int64_t n = product(extents); n > 0; --n) {
    if (failed(fn(at)))
      return failure();
    for (int64_t i = extents.size() - 1; i >= 0 && ++at[i] == extents[i]; --i)
      at[i] = 0;
  }
  return success();
}

LogicalResult AttendOp::verify() {
  auto query = getQuery().getType().getShape(), key = getKey().getType().getShape(),
       value = getValue().getType().getShape();
  if (failed(isStatic(*this, "heads and D", query.drop_front(2))) || // (C1)
      failed(isStatic(*this, "heads and D", key.drop_front(2))) ||
      failed(isStatic(*this, "heads and D", value.drop_front(2))))
    return failure();
  Type element = getElementTypeOrSelf(getQuery());
  if (getElementTypeOrSelf(getKey()) != element || getElementTypeOrSelf(getValue()) != element) // (C2)
    return emitOpError("mixes element types of query, key and value");
  if (failed(agree(*this, "key and value", key.drop_back(), value.drop_back())) || // (C3)
      failed(agree(*this, "B of query and key", query.take_front(1), key.take_front(1))) ||
      failed(agree(*this, "D of query and key", query.take_back(), key.take_back())))
    return failure();
  for (Value lengths : {getKvStart(), getKvLen(), getQLen()}) // (C4)
    if (lengths && failed(agree(*this, "B of lengths", cast<ShapedType>(lengths.getType()).getShape(), query.take_front(1))))
      return failure();
  if (getMask()) { // (C5)
    auto mask = getMask().getType().getShape();
    if (disagree(mask[1], query[1]) || disagree(mask[2], key[1]) || (mask[0] != 1 && disagree(mask[0], query[0])))
      return emitOpError("mask is not [B or 1, S, T]");
  }
  if (getWindow() && (!getCausal() || int64_t(*getWindow()) < 1)) // (C6)
    return emitOpError("has a window, so it must be causal and at least 1 wide");
  if (getExperts()) { // (C7)
    if (query.size() < 5)
      return emitOpError("has experts, so its query must have slots [B, S, R, k, ...]");
    if (failed(agree(*this, "experts and query", getExperts().getType().getShape(), query.take_front(4))))
      return failure();
  }
  if (getHistory()) { // (C8)
    if (!getExperts() || getKvHead() || key.size() != 5)
      return emitOpError("has a history, so it needs experts, keys [B, T, R, k, D] and no kv_head");
    if (failed(agree(*this, "history and key", getHistory().getType().getShape(), key.drop_back())) ||
        failed(agree(*this, "R of query and history", query.slice(2, 1), key.slice(2, 1))))
      return failure();
  } else { // (C9)
    if (key.size() != 4)
      return emitOpError("has no history, so its keys must be [B, T, H, D]");
    if (auto map = getKvHead()) {
      if (map->getNumDims() != getHeads().size() || map->getNumSymbols() > 1 || map->getNumResults() != 1)
        return emitOpError("kv_head must map its ") << getHeads().size() << " head indices (and an expert) to one head";
      if (map->getNumSymbols() == 1 && !getExperts())
        return emitOpError("kv_head reads the expert, so experts are needed");
      Builder b(getContext());
      // (C10)
      if (failed(forEachHead(getHeads(), map->getNumSymbols() ? int64_t(*getNumExperts()) : 1, [&](ArrayRef<int64_t> at) -> LogicalResult {
            SmallVector<Attribute> in;
            for (int64_t i : at.take_front(map->getNumInputs()))
              in.push_back(b.getIndexAttr(i));
            SmallVector<Attribute> out;
            if (failed(map->constantFold(in, out)))
              return emitOpError("kv_head cannot be evaluated");
            int64_t head = cast<IntegerAttr>(out[0]).getInt();
            if (head < 0 || head >= key[2])
              return emitOpError("kv_head names key head ") << head << " of " << key[2];
            return success();
          })))
        return failure();
    } else if (product(getHeads()) % key[2] != 0) {
      return emitOpError() << "cannot share " << key[2] << " key heads among " << product(getHeads()) << " query heads evenly";
    }
  }
  if (getScore().empty())
    return success();
  // (C11)
  Block &block = getScore().front();
  unsigned n = 4 + getHeads().size();
  if (!getScore().hasOneBlock() || block.getNumArguments() != n || !block.getArgument(0).getType().isF32() ||
      !llvm::all_of(block.getArguments().drop_front(), [](BlockArgument a) { return a.getType().isIndex(); }))
    return emitOpError("score region must take (f32, b, s, t, one index for each head dimension)");
  if (!isa<YieldOp>(block.back()))
    return emitOpError("score region must end with routed.yield");
  for (Operation &inner : block) // (C12)
    if (!isMemoryEffectFree(&inner) || inner.getNumRegions() != 0)
      return inner.emitOpError("is not a side-effect free scalar op, so it cannot be part of a score");
  return success();
}

LogicalResult CombineOp::verify() {
  auto source = getSource().getType().getShape();
  if (failed(isStatic(*this, "heads and D", source.drop_front(2)))) // (C1)
    return failure();
  if (getWeights()) { // (C2)
    auto weights = getWeights().getType().getShape();
    if (weights.size() >= source.size() || failed(agree(*this, "weights and source", weights, source.take_front(weights.size()))))
      return failure();
  }
  if ((getKind() == Combine::Scatter) != bool(getExperts())) // (C3)
    return emitOpError("experts belong to a scatter and a scatter needs them");
  if (getExperts() && failed(agree(*this, "experts and source", getExperts().getType().getShape(), source.take_front(4)))) // (C4)
    return failure();
  return success(); // (C5) sum has weights: inference
}

LogicalResult RopeOp::verify() {
  auto source = getSource().getType().getShape();
  int64_t half = getCos().getType().getDimSize(1);
  if (half == dyn || source.back() == dyn) // (C1)
    return emitOpError("widths must be static");
  if (2 * half > source.back()) // (C2)
    return emitOpError() << "rotates " << 2 * half << " components of rows that have " << source.back();
  if (getPositions()) { // (C3)
    auto positions = getPositions().getType().getShape();
    if (positions.size() >= source.size() || failed(agree(*this, "positions and source", positions, source.take_front(positions.size()))))
      return failure();
  }
  return success();
}

LogicalResult MeanHeadsOp::verify() { return isStatic(*this, "H and D", getSource().getType().getShape().drop_front(2)); }

MutableOperandRange AppendOp::getDpsInitsMutable() { return getCacheMutable(); }

LogicalResult AppendOp::verify() {
  auto rows = getRows().getType(), cache = getCache().getType();
  if (rows.getElementType() != cache.getElementType()) // (C1)
    return emitOpError("mixes element types of rows and cache");
  if (rows.getRank() != cache.getRank() || rows.getRank() < 3) // (C2)
    return emitOpError("rows and cache must both be [B, tokens, ...]");
  if (failed(agree(*this, "rows and cache", rows.getShape().drop_front(2), cache.getShape().drop_front(2))) || // (C3)
      failed(agree(*this, "B of rows and cache", rows.getShape().take_front(1), cache.getShape().take_front(1))))
    return failure();
  return success();
}

LogicalResult DispatchOp::verify() { return isStatic(*this, "R and k", getExperts().getType().getShape().drop_front(2)); }

LogicalResult BalanceLossOp::verify() {
  auto probs = getProbs().getType().getShape(), experts = getExperts().getType().getShape();
  if (failed(isStatic(*this, "R and M", probs.drop_front(2)))) // (C1)
    return failure();
  return agree(*this, "probs and experts", probs.take_front(3), experts.take_front(3)); // (C2)
}

#define GET_OP_CLASSES
#include "dialect/routed/RoutedOps.cpp.inc"
