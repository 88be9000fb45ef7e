// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// gather, linear, combine, rope, mean_heads and append as upstream loops. A
// hole (expert -1) gives zeros, whatever its row, weight or bias holds. Source:
// routed-dialect specification 2.3, 2.4 and 2.6 to 2.9.

#include "passes/DecomposeRouted.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace headgate::passes;
using namespace headgate::routed;

Values headgate::passes::decompose(GatherOp op, SpecBuilder &b) {
  Dims out = b.dims(op.getSource());
  out[3] = b.dim(op.getExperts(), 3);
  Type element = op.getType().getElementType();
  return {b.map(out, element, [&](Indices at) {
    Value e = b.read(op.getExperts(), at.take_front(4));
    SmallVector<Value> from(at);
    from[3] = b.safeExpert(e);
    return b.pick(b.isHole(e), b.f32(0), b.read(op.getSource(), from));
  })};
}

//===-- linear -----------------------------------------------------------===//

/// f32 [B,S,R,k,out]: each slot's projection with its bias.
static Value slotProjections(LinearOp op, SpecBuilder &b) {
  Value x = op.getInput(), w = op.getMatrices(), experts = op.getExperts();
  bool transposed = op.getTransposed();
  unsigned rowRank = op.getInput().getType().getRank() - 1;
  Dims out = b.dims(experts);
  out.push_back(b.dim(w, transposed ? 2 : 3));
  OpFoldResult width = b.dim(w, transposed ? 3 : 2);

  auto unlessHole = [&](Indices at, llvm::function_ref<Value(Value)> fn) {
    Value e = b.read(experts, at.take_front(4));
    return b.pick(b.isHole(e), b.f32(0), fn(b.safeExpert(e)));
  };
  Value product = b.sum(out, {width}, [&](Indices at) { // [b,s,r,j,out,in]
    return unlessHole(at, [&](Value e) {
      Value from = b.read(x, join(at.take_front(rowRank), {at[5]}));
      Value matrix = transposed ? b.read(w, {at[2], e, at[4], at[5]})
                                : b.read(w, {at[2], e, at[5], at[4]});
      return b.mul(from, matrix);
    });
  });
  if (!op.getBias())
    return product;
  return b.map(out, b.getF32Type(), [&](Indices at) {
    return unlessHole(at, [&](Value e) {
      return b.add(b.read(product, at),
                   b.read(op.getBias(), {at[2], e, at[4]}));
    });
  });
}

Values headgate::passes::decompose(LinearOp op, SpecBuilder &b) {
  Value slots = slotProjections(op, b);
  Dims all = b.dims(slots);
  auto weighed = [&](Indices at) { // [b,s,r,j,out]
    Value y = b.read(slots, at);
    if (!op.getWeights())
      return y;
    Value e = b.read(op.getExperts(), at.take_front(4));
    Value w = b.read(op.getWeights(), at.take_front(4));
    return b.pick(b.isHole(e), b.f32(0), b.mul(w, y));
  };
  Value result = slots;
  if (op.getSum() == Sum::Slots)
    result = b.sum({all[0], all[1], all[2], all[4]}, {all[3]}, [&](Indices at) {
      return weighed({at[0], at[1], at[2], at[4], at[3]});
    });
  if (op.getSum() == Sum::All)
    result = b.sum({all[0], all[1], all[4]}, {all[2], all[3]}, [&](Indices at) {
      return weighed({at[0], at[1], at[3], at[4], at[2]});
    });
  return {b.rounded(result, op.getType().getElementType())};
}

//===-- combine ----------------------------------------------------------===//

/// Sums of w * o over the `summed` leading head dimensions.
static Value sumOverHeads(SpecBuilder &b, Value source, unsigned summed,
                          llvm::function_ref<Value(Indices)> weighed) {
  Dims all = b.dims(source);
  Dims tokens(all.begin(), all.begin() + 2);
  Dims over(all.begin() + 2, all.begin() + 2 + summed);
  Dims rest(all.begin() + 2 + summed, all.end());
  return b.sumAcross(tokens, over, rest, weighed);
}

/// [B,S,R,M,...]: each expert's sum over the slots that chose it.
static Value scattered(CombineOp op, SpecBuilder &b,
                       llvm::function_ref<Value(Indices)> weighed) {
  Dims out = b.dims(op.getSource());
  OpFoldResult slots = out[3];
  out[3] = b.getIndexAttr(*op.getNumExperts());
  return b.sum(out, {slots}, [&](Indices at) { // [b,s,r,e,rest..,j]
    SmallVector<Value> from(at.drop_back());
    from[3] = at.back();
    Value e = b.read(op.getExperts(), Indices(from).take_front(4));
    Value mine = b.equal(e, b.toI32(at[3]));
    return b.pick(mine, weighed(from), b.f32(0));
  });
}

Values headgate::passes::decompose(CombineOp op, SpecBuilder &b) {
  Value source = op.getSource();
  unsigned weightRank =
      op.getWeights() ? op.getWeights().getType().getRank() : 0;
  auto weighed = [&](Indices at) {
    Value o = b.read(source, at);
    if (!weightRank)
      return o;
    return b.mul(b.read(op.getWeights(), at.take_front(weightRank)), o);
  };
  Type element = op.getType().getElementType();
  Value heads;
  switch (op.getKind()) {
  case Combine::Concat:
    heads = b.map(b.dims(source), element, weighed);
    break;
  case Combine::Sum:
    heads =
        b.rounded(sumOverHeads(b, source, weightRank - 2, weighed), element);
    break;
  case Combine::Scatter:
    heads = b.rounded(scattered(op, b, weighed), element);
    break;
  }
  SmallVector<ReassociationIndices> groups = {{0}, {1}, {}};
  int64_t rank = cast<RankedTensorType>(heads.getType()).getRank();
  for (int64_t d = 2; d < rank; ++d)
    groups.back().push_back(d);
  if (rank > 3)
    heads = tensor::CollapseShapeOp::create(b, heads, groups);
  return {heads};
}

//===-- rope, mean_heads, append -----------------------------------------===//

/// The row of the tables for the source row of `at`.
static Value tableRow(RopeOp op, SpecBuilder &b, Indices at) {
  if (!op.getPositions())
    return at[1];
  unsigned rank = op.getPositions().getType().getRank();
  return b.safeExpert(b.read(op.getPositions(), at.take_front(rank)));
}

/// x cos - other sin in the lower half, x cos + other sin in the upper.
static Value turned(SpecBuilder &b, Value x, Value other, Value cos, Value sin,
                    Value isUpper) {
  Value signedSin = b.pick(isUpper, sin, b.sub(b.f32(0), sin));
  return b.add(b.mul(x, cos), b.mul(other, signedSin));
}

/// Rows that turn as a whole: halves and components are loops of their own, in
/// which all reads are of neighbours.
static Value turnedWhole(RopeOp op, SpecBuilder &b, int64_t half) {
  Value source = op.getSource();
  Dims out = b.dims(source);
  out.pop_back();
  unsigned lead = out.size();
  out.append({b.getIndexAttr(2), b.getIndexAttr(half)});
  Value halves = b.map(out, op.getType().getElementType(), [&](Indices at) {
    Value h = at[lead], c = at.back(), width = b.index(half);
    auto readHalf = [&](Value which) {
      Value component = b.add(b.mul(which, width), c);
      return b.read(source, join(at.take_front(lead), {component}));
    };
    Value x = readHalf(h), other = readHalf(b.sub(b.index(1), h));
    Value row = tableRow(op, b, at), isUpper = b.less(b.index(0), h);
    return turned(b, x, other, b.read(op.getCos(), {row, c}),
                  b.read(op.getSin(), {row, c}), isUpper);
  });
  SmallVector<ReassociationIndices> groups;
  for (unsigned d = 0; d < lead; ++d)
    groups.push_back({d});
  groups.push_back({lead, lead + 1});
  return tensor::CollapseShapeOp::create(b, halves, groups);
}

Values headgate::passes::decompose(RopeOp op, SpecBuilder &b) {
  int64_t half = op.getCos().getType().getDimSize(1);
  if (2 * half == op.getType().getShape().back())
    return {turnedWhole(op, b, half)};
  Type element = op.getType().getElementType();
  return {b.map(b.dims(op.getSource()), element, [&](Indices at) {
    Value c = at.back(), x = b.read(op.getSource(), at);
    Value row = tableRow(op, b, at);
    Value isUpper = b.lessOrEqual(b.index(half), c);
    Value isRotated = b.less(c, b.index(2 * half));
    Value lower = b.pick(isUpper, b.sub(c, b.index(half)), c);
    Value angle = b.pick(isRotated, lower, b.index(0));
    Value partner = b.pick(isUpper, angle, b.add(angle, b.index(half)));
    Value other = b.read(op.getSource(), join(at.drop_back(), {partner}));
    Value y = turned(b, x, other, b.read(op.getCos(), {row, angle}),
                     b.read(op.getSin(), {row, angle}), isUpper);
    return b.pick(isRotated, y, x);
  })};
}

Values headgate::passes::decompose(MeanHeadsOp op, SpecBuilder &b) {
  Value source = op.getSource();
  Dims all = b.dims(source), out(all);
  out[2] = b.getIndexAttr(1);
  Value total = b.sumAcross({all[0], all[1]}, {all[2]}, {all[3]},
                            [&](Indices at) { return b.read(source, at); });
  Value heads = b.f32(op.getSource().getType().getDimSize(2));
  return {b.map(out, op.getType().getElementType(), [&](Indices at) {
    return b.div(b.read(total, {at[0], at[1], at[3]}), heads);
  })};
}

Values headgate::passes::decompose(AppendOp op, SpecBuilder &b) {
  Value tokens = b.value(b.dim(op.getRows(), 1));
  Dims all = b.dims(op.getCache());
  return {b.map(all, op.getType().getElementType(), [&](Indices at) {
    Value s = b.sub(at[1], b.toIndex(b.read(op.getPosition(), {at[0]})));
    Value fresh = b.both(b.lessOrEqual(b.index(0), s), b.less(s, tokens));
    return b.choose(
        fresh,
        [&] {
          SmallVector<Value> from(at);
          from[1] = s;
          return b.read(op.getRows(), from);
        },
        [&] { return b.read(op.getCache(), at); });
  })};
}
