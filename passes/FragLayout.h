// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The layouts of lib/ as types of tiles.

#ifndef HEADGATE_PASSES_FRAGLAYOUT_H
#define HEADGATE_PASSES_FRAGLAYOUT_H

#include "dialect/tile/Tile.h"
#include "lib/Layout.h"
#include "lib/SharedMemory.h"

#include <optional>

namespace headgate::passes {

/// The layout in a tile's type; nothing if it has none, or is no tile.
std::optional<Layout> layoutOf(mlir::Type type);

/// `type` with that layout in place of its encoding.
mlir::RankedTensorType withLayout(mlir::RankedTensorType type,
                                  const Layout &layout);

/// The layout as text, for messages.
std::string describe(const Layout &layout);

/// How a tile lies in shared memory.
SharedTile sharedTileOf(mlir::RankedTensorType tile);

/// How threads copy a tile between memory and shared memory, `width` elements
/// at a time.
Layout sharedCopyLayout(mlir::RankedTensorType tile, int64_t width,
                        int64_t warps);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_FRAGLAYOUT_H
