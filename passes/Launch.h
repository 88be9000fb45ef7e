// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a kernel's functions say about how they are launched: the attribute
// `headgate.launch`, written by the lowering of each kind of kernel, read by
// the exporter.
//
//   {kernel = "layer_attend_0", index = 0 : i64,
//    grid = ["16*B", "cdiv(S,12)", "1"],      expressions over the kernel's
//    dims workspaceBytes = "...",                  only index 0, if it takes
//    one scratchBytes = "...",                    if it takes a scratch buffer
//    variant = 0 : i64, when = "S >= 64",     if the kernel has several forms
//    schedule = "{...}"}                      compact JSON, for people and
//    tuning
//
// The launches of a variant run in the order of `index`; one ends before the
// next begins. A launch function takes its kernel's arguments in order, then
// the workspace, memref<?xi8>, then the scratch, memref<?xi8> with
// `headgate.scratch`. Blocks read gpu.block_id and gpu.grid_dim.

#ifndef HEADGATE_PASSES_LAUNCH_H
#define HEADGATE_PASSES_LAUNCH_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <array>
#include <string>

namespace headgate::passes {

/// On the `llvm.func` of a GPU's kernel: bytes of dynamic shared memory, i64.
constexpr llvm::StringLiteral sharedBytesName = "headgate.shared_bytes";

struct Launch {
  std::string kernel;
  int64_t index = 0, variant = 0;
  std::array<std::string, 3> grid = {"1", "1", "1"};
  std::string workspaceBytes, scratchBytes = "0", when = "1", schedule = "{}";
};

/// The launch that `function` describes; nothing if it is not launched.
std::optional<Launch> launchOf(mlir::func::FuncOp function);
void setLaunch(mlir::func::FuncOp function, const Launch &launch);

/// What the kernel calls dimension `d` of argument `argument`, or the index
/// scalar `argument` where `d` is negative: a name or a number.
std::string extentName(mlir::func::FuncOp function, unsigned argument,
                       int64_t d);

/// How many batches (0) or positions (1) the kernel's tokens have.
std::string tokenText(mlir::func::FuncOp kernel, int which);

/// Is argument `i` the workspace, is it the scratch?
bool isWorkspace(mlir::func::FuncOp function, unsigned i);
bool isScratch(mlir::func::FuncOp function, unsigned i);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_LAUNCH_H
