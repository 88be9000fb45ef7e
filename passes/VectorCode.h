// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the files that write code on vectors and memory share.

#ifndef HEADGATE_PASSES_VECTORCODE_H
#define HEADGATE_PASSES_VECTORCODE_H

#include "passes/TileBuilder.h"

namespace headgate::passes {

/// `then()` if `condition` holds (null: always), else `otherwise()`; both make
/// a value of `type`.
mlir::Value choose(TileBuilder &b, mlir::Type type, mlir::Value condition,
                   llvm::function_ref<mlir::Value()> then,
                   llvm::function_ref<mlir::Value()> otherwise);

/// value / by, rounded up; a value above -by and below 1 gives 0.
mlir::Value ceilDiv(TileBuilder &b, mlir::Value value, int64_t by);

/// The byte address of an element, as an index. An i1 has a byte.
mlir::Value addressOf(TileBuilder &b, mlir::Value memref,
                      llvm::ArrayRef<mlir::Value> indices);

/// Shuffles of two vectors of `lanes`: of every `2 * half` lanes of each, the
/// first and the second half, those of the two side by side.
struct Halves {
  llvm::SmallVector<int64_t> low, high;
};
Halves halvesOf(int64_t lanes, int64_t half);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_VECTORCODE_H
