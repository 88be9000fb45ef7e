// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a tile program must be for threads to run it. Lowerings write no other;
// a program that somebody wrote by hand may be anything.

#ifndef HEADGATE_PASSES_THREADCHECKS_H
#define HEADGATE_PASSES_THREADCHECKS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace headgate::passes {

/// Before layouts are given: every tile is made in the program, and a constant
/// one has one value. An error says which does not.
mlir::LogicalResult checkTiles(mlir::func::FuncOp func);

/// Before threads are written: a block has no more warps than a GPU takes,
/// every tile lies somewhere, buffers and shared memory have one place, and
/// numbers are i32.
mlir::LogicalResult checkThreads(mlir::func::FuncOp func);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_THREADCHECKS_H
