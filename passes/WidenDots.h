// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of 16-bit floats on CPUs that have no instruction for them.

#ifndef HEADGATE_PASSES_WIDENDOTS_H
#define HEADGATE_PASSES_WIDENDOTS_H

#include "dialect/tile/Tile.h"
#include "headgate/Target.h"

namespace headgate::passes {

/// True if `dot` has 16-bit factors that `target` cannot multiply where
/// `inPanels` says that the right one lies in panels: pairs of bf16 need their
/// two terms side by side, in panels or in the rows of a transposed factor;
/// products of rows where they lie put them there.
bool needsWidening(tile::DotOp dot, const Target &target, bool inPanels);

/// `factor` in f32. One that was narrowed from f32 is taken as it was: more
/// exact, and no work.
mlir::Value widened(mlir::OpBuilder &b, mlir::Value factor);

/// Converts the factors of `dot` to f32 before it.
void widen(tile::DotOp dot);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_WIDENDOTS_H
