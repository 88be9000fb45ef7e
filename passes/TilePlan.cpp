// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/TilePlan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "passes/TileBuilder.h"
#include "passes/TilePrograms.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

/// A chain of more operations than this is stored rather than computed twice:
/// about what a store and a load cost.
static constexpr int cheap = 2;

bool headgate::passes::isTile(Value value) {
  return isa<RankedTensorType>(value.getType());
}

bool headgate::passes::isFree(Value value) {
  Operation *op = value.getDefiningOp();
  return op && isa<arith::ConstantOp, tensor::SplatOp, tile::BroadcastOp,
                   tile::IotaOp>(op);
}

void headgate::passes::forEachStep(const Steps &steps,
                                   llvm::function_ref<void(Step &)> visit) {
  for (const auto &step : steps) {
    visit(*step);
    for (const Steps &inner : step->inner)
      forEachStep(inner, visit);
  }
}

//===----------------------------------------------------------------------===//
// What elements are computed from
//===----------------------------------------------------------------------===//

void TilePlan::collect(Value value, TileReads &reads, bool aligned) const {
  if (!isTile(value)) {
    reads.scalars.insert(value);
    return;
  }
  if (isStored(value) && !isFree(value)) {
    (aligned ? reads.aligned : reads.other).insert(value);
    return;
  }
  collectMaking(value, reads, aligned);
}

void TilePlan::collectMaking(Value value, TileReads &reads,
                             bool aligned) const {
  if (!reads.lazy.insert(value) && aligned)
    return;
  Operation *op = value.getDefiningOp();
  bool keepsPlace = OpTrait::hasElementwiseMappableTraits(op);
  for (Value operand : op->getOperands())
    collect(operand, reads, aligned && keepsPlace);
}

void TilePlan::collectWrite(std::pair<Value, Value> write,
                            TileReads &reads) const {
  if (write.first == write.second)
    collectMaking(write.first, reads);
  else
    collect(write.first, reads);
}

TileReads TilePlan::readsOf(const Step &step) const {
  TileReads reads;
  switch (step.kind) {
  case Step::sweep:
  case Step::copies:
    for (auto write : step.writes)
      collectWrite(write, reads);
    for (tile::ReduceOp reduce : step.reduces)
      collect(reduce.getSource(), reads);
    for (tile::StoreOp store : step.stores) {
      collect(store.getValue(), reads);
      for (Value operand : store->getOperands().drop_front())
        collect(operand, reads, /*aligned=*/false);
    }
    break;
  case Step::fillRows:
  case Step::storeRows:
    for (Value operand : step.anchor->getOperands())
      collect(operand, reads, /*aligned=*/false);
    break;
  case Step::dot: {
    auto dot = cast<tile::DotOp>(step.anchor);
    for (Value operand : dot->getOperands())
      collect(operand, reads, /*aligned=*/operand == dot.getAcc());
    break;
  }
  case Step::loop:
  case Step::branch:
    break;
  }
  return reads;
}

static int weightOf(Operation *op) {
  if (isa<tile::LoadOp>(op))
    return cheap + 1; // checks of the window's bounds
  if (isa<math::FmaOp, math::AbsFOp>(op))
    return 1;
  bool isLong = isa<arith::DivFOp, arith::DivSIOp, arith::DivUIOp,
                    arith::RemSIOp, arith::RemUIOp, arith::RemFOp>(op);
  return isLong || isa<math::MathDialect>(op->getDialect()) ? 8 : 1;
}

int TilePlan::costOf(Value value) const {
  TileReads reads;
  collect(value, reads);
  int cost = 0;
  for (Value lazy : reads.lazy)
    if (!isFree(lazy))
      cost += weightOf(lazy.getDefiningOp());
  return cost;
}

//===----------------------------------------------------------------------===//
// Which tiles are stored
//===----------------------------------------------------------------------===//

/// The buffer a view belongs to.
static Value baseOf(Value memref) {
  while (Operation *op = memref.getDefiningOp()) {
    auto view = dyn_cast<ViewLikeOpInterface>(op);
    if (!view)
      break;
    memref = view.getViewSource();
  }
  return memref;
}

/// True if `value` is used in a loop that it is not computed in.
static bool isLoopInvariant(Value value) {
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    for (Operation *op = user; op && op->getBlock() != value.getParentBlock();
         op = op->getParentOp())
      if (isa_and_nonnull<scf::ForOp>(op->getParentOp()))
        return true;
    return false;
  });
}

void TilePlan::storeWhatMustBe(func::FuncOp func) {
  func.walk(
      [&](tile::StoreOp store) { written.insert(baseOf(store.getDest())); });
  auto store = [&](Value value) {
    if (isTile(value))
      stored.insert(value);
  };
  func.walk([&](Operation *op) {
    if (auto dot = dyn_cast<tile::DotOp>(op)) {
      store(dot.getResult());
      store(dot.getLhs());
      bool isRead = dot.getHeads() > 1 ? bool(headWindow(dot.getRhs()))
                                       : panelWindow(dot.getRhs()) ||
                                             directWindow(dot.getRhs());
      if (!isRead)
        store(dot.getRhs());
    } else if (auto load = dyn_cast<tile::LoadOp>(op)) {
      // Rank 1: rows have no vectors to read. A buffer that is written, too:
      // the load keeps its place.
      if (tileShape(load.getResult()).size() == 1 ||
          written.contains(baseOf(load.getSource())))
        store(load.getResult());
    } else if (auto loop = dyn_cast<scf::ForOp>(op)) {
      llvm::for_each(loop.getRegionIterArgs(), store);
      llvm::for_each(loop.getResults(), store);
    } else if (isa<tile::ReduceOp, scf::IfOp>(op)) {
      llvm::for_each(op->getResults(), store);
    } else if (isa<scf::YieldOp>(op)) {
      llvm::for_each(op->getOperands(), store);
    }
  });
  // Row vectors are computed for all rows at once, then read row by row; what
  // a loop does not change is computed before it.
  func.walk([&](Operation *op) {
    if (auto dot = dyn_cast<tile::DotOp>(op); dot && dot.getAcc()) {
      // Accumulators are read in registers, which may pass a window's end.
      TileReads reads;
      collect(dot.getAcc(), reads);
      if (llvm::any_of(reads.lazy, [](Value lazy) {
            return lazy.getDefiningOp<tile::LoadOp>() != nullptr;
          }))
        store(dot.getAcc());
    }
    auto storeUnlessCheap = [&](Value value) {
      if (isTile(value) && !isFree(value) && costOf(value) > cheap)
        stored.insert(value);
    };
    if (isa<tile::BroadcastOp, tile::LoadOp, tile::StoreOp>(op))
      for (Value operand : op->getOperands())
        if (isTile(operand) && tileShape(operand).size() == 1)
          storeUnlessCheap(operand);
    for (Value result : op->getResults())
      if (isLoopInvariant(result) && !panelWindow(result) &&
          !directWindow(result) && !isHeadFactor(result))
        storeUnlessCheap(result);
  });
}

bool TilePlan::storeWhatIsShared() {
  llvm::MapVector<Value, int> sharers;
  forEachStep(steps, [&](Step &step) {
    for (Value lazy : readsOf(step).lazy)
      ++sharers[lazy];
  });
  // The last in program order: what it is computed from may then have one
  // sharer left.
  Value last;
  for (auto [value, count] : sharers) {
    if (count < 2 || isFree(value) || costOf(value) <= cheap ||
        panelWindow(value) || isHeadFactor(value))
      continue;
    Operation *op = value.getDefiningOp();
    if (!last || last.getDefiningOp()->getBlock() != op->getBlock() ||
        last.getDefiningOp()->isBeforeInBlock(op))
      last = value;
  }
  return last && stored.insert(last);
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

namespace headgate::passes {

/// Turns the operations of one block into steps.
class BlockPlanner {
public:
  BlockPlanner(const TilePlan &plan, Block &block) : plan(plan), block(block) {}

  Steps run() {
    for (Operation &op : block)
      add(op);
    return std::move(steps);
  }

private:
  Step &append(Step::Kind kind, Operation *anchor) {
    steps.push_back(std::make_unique<Step>());
    steps.back()->kind = kind;
    steps.back()->anchor = anchor;
    return *steps.back();
  }

  void add(Operation &op) {
    if (auto dot = dyn_cast<tile::DotOp>(op)) {
      append(Step::dot, &op);
      producers[dot.getResult()] = steps.size() - 1;
    } else if (auto reduce = dyn_cast<tile::ReduceOp>(op)) {
      TileReads reads;
      plan.collect(reduce.getSource(), reads);
      size_t index = sweepFor(&op, reduce.getSource(), reads);
      steps[index]->reduces.push_back(reduce);
      producers[reduce.getResult()] = index;
    } else if (auto store = dyn_cast<tile::StoreOp>(op)) {
      addStore(store);
    } else if (auto loop = dyn_cast<scf::ForOp>(op)) {
      addLoop(loop);
    } else if (auto branch = dyn_cast<scf::IfOp>(op)) {
      Step &step = append(Step::branch, &op);
      for (Region &region : branch->getRegions())
        if (!region.empty())
          step.inner.push_back(BlockPlanner(plan, region.front()).run());
      produced(op);
      firstForStore = steps.size();
    } else if (isa<scf::YieldOp>(op)) {
      addYield(op);
    } else if (auto load = dyn_cast<tile::LoadOp>(op);
               load && plan.isStored(load.getResult())) {
      addLoad(load);
    } else if (op.getNumResults() == 1 && plan.isStored(op.getResult(0))) {
      addWrite(&op, op.getResult(0), op.getResult(0));
    }
  }

  void produced(Operation &op) {
    for (Value result : op.getResults())
      producers[result] = steps.size() - 1;
  }

  void addWrite(Operation *op, Value value, Value target) {
    TileReads reads;
    plan.collectWrite({value, target}, reads);
    size_t index = sweepFor(op, value, reads);
    steps[index]->writes.push_back({value, target});
    if (value == target)
      producers[target] = index;
  }

  void addLoad(tile::LoadOp load) {
    Value tile = load.getResult();
    bool isOrdered = plan.written.contains(baseOf(load.getSource()));
    if (tileShape(tile).size() == 1) {
      append(Step::fillRows, load);
    } else if (isOrdered) {
      Step &step = append(Step::sweep, load);
      step.shape.assign(tileShape(tile).begin(), tileShape(tile).end());
      step.writes.push_back({tile, tile});
    } else {
      return addWrite(load, tile, tile);
    }
    producers[tile] = steps.size() - 1;
    if (isOrdered)
      firstForStore = steps.size();
  }

  void addStore(tile::StoreOp store) {
    Value value = store.getValue();
    if (tileShape(value).size() == 1) {
      append(Step::storeRows, store);
      firstForStore = steps.size();
      return;
    }
    TileReads reads;
    plan.collect(value, reads);
    for (Value operand : store->getOperands().drop_front())
      plan.collect(operand, reads, /*aligned=*/false);
    size_t index = sweepFor(store, value, reads, firstForStore);
    steps[index]->stores.push_back(store);
    firstForStore = std::max(firstForStore, index);
  }

  void addLoop(scf::ForOp loop) {
    SmallVector<std::pair<Value, Value>> copies;
    for (auto [init, arg] :
         llvm::zip(loop.getInitArgs(), loop.getRegionIterArgs())) {
      if (!isTile(init))
        continue;
      if (plan.isStored(init) && !isFree(init))
        copies.push_back({init, arg});
      else
        addWrite(loop, init, arg);
    }
    if (!copies.empty())
      append(Step::copies, loop).writes.assign(copies.begin(), copies.end());
    Step &step = append(Step::loop, loop);
    step.inner.push_back(BlockPlanner(plan, *loop.getBody()).run());
    produced(*loop);
    firstForStore = steps.size();
  }

  void addYield(Operation &yield) {
    Operation *parent = yield.getParentOp();
    auto loop = dyn_cast<scf::ForOp>(parent);
    Step *step = nullptr;
    for (auto [i, value] : llvm::enumerate(yield.getOperands())) {
      if (!isTile(value))
        continue;
      if (!step)
        step = &append(Step::copies, &yield);
      Value target =
          loop ? Value(loop.getRegionIterArg(i)) : Value(parent->getResult(i));
      step->writes.push_back({value, target});
    }
  }

  /// The first step at which all that `value` is made from is there.
  size_t firstPlaceFor(Value value, const TileReads &reads) {
    size_t first = 0;
    auto after = [&](Value read, bool isAligned) {
      auto at = producers.find(read);
      if (at == producers.end())
        return;
      const Step &step = *steps[at->second];
      bool isSameElement =
          isAligned && step.kind == Step::sweep &&
          llvm::is_contained(llvm::make_first_range(step.writes), read) &&
          ArrayRef<int64_t>(step.shape) == tileShape(value);
      first = std::max(first, size_t(at->second) + !isSameElement);
    };
    for (Value read : reads.aligned)
      after(read, true);
    for (Value read : reads.other)
      after(read, false);
    return first;
  }

  /// The index of a sweep that has elements of `value` for `op`: an earlier one
  /// of the same shape, or a new one.
  size_t sweepFor(Operation *op, Value value, const TileReads &reads,
                  size_t first = 0) {
    first = std::max(first, firstPlaceFor(value, reads));
    auto isThere = [&](Operation *anchor) {
      return llvm::all_of(reads.scalars, [&](Value scalar) {
        Operation *def = scalar.getDefiningOp();
        return !def || def->getBlock() != &block ||
               def->isBeforeInBlock(anchor);
      });
    };
    for (size_t i = first; i < steps.size(); ++i)
      if (steps[i]->kind == Step::sweep &&
          ArrayRef<int64_t>(steps[i]->shape) == tileShape(value) &&
          isThere(steps[i]->anchor))
        return i;
    Step &step = append(Step::sweep, op);
    step.shape.assign(tileShape(value).begin(), tileShape(value).end());
    return steps.size() - 1;
  }

  const TilePlan &plan;
  Block &block;
  Steps steps;
  DenseMap<Value, unsigned> producers;
  /// Stores keep their order among themselves and to loops and branches.
  size_t firstForStore = 0;
};

} // namespace headgate::passes

static void number(Steps &steps, int &position) {
  for (auto &step : steps) {
    step->begin = position++;
    for (Steps &inner : step->inner)
      number(inner, position);
    step->end = step->inner.empty() ? step->begin : position++;
  }
}

FailureOr<TilePlan> TilePlan::make(func::FuncOp func) {
  if (failed(checkTileProgram(func)))
    return failure();
  TilePlan plan;
  plan.storeWhatMustBe(func);
  do
    plan.steps = BlockPlanner(plan, func.getBody().front()).run();
  while (plan.storeWhatIsShared());
  int position = 0;
  number(plan.steps, position);
  return plan;
}
