// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   for each slot j:  best = max over m of key
//                     e    = min over the m with key == best of m
//                     key  = NaN at e
//
// NaN marks who was chosen: a maximum skips it and it equals nothing, so a row
// of -inf still gives its experts in order. Keys themselves are never NaN, it
// counts as -inf. Equality of floats makes -0 and +0 a tie, which the smaller
// index wins. Covered by test/passes/lower-rows-to-tile.mlir, and by execution
// in test/passes/tile.

#include "passes/SelectProgram.h"

#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>
#include <numbers>

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;
using namespace headgate::routed;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float notANumber = std::numeric_limits<float>::quiet_NaN();
/// A token's experts are unrolled, on a GPU in the registers of one lane.
constexpr int64_t maxExperts = 64, maxSlots = 64;

/// What is chosen in one group: a tile of rank 1 for each slot.
struct Choice {
  Value group;
  SmallVector<Value> experts, weights;
  Value probs; ///< [rows, M]
};

class Select {
public:
  Select(TileBuilder &b, TokenTiles &tiles, SelectOp op, Value batch,
         const SelectResults &results)
      : b(b), tiles(tiles), op(op), batch(batch), results(results),
        rows(tiles.rowCount()), M(op.getLogits().getType().getDimSize(3)),
        k(op.getK()) {}

  LogicalResult run(Value onlyGroup) {
    int64_t groups = onlyGroup ? 1 : op.getLogits().getType().getDimSize(2);
    if (M > maxExperts || groups * k > maxSlots)
      return tiles.refuse(op, "it has too many experts or slots");
    if (op.getValid()) {
      FailureOr<TokenTile> valid =
          tiles.of(op.getValid(), {at(batch), {Coordinate::token}});
      if (failed(valid))
        return failure();
      live = tiles.spread(*valid, true, 0);
    }
    SmallVector<Choice> choices;
    for (int64_t r = 0; r < groups; ++r) {
      FailureOr<Choice> choice = choose(onlyGroup ? onlyGroup : b.index(r));
      if (failed(choice))
        return failure();
      choices.push_back(*choice);
    }
    if (!results.weights.empty())
      normalize(choices);
    for (const Choice &choice : choices)
      if (failed(storeChoice(choice)))
        return failure();
    return success();
  }

private:
  static Coordinate at(Value index) { return {Coordinate::uniform, index}; }
  Coordinate experts() { return {Coordinate::column, b.index(0), M}; }

  Value repeat(Value perRow) { return b.repeat(perRow, 1, {rows, M}); }
  Value repeatColumns(Value perColumn) {
    return b.repeat(perColumn, 0, {rows, M});
  }
  Value reduce(tile::Reduction kind, Value tile) {
    auto type = b.type(rows, elementOf(tile));
    return tile::ReduceOp::create(b, type, kind, tile);
  }
  Value compare(arith::CmpFPredicate predicate, Value x, Value y) {
    return arith::CmpFOp::create(b, predicate, x, y);
  }

  //===-- probabilities --------------------------------------------------===//

  /// exp(x) of f32.
  Value exponential(Value x) {
    auto shape = cast<RankedTensorType>(x.getType()).getShape();
    Value c = b.constant(shape, float(std::numbers::log2e));
    return math::Exp2Op::create(b, arith::MulFOp::create(b, x, c).getResult());
  }
  /// `max`, or 0 where a row has nothing but -inf.
  Value shiftOf(Value max) {
    Value isLow =
        compare(arith::CmpFPredicate::OEQ, max, b.constant(rows, -infinity));
    return b.select(isLow, b.constant(rows, 0), max);
  }
  /// 1 / `sum`, or 0 for the sum of such a row.
  Value inverseOf(Value sum) {
    Value zero = b.constant(rows, 0);
    Value isEmpty = compare(arith::CmpFPredicate::OEQ, sum, zero);
    Value inverse = arith::DivFOp::create(b, b.constant(rows, 1), sum);
    return b.select(isEmpty, zero, inverse);
  }

  Value probabilities(Value logits) {
    switch (op.getActivation()) {
    case Activation::Ones:
      return b.constant({rows, M}, 1);
    case Activation::Sigmoid: {
      Value one = b.constant({rows, M}, 1);
      Value e = exponential(arith::NegFOp::create(b, logits));
      return arith::DivFOp::create(
          b, one, arith::AddFOp::create(b, e, one).getResult());
    }
    case Activation::SoftmaxAll:
    case Activation::SoftmaxTopk: {
      Value shift = repeat(shiftOf(reduce(tile::Reduction::Max, logits)));
      Value e = exponential(arith::SubFOp::create(b, logits, shift));
      Value inverse = inverseOf(reduce(tile::Reduction::Add, e));
      return arith::MulFOp::create(b, e, repeat(inverse));
    }
    }
    llvm_unreachable("all activations are listed");
  }

  /// A softmax over tiles of rank 1, one for each slot.
  SmallVector<Value> softmaxOverSlots(ArrayRef<Value> logits) {
    Value max = logits[0];
    for (Value l : logits.drop_front())
      max = arith::MaxNumFOp::create(b, max, l);
    Value shift = shiftOf(max), sum;
    SmallVector<Value> result;
    for (Value l : logits) {
      Value e = exponential(arith::SubFOp::create(b, l, shift));
      result.push_back(e);
      sum = sum ? arith::AddFOp::create(b, sum, e).getResult() : e;
    }
    Value inverse = inverseOf(sum);
    for (Value &e : result)
      e = arith::MulFOp::create(b, e, inverse);
    return result;
  }

  //===-- the choice -----------------------------------------------------===//

  FailureOr<Value> keysOf(Value logits, Value probs, Value group) {
    Value key = logits;
    if (op.getBias()) {
      FailureOr<TokenTile> bias =
          tiles.of(op.getBias(), {at(group), experts()});
      if (failed(bias))
        return failure();
      key = arith::AddFOp::create(b, probs, tiles.spread(*bias, true, M));
    }
    Value isNaN = compare(arith::CmpFPredicate::UNO, key, key);
    return b.select(isNaN, b.constant({rows, M}, -infinity), key);
  }

  /// The k experts, in rank order.
  SmallVector<Value> firstByKey(Value key) {
    Value numbers = repeatColumns(b.iota(M));
    Value none = b.constantI32({rows, M}, M);
    SmallVector<Value> chosen;
    for (int64_t j = 0; j < k; ++j) {
      Value best = repeat(reduce(tile::Reduction::Max, key));
      Value isBest = compare(arith::CmpFPredicate::OEQ, key, best);
      Value expert =
          reduce(tile::Reduction::Min, b.select(isBest, numbers, none));
      chosen.push_back(expert);
      if (j + 1 == k && op.getOrder() == Order::Rank)
        break;
      key = b.select(isExpert(expert), b.constant({rows, M}, notANumber), key);
    }
    if (op.getOrder() == Order::Rank)
      return chosen;
    // By index: those that are marked, from the smallest on.
    Value marked = compare(arith::CmpFPredicate::UNO, key, key);
    Value left = b.select(marked, numbers, none);
    for (Value &expert : chosen) {
      expert = reduce(tile::Reduction::Min, left);
      left = b.select(isExpert(expert), none, left);
    }
    return chosen;
  }

  Value isExpert(Value expert) {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::eq,
                                 repeatColumns(b.iota(M)), repeat(expert));
  }

  /// `tile` at the column of each row's expert.
  Value pick(Value tile, Value expert) {
    Value zero = b.constant({rows, M}, 0);
    return reduce(tile::Reduction::Add, b.select(isExpert(expert), tile, zero));
  }

  FailureOr<Choice> choose(Value group) {
    FailureOr<TokenTile> loaded = tiles.of(
        op.getLogits(), {at(batch), {Coordinate::token}, at(group), experts()});
    if (failed(loaded))
      return failure();
    Value logits = tiles.spread(tiles.widened(*loaded), true, M);
    Choice choice{group, {}, {}, probabilities(logits)};
    if (results.experts.empty() && results.weights.empty())
      return choice;
    FailureOr<Value> key = keysOf(logits, choice.probs, group);
    if (failed(key))
      return failure();
    choice.experts = firstByKey(*key);
    if (results.weights.empty())
      return choice;
    bool isOfChosen = op.getActivation() == Activation::SoftmaxTopk;
    for (Value expert : choice.experts)
      choice.weights.push_back(
          pick(isOfChosen ? logits : choice.probs, expert));
    if (isOfChosen)
      choice.weights = softmaxOverSlots(choice.weights);
    return choice;
  }

  /// Divides by the sum of each group, or of all, and scales.
  void normalize(MutableArrayRef<Choice> choices) {
    if (op.getNorm() == Norm::Group)
      for (Choice &choice : choices)
        divideBySum(choice);
    if (op.getNorm() == Norm::Token)
      divideBySum(choices);
    float scale = op.getScale().convertToFloat();
    if (scale == 1)
      return;
    for (Choice &choice : choices)
      for (Value &w : choice.weights)
        w = arith::MulFOp::create(b, w, b.constant(rows, scale));
  }

  void divideBySum(MutableArrayRef<Choice> choices) {
    Value sum;
    for (const Choice &choice : choices)
      for (Value w : choice.weights)
        sum = sum ? arith::AddFOp::create(b, sum, w).getResult() : w;
    Value eps = b.constant(rows, op.getEps().convertToFloat());
    // A sum that is NaN stays NaN.
    Value isSmall = compare(arith::CmpFPredicate::OLT, sum, eps);
    Value divisor = b.select(isSmall, eps, sum);
    for (Choice &choice : choices)
      for (Value &w : choice.weights)
        w = arith::DivFOp::create(b, w, divisor);
  }

  //===-- results --------------------------------------------------------===//

  LogicalResult storeChoice(const Choice &choice) {
    for (int64_t j = 0; j < k; ++j) {
      TokenRegion slot = {
          at(batch), {Coordinate::token}, at(choice.group), at(b.index(j))};
      for (Value buffer : results.experts)
        if (failed(storeTile(ifLive(choice.experts[j], b.constantI32(rows, -1)),
                             buffer, slot)))
          return failure();
      for (Value buffer : results.weights)
        if (failed(storeTile(ifLive(choice.weights[j], b.constant(rows, 0)),
                             buffer, slot)))
          return failure();
    }
    TokenRegion group = {
        at(batch), {Coordinate::token}, at(choice.group), experts()};
    for (Value buffer : results.probs) {
      Value probs = choice.probs;
      if (live)
        probs = b.select(repeat(live), probs, b.constant({rows, M}, 0));
      if (failed(tiles.store(op, {probs, true, M}, buffer, group, M)))
        return failure();
    }
    return success();
  }

  LogicalResult storeTile(Value tile, Value buffer, const TokenRegion &region) {
    return tiles.store(op, {tile, true}, buffer, region, 0);
  }
  Value ifLive(Value tile, Value otherwise) {
    return live ? b.select(live, tile, otherwise) : tile;
  }

  TileBuilder &b;
  TokenTiles &tiles;
  SelectOp op;
  Value batch;
  const SelectResults &results;
  int64_t rows, M, k;
  Value live; ///< i1 for each row; null: all are
};

} // namespace

LogicalResult headgate::passes::buildSelect(TileBuilder &b, TokenTiles &tiles,
                                            SelectOp op, Value batch,
                                            Value group,
                                            const SelectResults &results) {
  return Select(b, tiles, op, batch, results).run(group);
}
