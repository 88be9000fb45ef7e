// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// select, select_tokens, dispatch and balance_loss as upstream loops.
//
// A choice is a count, not a sort: the rank of an expert is the number of
// experts before it in the order (key descending, index ascending), which is
// total once NaN keys are -inf. Exact in ties, -0 and rows of -inf. Source:
// routed-dialect specification 2.1, 2.2, 2.10, 2.11.

#include "passes/DecomposeRouted.h"

#include <limits>

using namespace mlir;
using namespace headgate::passes;
using namespace headgate::routed;

static constexpr float infinity = std::numeric_limits<float>::infinity();

/// Is the entry with key `other` at `otherIndex` before `mine` at `mineIndex`?
static Value isBefore(SpecBuilder &b, Value other, Value otherIndex, Value mine,
                      Value mineIndex) {
  Value tie = b.both(b.equal(other, mine), b.less(otherIndex, mineIndex));
  return b.either(b.less(mine, other), tie);
}

/// NaN counts as -inf in a choice, and only there.
static Value cleanKey(SpecBuilder &b, Value key) {
  return b.pick(b.isNaN(key), b.f32(-infinity), key);
}

static Value probabilities(SpecBuilder &b, Value logits,
                           Activation activation) {
  Dims all = b.dims(logits);
  switch (activation) {
  case Activation::Sigmoid:
    return b.map(all, b.getF32Type(),
                 [&](Indices at) { return b.sigmoid(b.read(logits, at)); });
  case Activation::Ones:
    return b.map(all, b.getF32Type(), [&](Indices) { return b.f32(1); });
  case Activation::SoftmaxAll:
  case Activation::SoftmaxTopk:
    return b.softmax(logits);
  }
  llvm_unreachable("all activations are listed");
}

/// x[b,s,r,*] of `at` = [b,s,r,...] with its last index replaced.
static SmallVector<Value> inGroup(Indices at, Value last) {
  return join(at.take_front(3), {last});
}

//===-- select -----------------------------------------------------------===//

/// i32 [B,S,R,M]: the slot of each expert, or at least k if it is not chosen.
static Value slotOfExpert(SelectOp op, SpecBuilder &b, Value key) {
  Dims all = b.dims(key), group = {all[3]};
  Value rank = b.count(all, group, [&](Indices at) {
    return isBefore(b, b.read(key, inGroup(at, at[4])), at[4],
                    b.read(key, at.take_front(4)), at[3]);
  });
  if (op.getOrder() == Order::Rank)
    return rank;
  Value k = b.i32(op.getK());
  Value chosenBefore = b.count(all, group, [&](Indices at) {
    Value chosen = b.less(b.read(rank, inGroup(at, at[4])), k);
    return b.both(chosen, b.less(at[4], at[3]));
  });
  return b.map(all, b.getI32Type(), [&](Indices at) {
    return b.pick(b.less(b.read(rank, at), k), b.read(chosenBefore, at), k);
  });
}

static Value normalized(SelectOp op, SpecBuilder &b, Value weights) {
  if (op.getNorm() == Norm::None)
    return weights;
  Dims slots = b.dims(weights);
  unsigned kept = op.getNorm() == Norm::Group ? 3 : 2;
  Dims outer(slots.begin(), slots.begin() + kept);
  Dims over(slots.begin() + kept, slots.end());
  Value total =
      b.sum(outer, over, [&](Indices at) { return b.read(weights, at); });
  Value eps = b.f32(op.getEps().convertToFloat());
  return b.map(slots, b.getF32Type(), [&](Indices at) {
    Value sum = b.max(b.read(total, at.take_front(kept)), eps);
    return b.div(b.read(weights, at), sum);
  });
}

Values headgate::passes::decompose(SelectOp op, SpecBuilder &b) {
  Type f32 = b.getF32Type();
  Value logits = b.widened(op.getLogits());
  Dims all = b.dims(logits), slots(all);
  slots[3] = b.getIndexAttr(op.getK());

  Value probs = probabilities(b, logits, op.getActivation());
  Value key = b.map(all, f32, [&](Indices at) {
    if (!op.getBias())
      return cleanKey(b, b.read(logits, at));
    Value bias = b.read(op.getBias(), at.drop_front(2));
    return cleanKey(b, b.add(b.read(probs, at), bias));
  });
  Value slot = slotOfExpert(op, b, key);
  Value experts = b.reduce(
      slots, {all[3]}, b.getI32Type(), b.i32(0), [&](Indices at, Value sofar) {
        Value here = b.equal(b.read(slot, inGroup(at, at[4])), b.toI32(at[3]));
        return b.pick(here, b.toI32(at[4]), sofar);
      });
  auto chosen = [&](Value of) {
    return b.map(slots, f32, [&](Indices at) {
      return b.read(of, inGroup(at, b.toIndex(b.read(experts, at))));
    });
  };
  Value weights = op.getActivation() == Activation::SoftmaxTopk
                      ? b.softmax(chosen(logits))
                      : chosen(probs);
  weights = normalized(op, b, weights);

  Value scale = b.f32(op.getScale().convertToFloat());
  auto ifValid = [&](Indices at, Value x, Value otherwise) {
    if (!op.getValid())
      return x;
    return b.pick(b.read(op.getValid(), at.take_front(2)), x, otherwise);
  };
  Value liveExperts = b.map(slots, b.getI32Type(), [&](Indices at) {
    return ifValid(at, b.read(experts, at), b.i32(-1));
  });
  Value liveWeights = b.map(slots, f32, [&](Indices at) {
    return ifValid(at, b.mul(b.read(weights, at), scale), b.f32(0));
  });
  Value liveProbs = b.map(all, f32, [&](Indices at) {
    return ifValid(at, b.read(probs, at), b.f32(0));
  });
  return {liveExperts, liveWeights, liveProbs};
}

//===-- select_tokens ----------------------------------------------------===//

Values headgate::passes::decompose(SelectTokensOp op, SpecBuilder &b) {
  Type f32 = b.getF32Type();
  Value logits = b.widened(op.getLogits());
  Dims all = b.dims(logits);
  Value rawProbs = probabilities(b, logits, op.getActivation());

  auto valid = [&](Value batch, Value token) {
    return op.getValid() ? b.read(op.getValid(), {batch, token})
                         : b.boolean(true);
  };
  auto keyOf = [&](Indices at, Value token) {
    Value key = cleanKey(b, b.read(logits, {at[0], token, at[2], at[3]}));
    if (!op.getIncludeFirst())
      return key;
    return b.pick(b.equal(token, b.index(0)), b.f32(infinity), key);
  };
  // Among the valid tokens, ties to the earlier one.
  Value rank = b.count(all, {all[1]}, [&](Indices at) {
    Value before =
        isBefore(b, keyOf(at, at[4]), at[4], keyOf(at, at[1]), at[1]);
    return b.both(before, valid(at[0], at[4]));
  });
  auto chosen = [&](Indices at) {
    Value fits = b.less(b.toIndex(b.read(rank, at)), op.getCapacity());
    return b.both(valid(at[0], at[1]), fits);
  };
  Value experts = b.map(all, b.getI32Type(), [&](Indices at) {
    return b.pick(chosen(at), b.toI32(at[3]), b.i32(-1));
  });
  Value weights = b.map(all, f32, [&](Indices at) {
    return b.pick(chosen(at), b.read(rawProbs, at), b.f32(0));
  });
  Value probs = b.map(all, f32, [&](Indices at) {
    return b.pick(valid(at[0], at[1]), b.read(rawProbs, at), b.f32(0));
  });
  return {experts, weights, probs};
}

//===-- dispatch ---------------------------------------------------------===//

Values headgate::passes::decompose(DispatchOp op, SpecBuilder &b) {
  Value experts = op.getExperts();
  Dims all = b.dims(experts);
  Type i32 = b.getI32Type();
  Value tokens = b.value(all[1]), R = b.value(all[2]), k = b.value(all[3]);
  Value M = b.index(op.getNumExperts());

  // The position inside a segment: how many slots of the same expert in the
  // same group come before, by token and then by slot.
  Value rank = b.count(all, {all[1], all[3]}, [&](Indices at) {
    Value same = b.equal(b.read(experts, at.take_front(4)),
                         b.read(experts, {at[0], at[4], at[2], at[5]}));
    Value earlier =
        b.either(b.less(at[4], at[1]),
                 b.both(b.equal(at[4], at[1]), b.less(at[5], at[3])));
    return b.both(same, earlier);
  });
  Value liveRank = b.map(all, i32, [&](Indices at) {
    return b.pick(b.isHole(b.read(experts, at)), b.i32(-1), b.read(rank, at));
  });

  auto segment = [&](Value batch, Value group, Value expert) {
    return b.add(b.mul(b.add(b.mul(batch, R), group), M), expert);
  };
  Value segments = b.mul(b.mul(b.value(all[0]), R), M);
  Value offsets = b.count(
      {OpFoldResult(b.add(segments, b.index(1)))}, all, [&](Indices at) {
        Value e = b.read(experts, at.drop_front());
        Value mine = segment(at[1], at[3], b.safeExpert(e));
        return b.both(b.lessOrEqual(b.i32(0), e), b.less(mine, at[0]));
      });
  Value slots = b.mul(b.mul(b.mul(b.value(all[0]), tokens), R), k);
  Value rows = b.reduce(
      {OpFoldResult(slots)}, all, i32, b.i32(-1), [&](Indices at, Value sofar) {
        Value e = b.read(experts, at.drop_front());
        Value begin = b.read(offsets, {segment(at[1], at[3], b.safeExpert(e))});
        Value place = b.add(begin, b.read(liveRank, at.drop_front()));
        Value token = b.add(b.mul(at[1], tokens), at[2]);
        Value slot = b.add(b.mul(b.add(b.mul(token, R), at[3]), k), at[4]);
        Value here =
            b.both(b.lessOrEqual(b.i32(0), e), b.equal(place, b.toI32(at[0])));
        return b.pick(here, b.toI32(slot), sofar);
      });
  return {rows, offsets, liveRank};
}

//===-- balance_loss -----------------------------------------------------===//

Values headgate::passes::decompose(BalanceLossOp op, SpecBuilder &b) {
  Value probs = op.getProbs(), experts = op.getExperts();
  Dims p = b.dims(probs), e = b.dims(experts), perExpert = {p[2], p[3]};

  Value uses = b.sum(perExpert, {e[0], e[1], e[3]}, [&](Indices at) {
    Value chosen = b.read(experts, {at[2], at[3], at[0], at[4]});
    return b.pick(b.equal(chosen, b.toI32(at[1])), b.f32(1), b.f32(0));
  });
  Value mass = b.sum(perExpert, {p[0], p[1]}, [&](Indices at) {
    return b.read(probs, {at[2], at[3], at[0], at[1]});
  });
  Value live = b.sum({}, {p[0], p[1]}, [&](Indices at) {
    Value first = b.read(experts, {at[0], at[1], b.index(0), b.index(0)});
    return b.pick(b.isHole(first), b.f32(0), b.f32(1));
  });
  // mean over r, times M; `normalized` makes f sum to one.
  ArrayRef<int64_t> shape = op.getProbs().getType().getShape();
  float factor = float(shape[3]) / float(shape[2]);
  if (op.getNormalized())
    factor /= float(op.getExperts().getType().getDimSize(3));
  return {b.sum({}, perExpert, [&](Indices at) {
    Value n = b.read(live, {});
    Value f = b.div(b.read(uses, at), n), P = b.div(b.read(mass, at), n);
    return b.mul(b.f32(factor), b.mul(f, P));
  })};
}
