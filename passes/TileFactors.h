// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Factors of products on the host: which of them are read where they lie.

#ifndef HEADGATE_PASSES_TILEFACTORS_H
#define HEADGATE_PASSES_TILEFACTORS_H

#include "dialect/tile/Tile.h"

namespace headgate::passes {

/// The window in panel form (#tile.panels) that `value` is; null otherwise.
tile::LoadOp panelWindow(mlir::Value value);
/// The window, possibly widened by arith.extf, that a product can read where it
/// lies; null otherwise.
tile::LoadOp directWindow(mlir::Value value);

/// The window, possibly widened by arith.extf, that a product of several heads
/// can read where it lies: rows, heads side by side, and the columns of each;
/// null otherwise.
tile::LoadOp headWindow(mlir::Value value);
/// True for such windows, widened or not, that nothing else reads.
bool isHeadFactor(mlir::Value value);

/// True for products of one head that read 16-bit rows where they lie, of few
/// enough columns that registers hold rows of the left factor.
bool readsNarrowRows(tile::DotOp dot);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_TILEFACTORS_H
