// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A module on tensors -> a plan and the code it names, in memory. Linking and
// writing files is the tool's part.

#ifndef HEADGATE_PASSES_EXPORT_H
#define HEADGATE_PASSES_EXPORT_H

#include "headgate/Plan.h"
#include "headgate/Result.h"
#include "lib/HostTarget.h"
#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace headgate::passes {

/// How far to go; each level holds what the one before was lowered to.
enum class Level {
  routed,  ///< the checked and canonicalised input
  linalg,  ///< every routed op decomposed, on tensors
  buffers, ///< host kernels on buffers
  llvm,    ///< LLVM IR, optimised for the first target
  object,  ///< objects and the plan
};

/// Code of one image, not yet linked.
struct ExportedObject {
  std::string image; ///< PlanImage::id
  std::string bytes; ///< an ELF object
};

struct Exported {
  Plan plan; ///< images have no forms yet: their files do not exist
  std::vector<ExportedObject> objects;
  std::string llvmIR; ///< of the first target, Level::llvm and beyond
};

/// Lowers `module` in place as far as `level`, for each of `targets`. Errors in
/// the module are diagnostics and come back as `badInput`.
Result<Exported> exportModule(mlir::ModuleOp module,
                              const std::vector<HostTarget> &targets,
                              Level level);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_EXPORT_H
