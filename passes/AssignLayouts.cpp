// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gives every tile a layout, walking through the program once.
//
// Ops that compute decide as they are passed: a product has the layout of
// mma.sync, an elementwise op that of its operands, a reduction the slice of
// its source. What is cheap to make again - constants, numbers, loads,
// broadcasts, and what is computed from them alone - waits until somebody asks
// for it in a layout, and is made once for each layout that is asked for. What
// a loop carries gets its layout from the first op in the body that asks.
//
// Where nobody asks, as in programs without products, tiles are laid out for
// coalesced accesses: by the slice of each shape's narrowest access.
//
// There are no conversions between layouts: an op whose operands cannot agree
// is an error. Covered by test/passes/assign-layouts*.mlir.

#include "passes/FragLayout.h"
#include "passes/OwnLayouts.h"
#include "passes/Passes.h"
#include "passes/ThreadChecks.h"
#include "passes/WindowShape.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

namespace headgate::passes {
#define GEN_PASS_DEF_ASSIGNLAYOUTS
#include "passes/Passes.h.inc"
} // namespace headgate::passes

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

RankedTensorType tileType(Value value) {
  return dyn_cast<RankedTensorType>(value.getType());
}

bool isElementwise(Operation *op) {
  return op && OpTrait::hasElementwiseMappableTraits(op) &&
         llvm::any_of(op->getResultTypes(), llvm::IsaPred<RankedTensorType>);
}

class LayoutAssignment {
public:
  LayoutAssignment(func::FuncOp func, int64_t warps)
      : func(func), warps(warps), own(func, warps) {}

  LogicalResult run() {
    Block &body = func.getBody().front();
    if (failed(visit(body)) || failed(finish(body)))
      return failure();
    sinkBehindProducts(body);
    return success();
  }

private:
  LogicalResult visit(Block &block);
  LogicalResult visit(Operation *op);
  LogicalResult visit(tile::StartOp start);
  LogicalResult visit(tile::ReduceOp reduce);
  LogicalResult visit(tile::ShareOp share);
  LogicalResult visit(tile::PutOp put);
  LogicalResult visit(tile::StoreOp store);
  LogicalResult visit(scf::ForOp loop);
  LogicalResult visit(scf::IfOp branch);
  LogicalResult visitElementwise(Operation *op);

  /// Makes operand `i` of `op` have that layout.
  LogicalResult require(Operation *op, unsigned i, const Layout &layout);
  /// Makes what `value`, which now has that layout, is computed from fit.
  LogicalResult assign(Value value, const Layout &layout);
  LogicalResult assignOperands(Operation *op, const Layout &layout);
  LogicalResult requireRows(Operation *op, ValueRange rows,
                            const Layout &layout);
  bool isCheap(Value value);
  std::optional<Layout> layoutAskedOf(Value value);
  LogicalResult finish(Block &block);
  void sinkBehindProducts(Block &block);

  func::FuncOp func;
  int64_t warps;
  llvm::DenseMap<std::pair<Value, Attribute>, Value> again; ///< cheap values
  OwnLayouts own;
};

//===-- ops that decide --------------------------------------------------===//

LogicalResult LayoutAssignment::visit(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(block))
    if (failed(visit(&op)))
      return failure();
  return success();
}

LogicalResult LayoutAssignment::visit(Operation *op) {
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case<tile::StartOp, tile::ReduceOp, tile::ShareOp, tile::PutOp,
            tile::StoreOp, scf::ForOp, scf::IfOp>(
          [&](auto known) { return visit(known); })
      .Case([&](tile::AwaitOp await) {
        await.getTile().setType(await.getPending().getType().getTile());
        return success();
      })
      .Case([&](tile::DotOp dot) {
        return dot.emitOpError("has factors that are not in shared memory");
      })
      .Default([&](Operation *other) {
        return isElementwise(other) ? visitElementwise(other) : success();
      });
}

LogicalResult LayoutAssignment::visit(tile::StartOp start) {
  RankedTensorType lhs = start.getLhsTile(),
                   type = start.getPending().getType().getTile();
  int64_t rows = type.getDimSize(0), cols = type.getDimSize(1),
          terms = lhs.getDimSize(1);
  if (rows % (16 * warps) || cols % 16 || terms % 16)
    return start.emitOpError("multiplies ")
           << rows << "x" << terms << " by " << terms << "x" << cols << " on "
           << warps
           << " warps, but rows must be a multiple of 16 for each warp, "
              "columns "
              "and terms of 16";
  Layout layout = mmaResult(rows, cols, warps);
  if (tileType(start.getLhs()) &&
      failed(require(start, 0, mmaResult(rows, terms, warps))))
    return failure();
  if (start.getAcc() && failed(require(start, 2, layout)))
    return failure();
  auto pending = start.getPending().getType();
  start.getPending().setType(tile::PendingType::get(
      func.getContext(), withLayout(type, layout), pending.getHeld()));
  return success();
}

LogicalResult LayoutAssignment::visit(tile::ReduceOp reduce) {
  auto source = reduce.getSource();
  if (!layoutOf(source.getType()) &&
      failed(require(reduce, 0, own.of(source.getType()))))
    return failure();
  Layout layout = *layoutOf(reduce.getSource().getType());
  if (splitsRows(layout))
    return reduce.emitOpError("reduces rows that several warps share");
  RankedTensorType type = reduce.getType();
  bool isPartial = type.getRank() == 2;
  Layout result = isPartial ? layout.partials() : layout.slice(1);
  int64_t parts = 1;
  for (const Digit &digit : layout.lane())
    parts *= digit.dim == 1 ? digit.extent : 1;
  if (isPartial && parts != type.getDimSize(1))
    return reduce.emitOpError("leaves ")
           << type.getDimSize(1) << " parts of a row that lies in " << parts
           << " lanes";
  reduce.getResult().setType(withLayout(type, result));
  return success();
}

LogicalResult LayoutAssignment::visit(tile::ShareOp share) {
  RankedTensorType type = share.getSource().getType();
  if (!sharedTileOf(type).isLegal())
    return share.emitOpError("cannot lay out ")
           << type << " in shared memory: rows are a multiple of 8, and a row "
           << "of 32 bytes";
  if (layoutOf(type) && !isCheap(share.getSource()))
    return success();
  auto load = share.getSource().getDefiningOp<tile::LoadOp>();
  int64_t width = load ? accessWidth(TileAccess::of(load)) : 2;
  if (width * type.getElementTypeBitWidth() < 32)
    return share.emitOpError("copies rows that are not aligned to 4 bytes");
  return require(share, 0, sharedCopyLayout(type, width, warps));
}

LogicalResult LayoutAssignment::visit(tile::PutOp put) {
  TileAccess access = TileAccess::of(put);
  if (!sharedTileOf(access.tile).isLegal())
    return put.emitOpError("cannot lay out ")
           << access.tile << " in shared memory: rows are a multiple of 8, and "
           << "a row of 32 bytes";
  int64_t width = accessWidth(access);
  if (width * access.tile.getElementTypeBitWidth() < 32)
    return put.emitOpError("copies rows that are not aligned to 4 bytes");
  return requireRows(put, put.getRows(),
                     sharedCopyLayout(access.tile, width, warps));
}

LogicalResult LayoutAssignment::visit(tile::StoreOp store) {
  if (!tileType(store.getValue())) {
    int64_t width = accessWidth(TileAccess::of(store));
    return requireRows(store, store.getRows(),
                       sharedCopyLayout(store.getTile(), width, warps));
  }
  if ((!layoutOf(store.getValue().getType()) || isCheap(store.getValue())) &&
      failed(require(store, 0, own.of(store.getTile()))))
    return failure();
  return requireRows(store, store.getRows(),
                     *layoutOf(store.getValue().getType()));
}

LogicalResult LayoutAssignment::visitElementwise(Operation *op) {
  for (Value operand : op->getOperands()) {
    std::optional<Layout> layout = layoutOf(operand.getType());
    if (!layout || isCheap(operand))
      continue;
    for (OpResult result : op->getResults())
      result.setType(withLayout(tileType(result), *layout));
    return assignOperands(op, *layout);
  }
  return success(); // until somebody asks
}

/// The layout that `value`, which may wait for one, has to agree with: that of
/// something it is computed from, element by element.
std::optional<Layout> LayoutAssignment::layoutAskedOf(Value value) {
  if (isCheap(value))
    return {};
  if (std::optional<Layout> its = layoutOf(value.getType()))
    return its;
  if (Operation *op = value.getDefiningOp(); isElementwise(op))
    for (Value operand : op->getOperands())
      if (tileType(operand))
        if (std::optional<Layout> its = layoutAskedOf(operand))
          return its;
  return {};
}

LogicalResult LayoutAssignment::visit(scf::ForOp loop) {
  for (auto [init, argument, result] : llvm::zip(
           loop.getInitArgs(), loop.getRegionIterArgs(), loop.getResults()))
    if (!tileType(init)) { // a product under way knows its layout
      argument.setType(init.getType());
      result.setType(init.getType());
    }
  if (failed(visit(*loop.getBody())))
    return failure();
  Operation *yield = loop.getBody()->getTerminator();
  // Vectors last: they are slices of tiles.
  for (int64_t rank : {2, 1})
    for (auto [i, argument] : llvm::enumerate(loop.getRegionIterArgs())) {
      RankedTensorType type = tileType(argument);
      if (!type || type.getRank() != rank)
        continue;
      Value yielded = yield->getOperand(i);
      if (!layoutOf(type)) {
        Layout layout = layoutAskedOf(yielded).value_or(own.of(type));
        if (failed(assign(argument, layout)))
          return failure();
      }
      if (failed(require(yield, i, *layoutOf(argument.getType()))))
        return failure();
    }
  return success();
}

LogicalResult LayoutAssignment::visit(scf::IfOp branch) {
  if (failed(visit(*branch.thenBlock())) ||
      (branch.elseBlock() && failed(visit(*branch.elseBlock()))))
    return failure();
  for (OpResult result : branch.getResults()) {
    unsigned i = result.getResultNumber();
    for (Block *block : {branch.thenBlock(), branch.elseBlock()}) {
      Value yielded = block->getTerminator()->getOperand(i);
      if (!tileType(yielded)) {
        result.setType(yielded.getType());
        continue;
      }
      std::optional<Layout> layout = layoutOf(yielded.getType());
      if (layout && !isCheap(yielded) && !layoutOf(result.getType()) &&
          failed(assign(result, *layout)))
        return failure();
    }
  }
  return success();
}

//===-- what others ask for ----------------------------------------------===//

/// Whether `value` can as well be made once more, in another layout.
bool LayoutAssignment::isCheap(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (matchPattern(op, m_Constant()) ||
      isa<tensor::SplatOp, tile::IotaOp, tile::LoadOp>(op))
    return true;
  return (isElementwise(op) || isa<tile::BroadcastOp>(op)) &&
         llvm::all_of(op->getOperands(), [&](Value operand) {
           return !tileType(operand) || isCheap(operand);
         });
}

LogicalResult LayoutAssignment::require(Operation *op, unsigned i,
                                        const Layout &layout) {
  Value value = op->getOperand(i);
  RankedTensorType wanted = withLayout(tileType(value), layout);
  std::optional<Layout> its = layoutOf(value.getType());
  if (!its)
    return assign(value, layout);
  if (*its == layout)
    return success();
  if (!isCheap(value)) {
    InFlightDiagnostic error = op->emitOpError("needs operand ")
                               << i << " as " << describe(layout)
                               << ", but it lies as " << describe(*its);
    error.attachNote(value.getLoc()) << "where it is made";
    return error;
  }
  auto [known, isNew] =
      again.try_emplace(std::pair(value, wanted.getEncoding()), Value());
  if (isNew) {
    Operation *made = value.getDefiningOp();
    OpBuilder b(made->getContext());
    b.setInsertionPointAfter(made);
    known->second =
        b.clone(*made)->getResult(cast<OpResult>(value).getResultNumber());
    op->setOperand(i, known->second);
    return assign(known->second, layout);
  }
  op->setOperand(i, known->second);
  return success();
}

LogicalResult LayoutAssignment::assign(Value value, const Layout &layout) {
  value.setType(withLayout(tileType(value), layout));
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto loop = cast<scf::ForOp>(argument.getOwner()->getParentOp());
    unsigned i = argument.getArgNumber() - loop.getNumInductionVars();
    loop.getResult(i).setType(value.getType());
    return require(loop, loop.getNumControlOperands() + i, layout);
  }
  Operation *op = value.getDefiningOp();
  if (auto branch = dyn_cast<scf::IfOp>(op)) {
    unsigned i = cast<OpResult>(value).getResultNumber();
    return failure(
        failed(require(branch.thenBlock()->getTerminator(), i, layout)) ||
        failed(require(branch.elseBlock()->getTerminator(), i, layout)));
  }
  return assignOperands(op, layout);
}

LogicalResult LayoutAssignment::assignOperands(Operation *op,
                                               const Layout &layout) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    auto values = cast<SplatElementsAttr>(constant.getValue());
    constant.setValueAttr(
        values.resizeSplat(cast<ShapedType>(constant.getType())));
    return success();
  }
  if (auto load = dyn_cast<tile::LoadOp>(op))
    return requireRows(op, load.getRows(), layout);
  if (auto broadcast = dyn_cast<tile::BroadcastOp>(op))
    return require(op, 0, layout.slice(broadcast.getAlong()));
  if (!isElementwise(op))
    return success();
  for (OpResult result : op->getResults())
    result.setType(withLayout(tileType(result), layout));
  for (unsigned i = 0; i < op->getNumOperands(); ++i)
    if (tileType(op->getOperand(i)) && failed(require(op, i, layout)))
      return failure();
  return success();
}

/// Row tiles lie as the rows of the tile that is accessed.
LogicalResult LayoutAssignment::requireRows(Operation *op, ValueRange rows,
                                            const Layout &layout) {
  if (rows.empty())
    return success();
  RankedTensorType tile = TileAccess::of(op).tile;
  if (tileType(rows[0]).getDimSize(0) != tile.getDimSize(0))
    return op->emitOpError("has row numbers that stand for several rows of ")
           << tile;
  unsigned first = op->getNumOperands() - rows.size(); // they come last
  Layout slice = tile.getRank() == 2 ? layout.slice(1) : layout;
  for (unsigned i = 0; i < rows.size(); ++i)
    if (failed(require(op, first + i, slice)))
      return failure();
  return success();
}

/// What nobody asked for, backward: dead, or laid out as any.
LogicalResult LayoutAssignment::finish(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
    if (isOpTriviallyDead(&op)) {
      op.erase();
      continue;
    }
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        if (failed(finish(inner)))
          return failure();
    bool isDead = op.use_empty() && isa<tile::LoadOp>(op);
    for (OpResult result : op.getResults())
      if (!isDead && tileType(result) && !layoutOf(result.getType()) &&
          failed(assign(result, own.of(tileType(result)))))
        return failure();
    if (isDead)
      op.erase();
  }
  return success();
}

template <typename Op> static bool has(Operation *op) {
  return op->walk([](Op) { return WalkResult::interrupt(); }).wasInterrupted();
}

/// Makes tiles that are only read behind a loop with products there: they would
/// take registers from it.
void LayoutAssignment::sinkBehindProducts(Block &block) {
  Operation *loop = nullptr;
  for (Operation &op : block)
    if (isa<scf::ForOp>(op) && has<tile::StartOp>(&op))
      loop = &op;
  if (!loop)
    return;
  bool hasStores = has<tile::StoreOp>(loop);
  for (Operation *op = loop->getPrevNode(), *before; op; op = before) {
    before = op->getPrevNode();
    hasStores |= has<tile::StoreOp>(op);
    bool canMove = isa<tile::LoadOp>(op) ? !hasStores : isMemoryEffectFree(op);
    if (canMove && !op->use_empty() && tileType(op->getResult(0)) &&
        llvm::all_of(op->getUsers(), [&](Operation *user) {
          return loop->isBeforeInBlock(block.findAncestorOpInBlock(*user));
        }))
      op->moveAfter(loop);
  }
}

struct AssignLayoutsPass : passes::impl::AssignLayoutsBase<AssignLayoutsPass> {
  void runOnOperation() override {
    func::FuncOp func = getOperation();
    auto schedule =
        func->getAttrOfType<tile::ScheduleAttr>(tile::scheduleAttrName);
    if (func.isExternal() || !schedule)
      return;
    int64_t warps = schedule.getWarps() * schedule.getGroups();
    if (failed(checkTiles(func)) || failed(LayoutAssignment(func, warps).run()))
      signalPassFailure();
  }
};

} // namespace
