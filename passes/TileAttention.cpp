// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Online softmax over key tiles, from the last to the first, of a part of the
// keys from the first to the last:
//
//   s = q k^T                                       raw products
//   m' = max(m, rowmax(s)),  a = exp2(c (m - m'))   c = scale log2(e)
//   p = exp2(c s - c m')
//   l' = a l + rowsum(p),  o' = a o + p v
//
// and at the end o / l and lse = scale m + ln l. The maximum is kept of raw
// products, so that one multiplication a score scales, subtracts and changes
// the base; where a score region stands between, or the scale is not positive,
// c is log2(e) and the scores are scaled first.
//
// Holds: a row that sees nothing yields 0 and -inf: its maximum stays -inf, of
// which 0 is subtracted instead. Tiles that no row of the group sees are not
// visited. Masks are built in tiles that causality, the window, or the ends of
// the keys cut; a mask tensor cuts every tile. Values of keys outside
// [kv_start, kv_len) are never read: windows look at a narrowed buffer, since
// 0 * NaN is NaN. Holes and rows beyond q_len are overwritten at the end.
// Source: Milakov & Gimelshein 2018, algorithm 3; Dao et al. 2022, algorithm 1.
//
// Covered by test/passes/lower-routed-to-tile.mlir; by execution in
// test/kernels.

#include "passes/AttentionProgram.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <cmath>
#include <limits>
#include <numbers>

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

using Predicate = arith::CmpIPredicate;

namespace {

class Attention : AttentionProgram {
public:
  Attention(TileBuilder &b, const AttendKernel &kernel, const RowPlan &plan,
            int64_t keys, Value workspace)
      : AttentionProgram(b, kernel, plan, keys, workspace, /*seesPart=*/true),
        scale(attend.getScaleOrDefault().getValueAsDouble()),
        isRaw(attend.getScore().empty() && scale > 0),
        heads(plan.columnsOfBlock()) {}

  void build() {
    boundKeys();
    loadQuery();
    Softmax softmax = loopOverKeys();
    storeParts(hideDeadRows(finish(softmax, isRaw ? scale : 1)));
  }

private:
  void boundKeys();
  Value narrowed(Value buffer);
  void loadQuery();
  Value loadExperts(Value buffer);
  Softmax loopOverKeys();
  Softmax visit(Value firstKey, const Softmax &sofar);
  TileWindow keyWindow(Value firstKey, int64_t width);
  Value score(Value products, Value firstKey);
  Value isEdge(Value firstKey);
  Value hideUnseen(Value scores, Value firstKey);
  Value seen(Value firstKey);
  Rows hideDeadRows(Rows result);
  void storeParts(const Rows &result);
  float factor() const {
    return float((isRaw ? scale : 1) * std::numbers::log2e);
  }

  /// Keys that a row sees before its own, and its own; nothing if all.
  std::optional<int64_t> windowLength() {
    std::optional<int64_t> length = attend.getWindow();
    if (length && *length > std::numeric_limits<int32_t>::max())
      return std::nullopt; // there are no more keys
    return length;
  }

  double scale;
  bool isRaw;    ///< the maximum is of unscaled products
  int64_t heads; ///< key heads of the block
  Value query, holes;
  Value keyBuffer, valueBuffer, keyShift; ///< narrowed, and by how much
  Value kvStart, queryLength;             ///< null where the op has none
  Value offset; ///< causal: token s sees keys up to s + offset
  Value endKey; ///< keys that some row may see end here
  /// All rows see the keys from `commonBegin` (null: 0) to `commonEnd`, those
  /// beyond q_len aside, and those that a mask tensor hides.
  Value commonBegin, commonEnd;
  Value firstTile; ///< null: 0
  Value endTile;
};

/// Which keys the rows of the block may see at all.
void Attention::boundKeys() {
  Value T = b.dim(kernel.key, 1), S = b.dim(kernel.query, 1), zero = b.index(0);
  Value length = kernel.kvLen ? b.loadIndex(kernel.kvLen, rows.batch) : T;
  if (kernel.kvStart)
    kvStart = b.loadIndex(kernel.kvStart, rows.batch);
  if (kernel.qLen)
    queryLength = b.loadIndex(kernel.qLen, rows.batch);
  keyBuffer = kernel.key;
  valueBuffer = kernel.value;
  if (kernel.kvLen || kvStart) {
    keyShift = kvStart ? kvStart : zero;
    Value count = b.max(b.sub(length, keyShift), zero);
    auto narrow = [&](Value buffer) -> Value {
      auto type = cast<MemRefType>(buffer.getType());
      OpFoldResult one = b.getIndexAttr(1), none = b.getIndexAttr(0);
      return memref::SubViewOp::create(
          b, buffer,
          ArrayRef<OpFoldResult>{rows.batch, getAsOpFoldResult(keyShift), none,
                                 none},
          {one, count, b.getIndexAttr(type.getDimSize(2)),
           b.getIndexAttr(type.getDimSize(3))},
          {one, one, one, one});
    };
    keyBuffer = narrow(keyBuffer);
    valueBuffer = narrow(valueBuffer);
  }
  // The first row sees fewest of the newest keys, the last row of the oldest.
  Value begin = commonBegin = kvStart;
  commonEnd = endKey = length;
  if (attend.getCausal()) {
    offset = b.sub(length, queryLength ? queryLength : S);
    endKey = b.max(b.min(length, b.add(rows.endToken, offset)), zero);
    // Of a live row these are no more than there are.
    commonEnd = b.add(b.add(rows.firstToken, offset), b.index(1));
    if (std::optional<int64_t> window = windowLength()) {
      auto oldest = [&](Value token) {
        return b.add(token, b.sub(offset, b.index(*window)));
      };
      Value first = b.add(oldest(rows.firstToken), b.index(1));
      begin = b.max(first, begin ? begin : zero);
      commonBegin = oldest(rows.endToken);
      if (kvStart)
        commonBegin = b.max(commonBegin, kvStart);
    }
  }
  if (queryLength) { // no row of the block is live
    Value isLive = b.compare(Predicate::slt, rows.firstToken, queryLength);
    endKey = b.select(isLive, endKey, zero);
  }
  endTile = b.ceilDiv(endKey, b.index(keys));
  if (begin)
    firstTile = b.min(b.div(begin, b.index(keys)), endTile);
  if (!rows.split)
    return;
  Value first = firstTile ? firstTile : zero;
  Value part = b.ceilDiv(b.sub(endTile, first), parts);
  firstTile = b.min(b.add(first, b.mul(rows.split, part)), endTile);
  endTile = b.min(b.add(firstTile, part), endTile);
}

/// The expert of each row.
Value Attention::loadExperts(Value buffer) {
  return b.load(buffer, rows.window(ArrayRef(rows.heads).take_front(2), 0), R);
}

void Attention::loadQuery() {
  SmallVector<Lifted> at(rows.heads);
  if (kernel.gather) // [B, S, R, M, ..]: the expert instead of the slot
    at[1] = {loadExperts(kernel.chosen), Lifted::row};
  query = b.load(kernel.query, rows.window(at, D), {R, D});
  if (!kernel.experts)
    return;
  Value experts = kernel.experts == kernel.chosen ? at[1].value
                                                  : loadExperts(kernel.experts);
  holes =
      arith::CmpIOp::create(b, Predicate::slt, experts, b.constantI32(R, 0));
}

//===-- the loop ---------------------------------------------------------===//

Softmax Attention::loopOverKeys() {
  Value zero = b.index(0), one = b.index(1);
  Value count = firstTile ? b.sub(endTile, firstTile) : endTile;
  Value last = b.sub(endTile, one);
  auto loop = scf::ForOp::create(b, zero, count, one, initial().values());
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  // A part is a step of decoding, which reads ahead in the order of memory.
  Value number = rows.split ? b.add(firstTile, loop.getInductionVar())
                            : b.sub(last, loop.getInductionVar());
  Value firstKey = b.mul(number, b.index(keys));
  Softmax next = visit(firstKey, Softmax::of(loop.getRegionIterArgs()));
  scf::YieldOp::create(b, next.values());
  return Softmax::of(loop.getResults());
}

TileWindow Attention::keyWindow(Value firstKey, int64_t width) {
  Value zero = b.index(0);
  Value batch = keyShift ? zero : rows.batch;
  Value at = keyShift ? b.sub(firstKey, keyShift) : firstKey;
  return {{batch, at, rows.kvHead, zero}, {1, keys, heads, width}, {}, {}};
}

/// The tile of keys from `firstKey` on.
Softmax Attention::visit(Value firstKey, const Softmax &sofar) {
  SmallVector<int64_t, 2> pairs = {R, keys};
  Type element = kernel.elementType();
  Value live = b.min(b.sub(endKey, firstKey), b.index(keys));
  Value k = b.load(keyBuffer, keyWindow(firstKey, D), {keys, heads * D});
  Value products =
      tile::DotOp::create(b, b.f32(pairs), query, k, /*acc=*/Value(),
                          /*transpose=*/true, live,
                          /*depth=*/Value(), heads);
  Value scores = score(products, firstKey);

  Softmax next;
  Value rowMax =
      tile::ReduceOp::create(b, b.f32(R), tile::Reduction::Max, scores);
  next.max = arith::MaxNumFOp::create(b, sofar.max, rowMax);
  Value c = b.constant(R, factor());
  Value shift = arith::MulFOp::create(b, finiteMax(next.max), c);
  Value old = arith::MulFOp::create(b, sofar.max, c);
  Value alpha =
      math::Exp2Op::create(b, arith::SubFOp::create(b, old, shift).getResult());
  Value minus = arith::NegFOp::create(b, shift);
  Value exponents = math::FmaOp::create(b, scores, b.constant(pairs, factor()),
                                        b.repeat(minus, 1, pairs));
  Value p = math::Exp2Op::create(b, exponents);
  Value rowSum = tile::ReduceOp::create(b, b.f32(R), tile::Reduction::Add, p);
  next.sum = math::FmaOp::create(b, sofar.sum, alpha, rowSum);

  if (!element.isF32())
    p = arith::TruncFOp::create(b, b.type(pairs, element), p);
  Value rescaled =
      arith::MulFOp::create(b, sofar.output, b.repeat(alpha, 1, {R, Dv}));
  Value v = b.load(valueBuffer, keyWindow(firstKey, Dv), {keys, heads * Dv});
  next.output =
      tile::DotOp::create(b, b.f32({R, Dv}), p, v, rescaled,
                          /*transpose=*/false, /*cols=*/Value(), live, heads);
  return next;
}

/// What the softmax is over: -inf where a row does not see a key.
Value Attention::score(Value products, Value firstKey) {
  SmallVector<int64_t, 2> pairs = {R, keys};
  Value scores = products;
  if (!isRaw)
    scores =
        arith::MulFOp::create(b, products, b.constant(pairs, float(scale)));
  if (!attend.getScore().empty()) {
    Value tokens = arith::AddIOp::create(b, b.splat(R, b.toI32(rows.tokenBase)),
                                         rows.tokens);
    ScoreTile tile{.rows = R,
                   .keys = keys,
                   .scores = scores,
                   .batch = {rows.batch},
                   .token = {tokens, Lifted::row},
                   .heads = rows.heads,
                   .firstKey = firstKey};
    scores = buildScore(b, attend, tile);
  }
  if (kernel.mask)
    return hideUnseen(scores, firstKey);
  auto branch = scf::IfOp::create(b, scores.getType(), isEdge(firstKey),
                                  /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  scf::YieldOp::create(b, hideUnseen(scores, firstKey));
  b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(b, scores);
  return branch.getResult(0);
}

//===-- masks ------------------------------------------------------------===//

/// Is there a key in the tile that some row of the block does not see?
Value Attention::isEdge(Value firstKey) {
  Value end = b.add(firstKey, b.index(keys));
  Value edge = b.compare(Predicate::sgt, end, commonEnd);
  return commonBegin
             ? b.either(edge, b.compare(Predicate::slt, firstKey, commonBegin))
             : edge;
}

Value Attention::hideUnseen(Value scores, Value firstKey) {
  return b.select(seen(firstKey), scores, b.constant({R, keys}, -infinity));
}

/// Which rows see which keys of the tile; columns are counted from its first.
Value Attention::seen(Value firstKey) {
  SmallVector<int64_t, 2> pairs = {R, keys};
  Value cols = b.iota(keys), result;
  auto fromFirst = [&](Value key) { return b.toI32(b.sub(key, firstKey)); };
  auto colsAre = [&](Predicate predicate, Value limit) { // for all rows
    Value condition = b.compare(predicate, cols, b.splat(keys, limit));
    result = b.both(result, b.repeat(condition, 0, pairs));
  };
  auto pairsAre = [&](Predicate predicate, Value limits) { // for each row
    Value condition = b.compare(predicate, b.repeat(cols, 0, pairs),
                                b.repeat(limits, 1, pairs));
    result = b.both(result, condition);
  };
  if (offset) {
    Value newest = b.add(b.splat(R, fromFirst(b.add(rows.tokenBase, offset))),
                         rows.tokens);
    pairsAre(Predicate::sle, newest);
    if (std::optional<int64_t> window = windowLength())
      pairsAre(Predicate::sgt, b.sub(newest, b.constantI32(R, *window)));
  } else {
    colsAre(Predicate::slt, fromFirst(endKey));
  }
  if (kvStart)
    colsAre(Predicate::sge, fromFirst(kvStart));
  if (!kernel.mask)
    return result;
  TileWindow window = rows.window({}, keys);
  auto type = cast<MemRefType>(kernel.mask.getType());
  if (type.getDimSize(0) == 1) // shared by all batches
    window.coords[0] = b.index(0);
  window.coords.back() = firstKey;
  return b.both(result, b.load(kernel.mask, window, pairs));
}

//===-- results ----------------------------------------------------------===//

/// Holes and rows beyond q_len: 0 and -inf, whatever was computed.
Rows Attention::hideDeadRows(Rows result) {
  Value dead = holes;
  if (queryLength) {
    Value end = b.splat(R, b.toI32(b.sub(queryLength, rows.tokenBase)));
    dead = b.either(dead, b.compare(Predicate::sge, rows.tokens, end));
  }
  if (!dead)
    return result;
  result.output = b.select(b.repeat(dead, 1, {R, Dv}), b.constant({R, Dv}, 0),
                           result.output);
  if (result.lse)
    result.lse = b.select(dead, b.constant(R, -infinity), result.lse);
  return result;
}

void Attention::storeParts(const Rows &result) {
  if (!rows.split)
    return storeResults(result);
  b.store(result.output, outputs, partialWindow(rows.split, Dv));
  b.store(result.lse, lses, partialWindow(rows.split, 0));
}

} // namespace

void headgate::passes::buildAttention(TileBuilder &b,
                                      const AttendKernel &kernel,
                                      const RowPlan &plan, int64_t keys,
                                      Value workspace) {
  Attention(b, kernel, plan, keys, workspace).build();
}
