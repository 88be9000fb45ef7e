// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/StreamLoop.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

bool isConstant(Value value, int64_t number) {
  APInt constant;
  return matchPattern(value, m_ConstantInt(&constant)) &&
         constant.getSExtValue() == number;
}

bool isOutside(Value value, scf::ForOp loop) {
  return loop.isDefinedOutsideOfLoop(value);
}

/// Whether `value` depends on the turn of the loop, and on nothing in it but
/// pure arithmetic on its number.
enum class Dependence { none, number, more };

Dependence dependenceOf(Value value, scf::ForOp loop) {
  if (isOutside(value, loop))
    return Dependence::none;
  if (value == loop.getInductionVar())
    return Dependence::number;
  Operation *op = value.getDefiningOp();
  if (!op || op->getParentOp() != loop || op->getNumRegions() || !isPure(op))
    return Dependence::more;
  Dependence most = Dependence::none;
  for (Value operand : op->getOperands())
    most = std::max(most, dependenceOf(operand, loop));
  return most;
}

/// Finds the parts of a loop, rule by rule; the first that fails is `refusal`.
class Matcher {
public:
  explicit Matcher(scf::ForOp loop) { found.loop = loop; }

  std::variant<StreamLoop, Refusal> run() {
    if (isCounted() && isWalked() && isPlain() && hasProducts() && hasStreams())
      return found;
    return refusal;
  }

private:
  bool refuse(Operation *op, const char *rule, const Twine &why) {
    refusal = {op, (why + " (" + rule + ")").str()};
    return false;
  }

  bool isCounted();
  bool isWalked();
  bool isPlain();
  bool hasProducts();
  bool isProjection();
  bool isAttention();
  bool carriesSums(bool mayScale);
  bool hasStreams();
  bool addStream(Value factor, tile::DotOp dot);

  bool isOutside(Value value) { return ::isOutside(value, found.loop); }

  StreamLoop found;
  SmallVector<tile::DotOp> dots;
  Refusal refusal;
};

bool Matcher::isCounted() {
  scf::ForOp loop = found.loop;
  if (!isConstant(loop.getLowerBound(), 0) || !isConstant(loop.getStep(), 1))
    return refuse(loop, "S1", "it does not count from 0 in steps of 1");
  return true;
}

bool Matcher::isWalked() {
  Value i = found.loop.getInductionVar(), last;
  bool isDirect = false;
  for (Operation *user : i.getUsers()) {
    auto sub = dyn_cast<arith::SubIOp>(user);
    if (!sub || sub.getRhs() != i || sub.getLhs() == i ||
        !isOutside(sub.getLhs())) {
      isDirect = true;
      continue;
    }
    if (last && last != sub.getLhs())
      return refuse(found.loop, "S2", "the loop is walked from two ends");
    last = sub.getLhs();
  }
  if (last && isDirect)
    return refuse(found.loop, "S2", "the loop is walked in both directions");
  return true;
}

/// S5 and S6, and where the products are.
bool Matcher::isPlain() {
  for (Operation &op : *found.loop.getBody()) {
    WalkResult walked = op.walk<WalkOrder::PreOrder>([&](Operation *inner) {
      if (isa<LoopLikeOpInterface>(inner))
        return refuse(inner, "S6", "it is a loop inside the loop"),
               WalkResult::interrupt();
      if (isa<tile::StoreOp>(inner))
        return refuse(inner, "S6", "it stores inside the loop"),
               WalkResult::interrupt();
      if (auto dot = dyn_cast<tile::DotOp>(inner)) {
        if (inner != &op)
          return refuse(inner, "S4", "it is under a condition"),
                 WalkResult::interrupt();
        if (dot.getHeads() > 1)
          return refuse(inner, "S4", "it multiplies several heads at once"),
                 WalkResult::interrupt();
        dots.push_back(dot);
      }
      if (!isa<scf::IfOp, scf::YieldOp, tile::LoadOp, memref::LoadOp>(inner) &&
          !isPure(inner))
        return refuse(inner, "S5", "it has effects inside the loop"),
               WalkResult::interrupt();
      return WalkResult::advance();
    });
    if (walked.wasInterrupted())
      return false;
  }
  return true;
}

bool Matcher::hasProducts() {
  if (dots.size() == 1)
    return isProjection();
  if (dots.size() == 2)
    return isAttention();
  return refuse(found.loop, "S4", "it has " + Twine(dots.size()) + " products");
}

bool Matcher::isProjection() {
  found.sums = dots.front();
  return carriesSums(/*mayScale=*/false);
}

bool Matcher::isAttention() {
  found.scores = dots.front();
  found.sums = dots.back();
  if (found.scores.getAcc())
    return refuse(found.scores, "S4", "it adds to something");
  if (!found.scores.getTranspose())
    return refuse(found.scores, "S4", "its right factor is not transposed");
  if (!isOutside(found.scores.getLhs()))
    return refuse(found.scores, "S4",
                  "its left factor is not from outside the loop");
  SetVector<Operation *> before;
  BackwardSliceOptions options;
  options.omitBlockArguments = true;
  options.omitUsesFromAbove = false; // of the branch that hides scores
  options.filter = [&](Operation *op) {
    return found.loop->isProperAncestor(op);
  };
  if (failed(getBackwardSlice(found.sums.getLhs(), &before, options)) ||
      !before.contains(found.scores))
    return refuse(found.sums, "S4",
                  "its left factor is not computed from the scores");
  return carriesSums(/*mayScale=*/true);
}

/// Whether the last product adds to a carried tile and gives its next value.
bool Matcher::carriesSums(bool mayScale) {
  Value start = found.sums.getAcc();
  if (mayScale && start)
    if (auto product = start.getDefiningOp<arith::MulFOp>())
      for (unsigned i : {0, 1}) {
        auto factor = product.getOperand(i).getDefiningOp<tile::BroadcastOp>();
        if (factor && factor.getAlong() == 1 && product->hasOneUse()) {
          start = product.getOperand(1 - i);
          break;
        }
      }
  auto carried = dyn_cast_if_present<BlockArgument>(start);
  if (!carried || carried.getOwner() != found.loop.getBody() ||
      carried == found.loop.getInductionVar() || !carried.hasOneUse())
    return refuse(found.sums, "S4", "it does not add to a carried tile");
  OpOperand *yielded = found.loop.getTiedLoopYieldedValue(carried);
  if (!found.sums->hasOneUse() || yielded->get() != found.sums.getResult())
    return refuse(found.sums, "S4", "its sums are not carried on as they are");
  return true;
}

bool Matcher::hasStreams() {
  tile::DotOp first = dots.front();
  if (!isOutside(first.getLhs()) && !addStream(first.getLhs(), first))
    return false;
  for (tile::DotOp dot : dots)
    if (!addStream(dot.getRhs(), dot))
      return false;
  return true;
}

bool Matcher::addStream(Value factor, tile::DotOp dot) {
  for (Stream &stream : found.streams)
    if (stream.load.getResult() == factor)
      return stream.dots.push_back(dot), true;
  auto load = factor.getDefiningOp<tile::LoadOp>();
  if (!load || load->getParentOp() != found.loop)
    return refuse(dot, "S3", "a factor is not loaded in the loop");
  for (Operation *user : load->getUsers())
    if (!isa<tile::DotOp>(user))
      return refuse(load, "S3", "it is used by others than products");
  if (dot.getLhs() == dot.getRhs())
    return refuse(load, "S3", "it is both factors of a product");
  if (!isOutside(load.getSource()))
    return refuse(load, "S3", "its memref is not from outside the loop");
  if (!llvm::all_of(load.getRows(), [&](Value r) { return isOutside(r); }))
    return refuse(load, "S3", "its rows are not from outside the loop");
  Dependence most = Dependence::none;
  for (Value coord : load.getCoords())
    most = std::max(most, dependenceOf(coord, found.loop));
  if (most == Dependence::more)
    return refuse(load, "S3", "its place depends on more than the turn");
  if (most == Dependence::none)
    return refuse(load, "S3", "its window does not move");
  found.streams.push_back({load, {dot}});
  return true;
}

//===-- where a stream goes ----------------------------------------------===//

/// number * i + count * n + rest, where i is the turn of a loop of n turns;
/// modulo 2^64, as indices are.
struct Linear {
  uint64_t number = 0, count = 0, rest = 0;

  Linear times(uint64_t factor) const {
    return {number * factor, count * factor, rest * factor};
  }
  Linear plus(const Linear &other) const {
    return {number + other.number, count + other.count, rest + other.rest};
  }
  bool isConstant() const { return !number && !count; }
};

std::optional<Linear> linearOf(Value value, scf::ForOp loop) {
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return Linear{0, 0, uint64_t(constant.getSExtValue())};
  if (value == loop.getInductionVar())
    return Linear{1, 0, 0};
  if (value == loop.getUpperBound())
    return Linear{0, 1, 0};
  Operation *op = value.getDefiningOp();
  if (!isa_and_present<arith::AddIOp, arith::SubIOp, arith::MulIOp>(op))
    return std::nullopt;
  std::optional<Linear> a = linearOf(op->getOperand(0), loop),
                        b = linearOf(op->getOperand(1), loop);
  if (!a || !b)
    return std::nullopt;
  if (isa<arith::AddIOp>(op))
    return a->plus(*b);
  if (isa<arith::SubIOp>(op))
    return a->plus(b->times(uint64_t(-1)));
  if (a->isConstant())
    std::swap(a, b);
  return b->isConstant() ? std::optional(a->times(b->rest)) : std::nullopt;
}

} // namespace

Value StreamLoop::resident() const {
  tile::DotOp first = scores ? scores : sums;
  Value factor = tile::DotOp(first).getLhs();
  return isOutside(factor, loop) ? factor : Value();
}

std::variant<StreamLoop, Refusal>
headgate::passes::matchStreamLoop(scf::ForOp loop) {
  return Matcher(loop).run();
}

SmallVector<Value> headgate::passes::coordsAt(OpBuilder &b,
                                              const StreamLoop &loop,
                                              const Stream &stream, Value at) {
  IRMapping map;
  map.map(scf::ForOp(loop.loop).getInductionVar(), at);
  auto clone = [&](auto &&clone, Value value) -> Value {
    if (isOutside(value, loop.loop) || map.contains(value))
      return map.lookupOrDefault(value);
    Operation *op = value.getDefiningOp();
    for (Value operand : op->getOperands())
      clone(clone, operand);
    b.clone(*op, map);
    return map.lookup(value);
  };
  SmallVector<Value> coords;
  for (Value coord : tile::LoadOp(stream.load).getCoords())
    coords.push_back(clone(clone, coord));
  return coords;
}

unsigned headgate::passes::movingDim(const StreamLoop &loop,
                                     const Stream &stream) {
  OperandRange coords = tile::LoadOp(stream.load).getCoords();
  for (auto [dim, coord] : llvm::enumerate(coords))
    if (dependenceOf(coord, loop.loop) == Dependence::number)
      return dim;
  llvm_unreachable("a stream moves");
}

bool headgate::passes::overrunIsOutside(const StreamLoop &loop,
                                        const Stream &stream) {
  tile::LoadOp load = stream.load;
  scf::ForOp turns = loop.loop;
  unsigned dim = movingDim(loop, stream);
  std::optional<Linear> at = linearOf(load.getCoords()[dim], turns);
  if (!at)
    return false;
  // At turn n + t: (number + count) n + number t + rest.
  uint64_t ofCount = at->number + at->count;
  APInt count;
  bool isKnown = matchPattern(turns.getUpperBound(), m_ConstantInt(&count));
  if (ofCount && !isKnown)
    return false;
  auto first = int64_t(
      at->rest + (isKnown ? ofCount * uint64_t(count.getSExtValue()) : 0));
  if (int64_t(at->number) < 0)
    return first <= -load.getSizes()[dim];
  auto type = cast<MemRefType>(load.getSource().getType());
  return !type.isDynamicDim(dim) && first >= type.getDimSize(dim);
}
