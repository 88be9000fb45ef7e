// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// New rows into a cache, on tiles.

#ifndef HEADGATE_PASSES_APPENDPROGRAM_H
#define HEADGATE_PASSES_APPENDPROGRAM_H

#include "passes/KernelLaunch.h"
#include "passes/Refusal.h"

#include <variant>

namespace headgate::passes {

/// One append of buffers, rows of each flattened: [B, S, width] into
/// [B, P, width].
struct AppendKernel {
  mlir::Operation *op = nullptr;
  mlir::Value rows, cache, positions, result; ///< buffers
  int64_t width = 0;

  /// Columns of a block.
  int64_t columns() const;
};

/// The kernel that `func` is, or why tiles cannot say it. Changes nothing.
std::variant<AppendKernel, Refusal> matchAppendKernel(mlir::func::FuncOp func);

/// Rows of the cache that a block with tiles of `rows` rows covers.
int64_t appendSpan(int64_t rows);

/// Emits the program of a block before the terminator: grid x = batches *
/// blocks of columns, y = spans of the cache.
void buildAppend(TileBuilder &b, const AppendKernel &kernel,
                 tile::ScheduleAttr schedule);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_APPENDPROGRAM_H
