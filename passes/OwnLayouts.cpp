// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/OwnLayouts.h"

#include "passes/WindowShape.h"

#include <numeric>

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

static std::pair<int64_t, int64_t> shapeOf(RankedTensorType type) {
  return {type.getRank() == 1 ? 0 : type.getDimSize(0), type.getShape().back()};
}

/// How many elements of each shape an access takes: 16 bytes of the narrowest
/// type, or what the widest access of all is that the shape's windows allow.
OwnLayouts::OwnLayouts(func::FuncOp func, int64_t warps) : warps(warps) {
  std::map<std::pair<int64_t, int64_t>, int64_t> narrowest;
  func.walk([&](Operation *op) {
    hasReductions |= isa<tile::ReduceOp>(op);
    if (!isa<tile::LoadOp, tile::StoreOp>(op))
      return;
    TileAccess access = TileAccess::of(op);
    auto shape = shapeOf(access.tile);
    int64_t bytes = llvm::divideCeil(access.tile.getElementTypeBitWidth(), 8);
    int64_t &least = narrowest.try_emplace(shape, 16).first->second;
    least = std::min(least, bytes);
    int64_t &width = widths.try_emplace(shape, 1).first->second;
    width = std::max(width, accessWidth(access));
  });
  for (auto &[shape, width] : widths)
    width = std::min(width, 16 / narrowest[shape]);
}

bool headgate::passes::splitsRows(const Layout &layout) {
  return llvm::any_of(layout.warp(),
                      [](const Digit &digit) { return digit.dim == 1; });
}

Layout OwnLayouts::of(RankedTensorType type) const {
  auto known = widths.find(shapeOf(type));
  int64_t rows = type.getRank() == 1 ? 1 : type.getDimSize(0),
          cols = type.getShape().back();
  int64_t width = std::gcd(known == widths.end() ? 4 : known->second, cols);
  Layout layout = copyLayout(rows, cols, width, cols, warps);
  // Narrower accesses where a thread would have much of what others have, too.
  while (width > 1 && layout.registers() > 16 && layout.hasCopies())
    layout = copyLayout(rows, cols, width /= 2, cols, warps);
  if (hasReductions && splitsRows(layout)) {
    // Fewer warps, and the others do the same once more.
    int64_t few = warps;
    while (splitsRows(layout = copyLayout(rows, cols, width, cols, few)))
      few /= 2;
    Digits warp = layout.warp();
    warp.push_back({warps / few});
    layout = Layout(layout.reg(), layout.lane(), warp);
  }
  return type.getRank() == 1 ? layout.slice(0) : layout;
}
