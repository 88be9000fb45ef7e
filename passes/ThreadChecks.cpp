// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/ThreadChecks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "passes/FragLayout.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

/// A block of any GPU has at most 1024 threads (CUDA C++ Programming Guide,
/// "Technical Specifications per Compute Capability").
static constexpr int64_t mostWarps = 32;

/// The first op in `func` that `check` fails at ends the walk.
static LogicalResult
checkAll(func::FuncOp func,
         llvm::function_ref<LogicalResult(Operation *)> check) {
  WalkResult result = func.walk([&](Operation *op) {
    return failed(check(op)) ? WalkResult::interrupt() : WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

static LogicalResult checkConstant(arith::ConstantOp constant) {
  if (!isa<TensorType>(constant.getType()) ||
      isa<SplatElementsAttr>(constant.getValue()))
    return success();
  return constant.emitOpError(
      "has several values, but a constant tile has one");
}

LogicalResult headgate::passes::checkTiles(func::FuncOp func) {
  for (auto [i, type] : llvm::enumerate(func.getArgumentTypes()))
    if (isa<TensorType>(type))
      return func.emitOpError("has a tile for argument ")
             << i << ", but a program loads its tiles";
  return checkAll(func, [](Operation *op) {
    auto constant = dyn_cast<arith::ConstantOp>(op);
    return constant ? checkConstant(constant) : success();
  });
}

/// Loops and branches hand on numbers and tiles.
static LogicalResult checkHandedOn(Operation *op) {
  for (Type type : op->getResultTypes())
    if (isa<MemRefType, tile::SharedType, tile::RingType>(type))
      return op->emitOpError("hands on a ")
             << type << ", of which a GPU must know the place";
  return success();
}

static bool isI32(int64_t number) {
  return number == ShapedType::kDynamic || llvm::isInt<32>(number);
}

static LogicalResult checkNumbers(Operation *op) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    if (auto number = dyn_cast<IntegerAttr>(constant.getValue());
        number && number.getType().isIndex() && !isI32(number.getInt()))
      return op->emitOpError("is an index beyond 32 bits, which indices have "
                             "on a GPU");
  for (Type type : op->getResultTypes())
    if (auto memref = dyn_cast<MemRefType>(type);
        memref && !llvm::all_of(memref.getShape(), isI32))
      return op->emitOpError("has an extent beyond 32 bits, which indices "
                             "have on a GPU");
  return success();
}

static LogicalResult checkDim(memref::DimOp dim) {
  std::optional<int64_t> index = dim.getConstantIndex();
  int64_t rank = cast<MemRefType>(dim.getSource().getType()).getRank();
  if (index && *index >= 0 && *index < rank)
    return success();
  return dim.emitOpError("needs a constant below the rank ")
         << rank << " of its buffer";
}

static LogicalResult checkOp(Operation *op) {
  for (Type type : op->getResultTypes())
    if (isa<RankedTensorType>(type) && !layoutOf(type))
      return op->emitOpError("has a tile without a layout: "
                             "headgate-assign-layouts goes first");
  if (failed(checkNumbers(op)))
    return failure();
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case([](arith::ConstantOp constant) { return checkConstant(constant); })
      .Case([](memref::DimOp dim) { return checkDim(dim); })
      .Case<scf::ForOp, scf::IfOp>([](auto op) { return checkHandedOn(op); })
      .Default(success());
}

LogicalResult headgate::passes::checkThreads(func::FuncOp func) {
  auto schedule =
      func->getAttrOfType<tile::ScheduleAttr>(tile::scheduleAttrName);
  int64_t warps = schedule.getWarps(), groups = schedule.getGroups();
  if (warps > mostWarps || groups > mostWarps / warps)
    return func.emitOpError("has ")
           << groups << " row groups of " << warps
           << " warps, and a block of a GPU has at most " << mostWarps
           << " warps";
  if (func.getNumResults())
    return func.emitOpError("has results, but a kernel writes into buffers");
  for (Type type : func.getArgumentTypes())
    if (auto memref = dyn_cast<MemRefType>(type);
        memref && !llvm::all_of(memref.getShape(), isI32))
      return func.emitOpError("has an extent beyond 32 bits, which indices "
                              "have on a GPU");
  return checkAll(func, checkOp);
}
