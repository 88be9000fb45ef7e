// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels as problems: what lib/Schedule is asked about.

#ifndef HEADGATE_PASSES_KERNELPROBLEM_H
#define HEADGATE_PASSES_KERNELPROBLEM_H

#include "headgate/Problem.h"
#include "passes/AttendKernel.h"
#include "passes/GemmKernel.h"

namespace headgate::passes {

/// Of an element of rows: f32, f16 or bf16.
DType dtypeOf(mlir::Type element);

AttendProblem problemOf(const AttendKernel &kernel);
GemmProblem problemOf(const GemmKernel &kernel);

/// The problem of a kernel of kind "attend" or "gemm", before it is lowered; or
/// why tiles cannot say it.
std::variant<Problem, Refusal> problemOf(mlir::func::FuncOp func);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_KERNELPROBLEM_H
