// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Builds tile programs: index arithmetic that folds, and tiles by their shape.
// Indices are not negative unless a comment says so.

#ifndef HEADGATE_PASSES_TILEBUILDER_H
#define HEADGATE_PASSES_TILEBUILDER_H

#include "dialect/tile/Tile.h"
#include "passes/FoldingBuilder.h"

namespace headgate::passes {

/// A window of a buffer, as tile.load and tile.store take it.
struct TileWindow {
  llvm::SmallVector<mlir::Value> coords;
  llvm::SmallVector<int64_t> sizes;
  llvm::SmallVector<mlir::Value> rows;
  llvm::SmallVector<int64_t> rowDims;
};

class TileBuilder : public FoldingBuilder {
public:
  using FoldingBuilder::FoldingBuilder;

  //===-- indices --------------------------------------------------------===//
  Value index(int64_t number);
  Value ceilDiv(Value a, Value b);
  Value min(Value a, Value b); ///< signed
  Value max(Value a, Value b); ///< signed
  Value toI32(Value index);
  /// The extent of a buffer.
  Value dim(Value buffer, int64_t d);
  /// Element `at` of a buffer of i32, as an index.
  Value loadIndex(Value buffer, Value at);

  //===-- tiles ----------------------------------------------------------===//
  mlir::RankedTensorType type(llvm::ArrayRef<int64_t> shape,
                              mlir::Type element) const;
  mlir::RankedTensorType f32(llvm::ArrayRef<int64_t> shape);
  mlir::RankedTensorType i32(llvm::ArrayRef<int64_t> shape);
  /// One value everywhere.
  Value constant(llvm::ArrayRef<int64_t> shape, float value);
  Value constantI32(llvm::ArrayRef<int64_t> shape, int64_t value);
  Value splat(llvm::ArrayRef<int64_t> shape, Value scalar);
  Value iota(int64_t extent);
  /// `vector` repeated to `shape`: as a column (along 1) or a row (along 0).
  Value repeat(Value vector, int64_t along, llvm::ArrayRef<int64_t> shape);

  Value load(Value buffer, const TileWindow &window,
             llvm::ArrayRef<int64_t> shape);
  void store(Value tile, Value buffer, const TileWindow &window);
};

/// The elements' type of a tile or buffer.
mlir::Type elementOf(mlir::Value shaped);

/// The type of tile elements that stand for values of `type`: i32 for an index;
/// null if tiles have none.
mlir::Type tileElementFor(mlir::Type type);

/// Columns that a tile of token-local work has at most, and the width of one
/// for `count` columns: as many, or a few more that lanes of a machine share
/// evenly.
constexpr int64_t maxTileColumns = 256;
int64_t paddedTileWidth(int64_t count);

/// True if an index is a multiple of `factor` whatever the block.
bool isMultipleOf(mlir::OpFoldResult value, int64_t factor);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_TILEBUILDER_H
