// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All passes of Headgate; Passes.td is their documentation.

#ifndef HEADGATE_PASSES_PASSES_H
#define HEADGATE_PASSES_PASSES_H

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace headgate::passes {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/Passes.h.inc"

/// Function attribute of headgate-place-temporaries: the workspace's size.
constexpr llvm::StringLiteral workspaceBytesAttr = "headgate.workspace_bytes";

} // namespace headgate::passes

#endif // HEADGATE_PASSES_PASSES_H
