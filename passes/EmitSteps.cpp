// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The steps of a plan in order, each before its anchor, and the removal of what
// they replace. Scalars stay where they are.

#include "passes/TileEmitter.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

/// True if a loop over [from, to) has one turn.
static bool isOneTurn(Value from, Value to, int64_t step) {
  std::optional<int64_t> first = getConstantIntValue(from),
                         last = getConstantIntValue(to);
  return first && last && *first < *last && *last <= *first + step;
}

/// LLVM would unroll loops over rows and chunks whole, for their known counts,
/// and then keep buffers in registers and spill them. Bodies are long enough.
static void keepRolled(scf::ForOp loop) {
  MLIRContext *context = loop.getContext();
  auto unroll = LLVM::LoopUnrollAttr::get(
      context, /*disable=*/BoolAttr::get(context, true), {}, {}, {}, {}, {},
      {});
  loop->setAttr("loop_annotation",
                LLVM::LoopAnnotationAttr::get(
                    context, {}, {}, {}, unroll, {}, {}, {}, {}, {}, {}, {}, {},
                    {}, {}, ArrayRef<LLVM::AccessGroupAttr>()));
}

SmallVector<Value> TileEmitter::loop(Value from, Value to, int64_t step,
                                     ValueRange inits, CarryingBody body) {
  if (isOneTurn(from, to, step))
    return body(from, inits);
  auto loop = scf::ForOp::create(b, from, to, b.index(step), inits);
  keepRolled(loop);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> carried =
      body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!inits.empty())
    scf::YieldOp::create(b, carried);
  return SmallVector<Value>(loop.getResults());
}

void TileEmitter::loop(Value from, Value to, int64_t step, Body body) {
  loop(from, to, step, ValueRange(), [&](Value at, ValueRange) {
    body(at);
    return SmallVector<Value>();
  });
}

/// Copies that do not read what an earlier one overwrote: a copy waits until
/// no other reads its target. Loops that exchange tiles are not planned.
void TileEmitter::emitCopies(const Step &step) {
  SmallVector<std::pair<Value, Value>> pending;
  for (auto [value, target] : step.writes)
    if (isFree(value) || !buffers.areShared(value, target))
      pending.push_back({value, target});
  while (!pending.empty()) {
    auto next = llvm::find_if(pending, [&](auto &copy) {
      return llvm::none_of(pending, [&](auto &other) {
        return &other != &copy && !isFree(other.first) &&
               buffers.areShared(other.first, copy.second);
      });
    });
    assert(next != pending.end() && "tiles are not exchanged");
    Step copy;
    copy.kind = Step::sweep;
    copy.anchor = step.anchor;
    copy.shape.assign(tileShape(next->first).begin(),
                      tileShape(next->first).end());
    copy.writes.push_back(*next);
    emitSweep(copy);
    pending.erase(next);
  }
}

void TileEmitter::emit(const Steps &steps) {
  for (const auto &step : steps) {
    b.setInsertionPoint(step->anchor);
    b.setLoc(step->anchor->getLoc());
    switch (step->kind) {
    case Step::sweep:
      emitSweep(*step);
      break;
    case Step::fillRows:
      emitFillRows(cast<tile::LoadOp>(step->anchor));
      break;
    case Step::storeRows:
      emitStoreRows(cast<tile::StoreOp>(step->anchor));
      break;
    case Step::dot:
      emitDot(cast<tile::DotOp>(step->anchor));
      break;
    case Step::copies:
      emitCopies(*step);
      break;
    case Step::loop:
    case Step::branch:
      for (const Steps &inner : step->inner)
        emit(inner);
      break;
    }
  }
}

//===----------------------------------------------------------------------===//
// The program without tiles
//===----------------------------------------------------------------------===//

static bool hasTiles(Operation *op) {
  return llvm::any_of(op->getOperands(), isTile) ||
         llvm::any_of(op->getResults(), isTile) || isa<tile::StoreOp>(op);
}

/// An operand that is null was a tile: what made it is erased.
static SmallVector<Value> withoutTiles(ValueRange values) {
  return llvm::filter_to_vector(
      values, [](Value value) { return value && !isTile(value); });
}

void TileEmitter::rebuildWithoutTiles(scf::ForOp loop) {
  b.setInsertionPoint(loop);
  auto narrow =
      scf::ForOp::create(b, loop.getLowerBound(), loop.getUpperBound(),
                         loop.getStep(), withoutTiles(loop.getInitArgs()));
  narrow->setDiscardableAttrs(loop->getDiscardableAttrDictionary());
  loop.getBody()->eraseArguments(isTile);
  narrow.getRegion().takeBody(loop.getRegion());
  for (auto [old, result] :
       llvm::zip(withoutTiles(loop.getResults()), narrow.getResults()))
    old.replaceAllUsesWith(result);
  loop.erase();
}

void TileEmitter::rebuildWithoutTiles(scf::IfOp branch) {
  b.setInsertionPoint(branch);
  SmallVector<Value> kept = withoutTiles(branch.getResults());
  SmallVector<Type> types(ValueRange(kept).getTypes());
  auto narrow = scf::IfOp::create(b, types, branch.getCondition(),
                                  /*addThenBlock=*/false,
                                  /*addElseBlock=*/false);
  narrow.getThenRegion().takeBody(branch.getThenRegion());
  narrow.getElseRegion().takeBody(branch.getElseRegion());
  for (auto [old, result] : llvm::zip(kept, narrow.getResults()))
    old.replaceAllUsesWith(result);
  branch.erase();
}

void TileEmitter::eraseTiles(ArrayRef<Operation *> ops) {
  SmallVector<Operation *> structured;
  for (Operation *op : llvm::reverse(ops)) {
    if (isa<scf::ForOp, scf::IfOp>(op)) {
      structured.push_back(op);
    } else if (isa<scf::YieldOp>(op)) {
      op->setOperands(withoutTiles(op->getOperands()));
    } else {
      op->dropAllUses();
      op->erase();
    }
  }
  for (Operation *op : structured) {
    if (auto loop = dyn_cast<scf::ForOp>(op))
      rebuildWithoutTiles(loop);
    else
      rebuildWithoutTiles(cast<scf::IfOp>(op));
  }
}

void TileEmitter::run() {
  SmallVector<Operation *> ops;
  // Outer before inner.
  func.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (hasTiles(op))
      ops.push_back(op);
  });
  buffers.allocate(func);
  emit(plan.steps);
  eraseTiles(ops);
}
