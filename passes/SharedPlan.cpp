// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/SharedPlan.h"

#include "passes/FragLayout.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

/// The first and last number of an op and all in it, in program order.
using Times = llvm::DenseMap<Operation *, std::pair<int64_t, int64_t>>;

void number(Operation *op, int64_t &now, Times &times) {
  int64_t begin = now++;
  for (Region &region : op->getRegions())
    for (Operation &inner : region.getOps())
      number(&inner, now, times);
  times[op] = {begin, now - 1};
}

bool isHeld(Type type) {
  return isa<tile::SharedType, tile::RingType, tile::SlotType,
             tile::PendingType>(type);
}

/// When `value` is last read, or what holds it. A use in a loop lasts as long
/// as the loop, in which it may come again.
int64_t lastUse(Value value, Block *block, const Times &times) {
  int64_t last = 0;
  for (Operation *user : value.getUsers()) {
    last = std::max(last,
                    times.lookup(block->findAncestorOpInBlock(*user)).second);
    for (Value result : user->getResults())
      if (isHeld(result.getType()))
        last = std::max(last, lastUse(result, block, times));
  }
  return last;
}

} // namespace

SharedPlan SharedPlan::of(func::FuncOp func) {
  Times times;
  int64_t now = 0;
  number(func, now, times);
  SmallVector<Operation *> ops;
  std::vector<SharedRequest> requests;
  func.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (!isa<tile::ShareOp, tile::RingOp>(op))
      return;
    RankedTensorType tile;
    int64_t stages = 1;
    if (auto ring = dyn_cast<tile::RingOp>(op)) {
      tile = ring.getType().getTile();
      stages = ring.getType().getStages();
    } else {
      tile = cast<tile::ShareOp>(op).getType().getTile();
    }
    SharedTile shared = sharedTileOf(tile);
    int64_t begin = times.lookup(op).first;
    ops.push_back(op);
    requests.push_back(
        {stages * shared.bytes(), shared.alignment(), begin,
         std::max(begin, lastUse(op->getResult(0), op->getBlock(), times))});
  });
  SharedPlaces places = placeShared(requests);
  SharedPlan plan;
  plan.bytes = places.bytes;
  for (size_t i = 0; i < ops.size(); ++i) {
    int64_t begin = places.offsets[i], end = begin + requests[i].bytes;
    plan.offsets[ops[i]] = begin;
    for (size_t j = 0; j < i; ++j)
      if (places.offsets[j] < end &&
          begin < places.offsets[j] + requests[j].bytes)
        plan.reusing.insert(ops[i]);
  }
  return plan;
}
