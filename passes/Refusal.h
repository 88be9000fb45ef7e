// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Why a pass leaves a kernel as it is.

#ifndef HEADGATE_PASSES_REFUSAL_H
#define HEADGATE_PASSES_REFUSAL_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"

#include <string>

namespace headgate::passes {

/// The op in the way, and what is the matter with it.
struct Refusal {
  mlir::Operation *op;
  std::string why;
};

/// Says so in a remark of the pass `category` about the kernel `func`:
///
///   'routed.attend' is not lowered to tiles: its keys are routed
inline void report(const Refusal &refusal, mlir::func::FuncOp func,
                   llvm::StringRef category) {
  mlir::remark::missed(refusal.op->getLoc(),
                       mlir::remark::RemarkOpts::name("not-on-tiles")
                           .category(category)
                           .function(func.getName()))
      << "'" + refusal.op->getName().getStringRef().str() +
             "' is not lowered to tiles: " + refusal.why;
}

} // namespace headgate::passes

#endif // HEADGATE_PASSES_REFUSAL_H
