// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef HEADGATE_PASSES_SHOWREMARKS_H
#define HEADGATE_PASSES_SHOWREMARKS_H

namespace mlir {
class MLIRContext;
} // namespace mlir

namespace headgate::passes {

/// Lets passes that run in `context` say what they did, left alone, and why, as
/// diagnostics. False if MLIR refuses.
bool showRemarks(mlir::MLIRContext &context);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_SHOWREMARKS_H
