// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The constraints that the ops' descriptions number; each line that enforces
// one cites it. Ranks, element types and the presence of operands were checked
// before by what TableGen generates, and inference found the result types
// right.

#include "dialect/routed/Extents.h"
#include "dialect/routed/Routed.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringExtras.h"

#include <cmath>

using namespace mlir;
using namespace headgate::routed;

//===-- saying what is wrong with a shape --------------------------------===//

namespace {
/// An operand, or the leading extents of one, as a message calls it.
struct Named {
  StringRef name;
  ArrayRef<int64_t> shape;
};
} // namespace

static std::string text(ArrayRef<int64_t> shape) {
  auto extents = llvm::map_range(shape, [](int64_t extent) {
    return isDynamic(extent) ? std::string("?") : std::to_string(extent);
  });
  return "[" + llvm::join(extents, ", ") + "]";
}

static Named named(StringRef name, Value tensor) {
  return {name, cast<RankedTensorType>(tensor.getType()).getShape()};
}

/// The extents of `tensor` behind the first `from` are static, positive, and
/// have a product, so that nobody who multiplies them has to ask again.
static LogicalResult requireStatic(Operation *op, StringRef what, Named tensor,
                                   unsigned from) {
  ArrayRef<int64_t> extents = tensor.shape.drop_front(from);
  for (int64_t extent : extents) {
    if (isDynamic(extent))
      return op->emitOpError("needs static ")
             << what << ", but " << tensor.name << " is " << text(tensor.shape);
    if (extent < 1)
      return op->emitOpError("needs ")
             << what << " of at least 1, but " << tensor.name << " is "
             << text(tensor.shape);
  }
  if (!product(extents))
    return op->emitOpError("needs a product of ")
           << what << " below 2^63, but " << tensor.name << " is "
           << text(tensor.shape);
  return success();
}

/// Both shapes are equal, as far as they are static. `names` are what their
/// extents are called, separated by blanks.
static LogicalResult agree(Operation *op, StringRef names, Named a, Named b) {
  SmallVector<StringRef> extents;
  names.split(extents, ' ');
  for (auto [i, x, y] : llvm::enumerate(a.shape, b.shape)) {
    if (!disagree(x, y))
      continue;
    std::string extent = i < extents.size() ? extents[i].str()
                                            : "dimension " + std::to_string(i);
    return op->emitOpError() << a.name << " and " << b.name << " differ in "
                             << extent << ": " << x << " and " << y;
  }
  return success();
}

/// `part` is a tensor of the first dimensions of `whole`.
static LogicalResult agreeInPrefix(Operation *op, StringRef names, Named part,
                                   Named whole) {
  whole.shape = whole.shape.take_front(part.shape.size());
  return agree(op, names, part, whole);
}

//===-- selection --------------------------------------------------------===//

LogicalResult SelectOp::verify() {
  Named logits = named("logits", getLogits());
  // select (C1)
  if (failed(requireStatic(*this, "R and M", logits, 2)))
    return failure();
  int64_t M = logits.shape[3];
  if (getK() < 1 || getK() > M) // select (C2)
    return emitOpError("takes ")
           << getK() << " experts of each group, but a group has " << M;
  Named group = {"logits", logits.shape.drop_front(2)};
  if (getBias() && // select (C3)
      failed(agree(*this, "R M", named("bias", getBias()), group)))
    return failure();
  if (getValid() && // select (C4)
      failed(agreeInPrefix(*this, "B S", named("valid", getValid()), logits)))
    return failure();
  // select (C5)
  if (getActivation() == Activation::SoftmaxTopk && getNorm() == Norm::Group)
    return emitOpError("normalises each group twice: the weights of "
                       "softmax_topk sum to one already");
  return success();
}

LogicalResult SelectTokensOp::verify() {
  Named logits = named("logits", getLogits());
  // select_tokens (C1)
  if (failed(requireStatic(*this, "R and M", logits, 2)))
    return failure();
  if (getActivation() == Activation::SoftmaxTopk) // select_tokens (C2)
    return emitOpError("cannot take a softmax_topk: a token has no chosen "
                       "experts before the experts choose");
  if (getValid()) // select_tokens (C3)
    return agreeInPrefix(*this, "B S", named("valid", getValid()), logits);
  return success();
}

LogicalResult DispatchOp::verify() {
  // dispatch (C1)
  return requireStatic(*this, "R and k", named("experts", getExperts()), 2);
}

LogicalResult BalanceLossOp::verify() {
  Named probs = named("probs", getProbs());
  Named experts = named("experts", getExperts());
  // balance_loss (C1)
  if (failed(requireStatic(*this, "R and M", probs, 2)) ||
      failed(requireStatic(*this, "R and k", experts, 2)))
    return failure();
  probs.shape = probs.shape.drop_back();
  return agreeInPrefix(*this, "B S R", probs, experts); // balance_loss (C2)
}

//===-- rows -------------------------------------------------------------===//

LogicalResult GatherOp::verify() {
  Named source = named("source", getSource());
  Named experts = named("experts", getExperts());
  // gather (C3)
  if (failed(requireStatic(*this, "R, M and widths", source, 2)) ||
      failed(requireStatic(*this, "R and k", experts, 2)))
    return failure();
  Named tokens = {"source", source.shape.take_front(3)};
  // gather (C1)
  if (failed(agreeInPrefix(*this, "B S R", tokens, experts)))
    return failure();
  int64_t k = experts.shape[3], M = source.shape[3];
  if (k > M) // gather (C2)
    return emitOpError("takes ")
           << k
           << " experts of each group, but a group of its "
              "source has only "
           << M;
  return success();
}

LogicalResult LinearOp::verify() {
  Named input = named("input", getInput());
  Named matrices = named("matrices", getMatrices());
  Named experts = named("experts", getExperts());
  // linear (C1)
  if (failed(requireStatic(*this, "R, M, in and out", matrices, 0)) ||
      failed(requireStatic(*this, "R, k and in", input, 2)) ||
      failed(requireStatic(*this, "R and k", experts, 2)))
    return failure();
  Named rows = {"input", input.shape.drop_back()};
  // linear (C2)
  if (failed(agreeInPrefix(*this, "B S R k", rows, experts)))
    return failure();
  int64_t R = matrices.shape[0], M = matrices.shape[1];
  bool transposed = getTransposed();
  int64_t in = matrices.shape[transposed ? 3 : 2];
  int64_t out = matrices.shape[transposed ? 2 : 3];
  if (experts.shape[2] != R) // linear (C3)
    return emitOpError("experts have ")
           << experts.shape[2] << " groups, but matrices " << R;
  if (input.shape.back() != in) // linear (C4)
    return emitOpError("rows have ")
           << input.shape.back() << " components, but matrices "
           << text(matrices.shape) << (transposed ? " (transposed)" : "")
           << " take " << in;
  int64_t biasShape[] = {R, M, out};
  if (getBias() && // linear (C5)
      failed(agree(*this, "R M out", named("bias", getBias()),
                   {"matrices", biasShape})))
    return failure();
  if (getWeights() && // linear (C6)
      failed(agree(*this, "B S R k", named("weights", getWeights()), experts)))
    return failure();
  if (getWeights() && getSum() == Sum::None) // linear (C7)
    return emitOpError("has weights, but no sum to weigh");
  Type element = getElementTypeOrSelf(getInput());
  // linear (C8)
  if (getElementTypeOrSelf(getMatrices()) != element ||
      (getBias() && getElementTypeOrSelf(getBias()) != element))
    return emitOpError("mixes element types of input, matrices and bias");
  return success();
}

LogicalResult CombineOp::verify() {
  Named source = named("source", getSource());
  // combine (C1)
  if (failed(requireStatic(*this, "heads and D", source, 2)))
    return failure();
  if (getWeights()) { // combine (C2)
    Named weights = named("weights", getWeights());
    if (weights.shape.size() >= source.shape.size())
      return emitOpError("weighs single components: weights are ")
             << text(weights.shape) << ", source " << text(source.shape);
    if (failed(agreeInPrefix(*this, "B S", weights, source)))
      return failure();
  }
  bool isScatter = getKind() == Combine::Scatter;
  // combine (C3)
  if (isScatter != bool(getExperts()) ||
      isScatter != getNumExperts().has_value())
    return emitOpError("experts and their number belong to a scatter, and a "
                       "scatter needs both");
  if (getExperts()) // combine (C4)
    return agreeInPrefix(*this, "B S R k", named("experts", getExperts()),
                         source);
  return success();
}

LogicalResult RopeOp::verify() {
  Named source = named("source", getSource()), cos = named("cos", getCos());
  // rope (C1)
  if (failed(requireStatic(*this, "heads and D", source, 2)) ||
      failed(requireStatic(*this, "n", cos, 1)))
    return failure();
  int64_t n = cos.shape[1], D = source.shape.back();
  if (n > D / 2) // rope (C2)
    return emitOpError("rotates two times ")
           << n << " components of rows that have " << D;
  if (!getPositions())
    return success();
  Named positions = named("positions", getPositions());
  if (positions.shape.size() >= source.shape.size()) // rope (C3)
    return emitOpError("positions are one for each row, but they are ")
           << text(positions.shape) << " and source " << text(source.shape);
  return agreeInPrefix(*this, "B S", positions, source); // rope (C3)
}

LogicalResult MeanHeadsOp::verify() {
  // mean_heads (C1)
  return requireStatic(*this, "H and D", named("source", getSource()), 2);
}

MutableOperandRange AppendOp::getDpsInitsMutable() { return getCacheMutable(); }

LogicalResult AppendOp::verify() {
  Named rows = named("rows", getRows()), cache = named("cache", getCache());
  // append (C1)
  if (getElementTypeOrSelf(getRows()) != getElementTypeOrSelf(getCache()))
    return emitOpError("mixes element types of rows and cache");
  size_t rank = rows.shape.size();
  if (cache.shape.size() != rank || rank < 3) // append (C2)
    return emitOpError("needs rows [B, S, ...] and a cache [B, P, ...] of one "
                       "rank, but they are ")
           << text(rows.shape) << " and " << text(cache.shape);
  // append (C3)
  if (failed(agree(*this, "B", {"rows", rows.shape.take_front()},
                   {"cache", cache.shape.take_front()})))
    return failure();
  for (unsigned i = 2; i < rank; ++i) // append (C3)
    if (disagree(rows.shape[i], cache.shape[i]))
      return emitOpError("rows and cache differ in dimension ")
             << i << ": " << rows.shape[i] << " and " << cache.shape[i];
  Named position = named("position", getPosition());
  // append (C3)
  if (failed(agreeInPrefix(*this, "B", position, rows)))
    return failure();
  return agreeInPrefix(*this, "B", position, cache);
}

//===-- attend -----------------------------------------------------------===//

ArrayRef<int64_t> AttendOp::getHeads() {
  return getQuery().getType().getShape().drop_front(2).drop_back();
}

AffineMap AttendOp::getKvHeadMap() {
  if (getKvHead())
    return *getKvHead();
  MLIRContext *c = getContext();
  ArrayRef<int64_t> heads = getHeads();
  int64_t kvHeads = getKey().getType().getDimSize(2);
  if (kvHeads == 1)
    return AffineMap::get(heads.size(), 0, getAffineConstantExpr(0, c));
  AffineExpr number = getAffineConstantExpr(0, c);
  for (auto [i, extent] : llvm::enumerate(heads))
    number = number * extent + getAffineDimExpr(i, c);
  return AffineMap::get(heads.size(), 0,
                        number.floorDiv(*product(heads) / kvHeads));
}

FloatAttr AttendOp::getScaleOrDefault() {
  if (getScaleAttr())
    return getScaleAttr();
  double D = getQuery().getType().getShape().back();
  return FloatAttr::get(Float32Type::get(getContext()), 1 / std::sqrt(D));
}

LoweringClass AttendOp::getLoweringClass() {
  if (getHistory())
    return LoweringClass::C;
  if (getKvHead() && getKvHead()->isFunctionOfSymbol(0))
    return LoweringClass::B;
  return getHeads().size() > 1 ? LoweringClass::A : LoweringClass::D;
}

LogicalResult
AttendOp::forEachKvHead(llvm::function_ref<LogicalResult(int64_t)> visit) {
  AffineMap map = *getKvHead();
  SmallVector<int64_t> extents(getHeads());
  if (map.getNumSymbols())
    extents.push_back(*getNumExperts());
  Builder b(getContext());
  SmallVector<Attribute> inputs(extents.size(), b.getIndexAttr(0)), head;
  SmallVector<int64_t> at(extents.size(), 0);
  for (int64_t left = *product(extents); left > 0; --left) {
    head.clear();
    if (failed(map.constantFold(inputs, head)) || !isa<IntegerAttr>(head[0]))
      return failure();
    if (failed(visit(cast<IntegerAttr>(head[0]).getInt())))
      return failure();
    // Count up, the last index fastest.
    for (size_t i = extents.size(); i-- > 0;) {
      at[i] = at[i] + 1 == extents[i] ? 0 : at[i] + 1;
      inputs[i] = b.getIndexAttr(at[i]);
      if (at[i] != 0)
        break;
    }
  }
  return success();
}

static LogicalResult verifyKvHead(AttendOp op, int64_t kvHeads) {
  AffineMap map = *op.getKvHead();
  size_t rank = op.getHeads().size();
  if (map.getNumDims() != rank || map.getNumSymbols() > 1 ||
      map.getNumResults() != 1) // attend (C9)
    return op.emitOpError("kv_head must map ")
           << rank << (rank == 1 ? " head index" : " head indices")
           << ", and possibly an expert, to one key-value head";
  bool readsExpert = map.getNumSymbols() == 1;
  if (readsExpert && !op.getExperts()) // attend (C9)
    return op.emitOpError("kv_head reads the chosen expert, so experts are "
                          "needed");
  SmallVector<int64_t> extents(op.getHeads());
  extents.push_back(readsExpert ? *op.getNumExperts() : 1);
  std::optional<int64_t> cases = product(extents);
  if (!cases || *cases > (1 << 20)) // attend (C10)
    return op.emitOpError("kv_head has more than 2^20 head indices and experts "
                          "to check");
  std::optional<int64_t> outside;
  LogicalResult inside = op.forEachKvHead([&](int64_t head) {
    if (head >= 0 && head < kvHeads)
      return success();
    outside = head;
    return failure();
  });
  if (succeeded(inside))
    return success();
  if (outside) // attend (C10)
    return op.emitOpError("kv_head names key-value head ")
           << *outside << ", but there are " << kvHeads;
  return op.emitOpError("kv_head divides by 0 or less"); // attend (C10)
}

static LogicalResult verifyKeys(AttendOp op) {
  Named query = named("query", op.getQuery()), key = named("key", op.getKey());
  if (!op.getHistory()) {
    if (key.shape.size() != 4) // attend (C9)
      return op.emitOpError("has no history, so its keys must be [B, T, H, D], "
                            "but they are ")
             << text(key.shape);
    int64_t kvHeads = key.shape[2];
    if (op.getKvHead())
      return verifyKvHead(op, kvHeads);
    int64_t heads = *product(op.getHeads());
    if (heads % kvHeads != 0) // attend (C9)
      return op.emitOpError("cannot share ")
             << kvHeads << " key-value heads evenly among " << heads
             << " query heads; say which with kv_head";
    return success();
  }
  // attend (C8)
  if (!op.getExperts() || op.getKvHead() || key.shape.size() != 5)
    return op.emitOpError("has a history, so it needs experts, keys "
                          "[B, T, R, k, D] and no kv_head");
  Named history = named("history", op.getHistory());
  // attend (C8)
  if (failed(agreeInPrefix(op, "B T R k", history, key)))
    return failure();
  if (query.shape[2] != key.shape[2]) // attend (C8)
    return op.emitOpError("query has ")
           << query.shape[2] << " groups, but its history " << key.shape[2];
  return success();
}

static LogicalResult verifyVisibility(AttendOp op) {
  Named query = named("query", op.getQuery()), key = named("key", op.getKey());
  std::pair<StringRef, Value> lengths[] = {{"kv_start", op.getKvStart()},
                                           {"kv_len", op.getKvLen()},
                                           {"q_len", op.getQLen()}};
  for (auto [name, length] : lengths) // attend (C4)
    if (length && failed(agreeInPrefix(op, "B", named(name, length), query)))
      return failure();
  if (op.getMask()) {
    Named mask = named("mask", op.getMask());
    int64_t pairs[] = {mask.shape[0] == 1 ? 1 : query.shape[0], query.shape[1],
                       key.shape[1]};
    // attend (C5)
    if (failed(agree(op, "B S T", mask, {"the pairs it masks", pairs})))
      return failure();
  }
  if (op.getWindow() && (!op.getCausal() || *op.getWindow() < 1)) // attend (C6)
    return op.emitOpError("has a window of ")
           << *op.getWindow() << ", which must be at least 1 and causal";
  return success();
}

LogicalResult AttendOp::verify() {
  Named query = named("query", getQuery()), key = named("key", getKey()),
        value = named("value", getValue());
  for (Named rows : {query, key, value}) // attend (C1)
    if (failed(requireStatic(*this, "heads and widths", rows, 2)))
      return failure();
  Type element = getElementTypeOrSelf(getQuery());
  if (getElementTypeOrSelf(getKey()) != element ||
      getElementTypeOrSelf(getValue()) != element) // attend (C2)
    return emitOpError("mixes element types of query, key and value");
  if (key.shape.size() != value.shape.size()) // attend (C3)
    return emitOpError("keys are ")
           << text(key.shape) << ", but values " << text(value.shape);
  // attend (C3)
  if (failed(agree(*this, "B T", {"key", key.shape.drop_back()},
                   {"value", value.shape.drop_back()})) ||
      failed(agree(*this, "B", {"query", query.shape.take_front()},
                   {"key", key.shape.take_front()})) ||
      failed(agree(*this, "D", {"query", query.shape.take_back()},
                   {"key", key.shape.take_back()})))
    return failure();
  // attend (C7)
  if (bool(getExperts()) != getNumExperts().has_value() ||
      getNumExperts().value_or(1) < 1)
    return emitOpError("needs the number of its experts, at least 1, beside "
                       "its experts");
  if (getExperts() && query.shape.size() < 5) // attend (C7)
    return emitOpError("has experts, so its query must have slots "
                       "[B, S, R, k, ..., D], but it is ")
           << text(query.shape);
  if (getExperts() && // attend (C7)
      failed(agreeInPrefix(*this, "B S R k", named("experts", getExperts()),
                           query)))
    return failure();
  if (failed(verifyVisibility(*this)))
    return failure();
  return verifyKeys(*this);
}

// Runs when the ops of the region are known to be well-formed.
LogicalResult AttendOp::verifyRegions() {
  if (getScore().empty())
    return success();
  Block &block = getScore().front();
  size_t indices = 3 + getHeads().size();
  TypeRange types = block.getArgumentTypes();
  if (types.size() != 1 + indices || !types[0].isF32() ||
      !llvm::all_of(types.drop_front(), // attend (C11)
                    [](Type type) { return type.isIndex(); }))
    return emitOpError("score region must take an f32 and ")
           << indices << " indices (b, s, t, and one for each head dimension)";
  if (!isa<YieldOp>(block.back())) // attend (C11)
    return emitOpError("score region must end in routed.yield");
  for (Operation &inner : block) // attend (C12)
    if (!isMemoryEffectFree(&inner) || inner.getNumRegions() != 0 ||
        !llvm::all_of(inner.getResultTypes(),
                      [](Type type) { return type.isIntOrIndexOrFloat(); }))
      return inner.emitOpError(
          "cannot be part of a score: only ops without "
          "side effects and regions that give scalars can");
  return success();
}
