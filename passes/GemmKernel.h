// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the body of a "gemm" kernel says: one projection of buffers.
//
//   %init = linalg.fill | linalg.broadcast ins(%bias)  (%bias maybe widened)
//   %y = linalg.contract ins(%x, %w) outs(%init)
//   %r = arith.truncf %y                                          (or none)
//   bufferization.materialize_in_destination %r in restrict writable %yb

#ifndef HEADGATE_PASSES_GEMMKERNEL_H
#define HEADGATE_PASSES_GEMMKERNEL_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "passes/Refusal.h"

#include <variant>

namespace headgate::passes {

/// y[m.., n..] = init + sum over k.. of x[m.., k..] w[n.., k..] or w[k.., n..].
struct GemmKernel {
  mlir::linalg::ContractOp contract;
  mlir::Value rows, matrix; ///< buffers of x and w
  mlir::Value bias;         ///< buffer [n..]; null: the sums start at 0
  llvm::SmallVector<mlir::Value> results;
  /// How many dimensions are rows, columns, terms.
  int64_t rowDims = 0, colDims = 0, termDims = 0;
  bool transposed = false; ///< w is [n.., k..]

  mlir::Type elementType() const;
  mlir::Type resultType() const;
  int64_t cols() const;
  int64_t terms() const;
};

/// The kernel that `func` is, or why tiles cannot say it. Changes nothing.
std::variant<GemmKernel, Refusal> matchGemmKernel(mlir::func::FuncOp func);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_GEMMKERNEL_H
