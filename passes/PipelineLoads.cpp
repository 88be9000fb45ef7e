// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Feeds products through shared memory, for a GPU whose threads copy for
// themselves (sm_80). Of each stream loop (StreamLoop.h) position i is what
// turn i reads, and with S stages
//
//   before it:  put K 0, share async Q, put V 0, put K 1, .., put V S-2
//   turn i:     get K i, get V i      one wait and one barrier, behind which
//                                     the slots of turn i-1 are free
//               put K i+S-1, put V i+S-1
//               scores, release K i, softmax, sums, release V i
//
// With one stage there is no slot to copy ahead into; what is read first is put
// while the rest of the turn before runs:
//
//   turn i:     get K i, put V i, scores, release K i, row maximum,
//               get V i, put K i+1, softmax, sums, release V i
//
// The second barrier stands behind the row maximum: before it about 100 live
// registers cross the wait, after it the wait is longer. `newer` is the number
// of copies that may still be under way: those begun after the one that is
// waited for. Keys that are the values, too, are then two streams. The resident
// left factor is copied between the first two puts, so that the first wait
// covers it, and what stands before a window's index loads does not wait for
// them. Copies of positions beyond the last turn read nothing. Covered by
// test/passes/pipeline-loads*, what is refused by stream-loop*.mlir.

#include "passes/Passes.h"
#include "passes/StreamLoop.h"
#include "passes/TileBuilder.h"

namespace headgate::passes {
#define GEN_PASS_DEF_PIPELINELOADS
#include "passes/Passes.h.inc"
} // namespace headgate::passes

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

//===-- what there is to do ----------------------------------------------===//

struct Products {
  SmallVector<StreamLoop> loops;
  SmallVector<tile::DotOp> others; ///< outside of loops
};

std::optional<Refusal> checkFactors(tile::DotOp dot) {
  if (dot.getLhs().getType().getElementType().isF32())
    return Refusal{dot,
                   "its factors are f32, which this GPU does not multiply"};
  if (dot.getRhs().getType().getEncoding())
    return Refusal{dot, "its right factor is packed for a CPU"};
  return std::nullopt;
}

scf::ForOp outermostLoop(tile::DotOp dot) {
  scf::ForOp outermost;
  for (auto loop = dot->getParentOfType<scf::ForOp>(); loop;
       loop = loop->getParentOfType<scf::ForOp>())
    outermost = loop;
  return outermost;
}

/// A product outside of loops: all threads come by, and they do so once.
std::optional<Refusal> checkAlone(tile::DotOp dot) {
  if (!isa<func::FuncOp>(dot->getParentOp()))
    return Refusal{dot, "it is under a condition"};
  if (dot.getHeads() > 1)
    return Refusal{dot, "it multiplies several heads at once"};
  return std::nullopt;
}

std::variant<Products, Refusal> findProducts(func::FuncOp func,
                                             int64_t stages) {
  Products products;
  llvm::SetVector<Operation *> loops;
  std::optional<Refusal> refusal;
  func.walk([&](tile::DotOp dot) {
    if (!refusal)
      refusal = checkFactors(dot);
    if (refusal)
      return;
    if (scf::ForOp loop = outermostLoop(dot)) {
      loops.insert(loop);
      return;
    }
    refusal = checkAlone(dot);
    products.others.push_back(dot);
  });
  if (refusal)
    return *refusal;
  constexpr int64_t mostStages = 64; // ring (C2)
  if ((stages < 1 || stages > mostStages) && !loops.empty())
    return Refusal{func, "its schedule has " + std::to_string(stages) +
                             " stages, and a ring has 1 to " +
                             std::to_string(mostStages)};
  for (Operation *loop : loops) {
    if (!isa<func::FuncOp>(loop->getParentOp()))
      return Refusal{loop, "it is under a condition"};
    auto matched = matchStreamLoop(cast<scf::ForOp>(loop));
    if (auto *refusal = std::get_if<Refusal>(&matched))
      return *refusal;
    StreamLoop &stream = std::get<StreamLoop>(matched);
    if (stages == 1 && !stream.scores)
      return Refusal{loop,
                     "with one stage, a turn that needs all its streams at "
                     "once has no slot to copy into"};
    if (stages == 1 && stream.streams.size() == 1) {
      tile::LoadOp both = stream.streams.front().load;
      stream.streams = {{both, {stream.scores}}, {both, {stream.sums}}};
    }
    products.loops.push_back(std::move(stream));
  }
  return products;
}

//===-- loops ------------------------------------------------------------===//

class Pipeliner {
public:
  Pipeliner(StreamLoop &stream, int64_t stages)
      : stream(stream), loop(stream.loop), stages(stages),
        b(loop.getLoc(), loop.getContext()) {}

  void run() {
    fillRings();
    b.setInsertionPointToStart(loop.getBody());
    if (stages > 1)
      takeAll();
    else
      takeInTurn();
    multiply(stream.scores);
    multiply(stream.sums);
    SmallPtrSet<Operation *, 2> loads;
    for (Stream &s : stream.streams)
      loads.insert(s.load);
    for (Operation *load : loads)
      load->erase();
  }

private:
  /// A stream's ring, and the slot of this turn.
  struct Feed {
    Value ring, slot;
  };

  void fillRings();
  void takeAll();
  void takeInTurn();
  void shareResident();
  void put(size_t number, Value at);
  void get(size_t number, int64_t newer);
  void multiply(tile::DotOp dot);
  /// The stream that gives `dot` the factor `value`, if one does.
  std::optional<size_t> streamOf(tile::DotOp dot, Value value);
  Value factor(tile::DotOp dot, Value value);
  /// Behind the row maximum, or else before the sums.
  Operation *behindRowMaximum();

  StreamLoop &stream;
  scf::ForOp loop;
  int64_t stages;
  TileBuilder b;
  SmallVector<Feed, 2> feeds;
  Value resident, shared;
};

void Pipeliner::fillRings() {
  b.setInsertionPoint(loop);
  for (Stream &s : stream.streams) {
    auto type = tile::RingType::get(b.getContext(), stages,
                                    s.load.getResult().getType());
    Value ring = tile::RingOp::create(b, type, /*readers=*/1);
    feeds.push_back({ring, Value()});
  }
  if (stages == 1) {
    put(0, b.index(0));
    return shareResident();
  }
  for (int64_t position = 0; position < stages - 1; ++position)
    for (size_t s = 0; s < feeds.size(); ++s) {
      put(s, b.index(position));
      if (position == 0 && s == 0)
        shareResident();
    }
}

/// Whether `op` may go down to before `loop`.
bool canSink(Operation *op, scf::ForOp loop) {
  if (op->getBlock() != loop->getBlock())
    return false;
  for (Operation *at = op->getNextNode(); at != loop; at = at->getNextNode())
    if (!isa<tile::LoadOp, memref::LoadOp, tile::PutOp, tile::RingOp>(at) &&
        !isMemoryEffectFree(at))
      return false;
  return true;
}

void Pipeliner::shareResident() {
  resident = stream.resident();
  if (!resident)
    return;
  auto load = resident.getDefiningOp<tile::LoadOp>();
  if (load && load->hasOneUse() && canSink(load, loop))
    load->moveBefore(b.getBlock(), b.getInsertionPoint());
  auto type = tile::SharedType::get(b.getContext(),
                                    cast<RankedTensorType>(resident.getType()));
  shared = tile::ShareOp::create(b, type, resident, /*async=*/true);
}

void Pipeliner::takeAll() {
  int64_t count = feeds.size();
  for (int64_t s = 0; s < count; ++s)
    get(s, count - 1 - s + count * (stages - 2));
  Value ahead = b.add(loop.getInductionVar(), b.index(stages - 1));
  for (int64_t s = 0; s < count; ++s)
    put(s, ahead);
}

void Pipeliner::takeInTurn() {
  get(0, 0);
  put(1, loop.getInductionVar());
  b.setInsertionPointAfter(behindRowMaximum());
  get(1, 0);
  put(0, b.add(loop.getInductionVar(), b.index(1)));
}

Operation *Pipeliner::behindRowMaximum() {
  for (Operation *op = stream.scores; op != stream.sums;
       op = op->getNextNode()) {
    auto reduce = dyn_cast<tile::ReduceOp>(op);
    if (!reduce || reduce.getKind() != tile::Reduction::Max)
      continue;
    for (Operation *user : reduce->getUsers())
      if (isa<arith::MaxNumFOp, arith::MaximumFOp>(user) &&
          user->getBlock() == loop.getBody() &&
          user->isBeforeInBlock(stream.sums))
        return user;
    return reduce;
  }
  return stream.sums->getPrevNode();
}

/// Begins to copy what turn `at` reads, or nothing if there is no such turn.
void Pipeliner::put(size_t number, Value at) {
  Stream &s = stream.streams[number];
  SmallVector<Value> coords = coordsAt(b, stream, s, at);
  bool isTurn = at == loop.getInductionVar();
  if (!isTurn && !overrunIsOutside(stream, s)) {
    unsigned dim = movingDim(stream, s);
    Value exists =
        b.compare(arith::CmpIPredicate::slt, at, loop.getUpperBound());
    coords[dim] = b.select(exists, coords[dim], b.dim(s.load.getSource(), dim));
  }
  tile::PutOp::create(b, feeds[number].ring, b.toI32(at), s.load.getSource(),
                      coords, s.load.getSizes(), s.load.getRows(),
                      s.load.getRowDimsAttr());
}

void Pipeliner::get(size_t number, int64_t newer) {
  Value ring = feeds[number].ring;
  auto type = tile::SlotType::get(
      b.getContext(), cast<tile::RingType>(ring.getType()).getTile());
  feeds[number].slot =
      tile::GetOp::create(b, type, ring, b.toI32(loop.getInductionVar()),
                          b.getI64IntegerAttr(newer));
}

std::optional<size_t> Pipeliner::streamOf(tile::DotOp dot, Value value) {
  for (auto [number, s] : llvm::enumerate(stream.streams))
    if (s.load.getResult() == value && llvm::is_contained(s.dots, dot))
      return number;
  return std::nullopt;
}

/// A factor of a product as the machine reads it.
Value Pipeliner::factor(tile::DotOp dot, Value value) {
  if (std::optional<size_t> number = streamOf(dot, value))
    return feeds[*number].slot;
  return value == resident ? shared : value;
}

tile::AwaitOp startAndAwait(TileBuilder &b, tile::DotOp dot, Value lhs,
                            Value rhs) {
  SmallVector<RankedTensorType> held;
  for (Value side : {lhs, rhs})
    if (auto slot = dyn_cast<tile::SlotType>(side.getType()))
      held.push_back(slot.getTile());
  auto type = tile::PendingType::get(b.getContext(), dot.getType(), held);
  Value pending = tile::StartOp::create(b, type, lhs, rhs, dot.getAcc(),
                                        dot.getTransposeAttr());
  return tile::AwaitOp::create(b, pending);
}

/// The product, and releases of the slots that no later one reads.
void Pipeliner::multiply(tile::DotOp dot) {
  if (!dot)
    return;
  b.setInsertionPoint(dot);
  Value lhs = factor(dot, dot.getLhs()), rhs = factor(dot, dot.getRhs());
  tile::AwaitOp done = startAndAwait(b, dot, lhs, rhs);
  SmallVector<Value> free;
  size_t given = 0;
  for (Value side : {dot.getLhs(), dot.getRhs()})
    if (std::optional<size_t> number = streamOf(dot, side)) {
      feeds[*number].slot = done.getFreed()[given++];
      if (stream.streams[*number].dots.back() == dot)
        free.push_back(feeds[*number].slot);
    }
  if (!free.empty())
    tile::ReleaseOp::create(b, free);
  dot.replaceAllUsesWith(done.getTile());
  dot->erase();
}

//===-- all else ---------------------------------------------------------===//

Value share(TileBuilder &b, Value value, bool async) {
  auto tile = cast<RankedTensorType>(value.getType());
  return tile::ShareOp::create(b, tile::SharedType::get(b.getContext(), tile),
                               value, async);
}

/// A product of factors that are there at once. A left one that is computed
/// stays in registers.
void multiplyShared(tile::DotOp dot) {
  TileBuilder b(dot.getLoc(), dot.getContext());
  b.setInsertionPoint(dot);
  Value lhs = dot.getLhs(), rhs = dot.getRhs();
  if (lhs.getDefiningOp<tile::LoadOp>())
    lhs = share(b, lhs, /*async=*/true);
  rhs = share(b, rhs, /*async=*/false);
  dot.replaceAllUsesWith(startAndAwait(b, dot, lhs, rhs).getTile());
  dot->erase();
}

/// A thread has few neighbours of a row: 16-bit results of products are stored
/// from shared memory, where whole rows lie side by side.
void storeThroughShared(func::FuncOp func) {
  func.walk([](tile::StoreOp store) {
    auto type = dyn_cast<RankedTensorType>(store.getValue().getType());
    if (!type || type.getRank() != 2 || !type.getElementType().isIntOrFloat() ||
        type.getElementTypeBitWidth() != 16)
      return;
    TileBuilder b(store.getLoc(), store.getContext());
    b.setInsertionPoint(store);
    store.getValueMutable().assign(share(b, store.getValue(), /*async=*/false));
  });
}

struct PipelineLoadsPass : passes::impl::PipelineLoadsBase<PipelineLoadsPass> {
  void runOnOperation() override {
    func::FuncOp func = getOperation();
    auto schedule =
        func->getAttrOfType<tile::ScheduleAttr>(tile::scheduleAttrName);
    if (!schedule || func.isExternal())
      return;
    auto found = findProducts(func, schedule.getStages());
    if (auto *refusal = std::get_if<Refusal>(&found)) {
      refusal->op->emitRemark("not pipelined: ") << refusal->why;
      return;
    }
    Products &products = std::get<Products>(found);
    if (products.loops.empty() && products.others.empty())
      return;
    for (StreamLoop &loop : products.loops)
      Pipeliner(loop, schedule.getStages()).run();
    llvm::for_each(products.others, multiplyShared);
    storeThroughShared(func);
  }
};

} // namespace
