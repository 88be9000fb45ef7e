// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lowerings of kernels that tiles cannot say work on whole modules and do not
// know what the others have become.

#ifndef HEADGATE_PASSES_BESIDETILES_H
#define HEADGATE_PASSES_BESIDETILES_H

#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

namespace headgate::passes {

/// A pass on modules that runs `pipeline` with all launched functions set
/// aside.
std::unique_ptr<mlir::Pass>
createBesideTiles(llvm::function_ref<void(mlir::OpPassManager &)> pipeline);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_BESIDETILES_H
