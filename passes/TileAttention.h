// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes the program of one row group of an attention.

#ifndef HEADGATE_PASSES_TILEATTENTION_H
#define HEADGATE_PASSES_TILEATTENTION_H

#include "passes/TileRows.h"

namespace headgate::passes {

/// The attention of `kernel` over tiles of `keys` keys. With a split, the
/// results over a block's part of the keys go to the workspace, in f32:
///
///   outputs [parts][B * columns][S * rowsOfToken][Dv, padded], then lse
///
/// There are as many parts as the schedule wants, but no more than tiles.
void buildAttention(TileBuilder &b, const AttendKernel &kernel,
                    const RowPlan &plan, int64_t keys, mlir::Value workspace);

/// The launch that follows a split one: brings the parts together.
void buildCombine(TileBuilder &b, const AttendKernel &kernel,
                  const RowPlan &plan, int64_t keys, mlir::Value workspace);

/// Widths are padded to a multiple of this: the terms of one step of every
/// machine's product. Windows read zeros there.
constexpr int64_t widthStep = 16;

/// Bytes of workspace for each part of a row of a token and column.
int64_t partialBytes(const AttendKernel &kernel);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_TILEATTENTION_H
