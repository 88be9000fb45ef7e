// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/FragLayout.h"

#include "llvm/Support/raw_ostream.h"

#include <numeric>

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

static tile::FragAttr attrOf(MLIRContext *context, const Layout &layout) {
  auto digits = [](const Digits &some) {
    SmallVector<tile::Digit> all;
    for (const Digit &digit : some)
      all.push_back({digit.extent, digit.dim, digit.stride});
    return all;
  };
  return tile::FragAttr::get(context, digits(layout.reg()),
                             digits(layout.lane()), digits(layout.warp()));
}

std::optional<Layout> headgate::passes::layoutOf(Type type) {
  auto tile = dyn_cast<RankedTensorType>(type);
  auto frag =
      tile ? dyn_cast_if_present<tile::FragAttr>(tile.getEncoding()) : nullptr;
  if (!frag)
    return std::nullopt;
  auto digits = [](ArrayRef<tile::Digit> some) {
    Digits all;
    for (const tile::Digit &digit : some)
      all.push_back({digit.extent, digit.dim, digit.stride});
    return all;
  };
  return Layout(digits(frag.getReg()), digits(frag.getLane()),
                digits(frag.getWarp()));
}

RankedTensorType headgate::passes::withLayout(RankedTensorType type,
                                              const Layout &layout) {
  return RankedTensorType::get(type.getShape(), type.getElementType(),
                               attrOf(type.getContext(), layout));
}

std::string headgate::passes::describe(const Layout &layout) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  auto print = [&](const char *name, const Digits &digits) {
    stream << name << " [";
    llvm::interleaveComma(digits, stream, [&](const Digit &digit) {
      stream << digit.extent << ":";
      if (digit.dim == Digit::copy)
        stream << "x";
      else
        stream << (digit.dim == 0 ? "r" : "c") << digit.stride;
    });
    stream << "]";
  };
  print("reg", layout.reg());
  print(", lane", layout.lane());
  print(", warp", layout.warp());
  return text;
}

SharedTile headgate::passes::sharedTileOf(RankedTensorType tile) {
  return {tile.getDimSize(0), tile.getDimSize(1),
          tile.getElementTypeBitWidth() / 8};
}

Layout headgate::passes::sharedCopyLayout(RankedTensorType tile, int64_t width,
                                          int64_t warps) {
  SharedTile shared = sharedTileOf(tile);
  int64_t run = shared.slabCols();
  return copyLayout(shared.rows, shared.cols, std::gcd(width, run), run, warps);
}
