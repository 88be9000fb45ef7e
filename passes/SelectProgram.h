// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The choice of experts on tiles: a row is a token, its columns are the experts
// of a group.

#ifndef HEADGATE_PASSES_SELECTPROGRAM_H
#define HEADGATE_PASSES_SELECTPROGRAM_H

#include "passes/TokenTiles.h"

namespace headgate::passes {

/// Where the results of a select are stored: buffers; empty if nobody reads
/// one.
struct SelectResults {
  llvm::SmallVector<mlir::Value> experts, weights, probs;
};

/// Emits the choice of a block's tokens, in group `group` (an index) or, if
/// null, in all groups, as weights that sum to one over a token need it. Fails
/// with `tiles.refusal`.
mlir::LogicalResult buildSelect(TileBuilder &b, TokenTiles &tiles,
                                routed::SelectOp op, mlir::Value batch,
                                mlir::Value group,
                                const SelectResults &results);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_SELECTPROGRAM_H
