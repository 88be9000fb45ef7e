// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the body of an "attend" kernel says: one attention of buffers.
//
//   %q = bufferization.to_tensor %qb restrict
//   %g = routed.gather %q[%e]                                     (or none)
//   %o, %lse = routed.attend %g, %k, %v ..
//   bufferization.materialize_in_destination %o in restrict writable %ob

#ifndef HEADGATE_PASSES_ATTENDKERNEL_H
#define HEADGATE_PASSES_ATTENDKERNEL_H

#include "dialect/routed/Routed.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/TileScore.h"

#include <variant>

namespace headgate::passes {

/// Which query heads, in row-major order, read which key-value heads:
///
///   heads  first + step * i + stride * w    for w in [0, count)
///   read   kvFirst + kvStep * i             for i in [0, kvCount)
struct HeadSharing {
  int64_t kvFirst = 0, kvStep = 1, kvCount = 1;
  int64_t first = 0, step = 1, stride = 1, count = 1;
};

struct AttendKernel {
  routed::AttendOp attend;
  routed::GatherOp gather; ///< null: the query is read as it is
  /// Buffers. `query` is the gather's source; `chosen` its experts. Null where
  /// the op has none.
  mlir::Value query, key, value, chosen;
  mlir::Value kvStart, kvLen, qLen, mask, experts;
  llvm::SmallVector<mlir::Value> outputs, lses;

  mlir::Type elementType() const;
  int64_t queryWidth() const; ///< D
  int64_t valueWidth() const; ///< Dv
  /// All head extents multiplied.
  int64_t heads() const;
};

/// The kernel that `func` is, or why tiles cannot say it. Changes nothing.
std::variant<AttendKernel, Refusal> matchAttendKernel(mlir::func::FuncOp func);

/// How the heads of `attend` share keys; nothing where no such progression says
/// it. Of class A or D only.
std::optional<HeadSharing> sharingOf(routed::AttendOp attend);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_ATTENDKERNEL_H
