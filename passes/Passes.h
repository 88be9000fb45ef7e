// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All passes of Headgate; Passes.td is their documentation.

#ifndef HEADGATE_PASSES_PASSES_H
#define HEADGATE_PASSES_PASSES_H

#include "dialect/tile/Tile.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/X86Vector/X86VectorDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace headgate::passes {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/Passes.h.inc"

// What headgate-form-kernels writes on entries and kernels.
/// On a buffer: its extents, numbers and names; equal names, equal extents.
constexpr llvm::StringLiteral dimsName = "headgate.dims";
/// On a buffer that is written; on an entry also what it is called, and the
/// argument number of the input whose memory it may share.
constexpr llvm::StringLiteral outputName = "headgate.output";
constexpr llvm::StringLiteral nameAttrName = "headgate.name";
constexpr llvm::StringLiteral aliasName = "headgate.alias";
/// On a kernel: its kind, and the extents (batch, position) of its tokens.
constexpr llvm::StringLiteral kernelName = "headgate.kernel";
constexpr llvm::StringLiteral tokensName = "headgate.tokens";
/// On a function that is launched: what the plan says of it.
constexpr llvm::StringLiteral launchName = "headgate.launch";
/// On a byte buffer that each thread has for itself while a block runs.
constexpr llvm::StringLiteral scratchName = "headgate.scratch";

} // namespace headgate::passes

#endif // HEADGATE_PASSES_PASSES_H
