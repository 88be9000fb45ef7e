// Writes every routed op as linalg.generic with explicit indices: the executable meaning of the dialect. Slow on purpose.
#include "dialect/routed/Routed.h"

#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace headgate::routed;

namespace {

using Dims = SmallVector<OpFoldResult>;
using Ivs = ArrayRef<Value>;
constexpr float inf = std::numeric_limits<float>::infinity();

struct Spec : ImplicitLocOpBuilder {
  explicit Spec(Operation *op) : ImplicitLocOpBuilder(op->getLoc(), op) {}

  // scalars
  Value f(float x) { return arith::ConstantOp::create(*this, getF32FloatAttr(x)); }
  Value i(int64_t x) { return arith::ConstantIndexOp::create(*this, x); }
  Value i32(int64_t x) { return arith::ConstantIntOp::create(*this, x, 32); }
  Value i1(bool x) { return arith::ConstantIntOp::create(*this, x, 1); }
  Value add(Value a, Value b) { return a.getType().isF32() ? Value(arith::AddFOp::create(*this, a, b)) : Value(arith::AddIOp::create(*this, a, b)); }
  Value sub(Value a, Value b) { return a.getType().isF32() ? Value(arith::SubFOp::create(*this, a, b)) : Value(arith::SubIOp::create(*this, a, b)); }
  Value mul(Value a, Value b) { return a.getType().isF32() ? Value(arith::MulFOp::create(*this, a, b)) : Value(arith::MulIOp::create(*this, a, b)); }
  Value div(Value a, Value b) { return arith::DivFOp::create(*this, a, b); }
  Value exp(Value a) { return math::ExpOp::create(*this, a); }
  Value both(Value a, Value b) { return arith::AndIOp::create(*this, a, b); }
  Value either(Value a, Value b) { return arith::OrIOp::create(*this, a, b); }
  Value pick(Value c, Value a, Value b) { return arith::SelectOp::create(*this, c, a, b); }
  Value icmp(arith::CmpIPredicate p, Value a, Value b) { return arith::CmpIOp::create(*this, p, a, b); }
  Value fcmp(arith::CmpFPredicate p, Value a, Value b) { return arith::CmpFOp::create(*this, p, a, b); }
  Value lt(Value a, Value b) { return icmp(arith::CmpIPredicate::slt, a, b); }
  Value le(Value a, Value b) { return icmp(arith::CmpIPredicate::sle, a, b); }
  Value eq(Value a, Value b) { return a.getType().isF32() ? fcmp(arith::CmpFPredicate::OEQ, a, b) : icmp(arith::CmpIPredicate::eq, a, b); }
  Value index(Value a) { return arith::IndexCastOp::create(*this, getIndexType(), a); }
  Value toI32(Value a) { return arith::IndexCastOp::create(*this, getI32Type(), a); }
  Value at(Value tensor, Ivs ivs) {
    Value x = tensor::ExtractOp::create(*this, tensor, ivs);
    if (isa<FloatType>(x.getType()) && !x.getType().isF32())
      x = arith::ExtFOp::create(*this, getF32Type(), x);
    return x;
  }
  // expert number as an index that is safe to read with, even for a hole (-1)
  Value safe(Value expert) { return index(arith::MaxSIOp::create(*this, expert, i32(0))); }

  // tensors
  Dims dims(Value tensor) { return tensor::getMixedSizes(*this, getLoc(), tensor); }
  Dims dims(Value tensor, std::initializer_list<int> which) {
    Dims out;
    for (int d : which)
      out.push_back(tensor::getMixedSize(*this, getLoc(), tensor, d));
    return out;
  }
  Value reduce(Dims out, Dims red, Type element, Value init, llvm::function_ref<Value(Ivs, Value)> fn) {
    Value dest = tensor::EmptyOp::create(*this, out, element);
    if (init)
      dest = linalg::FillOp::create(*this, ValueRange{init}, ValueRange{dest}).getResult(0);
    unsigned n = out.size(), r = red.size();
    SmallVector<Value> ins;
    SmallVector<AffineMap> maps;
    if (r) { // carries the extents of the reduction: linalg takes them from operands only
      ins.push_back(tensor::EmptyOp::create(*this, red, getI1Type()));
      maps.push_back(AffineMap::getMultiDimIdentityMap(n + r, getContext()).getMinorSubMap(r));
    }
    SmallVector<AffineExpr> outer;
    for (unsigned d = 0; d < n; ++d)
      outer.push_back(getAffineDimExpr(d));
    maps.push_back(AffineMap::get(n + r, 0, outer, getContext())); // getMajorSubMap(0) is a null map
    SmallVector<utils::IteratorType> loops(n, utils::IteratorType::parallel);
    loops.append(r, utils::IteratorType::reduction);
    auto generic = linalg::GenericOp::create(
        *this, TypeRange{dest.getType()}, ins, ValueRange{dest}, maps, loops,
        [&](OpBuilder &nested, Location, ValueRange args) {
          OpBuilder::InsertionGuard guard(*this);
          setInsertionPoint(nested.getInsertionBlock(), nested.getInsertionPoint());
          SmallVector<Value> ivs;
          for (unsigned d = 0; d < n + r; ++d)
            ivs.push_back(linalg::IndexOp::create(*this, d));
          Value x = fn(ivs, args.back());
          if (x.getType() != element)
            x = arith::TruncFOp::create(*this, element, x);
          linalg::YieldOp::create(*this, x);
        });
    return generic.getResult(0);
  }
  Value map(Dims out, Type element, llvm::function_ref<Value(Ivs)> fn) {
    return reduce(out, {}, element, {}, [&](Ivs ivs, Value) { return fn(ivs); });
  }
  Value sum(Dims out, Dims red, llvm::function_ref<Value(Ivs)> fn) {
    return reduce(out, red, getF32Type(), f(0), [&](Ivs ivs, Value acc) { return add(acc, fn(ivs)); });
  }
  Value count(Dims out, Dims red, llvm::function_ref<Value(Ivs)> fn) {
    return reduce(out, red, getI32Type(), i32(0), [&](Ivs ivs, Value acc) { return add(acc, fn(ivs)); });
  }
  Value zeroOrOne(Value bit) { return arith::ExtUIOp::create(*this, getI32Type(), bit); }
  // softmax over the last dimension; a row of -inf gives zeros
  Value softmax(Value x) {
    Dims all = dims(x), rows(all.begin(), all.end() - 1), last(all.end() - 1, all.end());
    Value m = reduce(rows, last, getF32Type(), f(-inf), [&](Ivs iv, Value acc) -> Value {
      return arith::MaximumFOp::create(*this, acc, at(x, iv)); });
    Value e = map(all, getF32Type(), [&](Ivs iv) {
      Value top = at(m, iv.drop_back());
      return exp(sub(at(x, iv), pick(eq(top, f(-inf)), f(0), top))); });
    Value l = sum(rows, last, [&](Ivs iv) { return at(e, iv); });
    return map(all, getF32Type(), [&](Ivs iv) {
      Value s = at(l, iv.drop_back());
      return pick(eq(s, f(0)), f(0), div(at(e, iv), s)); });
  }
};

SmallVector<Value> cat(Ivs a, std::initializer_list<Value> b) {
  SmallVector<Value> out(a.begin(), a.end());
  out.append(b);
  return out;
}

SmallVector<Value> decompose(SelectOp op, Spec &b) {
  Value logits = op.getLogits();
  Dims all = b.dims(logits), token = {all[0], all[1], all[2]}, m = {all[3]};
  Dims slots = {all[0], all[1], all[2], b.getIndexAttr(op.getK())};
  Type f32 = b.getF32Type();
  Value l = b.map(all, f32, [&](Ivs iv) { return b.at(logits, iv); });
  Value probs;
  if (op.getActivation() == Activation::Sigmoid)
    probs = b.map(all, f32, [&](Ivs iv) { return b.div(b.f(1), b.add(b.f(1), b.exp(b.sub(b.f(0), b.at(l, iv))))); });
  else if (op.getActivation() == Activation::Ones)
    probs = b.map(all, f32, [&](Ivs) { return b.f(1); });
  else
    probs = b.softmax(l);
  Value key = b.map(all, f32, [&](Ivs iv) {
    Value x = op.getBias() ? b.add(b.at(probs, iv), b.at(op.getBias(), iv.drop_front(2))) : b.at(l, iv);
    return b.pick(b.fcmp(arith::CmpFPredicate::UNO, x, x), b.f(-inf), x); });
  Value rank = b.count(all, m, [&](Ivs iv) {
    Value mine = b.at(key, iv.take_front(4)), other = b.at(key, cat(iv.take_front(3), {iv[4]}));
    Value first = b.either(b.fcmp(arith::CmpFPredicate::OGT, other, mine), b.both(b.eq(other, mine), b.lt(iv[4], iv[3])));
    return b.zeroOrOne(first); });
  Value k = b.i32(op.getK());
  if (op.getOrder() == Order::Index) {
    Value above = rank;
    Value before = b.count(all, m, [&](Ivs iv) {
      Value chosen = b.lt(b.at(above, cat(iv.take_front(3), {iv[4]})), k);
      return b.zeroOrOne(b.both(chosen, b.lt(iv[4], iv[3]))); });
    rank = b.map(all, b.getI32Type(), [&](Ivs iv) { return b.pick(b.lt(b.at(above, iv), k), b.at(before, iv), k); });
  }
  Value experts = b.count(slots, m, [&](Ivs iv) {
    Value here = b.eq(b.at(rank, cat(iv.take_front(3), {iv[4]})), b.toI32(iv[3]));
    return b.pick(here, b.toI32(iv[4]), b.i32(0)); });
  auto chosen = [&](Value of) {
    return b.map(slots, f32, [&](Ivs iv) { return b.at(of, cat(iv.take_front(3), {b.index(b.at(experts, iv))})); }); };
  Value w = op.getActivation() == Activation::SoftmaxTopk ? b.softmax(chosen(l)) : chosen(probs);
  Value eps = b.f(op.getEps().convertToFloat()), scale = b.f(op.getScale().convertToFloat());
  if (op.getNorm() == Norm::Group) {
    Value total = b.sum(token, {slots[3]}, [&](Ivs iv) { return b.at(w, iv); });
    Value raw = w;
    w = b.map(slots, f32, [&](Ivs iv) { return b.div(b.at(raw, iv), arith::MaximumFOp::create(b, b.at(total, iv.drop_back()), eps)); });
  } else if (op.getNorm() == Norm::Token) {
    Value total = b.sum({all[0], all[1]}, {all[2], slots[3]}, [&](Ivs iv) { return b.at(w, iv); });
    Value raw = w;
    w = b.map(slots, f32, [&](Ivs iv) { return b.div(b.at(raw, iv), arith::MaximumFOp::create(b, b.at(total, iv.take_front(2)), eps)); });
  }
  Value raw = w, rawE = experts, rawP = probs;
  auto live = [&](Ivs iv) { return op.getValid() ? b.at(op.getValid(), iv.take_front(2)) : b.i1(true); };
  w = b.map(slots, f32, [&](Ivs iv) { return b.pick(live(iv), b.mul(b.at(raw, iv), scale), b.f(0)); });
  experts = b.map(slots, b.getI32Type(), [&](Ivs iv) { return b.pick(live(iv), b.at(rawE, iv), b.i32(-1)); });
  probs = b.map(all, f32, [&](Ivs iv) { return b.pick(live(iv), b.at(rawP, iv), b.f(0)); });
  return {experts, w, probs};
}

SmallVector<Value> decompose(GatherOp op, Spec &b) {
  Dims out = b.dims(op.getSource());
  out[3] = b.getIndexAttr(op.getType().getDimSize(3));
  return {b.map(out, op.getType().getElementType(), [&](Ivs iv) {
    Value e = b.at(op.getExperts(), iv.take_front(4));
    SmallVector<Value> from(iv);
    from[3] = b.safe(e);
    return b.pick(b.lt(e, b.i32(0)), b.f(0), b.at(op.getSource(), from)); })};
}

SmallVector<Value> decompose(LinearOp op, Spec &b) {
  Value x = op.getInput(), w = op.getMatrices(), experts = op.getExperts();
  Dims slots = b.dims(experts), out = slots;
  bool t = op.getTransposed();
  unsigned rowRank = op.getInput().getType().getRank() - 1;
  out.push_back(b.dims(w)[t ? 2 : 3]);
  Dims in = {b.dims(w)[t ? 3 : 2]};
  Value each = b.sum(out, in, [&](Ivs iv) {
    Value e = b.at(experts, iv.take_front(4)), row = b.safe(e);
    Value m = t ? b.at(w, {iv[2], row, iv[4], iv[5]}) : b.at(w, {iv[2], row, iv[5], iv[4]});
    Value y = b.mul(b.at(x, cat(iv.take_front(rowRank), {iv[5]})), m);
    return b.pick(b.lt(e, b.i32(0)), b.f(0), y); });
  if (op.getBias()) {
    Value raw = each;
    each = b.map(out, b.getF32Type(), [&](Ivs iv) {
      Value e = b.at(experts, iv.take_front(4));
      return b.pick(b.lt(e, b.i32(0)), b.f(0), b.add(b.at(raw, iv), b.at(op.getBias(), {iv[2], b.safe(e), iv[4]}))); });
  }
  Type element = op.getType().getElementType();
  auto weighed = [&](Ivs at) {
    Value y = b.at(each, at);
    if (!op.getWeights())
      return y;
    Value e = b.at(experts, at.take_front(4)); // a hole stays 0, whatever its weight
    return b.pick(b.lt(e, b.i32(0)), b.f(0), b.mul(b.at(op.getWeights(), at.take_front(4)), y)); };
  Value r = each;
  if (op.getSum() == Sum::Slots)
    r = b.sum({out[0], out[1], out[2], out[4]}, {out[3]}, [&](Ivs iv) { return weighed({iv[0], iv[1], iv[2], iv[4], iv[3]}); });
  if (op.getSum() == Sum::All)
    r = b.sum({out[0], out[1], out[4]}, {out[2], out[3]}, [&](Ivs iv) { return weighed({iv[0], iv[1], iv[3], iv[4], iv[2]}); });
  Value f32Result = r;
  return {element.isF32() ? r : b.map(b.dims(r), element, [&](Ivs iv) { return b.at(f32Result, iv); })};
}

SmallVector<Value> decompose(AttendOp op, Spec &b) {
  Value q = op.getQuery(), k = op.getKey(), v = op.getValue();
  Dims qd = b.dims(q), rows(qd.begin(), qd.end() - 1), kd = b.dims(k);
  unsigned n = rows.size(), heads = n - 2;
  bool history = bool(op.getHistory());
  Dims keys = {kd[1]};
  if (history)
    keys.push_back(kd[3]);
  Dims scores = rows;
  scores.append(keys);
  AffineMap map = history ? AffineMap() : op.getKvHeadMap();
  Type f32 = b.getF32Type();
  // iv = [b, s, heads..., t (, slot)] -> the key row
  auto keyRow = [&](Ivs iv) -> SmallVector<Value> {
    if (history)
      return {iv[0], iv[n], iv[2], iv[n + 1]};
    SmallVector<Value> syms;
    if (map.getNumSymbols())
      syms.push_back(b.safe(b.at(op.getExperts(), iv.take_front(4))));
    Value h = affine::expandAffineExpr(b, b.getLoc(), map.getResult(0), iv.slice(2, heads), syms);
    return {iv[0], iv[n], h}; };
  Value raw = b.sum(scores, {qd.back()}, [&](Ivs iv) {
    Value d = iv.back();
    return b.mul(b.at(q, cat(iv.take_front(n), {d})), b.at(k, cat(keyRow(iv), {d}))); });
  Value scale = b.f(op.getScaleOrDefault().getValueAsDouble());
  Value S = tensor::getMixedSize(b, b.getLoc(), q, 1).dyn_cast<Value>();
  auto extent = [&](OpFoldResult x) { return isa<Value>(x) ? cast<Value>(x) : b.i(cast<IntegerAttr>(cast<Attribute>(x)).getInt()); };
  (void)S;
  Value x = b.map(scores, f32, [&](Ivs iv) {
    Value row = iv[0], s = iv[1], t = iv[n];
    auto length = [&](Value lengths, OpFoldResult all) { return lengths ? b.index(b.at(lengths, {row})) : extent(all); };
    Value kvLen = length(op.getKvLen(), kd[1]), qLen = length(op.getQLen(), qd[1]);
    Value seen = b.both(b.lt(t, kvLen), b.lt(s, qLen));
    if (op.getKvStart())
      seen = b.both(seen, b.le(b.index(b.at(op.getKvStart(), {row})), t));
    Value position = b.add(s, b.sub(kvLen, qLen));
    if (op.getCausal())
      seen = b.both(seen, b.le(t, position));
    if (op.getWindow())
      seen = b.both(seen, b.lt(b.sub(position, b.i(*op.getWindow())), t));
    if (op.getMask())
      seen = b.both(seen, b.at(op.getMask(), {op.getMask().getType().getDimSize(0) == 1 ? b.i(0) : row, s, t}));
    if (op.getExperts()) {
      Value e = b.at(op.getExperts(), iv.take_front(4));
      seen = b.both(seen, b.le(b.i32(0), e));
      if (history)
        seen = b.both(seen, b.eq(e, b.at(op.getHistory(), {row, t, iv[2], iv[n + 1]})));
    }
    Value score = b.mul(scale, b.at(raw, iv));
    if (!op.getScore().empty()) {
      IRMapping mapping;
      Block &body = op.getScore().front();
      mapping.map(body.getArgument(0), score);
      mapping.map(body.getArgument(1), row);
      mapping.map(body.getArgument(2), s);
      mapping.map(body.getArgument(3), t);
      for (unsigned h = 0; h < heads; ++h)
        mapping.map(body.getArgument(4 + h), iv[2 + h]);
      for (Operation &inner : body.without_terminator())
        b.clone(inner, mapping);
      score = mapping.lookupOrDefault(cast<YieldOp>(body.getTerminator()).getScore());
    }
    return b.pick(seen, score, b.f(-inf)); });
  Value m = b.reduce(rows, keys, f32, b.f(-inf), [&](Ivs iv, Value acc) -> Value {
    return arith::MaximumFOp::create(b, acc, b.at(x, iv)); });
  Value p = b.map(scores, f32, [&](Ivs iv) {
    Value top = b.at(m, iv.take_front(n)); // -inf - -inf would be NaN
    return b.exp(b.sub(b.at(x, iv), b.pick(b.eq(top, b.f(-inf)), b.f(0), top))); });
  Value l = b.sum(rows, keys, [&](Ivs iv) { return b.at(p, iv); });
  Dims out = rows;
  out.push_back(b.dims(v).back());
  Value acc = b.sum(out, keys, [&](Ivs iv) { // iv = [rows..., d, keys...]
    SmallVector<Value> at(iv.take_front(n));
    at.append(iv.begin() + n + 1, iv.end());
    // An unseen value row may hold NaN, and 0 * NaN is NaN: it must not be multiplied.
    Value unseen = b.eq(b.at(x, at), b.f(-inf));
    return b.pick(unseen, b.f(0), b.mul(b.at(p, at), b.at(v, cat(keyRow(at), {iv[n]})))); });
  Value o = b.map(out, op.getOutput().getType().getElementType(), [&](Ivs iv) {
    Value total = b.at(l, iv.drop_back());
    return b.pick(b.eq(total, b.f(0)), b.f(0), b.div(b.at(acc, iv), total)); });
  Value lse = b.map(rows, f32, [&](Ivs iv) { return b.add(b.at(m, iv), math::LogOp::create(b, b.at(l, iv))); });
  return {o, lse};
}

SmallVector<Value> decompose(CombineOp op, Spec &b) {
  Value src = op.getSource();
  Dims sd = b.dims(src), token = {sd[0], sd[1]};
  unsigned wn = op.getWeights() ? op.getWeights().getType().getRank() : 0;
  Type element = op.getType().getElementType();
  auto weighed = [&](Ivs at) {
    Value y = b.at(src, at);
    return wn ? b.mul(b.at(op.getWeights(), at.take_front(wn)), y) : y; };
  Value r;
  if (op.getKind() == Combine::Concat)
    r = b.map(sd, element, weighed);
  if (op.getKind() == Combine::Sum) {
    Dims out = token, red(sd.begin() + 2, sd.begin() + wn);
    out.append(sd.begin() + wn, sd.end());
    unsigned rest = out.size() - 2;
    Value f32Sum = b.sum(out, red, [&](Ivs iv) {
      SmallVector<Value> at(iv.take_front(2));
      at.append(iv.begin() + 2 + rest, iv.end());
      at.append(iv.begin() + 2, iv.begin() + 2 + rest);
      return weighed(at); });
    r = b.map(out, element, [&](Ivs iv) { return b.at(f32Sum, iv); });
  }
  if (op.getKind() == Combine::Scatter) {
    Dims out = sd;
    out[3] = b.getIndexAttr(*op.getNumExperts());
    Value f32Sum = b.sum(out, {sd[3]}, [&](Ivs iv) {
      SmallVector<Value> at(iv.drop_back());
      at[3] = iv.back();
      Value mine = b.eq(b.at(op.getExperts(), ArrayRef(at).take_front(4)), b.toI32(iv[3]));
      return b.pick(mine, weighed(at), b.f(0)); });
    r = b.map(out, element, [&](Ivs iv) { return b.at(f32Sum, iv); });
  }
  SmallVector<ReassociationIndices> groups = {{0}, {1}, {}};
  for (int64_t d = 2; d < cast<RankedTensorType>(r.getType()).getRank(); ++d)
    groups.back().push_back(d);
  if (groups.back().size() > 1)
    r = tensor::CollapseShapeOp::create(b, op.getType(), r, groups);
  return {r};
}

SmallVector<Value> decompose(RopeOp op, Spec &b) {
  int64_t half = op.getCos().getType().getDimSize(1);
  unsigned pn = op.getPositions() ? op.getPositions().getType().getRank() : 0;
  return {b.map(b.dims(op.getSource()), op.getType().getElementType(), [&](Ivs iv) {
    Value d = iv.back(), x = b.at(op.getSource(), iv);
    Value row = pn ? b.safe(b.at(op.getPositions(), iv.take_front(pn))) : iv[1];
    Value upper = b.le(b.i(half), d), rotated = b.lt(d, b.i(2 * half));
    Value c = b.pick(upper, b.sub(d, b.i(half)), d);
    c = b.pick(rotated, c, b.i(0));
    Value partner = b.pick(rotated, b.pick(upper, c, b.add(d, b.i(half))), d);
    Value other = b.at(op.getSource(), cat(iv.drop_back(), {partner}));
    Value sin = b.at(op.getSin(), {row, c});
    Value turned = b.add(b.mul(x, b.at(op.getCos(), {row, c})), b.mul(other, b.pick(upper, sin, b.sub(b.f(0), sin))));
    return b.pick(rotated, turned, x); })};
}

SmallVector<Value> decompose(MeanHeadsOp op, Spec &b) {
  Dims sd = b.dims(op.getSource()), out = sd;
  out[2] = b.getIndexAttr(1);
  Value total = b.sum(out, {sd[2]}, [&](Ivs iv) { return b.at(op.getSource(), {iv[0], iv[1], iv[4], iv[3]}); });
  Value n = b.f(op.getSource().getType().getDimSize(2));
  return {b.map(out, op.getType().getElementType(), [&](Ivs iv) { return b.div(b.at(total, iv), n); })};
}

SmallVector<Value> decompose(AppendOp op, Spec &b) {
  Value tokens = b.dims(op.getRows())[1].dyn_cast<Value>();
  if (!tokens)
    tokens = b.i(op.getRows().getType().getDimSize(1));
  bool isFloat = isa<FloatType>(op.getType().getElementType());
  (void)isFloat;
  return {b.map(b.dims(op.getCache()), op.getType().getElementType(), [&](Ivs iv) {
    Value s = b.sub(iv[1], b.index(b.at(op.getPosition(), {iv[0]})));
    Value fresh = b.both(b.le(b.i(0), s), b.lt(s, tokens));
    SmallVector<Value> from(iv);
    from[1] = b.pick(fresh, s, b.i(0));
    return b.pick(fresh, b.at(op.getRows(), from), b.at(op.getCache(), iv)); })};
}

SmallVector<Value> decompose(BalanceLossOp op, Spec &b) {
  Dims pd = b.dims(op.getProbs()), ed = b.dims(op.getExperts()), rm = {pd[2], pd[3]};
  auto shape = op.getProbs().getType().getShape();
  Value f = b.sum(rm, {ed[0], ed[1], ed[3]}, [&](Ivs iv) {
    return b.pick(b.eq(b.at(op.getExperts(), {iv[2], iv[3], iv[0], iv[4]}), b.toI32(iv[1])), b.f(1), b.f(0)); });
  Value P = b.sum(rm, {pd[0], pd[1]}, [&](Ivs iv) { return b.at(op.getProbs(), {iv[2], iv[3], iv[0], iv[1]}); });
  Value n = b.sum({}, {pd[0], pd[1]}, [&](Ivs iv) {
    return b.pick(b.le(b.i32(0), b.at(op.getExperts(), {iv[0], iv[1], b.i(0), b.i(0)})), b.f(1), b.f(0)); });
  float scale = float(shape[3]) / shape[2];
  if (op.getNormalized())
    scale /= op.getExperts().getType().getDimSize(3);
  return {b.sum({}, rm, [&](Ivs iv) {
    Value tokens = b.at(n, {});
    return b.mul(b.f(scale), b.mul(b.div(b.at(f, iv), tokens), b.div(b.at(P, iv), tokens))); })};
}

SmallVector<Value> decompose(SelectTokensOp op, Spec &b) {
  Value logits = op.getLogits();
  Dims all = b.dims(logits);
  Type f32 = b.getF32Type();
  Value l = b.map(all, f32, [&](Ivs iv) { return b.at(logits, iv); });
  Value probs = op.getActivation() == Activation::Sigmoid
                    ? b.map(all, f32, [&](Ivs iv) { return b.div(b.f(1), b.add(b.f(1), b.exp(b.sub(b.f(0), b.at(l, iv))))); })
                    : b.softmax(l);
  auto valid = [&](Value row, Value s) { return op.getValid() ? b.at(op.getValid(), {row, s}) : b.i1(true); };
  auto key = [&](Value row, Value s, Value r, Value m) {
    Value x = b.at(l, {row, s, r, m});
    x = b.pick(b.fcmp(arith::CmpFPredicate::UNO, x, x), b.f(-inf), x);
    return op.getIncludeFirst() ? b.pick(b.eq(s, b.i(0)), b.f(inf), x) : x; };
  Value rank = b.count(all, {all[1]}, [&](Ivs iv) { // among the valid tokens, ties to the earlier one
    Value mine = key(iv[0], iv[1], iv[2], iv[3]), other = key(iv[0], iv[4], iv[2], iv[3]);
    Value first = b.either(b.fcmp(arith::CmpFPredicate::OGT, other, mine), b.both(b.eq(other, mine), b.lt(iv[4], iv[1])));
    return b.zeroOrOne(b.both(first, valid(iv[0], iv[4]))); });
  Value capacity = b.toI32(op.getCapacity());
  auto chosen = [&](Ivs iv) { return b.both(valid(iv[0], iv[1]), b.lt(b.at(rank, iv), capacity)); };
  Value experts = b.map(all, b.getI32Type(), [&](Ivs iv) { return b.pick(chosen(iv), b.toI32(iv[3]), b.i32(-1)); });
  Value weights = b.map(all, f32, [&](Ivs iv) { return b.pick(chosen(iv), b.at(probs, iv), b.f(0)); });
  return {experts, weights, probs};
}

SmallVector<Value> decompose(DispatchOp op, Spec &b) {
  Value experts = op.getExperts();
  Dims ed = b.dims(experts);
  ReifiedRankedShapedTypeDims sizes;
  (void)op.reifyResultShapes(b, sizes);
  int64_t R = op.getExperts().getType().getDimSize(2), k = op.getExperts().getType().getDimSize(3), M = op.getNumExperts();
  Type i32 = b.getI32Type();
  Value tokens = isa<Value>(ed[1]) ? cast<Value>(ed[1]) : b.i(op.getExperts().getType().getDimSize(1));
  Value rank = b.count(ed, {ed[1], ed[3]}, [&](Ivs iv) {
    Value same = b.eq(b.at(experts, iv.take_front(4)), b.at(experts, {iv[0], iv[4], iv[2], iv[5]}));
    Value before = b.either(b.lt(iv[4], iv[1]), b.both(b.eq(iv[4], iv[1]), b.lt(iv[5], iv[3])));
    return b.zeroOrOne(b.both(same, before)); });
  Value raw = rank;
  rank = b.map(ed, i32, [&](Ivs iv) { return b.pick(b.lt(b.at(experts, iv), b.i32(0)), b.i32(-1), b.at(raw, iv)); });
  auto segment = [&](Value row, Value r, Value e) { return b.add(b.mul(b.add(b.mul(row, b.i(R)), r), b.i(M)), e); };
  Value offsets = b.count(sizes[1], ed, [&](Ivs iv) {
    Value e = b.at(experts, iv.drop_front());
    Value before = b.lt(segment(iv[1], iv[3], b.safe(e)), iv[0]);
    return b.zeroOrOne(b.both(b.le(b.i32(0), e), before)); });
  Value rows = b.reduce(sizes[0], ed, i32, b.i32(-1), [&](Ivs iv, Value acc) -> Value {
    Value e = b.at(experts, iv.drop_front());
    Value place = b.add(b.at(offsets, {segment(iv[1], iv[3], b.safe(e))}), b.at(rank, iv.drop_front()));
    Value slot = b.add(b.mul(b.add(b.mul(b.add(b.mul(iv[1], tokens), iv[2]), b.i(R)), iv[3]), b.i(k)), iv[4]);
    Value here = b.both(b.le(b.i32(0), e), b.eq(place, b.toI32(iv[0])));
    return b.pick(here, b.toI32(slot), acc); });
  return {rows, offsets, rank};
}

struct DecomposeRouted : PassWrapper<DecomposeRouted, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(DecomposeRouted)
  StringRef getArgument() const final { return "headgate-decompose-routed"; }
  void getDependentDialects(DialectRegistry &r) const final {
    r.insert<arith::ArithDialect, linalg::LinalgDialect, math::MathDialect, tensor::TensorDialect>();
  }
  void runOnOperation() final {
    SmallVector<Operation *> ops;
    getOperation()->walk([&](Operation *op) {
      if (isa<RoutedDialect>(op->getDialect()) && !isa<YieldOp>(op))
        ops.push_back(op);
    });
    // convert-linalg-to-loops leaves linalg.softmax alone, and no packaged pass splits it
    SmallVector<linalg::SoftmaxOp> softmaxes;
    getOperation()->walk([&](linalg::SoftmaxOp op) { softmaxes.push_back(op); });
    for (linalg::SoftmaxOp op : softmaxes) {
      OpBuilder b(op);
      auto values = op.decomposeOperation(b);
      if (failed(values))
        return signalPassFailure();
      op->replaceAllUsesWith(*values);
      op->erase();
    }
    for (Operation *op : ops) {
      Spec b(op);
      auto values = TypeSwitch<Operation *, SmallVector<Value>>(op)
                        .Case<SelectOp, GatherOp, LinearOp, AttendOp, CombineOp, RopeOp, MeanHeadsOp, AppendOp, BalanceLossOp, SelectTokensOp, DispatchOp>(
                            [&](auto x) { return decompose(x, b); })
                        .Default([](Operation *) { return SmallVector<Value>(); });
      if (values.empty()) {
        op->emitError("has no decomposition in this prototype");
        return signalPassFailure();
      }
      for (auto [from, to] : llvm::zip(op->getResults(), values)) {
        if (from.getType() != to.getType())
          to = tensor::CastOp::create(b, from.getType(), to);
        from.replaceAllUsesWith(to);
      }
      op->erase();
    }
  }
};

} // namespace

void registerDecomposeRouted() { PassRegistration<DecomposeRouted>(); }
