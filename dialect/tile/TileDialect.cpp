// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dialect itself, its attributes, and what a scheduled function may hold.

#include "dialect/tile/Tile.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::tile;

#include "dialect/tile/TileDialect.cpp.inc"
#include "dialect/tile/TileEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/tile/TileAttrs.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialect/tile/TileTypes.cpp.inc"

void TileDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialect/tile/TileAttrs.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialect/tile/TileTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialect/tile/TileOps.cpp.inc"
      >();
}

Operation *TileDialect::materializeConstant(OpBuilder &builder, Attribute value,
                                            Type type, Location loc) {
  return arith::ConstantOp::materialize(builder, value, type, loc);
}

//===-- tile.schedule ----------------------------------------------------===//

/// An op that the program of a row group may have beside those of this dialect.
static bool isOfProgram(Operation *op) {
  static const llvm::StringSet<> others = {
      "func.return",  "gpu.block_id",
      "gpu.grid_dim", "gpu.return",
      "memref.cast",  "memref.collapse_shape",
      "memref.dim",   "memref.expand_shape",
      "memref.load",  "memref.subview",
      "memref.view",  "scf.for",
      "scf.if",       "scf.yield",
      "tensor.splat", "memref.extract_aligned_pointer_as_index",
  };
  StringRef dialect = op->getName().getDialectNamespace();
  return dialect == "tile" || dialect == "arith" || dialect == "math" ||
         others.contains(op->getName().getStringRef());
}

LogicalResult TileDialect::verifyOperationAttribute(Operation *op,
                                                    NamedAttribute attribute) {
  if (attribute.getName() != scheduleAttrName) // tile (C1)
    return op->emitOpError("has '")
           << attribute.getName().getValue()
           << "', but the only attribute of the tile dialect is '"
           << scheduleAttrName << "'";
  if (!isa<FunctionOpInterface>(op)) // tile (C1)
    return op->emitOpError("has a '")
           << scheduleAttrName << "', which only a function can have";
  if (!isa<ScheduleAttr>(attribute.getValue())) // tile (C1)
    return op->emitOpError("has a '")
           << scheduleAttrName << "' that is not a #tile.schedule";

  Operation *ours = nullptr, *foreign = nullptr;
  op->walk([&](Operation *inner) {
    if (inner == op)
      return;
    if (isa<TileDialect>(inner->getDialect()))
      ours = ours ? ours : inner;
    else if (!isOfProgram(inner))
      foreign = foreign ? foreign : inner;
  });
  if (!ours || !foreign)
    return success();
  InFlightDiagnostic error = foreign->emitOpError(
      "cannot be in the program of a row group"); // tile (C2)
  error.attachNote(ours->getLoc()) << "which this op makes the function";
  return error;
}

LogicalResult ScheduleAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                   int64_t rows, int64_t keys, int64_t cols,
                                   int64_t depth, int64_t splits, bool, bool,
                                   int64_t groups, int64_t warps,
                                   int64_t stages, bool, bool, Order) {
  struct Knob {
    StringRef name;
    int64_t value, least;
  };
  for (Knob knob : {Knob{"rows", rows, 1}, Knob{"keys", keys, 0},
                    Knob{"cols", cols, 0}, Knob{"depth", depth, 0},
                    Knob{"splits", splits, 1}, Knob{"groups", groups, 1},
                    Knob{"warps", warps, 1}, Knob{"stages", stages, 0}})
    if (knob.value < knob.least) // schedule (C1)
      return emitError() << "schedule has " << knob.name << " = " << knob.value
                         << ", but at least " << knob.least << " is needed";
  return success();
}

ScheduleAttr ScheduleAttr::of(MLIRContext *context, const Schedule &schedule) {
  return get(
      context, schedule.rows, schedule.keys, schedule.cols, schedule.depth,
      schedule.splits, schedule.merge, schedule.across, schedule.groups,
      schedule.warps, schedule.stages, schedule.overlap, schedule.turns,
      schedule.order == Schedule::Order::rows ? Order::Rows : Order::Cols);
}

Schedule ScheduleAttr::toSchedule() const {
  return {.rows = getRows(),
          .keys = getKeys(),
          .cols = getCols(),
          .depth = getDepth(),
          .splits = getSplits(),
          .merge = getMerge(),
          .across = getAcross(),
          .groups = getGroups(),
          .warps = getWarps(),
          .stages = getStages(),
          .overlap = getOverlap(),
          .turns = getTurns(),
          .order = getOrder() == Order::Rows ? Schedule::Order::rows
                                             : Schedule::Order::cols};
}

//===-- panels -----------------------------------------------------------===//

LogicalResult
PanelsAttr::verifyEncoding(ArrayRef<int64_t> shape, Type,
                           function_ref<InFlightDiagnostic()> emitError) const {
  if (shape.size() != 2) // panels (C1)
    return emitError() << "panels hold a tile of rank 2, not of rank "
                       << shape.size();
  if (getCols() < 1 || getDepth() < 1) // panels (C1)
    return emitError() << "panels have " << getCols() << " columns and "
                       << getDepth() << " terms, but at least 1 is needed";
  return success();
}
