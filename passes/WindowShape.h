// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a window of a memref becomes a tile, and how many of its elements one
// access may take.

#ifndef HEADGATE_PASSES_WINDOWSHAPE_H
#define HEADGATE_PASSES_WINDOWSHAPE_H

#include "dialect/tile/Tile.h"

namespace headgate::passes {

/// The window of a load, store or put.
struct TileAccess {
  static TileAccess of(mlir::Operation *op);

  mlir::Operation *op;
  mlir::Value memref;
  mlir::MemRefType type;
  mlir::ValueRange coords;
  llvm::ArrayRef<int64_t> sizes;
  mlir::ValueRange rows; ///< row tiles
  llvm::ArrayRef<int64_t> rowDims;
  mlir::RankedTensorType tile; ///< without regard to its encoding
};

/// A dimension of the window that a dimension of the tile runs over.
struct WindowPart {
  /// The `dim` of the row tiles' number.
  static constexpr int64_t rows = -1;

  int64_t dim, extent;
};

/// For each dimension of the tile, the parts that it is made of, outermost
/// first; those of extent 1 are left out.
using WindowParts = llvm::SmallVector<llvm::SmallVector<WindowPart, 2>, 2>;
WindowParts partsOf(const TileAccess &access);

/// How many consecutive elements along the tile's last dimension, a power of
/// two, may be accessed at once: they are neighbours in memory, aligned to
/// their size, of at most 16 bytes, and all inside the memref or all outside.
/// Buffers that are arguments are aligned to 16 bytes.
int64_t accessWidth(const TileAccess &access);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_WINDOWSHAPE_H
