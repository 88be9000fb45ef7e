// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/TileFactors.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/TileBuilder.h"
#include "passes/TilePlan.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

tile::LoadOp headgate::passes::panelWindow(Value value) {
  auto load = value.getDefiningOp<tile::LoadOp>();
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return load && isa_and_nonnull<tile::PanelsAttr>(type.getEncoding())
             ? load
             : tile::LoadOp();
}

/// True if `size` columns from `first` on are all there, or none is, or the
/// matrix has one window of columns.
static bool hasWholeColumns(int64_t extent, int64_t size, Value first) {
  return isConstantIntValue(first, 0) ||
         (extent % size == 0 && isMultipleOf(first, size));
}

/// The window of memory, its rows not gathered, that `value` is.
static tile::LoadOp plainWindow(Value value) {
  if (auto widened = value.getDefiningOp<arith::ExtFOp>())
    value = widened.getIn();
  auto load = value.getDefiningOp<tile::LoadOp>();
  return load && load.getRows().empty() && !panelWindow(value) ? load
                                                               : tile::LoadOp();
}

tile::LoadOp headgate::passes::headWindow(Value value) {
  tile::LoadOp load = plainWindow(value);
  if (!load || load.getSizes().size() < 3)
    return {};
  ArrayRef<int64_t> sizes = load.getSizes();
  auto source = cast<MemRefType>(load.getSource().getType());
  unsigned headDim = source.getRank() - 2;
  std::optional<int64_t> first = getConstantIntValue(load.getCoords()[headDim]);
  bool hasHeads = first && *first >= 0 && !source.isDynamicDim(headDim) &&
                  *first + sizes[headDim] <= source.getDimSize(headDim);
  unsigned wide = llvm::count_if(sizes.drop_back(2),
                                 [](int64_t size) { return size != 1; });
  bool isWhole = !source.isDynamicDim(headDim + 1) &&
                 isConstantIntValue(load.getCoords().back(), 0);
  return hasHeads && wide == 1 && isWhole ? load : tile::LoadOp();
}

bool headgate::passes::isHeadFactor(Value value) {
  return headWindow(value) && llvm::all_of(value.getUses(), [](OpOperand &use) {
           if (auto widened = dyn_cast<arith::ExtFOp>(use.getOwner()))
             return isHeadFactor(widened);
           auto dot = dyn_cast<tile::DotOp>(use.getOwner());
           return dot && dot.getHeads() > 1 && &use == &dot.getRhsMutable();
         });
}

tile::LoadOp headgate::passes::directWindow(Value value) {
  tile::LoadOp load = plainWindow(value);
  if (!load)
    return {};
  // Two dimensions that are left, the second of them innermost in memory, with
  // a known extent and whole windows side by side: rows of a matrix.
  ArrayRef<int64_t> sizes = load.getSizes();
  auto source = cast<MemRefType>(load.getSource().getType());
  unsigned wide = llvm::count_if(sizes, [](int64_t size) { return size != 1; });
  bool isMatrix = wide == 2 && sizes.back() != 1 &&
                  !source.isDynamicDim(source.getRank() - 1) &&
                  hasWholeColumns(source.getShape().back(), sizes.back(),
                                  load.getCoords().back());
  return isMatrix ? load : tile::LoadOp();
}

bool headgate::passes::readsNarrowRows(tile::DotOp dot) {
  constexpr int64_t mostColumns = 256;
  tile::LoadOp load = directWindow(dot.getRhs());
  bool isSum = dot.getTranspose() && dot.getAcc();
  return load && dot.getHeads() == 1 && !isSum &&
         tileShape(dot.getRhs())[1] <= mostColumns &&
         elementOf(load.getSource()).getIntOrFloatBitWidth() == 16;
}
