// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Checks that a program's rings cannot race and cannot hang, in two steps: that
// slots and products are used once on every path, and a run of the ring ops for
// each small number of turns. The run models what one group sees on sm_80:
//
//   copies     are numbered as they are begun; a wait knows that all but the
//              `newer` last have ended, and its barrier tells all threads;
//   positions  are put once, got once by each reader and released as often;
//              the slot of one is free when that was done, and may be refilled
//              behind the next barrier.
//
// 2S + 2 turns are enough: the state of a ring of S stages depends on the last
// S positions alone, and from turn S on each turn does the same to them.
// Covered by test/passes/check-streams.mlir and break-streams.test, which break
// programs in one place at a time.

#include "passes/Passes.h"

#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

namespace headgate::passes {
#define GEN_PASS_DEF_CHECKSTREAMS
#include "passes/Passes.h.inc"
} // namespace headgate::passes

using namespace mlir;
using namespace headgate;

//===-- linearity --------------------------------------------------------===//

/// Whether `value` is used exactly once on every path through `block`, in which
/// it is known.
static bool isUsedOnce(Value value, Block *block) {
  Operation *user = nullptr;
  for (OpOperand &use : value.getUses()) {
    Operation *at = block->findAncestorOpInBlock(*use.getOwner());
    if (!at)
      continue; // in another region
    if (user && (user != at || at == use.getOwner()))
      return false;
    user = at;
  }
  if (!user || llvm::is_contained(value.getUsers(), user))
    return user && llvm::count(user->getOperands(), value) == 1;
  auto branch = dyn_cast<scf::IfOp>(user);
  return branch && !branch.getElseRegion().empty() &&
         isUsedOnce(value, branch.thenBlock()) &&
         isUsedOnce(value, branch.elseBlock());
}

static LogicalResult checkLinear(Value value) {
  if (!isa<tile::SlotType, tile::PendingType>(value.getType()) ||
      isUsedOnce(value, value.getParentBlock()))
    return success();
  StringRef what = isa<tile::SlotType>(value.getType()) ? "slot" : "product";
  InFlightDiagnostic error = emitError(value.getLoc())
                             << "a " << what
                             << " is not used exactly once on every path";
  for (Operation *user : value.getUsers())
    error.attachNote(user->getLoc()) << "used here";
  return error;
}

static LogicalResult checkLinear(func::FuncOp func) {
  WalkResult checked = func.walk([](Operation *op) {
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (Value argument : block.getArguments())
          if (failed(checkLinear(argument)))
            return WalkResult::interrupt();
    for (Value result : op->getResults())
      if (failed(checkLinear(result)))
        return WalkResult::interrupt();
    return WalkResult::advance();
  });
  return failure(checked.wasInterrupted());
}

//===-- the run ----------------------------------------------------------===//

namespace {

bool isOfMachine(Operation *op) {
  return isa<tile::ShareOp, tile::RingOp, tile::PutOp, tile::GetOp,
             tile::ReleaseOp, tile::StartOp, tile::AwaitOp>(op) ||
         llvm::any_of(op->getOperandTypes(), [](Type type) {
           return isa<tile::SharedType, tile::SlotType, tile::PendingType>(
               type);
         });
}

bool holdsMachine(Operation *op) {
  return op
      ->walk([&](Operation *inner) {
        return inner != op && isOfMachine(inner) ? WalkResult::interrupt()
                                                 : WalkResult::advance();
      })
      .wasInterrupted();
}

/// Of all loops together; more than any projection has terms for.
constexpr int64_t mostTurns = 1 << 16;

struct Position {
  int64_t copy; ///< the number of the copy that filled it
  int64_t gets = 0, releases = 0;
  int64_t released = 0; ///< how many barriers there were at the last release
};

struct RingState {
  int64_t readers, stages;
  std::vector<Position> positions; ///< all that were put, from 0 on
};

/// A position that a slot stands for.
struct Held {
  Value ring;
  int64_t position;
};

class Run {
public:
  /// Loops of unknown length make `turns` turns.
  explicit Run(int64_t turns) : turns(turns) {}

  LogicalResult run(Block &block);
  LogicalResult finish();
  /// Whether another number of turns is another run.
  bool dependsOnTurns() const { return isOfTurns; }

private:
  LogicalResult run(Operation *op);
  LogicalResult loop(scf::ForOp op);
  LogicalResult put(tile::PutOp op);
  LogicalResult get(tile::GetOp op);
  LogicalResult release(tile::ReleaseOp op);
  LogicalResult start(tile::StartOp op);
  LogicalResult read(Operation *op, Value value);
  void share(tile::ShareOp op);
  void wait(int64_t newer);

  std::optional<int64_t> numberOf(Value value);
  FailureOr<int64_t> positionOf(Operation *op, Value value);
  void carry(ValueRange from, ValueRange to);

  InFlightDiagnostic fault(Operation *op) {
    InFlightDiagnostic error = op->emitOpError();
    error.attachNote(op->getLoc())
        << "in a run of " << turns << " turns of each loop of unknown length";
    return error;
  }

  int64_t turns, ran = 0;
  bool isOfTurns = false;
  int64_t begun = 0, landed = 0, barriers = 0;
  DenseMap<Value, int64_t> numbers;
  DenseMap<Value, RingState> rings;
  DenseMap<Value, SmallVector<Held, 2>> held;
  DenseMap<Value, int64_t> sharedCopies; ///< of what is shared async
};

/// Positions are arithmetic on turns.
std::optional<int64_t> Run::numberOf(Value value) {
  if (auto known = numbers.find(value); known != numbers.end())
    return known->second;
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return constant.getSExtValue();
  Operation *op = value.getDefiningOp();
  if (auto cast = dyn_cast_if_present<arith::IndexCastOp>(op))
    return numberOf(cast.getIn());
  if (!isa_and_present<arith::AddIOp, arith::SubIOp, arith::MulIOp>(op))
    return std::nullopt;
  std::optional<uint64_t> a = numberOf(op->getOperand(0)),
                          b = numberOf(op->getOperand(1));
  if (!a || !b)
    return std::nullopt;
  return int64_t(isa<arith::AddIOp>(op)   ? *a + *b
                 : isa<arith::SubIOp>(op) ? *a - *b
                                          : *a * *b);
}

FailureOr<int64_t> Run::positionOf(Operation *op, Value value) {
  if (std::optional<int64_t> position = numberOf(value))
    return *position;
  return fault(op) << "has a position that is not arithmetic on turns";
}

void Run::wait(int64_t newer) {
  landed = std::max(landed, begun - newer);
  ++barriers;
}

LogicalResult Run::put(tile::PutOp op) {
  FailureOr<int64_t> position = positionOf(op, op.getPosition());
  auto found = rings.find(op.getRing());
  if (failed(position))
    return failure();
  if (found == rings.end())
    return fault(op) << "fills a ring that is not of this function";
  RingState &ring = found->second;
  int64_t next = ring.positions.size();
  if (*position != next)
    return fault(op) << "puts position " << *position << ", but " << next
                     << " is next";
  if (int64_t before = *position - ring.stages; before >= 0) {
    const Position &last = ring.positions[before];
    if (last.releases < ring.readers)
      return fault(op) << "waits for ever: position " << before
                       << " lies in its slot, and " << last.releases << " of "
                       << ring.readers << " readers have released it";
    if (last.released == barriers)
      return fault(op) << "refills a slot that some thread may still read: no "
                          "get lies behind the release of position "
                       << before;
  }
  ring.positions.push_back({begun++});
  return success();
}

LogicalResult Run::get(tile::GetOp op) {
  FailureOr<int64_t> at = positionOf(op, op.getPosition());
  auto found = rings.find(op.getRing());
  if (failed(at))
    return failure();
  if (found == rings.end())
    return fault(op) << "reads a ring that is not of this function";
  RingState &ring = found->second;
  int64_t count = ring.positions.size();
  if (*at < 0 || *at >= count)
    return fault(op) << "waits for ever: position " << *at
                     << " is not put before it";
  if (*at < count - ring.stages)
    return fault(op) << "comes too late: position " << *at + ring.stages
                     << " lies in its slot";
  Position &position = ring.positions[*at];
  if (++position.gets > ring.readers)
    return fault(op) << "takes position " << *at << " once too often";
  wait(op.getNewer().value_or(begun - 1 - position.copy));
  if (position.copy >= landed)
    return fault(op) << "does not wait for position " << *at << ": only "
                     << begun - 1 - position.copy
                     << " copies were begun after it";
  held[op.getSlot()] = {{op.getRing(), *at}};
  return success();
}

LogicalResult Run::release(tile::ReleaseOp op) {
  for (Value slot : op.getSlots())
    for (Held &taken : held[slot]) {
      Position &position = rings[taken.ring].positions[taken.position];
      ++position.releases;
      position.released = barriers;
    }
  return success();
}

void Run::share(tile::ShareOp op) {
  if (op.getAsync()) {
    sharedCopies[op.getResult()] = begun++;
    return;
  }
  sharedCopies.erase(op.getResult());
  wait(0);
}

LogicalResult Run::read(Operation *op, Value value) {
  auto copy = sharedCopies.find(value);
  if (copy == sharedCopies.end() || copy->second < landed)
    return success();
  return fault(op) << "reads a tile of a share async, and no wait has covered "
                      "the copy";
}

LogicalResult Run::start(tile::StartOp op) {
  SmallVector<Held, 2> slots;
  for (Value factor : {op.getLhs(), op.getRhs()}) {
    if (failed(read(op, factor)))
      return failure();
    if (isa<tile::SlotType>(factor.getType()))
      llvm::append_range(slots, held[factor]);
  }
  held[op.getPending()] = slots;
  return success();
}

void Run::carry(ValueRange from, ValueRange to) {
  // All are read before one is written: values may change places.
  SmallVector<SmallVector<Held, 2>> slots;
  SmallVector<std::optional<int64_t>> copies;
  for (Value value : from) {
    slots.push_back(held.lookup(value));
    auto copy = sharedCopies.find(value);
    copies.push_back(copy == sharedCopies.end() ? std::nullopt
                                                : std::optional(copy->second));
  }
  for (auto [value, some, copy] : llvm::zip(to, slots, copies)) {
    held[value] = some;
    if (copy)
      sharedCopies[value] = *copy;
    else
      sharedCopies.erase(value);
  }
}

LogicalResult Run::loop(scf::ForOp op) {
  std::optional<int64_t> begin = numberOf(op.getLowerBound()),
                         step = numberOf(op.getStep()),
                         end = numberOf(op.getUpperBound());
  if (!begin || !step || *step < 1)
    return fault(op) << "feeds products, but its first turn is not known";
  uint64_t first = *begin, stride = *step, count = turns;
  if (end) {
    count =
        *end > *begin ? llvm::divideCeil(uint64_t(*end) - first, stride) : 0;
  } else {
    numbers[op.getUpperBound()] = int64_t(first + count * stride);
    isOfTurns = true;
  }
  carry(op.getInitArgs(), op.getRegionIterArgs());
  for (uint64_t i = 0; i < count; ++i) {
    if (++ran > mostTurns)
      return fault(op) << "makes more than " << mostTurns
                       << " turns, which are not run";
    numbers[op.getInductionVar()] = int64_t(first + i * stride);
    if (failed(run(*op.getBody())))
      return failure();
    carry(op.getYieldedValues(), op.getRegionIterArgs());
  }
  carry(op.getRegionIterArgs(), op.getResults());
  return success();
}

LogicalResult Run::run(Operation *op) {
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](tile::PutOp op) { return put(op); })
      .Case([&](tile::GetOp op) { return get(op); })
      .Case([&](tile::ReleaseOp op) { return release(op); })
      .Case([&](tile::StartOp op) { return start(op); })
      .Case([&](tile::StoreOp op) { return read(op, op.getValue()); })
      .Case([&](scf::ForOp op) {
        return holdsMachine(op) ? loop(op) : success();
      })
      .Case([&](tile::RingOp op) {
        rings[op.getResult()] = {
            int64_t(op.getReaders()), op.getResult().getType().getStages(), {}};
        return success();
      })
      .Case([&](tile::ShareOp op) { return share(op), success(); })
      .Case([&](tile::AwaitOp op) {
        for (auto [slot, taken] :
             llvm::zip(op.getFreed(), held.lookup(op.getPending())))
          held[slot] = {taken};
        return success();
      })
      .Default([&](Operation *op) -> LogicalResult {
        if (!op->getNumRegions() || !holdsMachine(op))
          return success();
        return fault(op) << "holds ring ops, which run under no condition";
      });
}

LogicalResult Run::run(Block &block) {
  for (Operation &op : block)
    if (failed(run(&op)))
      return failure();
  return success();
}

/// What was taken has been given back.
LogicalResult Run::finish() {
  for (auto &[ring, state] : rings)
    for (auto [number, position] : llvm::enumerate(state.positions))
      if (position.gets && position.releases != state.readers)
        return fault(ring.getDefiningOp())
               << "has position " << number << " released by "
               << position.releases << " of " << state.readers << " readers";
  return success();
}

struct CheckStreamsPass : passes::impl::CheckStreamsBase<CheckStreamsPass> {
  void runOnOperation() override {
    func::FuncOp func = getOperation();
    if (!func.isExternal() && holdsMachine(func) &&
        (failed(checkLinear(func)) || failed(runAll(func))))
      signalPassFailure();
    markAllAnalysesPreserved();
  }

private:
  LogicalResult runAll(func::FuncOp func) {
    int64_t stages = 0;
    func.walk([&](tile::RingOp ring) {
      stages = std::max(stages, ring.getResult().getType().getStages());
    });
    for (int64_t turns = 0; turns <= 2 * stages + 2; ++turns) {
      Run run(turns);
      if (failed(run.run(func.getBody().front())) || failed(run.finish()))
        return failure();
      if (!run.dependsOnTurns())
        break;
    }
    return success();
  }
};

} // namespace
