// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attend as upstream loops, with the whole score matrix in memory:
//
//   raw = <q, k>,  x = region(scale * raw) where seen, else -inf
//   m = max x,  p = exp(x - m),  l = sum p,  output = sum p v / l,
//   lse = m + ln l
//
// Exactly the dialect's meaning: a row that sees nothing gives 0 and -inf; the
// maximum carries NaN (maximumf), so a NaN score reaches its own row and no
// other; a value row that is not seen is never multiplied, since 0 * NaN is
// NaN. The score region runs for seen pairs only: it may index tables or divide
// by what other pairs make invalid. Source: routed-dialect specification 2.5.

#include "passes/DecomposeRouted.h"

#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/IR/IRMapping.h"

#include <limits>

using namespace mlir;
using namespace headgate::passes;
using namespace headgate::routed;

static constexpr float infinity = std::numeric_limits<float>::infinity();

/// [b, t, h, c] in the order [b, h, c, t], and [b, t, r, i, c] in the order
/// [b, r, c, t, i].
template <typename T> static SmallVector<T> keysLast(ArrayRef<T> key) {
  SmallVector<T> turned = {key[0], key[2], key.back(), key[1]};
  turned.append(key.begin() + 3, key.end() - 1);
  return turned;
}

namespace {

/// The loops of one attention: [b, s, heads.., t] or, with a history,
/// [b, s, heads.., t, i].
struct Attention {
  Attention(AttendOp op, SpecBuilder &b)
      : op(op), b(b), rows(b.dims(op.getQuery())),
        keys({b.dim(op.getKey(), 1)}) {
    rows.pop_back();
    if (op.getHistory())
      keys.push_back(b.dim(op.getKey(), 3));
    else
      kvHead = op.getKvHeadMap();
    n = rows.size();
  }

  Values decompose();

private:
  Value rawScores();
  Value scores(Value raw);
  Value seen(Indices at);
  Value regionScore(Value score, Indices at);
  Value weightedValues(Value x, Value p);
  /// Which key and value row the pair `at` reads, without its component.
  SmallVector<Value> keyRow(Indices at);
  /// The same as an indexing map over `loops` loops with component loop
  /// `component`; null where it depends on the data.
  AffineMap keyMap(unsigned loops, unsigned firstKey, unsigned component);

  AttendOp op;
  SpecBuilder &b;
  Dims rows, keys;
  AffineMap kvHead;
  unsigned n; // row dimensions: b, s, heads..
};

SmallVector<Value> Attention::keyRow(Indices at) {
  if (op.getHistory())
    return {at[0], at[n], at[2], at[n + 1]};
  SmallVector<Value> expert;
  if (kvHead.getNumSymbols())
    expert.push_back(b.safeExpert(b.read(op.getExperts(), at.take_front(4))));
  Value head = affine::expandAffineExpr(b, b.getLoc(), kvHead.getResult(0),
                                        at.slice(2, n - 2), expert);
  return {at[0], at[n], head};
}

AffineMap Attention::keyMap(unsigned loops, unsigned firstKey,
                            unsigned component) {
  auto d = [&](unsigned i) { return b.getAffineDimExpr(i); };
  if (op.getHistory())
    return AffineMap::get(
        loops, 0, {d(0), d(firstKey), d(2), d(firstKey + 1), d(component)},
        b.getContext());
  if (kvHead.getNumSymbols())
    return {};
  SmallVector<AffineExpr> heads;
  for (unsigned i = 2; i < n; ++i)
    heads.push_back(d(i));
  AffineExpr head = kvHead.getResult(0).replaceDims(heads);
  return AffineMap::get(loops, 0, {d(0), d(firstKey), head, d(component)},
                        b.getContext());
}

Value Attention::rawScores() {
  unsigned pairs = n + keys.size();
  Dims out(rows);
  out.append(keys);
  Value query = op.getQuery(), key = op.getKey();
  AffineMap row = keyMap(pairs + 1, n + 1, n);
  if (!row)
    return b.sum(out, {b.dim(query, n)}, [&](Indices at) {
      Value q = b.read(query, join(at.take_front(n), {at.back()}));
      Value k = b.read(key, join(keyRow(at), {at.back()}));
      return b.mul(q, k);
    });
  // Loops [b, s, heads.., component, keys..], over keys that lie side by side:
  // each sum still runs over components in order, and the innermost loop is
  // parallel, so that it vectorises.
  Dims sideBySide = keysLast<OpFoldResult>(b.dims(key));
  Value turned = b.map(sideBySide, b.getF32Type(), [&](Indices at) {
    SmallVector<Value> from = {at[0], at[3], at[1]};
    from.append(at.begin() + 4, at.end());
    return b.read(key, join(from, {at[2]}));
  });
  SmallVector<AffineExpr> loops, score;
  for (unsigned i = 0; i <= pairs; ++i)
    loops.push_back(b.getAffineDimExpr(i));
  score = loops;
  score.erase(score.begin() + n);
  auto map = [&](ArrayRef<AffineExpr> exprs) {
    return AffineMap::get(pairs + 1, 0, exprs, b.getContext());
  };
  SmallVector<utils::IteratorType> iterators(pairs + 1,
                                             utils::IteratorType::parallel);
  iterators[n] = utils::IteratorType::reduction;
  return b.generic({query, turned}, b.filled(out, b.f32(0)),
                   {map(ArrayRef(loops).take_front(n + 1)),
                    map(keysLast<AffineExpr>(row.getResults())), map(score)},
                   iterators, [&](Indices, Indices qk, Value sofar) {
                     return b.add(sofar, b.mul(qk[0], qk[1]));
                   });
}

Value Attention::seen(Indices at) {
  Value batch = at[0], s = at[1], t = at[n];
  auto length = [&](Value lengths, OpFoldResult all) {
    return lengths ? b.toIndex(b.read(lengths, {batch})) : b.value(all);
  };
  Value kvLen = length(op.getKvLen(), keys[0]);
  Value qLen = length(op.getQLen(), rows[1]);
  Value yes = b.both(b.less(t, kvLen), b.less(s, qLen));
  if (op.getKvStart())
    yes = b.both(yes, b.lessOrEqual(length(op.getKvStart(), {}), t));
  Value position = b.add(s, b.sub(kvLen, qLen)); // bottom-right
  if (op.getCausal())
    yes = b.both(yes, b.lessOrEqual(t, position));
  if (op.getWindow())
    yes = b.both(yes, b.less(b.sub(position, b.index(*op.getWindow())), t));
  if (op.getMask()) {
    bool shared = op.getMask().getType().getDimSize(0) == 1;
    yes =
        b.both(yes, b.read(op.getMask(), {shared ? b.index(0) : batch, s, t}));
  }
  if (op.getExperts()) {
    Value e = b.read(op.getExperts(), at.take_front(4));
    yes = b.both(yes, b.lessOrEqual(b.i32(0), e));
    if (op.getHistory())
      yes = b.both(yes, b.equal(e, b.read(op.getHistory(),
                                          {batch, t, at[2], at[n + 1]})));
  }
  return yes;
}

Value Attention::regionScore(Value score, Indices at) {
  Block &body = op.getScore().front();
  IRMapping mapping;
  mapping.map(body.getArgument(0), score);
  for (unsigned i : {0u, 1u})
    mapping.map(body.getArgument(1 + i), at[i]);
  mapping.map(body.getArgument(3), at[n]);
  for (unsigned h = 2; h < n; ++h)
    mapping.map(body.getArgument(2 + h), at[h]);
  for (Operation &inner : body.without_terminator())
    b.clone(inner, mapping);
  return mapping.lookupOrDefault(
      cast<YieldOp>(body.getTerminator()).getScore());
}

Value Attention::scores(Value raw) {
  Value scale = b.f32(op.getScaleOrDefault().getValueAsDouble());
  return b.map(b.dims(raw), b.getF32Type(), [&](Indices at) -> Value {
    Value yes = seen(at), score = b.mul(scale, b.read(raw, at));
    if (op.getScore().empty())
      return b.pick(yes, score, b.f32(-infinity));
    return b.choose(
        yes, [&] { return regionScore(score, at); },
        [&] { return b.f32(-infinity); });
  });
}

Value Attention::weightedValues(Value x, Value p) {
  // Loops [b, s, heads.., keys.., d]: the component is innermost and parallel,
  // so that the sum runs over keys in order and still vectorises.
  unsigned pairs = n + keys.size();
  Dims out(rows);
  out.push_back(b.dim(op.getValue(), op.getValue().getType().getRank() - 1));
  auto step = [&](Value x, Value p, Value v, Value sofar) {
    Value unseen = b.equal(x, b.f32(-infinity));
    return b.add(sofar, b.pick(unseen, b.f32(0), b.mul(p, v)));
  };
  AffineMap value = keyMap(pairs + 1, n, pairs);
  if (!value)
    return b.reduce(out, keys, b.getF32Type(), b.f32(0),
                    [&](Indices at, Value sofar) { // [rows.., d, keys..]
                      auto pair = join(at.take_front(n), at.drop_front(n + 1));
                      Value v =
                          b.read(op.getValue(), join(keyRow(pair), {at[n]}));
                      return step(b.read(x, pair), b.read(p, pair), v, sofar);
                    });
  SmallVector<AffineExpr> score, result;
  for (unsigned i = 0; i < pairs; ++i)
    score.push_back(b.getAffineDimExpr(i));
  result.append(score.begin(), score.begin() + n);
  result.push_back(b.getAffineDimExpr(pairs));
  SmallVector<utils::IteratorType> loops(n, utils::IteratorType::parallel);
  loops.append(keys.size(), utils::IteratorType::reduction);
  loops.push_back(utils::IteratorType::parallel);
  AffineMap pairMap = AffineMap::get(pairs + 1, 0, score, b.getContext());
  return b.generic({x, p, op.getValue()}, b.filled(out, b.f32(0)),
                   {pairMap, pairMap, value,
                    AffineMap::get(pairs + 1, 0, result, b.getContext())},
                   loops, [&](Indices, Indices in, Value sofar) {
                     return step(in[0], in[1], in[2], sofar);
                   });
}

Values Attention::decompose() {
  Type f32 = b.getF32Type();
  Value x = scores(rawScores());
  Value m =
      b.reduce(rows, keys, f32, b.f32(-infinity), [&](Indices at, Value sofar) {
        return b.max(sofar, b.read(x, at));
      });
  Value p = b.map(b.dims(x), f32, [&](Indices at) {
    Value top = b.read(m, at.take_front(n)); // -inf - -inf would be NaN
    Value shift = b.pick(b.equal(top, b.f32(-infinity)), b.f32(0), top);
    return b.exp(b.sub(b.read(x, at), shift));
  });
  Value l = b.sum(rows, keys, [&](Indices at) { return b.read(p, at); });
  Value acc = weightedValues(x, p);
  Type element = op.getOutput().getType().getElementType();
  Value output = b.map(b.dims(acc), element, [&](Indices at) {
    Value total = b.read(l, at.drop_back());
    return b.pick(b.equal(total, b.f32(0)), b.f32(0),
                  b.div(b.read(acc, at), total));
  });
  Value lse = b.map(rows, f32, [&](Indices at) {
    return b.add(b.read(m, at), b.log(b.read(l, at)));
  });
  return {output, lse};
}

} // namespace

Values headgate::passes::decompose(AttendOp op, SpecBuilder &b) {
  return Attention(op, b).decompose();
}
