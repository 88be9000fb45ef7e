// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/ThreadEmitter.h"

#include "passes/Launch.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

ThreadEmitter::ThreadEmitter(func::FuncOp func, const KernelAbi &abi,
                             const SharedPlan &plan, LLVM::LLVMFuncOp kernel)
    : func(func), abi(abi), plan(plan), kernel(kernel),
      b(func.getLoc(), func.getContext()) {
  auto schedule =
      func->getAttrOfType<tile::ScheduleAttr>(tile::scheduleAttrName);
  warps = schedule.getWarps() * schedule.getGroups();
  b.setInsertionPointToStart(&kernel.getBody().front());
}

LogicalResult ThreadEmitter::run() {
  if (plan.bytes)
    shared = LLVM::AddressOfOp::create(
        b, LLVM::LLVMPointerType::get(b.getContext(), b.sharedSpace),
        sharedSymbol);
  bindArguments();
  setMarker();
  if (failed(emit(func.getBody().front())))
    return failure();
  b.setLoc(func.getLoc());
  LLVM::ReturnOp::create(b, ValueRange());
  return success();
}

void ThreadEmitter::bindArguments() {
  using Kind = KernelArgument::Kind;
  llvm::StringMap<Value> extents;
  for (auto [argument, value] : llvm::zip(abi.arguments, kernel.getArguments()))
    if (argument.kind == Kind::extent)
      extents[argument.name] = value;
  for (auto [argument, value] :
       llvm::zip(abi.arguments, kernel.getArguments())) {
    if (argument.kind == Kind::extent)
      continue;
    unsigned i = argument.operand;
    Value ours = func.getArgument(i);
    if (argument.kind == Kind::f32)
      setScalar(ours, value);
    else if (argument.kind == Kind::index)
      setScalar(ours, arith::TruncIOp::create(b, b.getI32Type(), value));
    auto type = dyn_cast<MemRefType>(ours.getType());
    if (!type)
      continue;
    SmallVector<Value> its;
    for (int64_t d = 0; d < type.getRank(); ++d) {
      int64_t number = type.getDimSize(d);
      if (argument.kind == Kind::workspace) // its size is the plan's
        number = std::numeric_limits<int32_t>::max();
      bool isNumber =
          number != ShapedType::kDynamic ||
          !StringRef(extentName(func, i, d)).getAsInteger(10, number);
      its.push_back(isNumber ? b.i32(number)
                             : extents.lookup(extentName(func, i, d)));
    }
    views[ours] = viewOf(value, type, its);
  }
}

//===-- control ----------------------------------------------------------===//

LogicalResult ThreadEmitter::emit(Block &block) {
  for (Operation &op : block.without_terminator())
    if (failed(emit(&op)))
      return failure();
  return success();
}

LogicalResult ThreadEmitter::emit(Operation *op) {
  b.setLoc(op->getLoc());
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](scf::ForOp loop) { return emitFor(loop); })
      .Case([&](scf::IfOp branch) { return emitIf(branch); })
      .Case([&](tile::LoadOp load) { return emitLoad(load), success(); })
      .Case([&](tile::StoreOp store) { return emitStore(store), success(); })
      .Case([&](tile::BroadcastOp broadcast) {
        return emitBroadcast(broadcast), success();
      })
      .Case(
          [&](tile::ReduceOp reduce) { return emitReduce(reduce), success(); })
      .Case([&](tile::ShareOp share) { return emitShare(share), success(); })
      .Case([&](tile::PutOp put) { return emitPut(put), success(); })
      .Case([&](tile::GetOp get) { return emitGet(get), success(); })
      .Case([&](tile::StartOp start) { return emitStart(start), success(); })
      .Case([&](tile::AwaitOp await) { return emitAwait(await), success(); })
      .Case([&](tile::RingOp ring) { return makeRoom(ring), success(); })
      .Case([](tile::ReleaseOp) { return success(); })
      .Default([&](Operation *other) -> LogicalResult {
        if (emitNumbers(other) || emitBuffer(other))
          return success();
        bool isTile = llvm::any_of(other->getResultTypes(),
                                   llvm::IsaPred<RankedTensorType>);
        return isTile ? emitElementwise(other) : emitScalar(other);
      });
}

SmallVector<Value> ThreadEmitter::parts(Value value) {
  if (auto pending = dyn_cast<tile::PendingType>(value.getType())) {
    Product &product = products[value];
    SmallVector<Value> all = {
        materialise(product.sums, pending.getTile().getElementType())};
    all.append(product.slots);
    return all;
  }
  if (isa<RankedTensorType>(value.getType()))
    return {vectorOf(value)};
  return {scalar(value)};
}

SmallVector<Type> ThreadEmitter::partTypes(Value value) {
  auto vector = [&](RankedTensorType tile) {
    return VectorType::get(layoutOf(tile)->registers(), tile.getElementType());
  };
  if (auto pending = dyn_cast<tile::PendingType>(value.getType())) {
    SmallVector<Type> types(1 + pending.getHeld().size(), b.getI32Type());
    types[0] = vector(pending.getTile());
    return types;
  }
  if (auto tile = dyn_cast<RankedTensorType>(value.getType()))
    return {vector(tile)};
  return {scalarType(value.getType())};
}

void ThreadEmitter::bindParts(Value value, ValueRange parts) {
  if (auto pending = dyn_cast<tile::PendingType>(value.getType()))
    products[value] = {{*layoutOf(pending.getTile()), parts[0]},
                       SmallVector<Value>(parts.drop_front())};
  else if (isa<RankedTensorType>(value.getType()))
    setVector(value, parts[0]);
  else
    setScalar(value, parts[0]);
}

SmallVector<Value> ThreadEmitter::parts(ValueRange values) {
  SmallVector<Value> all;
  for (Value value : values)
    all.append(parts(value));
  return all;
}

void ThreadEmitter::bindParts(ValueRange values, ValueRange parts) {
  for (Value value : values) {
    size_t count = partTypes(value).size();
    bindParts(value, parts.take_front(count));
    parts = parts.drop_front(count);
  }
}

static bool hasProducts(Operation *op) {
  return op->walk([](tile::StartOp) { return WalkResult::interrupt(); })
      .wasInterrupted();
}

LogicalResult ThreadEmitter::emitFor(scf::ForOp loop) {
  SmallVector<Value> inits = parts(ValueRange(loop.getInitArgs()));
  Value lower = scalar(loop.getLowerBound()),
        upper = scalar(loop.getUpperBound()), step = scalar(loop.getStep());
  bool isOuter = !outerLoop;
  if (isOuter) {
    outerLoop = loop;
    setMarker();
  }
  auto made = scf::ForOp::create(b, lower, upper, step, inits);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(made.getBody());
    setScalar(loop.getInductionVar(), made.getInductionVar());
    bindParts(ValueRange(loop.getRegionIterArgs()), made.getRegionIterArgs());
    if (failed(emit(*loop.getBody())))
      return failure();
    SmallVector<Value> yielded = parts(ValueRange(loop.getYieldedValues()));
    if (!inits.empty())
      scf::YieldOp::create(b, yielded);
  }
  if (isOuter) {
    outerLoop = nullptr;
    setMarker();
    if (hasProducts(loop))
      forget();
  }
  bindParts(ValueRange(loop.getResults()), made.getResults());
  return success();
}

LogicalResult ThreadEmitter::emitIf(scf::IfOp branch) {
  SmallVector<Type> types;
  for (Value result : branch.getResults())
    types.append(partTypes(result));
  auto made = scf::IfOp::create(b, types, scalar(branch.getCondition()),
                                /*withElseRegion=*/branch.elseBlock());
  for (auto [from, to] : llvm::zip(branch->getRegions(), made->getRegions())) {
    if (from.empty())
      continue;
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&to.front());
    Operation *outside = marker;
    if (failed(emit(from.front())))
      return failure();
    SmallVector<Value> yielded =
        parts(ValueRange(from.front().getTerminator()->getOperands()));
    if (!types.empty())
      scf::YieldOp::create(b, yielded);
    // What was made behind a loop in there is not seen from here.
    if (marker != outside)
      forget();
    marker = outside;
  }
  bindParts(ValueRange(branch.getResults()), made.getResults());
  return success();
}

//===-- in front of loops ------------------------------------------------===//

void ThreadEmitter::setMarker() { marker = b.i32(0).getDefiningOp(); }

void ThreadEmitter::forget() {
  ++epoch;
  threadNumber = Value();
}

bool ThreadEmitter::isInvariant(ValueRange values) {
  return llvm::none_of(values, [&](Value value) {
    Region *region = value.getParentRegion();
    return outerLoop->isAncestor(region->getParentOp());
  });
}

Value ThreadEmitter::thread() {
  if (!threadNumber)
    threadNumber = inFront([&] { return b.threadId(/*again=*/epoch > 0); });
  return threadNumber;
}
