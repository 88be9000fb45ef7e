// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/WindowShape.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "passes/TileBuilder.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

TileAccess TileAccess::of(Operation *op) {
  auto from = [&](auto access, Value memref, RankedTensorType tile) {
    return TileAccess{op,
                      memref,
                      cast<MemRefType>(memref.getType()),
                      access.getCoords(),
                      access.getSizes(),
                      access.getRows(),
                      access.getRowDims().value_or(ArrayRef<int64_t>()),
                      tile};
  };
  return TypeSwitch<Operation *, TileAccess>(op)
      .Case([&](tile::LoadOp load) {
        return from(load, load.getSource(), load.getType());
      })
      .Case([&](tile::StoreOp store) {
        return from(store, store.getDest(), store.getTile());
      })
      .Case([&](tile::PutOp put) {
        return from(put, put.getSource(), put.getRing().getType().getTile());
      });
}

WindowParts headgate::passes::partsOf(const TileAccess &access) {
  SmallVector<WindowPart> all;
  if (!access.rows.empty())
    all.push_back(
        {WindowPart::rows,
         cast<RankedTensorType>(access.rows[0].getType()).getDimSize(0)});
  for (auto [dim, size] : llvm::enumerate(access.sizes))
    all.push_back({int64_t(dim), size});
  llvm::erase_if(all, [](const WindowPart &part) { return part.extent == 1; });
  WindowParts parts;
  ArrayRef<WindowPart> left = all;
  for (int64_t extent : access.tile.getShape()) {
    auto &its = parts.emplace_back();
    for (int64_t count = 1; count < extent; left = left.drop_front()) {
      its.push_back(left.front());
      count *= left.front().extent;
    }
  }
  return parts;
}

/// Is the first element of `memref` aligned to `width` elements, and each row?
static bool isAligned(Value memref, int64_t width) {
  auto type = cast<MemRefType>(memref.getType());
  int64_t bytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  Operation *op = memref.getDefiningOp();
  if (!op)
    return true;
  return TypeSwitch<Operation *, bool>(op)
      .Case([&](memref::ViewOp view) {
        return isMultipleOf(view.getByteShift(), width * bytes) &&
               isAligned(view.getSource(), width * bytes);
      })
      .Case([&](memref::SubViewOp view) {
        SmallVector<OpFoldResult> offsets = view.getMixedOffsets();
        int64_t row = view.getSourceType().getShape().back();
        bool areRows = offsets.size() == 1 ||
                       (row != ShapedType::kDynamic && row % width == 0);
        return areRows && isMultipleOf(offsets.back(), width) &&
               isAligned(view.getSource(), width);
      })
      .Case<memref::CastOp, memref::CollapseShapeOp, memref::ExpandShapeOp>(
          [&](auto view) { return isAligned(view->getOperand(0), width); })
      .Default(false);
}

int64_t headgate::passes::accessWidth(const TileAccess &access) {
  WindowParts parts = partsOf(access);
  int64_t last = access.type.getRank() - 1;
  if (parts.back().empty() || parts.back().back().dim != last)
    return 1;
  int64_t bytes = llvm::divideCeil(access.type.getElementTypeBitWidth(), 8);
  int64_t extent = access.type.getDimSize(last);
  auto isGood = [&](int64_t width) {
    return parts.back().back().extent % width == 0 &&
           extent != ShapedType::kDynamic && extent % width == 0 &&
           isMultipleOf(access.coords.back(), width) &&
           isAligned(access.memref, width);
  };
  int64_t width = 16 / bytes;
  while (width > 1 && !isGood(width))
    width /= 2;
  return width;
}
