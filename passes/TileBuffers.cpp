// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/TileBuffers.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

static constexpr int64_t alignment = 64;

TileBuffers::TileBuffers(const TilePlan &plan, const Target &target)
    : plan(plan), target(target) {
  for (Value tile : plan.storedTiles()) {
    index[tile] = buffers.size();
    buffers.push_back({{tile}, {}, {}});
  }
  SmallVector<const Step *> loops;
  findLives(plan.steps, loops);
  share();
}

//===----------------------------------------------------------------------===//
// Lives
//===----------------------------------------------------------------------===//

void TileBuffers::noteUse(Value value, Use use, ArrayRef<const Step *> loops) {
  Life &life = lives[value];
  // What a loop reads but does not make is needed until its last turn.
  for (const Step *loop : loops)
    if (loop->begin > life.from)
      use = {std::max(use.position, loop->end), false};
  life.uses.push_back(use);
}

void TileBuffers::findLives(const Steps &steps,
                            SmallVectorImpl<const Step *> &loops) {
  for (const auto &step : steps) {
    TileReads reads = plan.readsOf(*step);
    for (Value value : reads.aligned)
      noteUse(value, {step->begin, true}, loops);
    for (Value value : reads.other)
      noteUse(value, {step->begin, false}, loops);

    for (auto [value, target] : step->writes)
      if (step->kind == Step::sweep && value == target)
        lives[target].from = step->begin;
    for (tile::ReduceOp reduce : step->reduces)
      lives[reduce.getResult()].from = step->begin;
    if (step->kind == Step::dot || step->kind == Step::fillRows)
      lives[step->anchor->getResult(0)].from = step->begin;
    if (step->kind == Step::loop) {
      for (Value argument : cast<scf::ForOp>(step->anchor).getRegionIterArgs())
        lives[argument].from = step->begin;
      loops.push_back(step.get());
    }
    for (const Steps &inner : step->inner) {
      if (step->kind == Step::branch && !inner.empty())
        arms.push_back({step->anchor, inner.front()->begin, inner.back()->end});
      findLives(inner, loops);
    }
    if (step->kind == Step::loop)
      loops.pop_back();
    if (step->kind == Step::loop || step->kind == Step::branch)
      for (Value result : step->anchor->getResults())
        lives[result].from = step->end;
  }
}

bool TileBuffers::areExclusive(int a, int b) const {
  auto contains = [](const Arm &arm, int position) {
    return arm.from <= position && position <= arm.to;
  };
  for (const Arm &one : arms)
    for (const Arm &other : arms)
      if (one.branch == other.branch && one.from != other.from &&
          contains(one, a) && contains(other, b))
        return true;
  return false;
}

//===----------------------------------------------------------------------===//
// Sharing
//===----------------------------------------------------------------------===//

void TileBuffers::share() {
  // A loop's argument and result are one by definition.
  forEachStep(plan.steps, [&](Step &step) {
    auto loop = dyn_cast<scf::ForOp>(step.anchor);
    if (step.kind != Step::loop || !loop)
      return;
    for (auto [argument, result] :
         llvm::zip(loop.getRegionIterArgs(), loop.getResults())) {
      if (!isTile(result))
        continue;
      buffers[index[argument]].tiles.push_back(result);
      index[result] = index[argument];
    }
  });
  forEachStep(plan.steps, [&](Step &step) {
    if (step.kind == Step::copies)
      for (auto [value, target] : step.writes)
        tryShare(target, value);
  });
  forEachStep(plan.steps, [&](Step &step) {
    TileReads reads = plan.readsOf(step);
    SmallVector<Value> written;
    if (step.kind == Step::sweep)
      llvm::append_range(written, llvm::make_second_range(step.writes));
    if (step.kind == Step::dot)
      written.push_back(step.anchor->getResult(0));
    for (Value target : written)
      for (Value read : reads.aligned)
        tryShare(read, target);
  });
}

void TileBuffers::tryShare(Value a, Value b) {
  unsigned to = index[a], from = index[b];
  if (to == from)
    return;
  for (Value x : buffers[to].tiles)
    for (Value y : buffers[from].tiles)
      if (!canShare(x, y))
        return;
  for (Value y : buffers[from].tiles)
    index[y] = to;
  buffers[to].tiles.append(buffers[from].tiles);
  buffers[from].tiles.clear();
}

/// True if `next` is the next value of another tile of the loop that carries
/// `argument`: in its buffer it would have to be exchanged with something.
static bool isNextOfAnother(Value argument, Value next) {
  auto carried = dyn_cast<BlockArgument>(argument);
  auto loop = carried ? dyn_cast<scf::ForOp>(carried.getOwner()->getParentOp())
                      : nullptr;
  if (!loop)
    return false;
  for (auto [target, value] :
       llvm::zip(loop.getRegionIterArgs(), loop.getYieldedValues()))
    if (value == next && target != argument)
      return true;
  return false;
}

bool TileBuffers::canShare(Value a, Value b) const {
  if (a.getType() != b.getType() || isNextOfAnother(a, b) ||
      isNextOfAnother(b, a))
    return false;
  const Life *first = &lives.find(a)->second, *second = &lives.find(b)->second;
  if (first->from > second->from)
    std::swap(first, second);
  // Two that are written at once.
  if (first->from == second->from)
    return false;
  return llvm::all_of(first->uses, [&](Use use) {
    return use.position < second->from ||
           (use.position == second->from && use.isAligned) ||
           areExclusive(use.position, second->from);
  });
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

MemRefType TileBuffers::typeOf(const Buffer &buffer) const {
  auto tile = cast<RankedTensorType>(buffer.tiles.front().getType());
  SmallVector<int64_t> shape(tile.getShape());
  // Products read and write whole panels of f32, rows are read in whole
  // vectors, and pairs need an even number.
  Type element = tile.getElementType();
  int64_t unitOfRow = shape.size() == 1 ? sweepColumns(target)
                      : element.isF32() ? target.panelColumns()
                                        : 2;
  shape.back() = llvm::alignTo(shape.back(), unitOfRow);
  if (element.isInteger(1))
    element = IntegerType::get(tile.getContext(), 8);
  return MemRefType::get(shape, element);
}

static int64_t bytesOf(MemRefType type) {
  return llvm::alignTo(
      type.getNumElements() * (type.getElementTypeBitWidth() / 8), alignment);
}

int64_t TileBuffers::bytes() const {
  int64_t sum = 0;
  for (const Buffer &buffer : buffers)
    if (!buffer.tiles.empty())
      sum += bytesOf(typeOf(buffer));
  return sum;
}

void TileBuffers::allocate(func::FuncOp func) {
  ImplicitLocOpBuilder b(func.getLoc(), func.getContext());
  b.setInsertionPointToStart(&func.getBody().front());
  Value zero = arith::ConstantIndexOp::create(b, 0);
  for (Buffer &buffer : buffers) {
    if (buffer.tiles.empty())
      continue;
    MemRefType type = typeOf(buffer);
    auto raw = memref::AllocaOp::create(
        b, MemRefType::get({bytesOf(type)}, b.getI8Type()),
        b.getI64IntegerAttr(alignment));
    buffer.memref =
        memref::ViewOp::create(b, type, raw, zero, /*sizes=*/ValueRange());
    if (type.getElementTypeBitWidth() != 16 || type.getRank() != 2)
      continue;
    auto pairs = MemRefType::get({type.getDimSize(0), type.getDimSize(1) / 2},
                                 b.getI32Type());
    buffer.pairs =
        memref::ViewOp::create(b, pairs, raw, zero, /*sizes=*/ValueRange());
  }
}
