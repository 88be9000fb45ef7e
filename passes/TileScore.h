// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A score region, written for one pair of a query row and a key, on whole
// tiles:
//
//   %d = arith.subi %s, %t : index         %d = arith.subi %rows, %cols : tile
//   %i = arith.index_cast %d : to i32  =>
//   %f = arith.sitofp %i : i32 to f32      %f = arith.sitofp %d : tile
//
// What depends on neither row nor key stays a scalar, what depends on one of
// them a tile of rank 1; an element of a tensor is a window. Index arithmetic
// is i32.

#ifndef HEADGATE_PASSES_TILESCORE_H
#define HEADGATE_PASSES_TILESCORE_H

#include "dialect/routed/Routed.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "passes/Refusal.h"

#include <optional>

namespace headgate::passes {

/// A value of the region: the same for a whole tile, one for each row, one for
/// each key, or one for each pair.
struct Lifted {
  enum Kind { scalar = 0, row = 1, col = 2, tile = 3 };
  mlir::Value value;
  Kind kind = scalar;
};

/// A tile of scores: its extents and what the region's arguments are.
struct ScoreTile {
  int64_t rows, keys;
  mlir::Value scores; ///< scaled
  /// b, s and the heads; t is `firstKey` (an index) + the column.
  Lifted batch, token;
  llvm::SmallVector<Lifted> heads;
  mlir::Value firstKey;
};

/// Why tiles cannot evaluate the score region of `attend`; nothing if they can,
/// or if there is none.
std::optional<Refusal> checkScore(routed::AttendOp attend);

/// Builds the region of `attend`, which checkScore accepts, on a tile.
mlir::Value buildScore(mlir::ImplicitLocOpBuilder &b, routed::AttendOp attend,
                       const ScoreTile &tile);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_TILESCORE_H
