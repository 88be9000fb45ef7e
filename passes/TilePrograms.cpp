// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/TilePrograms.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "passes/TileEmitter.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

/// What a sweep takes at once on any CPU.
static constexpr int64_t maxParts = 16;

static bool isSplatConstant(Operation *op) {
  DenseElementsAttr value;
  return matchPattern(op, m_Constant(&value)) && value.isSplat();
}

/// Do the columns of a row lie side by side, where they run over several
/// dimensions?
static bool hasRowsInOrder(const Window &window) {
  SmallVector<int64_t> strides;
  int64_t offset;
  if (failed(window.type.getStridesAndOffset(strides, offset)))
    return false;
  for (int64_t d = window.firstColumnDim + 1; d < window.type.getRank(); ++d)
    if (window.sizes[d] != window.type.getDimSize(d) ||
        !isConstantIntValue(window.coords[d], 0) ||
        ShapedType::isDynamic(strides[d - 1]) ||
        strides[d - 1] != strides[d] * window.sizes[d])
      return false;
  return true;
}

/// The same of a window that is read or written through vectors.
static bool isReadable(Operation *op) {
  if (auto load = dyn_cast<tile::LoadOp>(op))
    return panelWindow(load.getResult()) || isHeadFactor(load.getResult()) ||
           hasRowsInOrder(Window(load));
  auto store = dyn_cast<tile::StoreOp>(op);
  return !store || hasRowsInOrder(Window(store));
}

static LogicalResult checkOperation(Operation *op) {
  auto refuse = [&](const char *why) {
    return op->emitRemark("not lowered to vectors: ") << why, failure();
  };
  bool hasTiles = false;
  auto check = [&](Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    hasTiles |= isa<TensorType>(value.getType());
    return !isa<TensorType>(value.getType()) ||
           (type && type.hasStaticShape() && type.getNumElements() &&
            type.getRank() >= 1 && type.getRank() <= 2);
  };
  // What the threads of a GPU hold or share.
  auto isOfGroup = [](Type type) {
    auto tile = dyn_cast<RankedTensorType>(type);
    return isa<tile::SharedType, tile::RingType, tile::SlotType,
               tile::PendingType>(type) ||
           (tile && isa_and_present<tile::FragAttr>(tile.getEncoding()));
  };
  if (llvm::any_of(op->getOperandTypes(), isOfGroup) ||
      llvm::any_of(op->getResultTypes(), isOfGroup))
    return refuse("the threads of a GPU have this tile together");
  if (!llvm::all_of(op->getOperands(), check) ||
      !llvm::all_of(op->getResults(), check))
    return refuse("a tile has one or two static dimensions");
  if (!hasTiles)
    return success();
  if (!isReadable(op))
    return refuse("the columns of its rows do not lie side by side");
  if (isa<arith::ConstantOp>(op) && !isSplatConstant(op))
    return refuse("a constant tile has one value everywhere");
  if (auto reduce = dyn_cast<tile::ReduceOp>(op);
      reduce && reduce.getResult().getType().getRank() == 2 &&
      reduce.getResult().getType().getDimSize(1) > maxParts)
    return refuse("a row is reduced to at most 16 parts");
  if (isa<tile::LoadOp, tile::StoreOp, tile::DotOp, tile::ReduceOp,
          tile::BroadcastOp, tile::IotaOp, tensor::SplatOp, arith::ConstantOp,
          scf::ForOp, scf::IfOp, scf::YieldOp>(op) ||
      OpTrait::hasElementwiseMappableTraits(op))
    return success();
  return refuse("this operation on tiles has no form on vectors");
}

/// A loop that exchanges carried tiles would need a third buffer.
static LogicalResult checkExchanges(scf::ForOp loop) {
  Block *body = loop.getBody();
  for (BlockArgument start : loop.getRegionIterArgs()) {
    Value at = start;
    do {
      auto argument = dyn_cast<BlockArgument>(at);
      if (!isTile(at) || !argument || argument.getOwner() != body)
        break;
      at = loop.getYieldedValues()[argument.getArgNumber() -
                                   loop.getNumInductionVars()];
      if (at == start && argument != start)
        return loop.emitRemark("not lowered to vectors: the loop exchanges "
                               "carried tiles"),
               failure();
    } while (at != start);
  }
  return success();
}

LogicalResult headgate::passes::checkTileProgram(func::FuncOp func) {
  WalkResult checked = func.walk([](Operation *op) {
    auto loop = dyn_cast<scf::ForOp>(op);
    bool isGood =
        isa<func::FuncOp>(op) || (succeeded(checkOperation(op)) &&
                                  (!loop || succeeded(checkExchanges(loop))));
    return isGood ? WalkResult::advance() : WalkResult::interrupt();
  });
  return failure(checked.wasInterrupted());
}
