// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kernels of a module for one target: a level of host CPUs or a GPU.

#ifndef HEADGATE_PASSES_TARGETLEVEL_H
#define HEADGATE_PASSES_TARGETLEVEL_H

#include "mlir/IR/Diagnostics.h"
#include "passes/EmitPtx.h"
#include "passes/Export.h"

namespace headgate::passes {

/// A diagnostic of another context: what was said, and where in the source.
struct ForeignDiagnostic {
  mlir::DiagnosticSeverity severity;
  std::string message, file; ///< "" without a place
  unsigned line = 0, column = 0;

  auto operator<=>(const ForeignDiagnostic &) const = default;
};

/// What one target contributes to a plan, or text where the level asks for it.
struct TargetLevel {
  /// (kernel, variant) in the order of the kernels; ids and images are empty.
  std::vector<std::pair<std::string, PlanVariant>> variants;
  std::vector<std::string> objects; ///< host: bytes of ELF objects, one image
  std::vector<PtxKernel> kernels;   ///< GPU: one for each launch
  std::string text;
};

/// Lowers the kernels in `bytecode` (a module of headgate-form-kernels) as far
/// as `options` say for `target`, one of theirs, in contexts of its own with
/// the dialects of `registry`: safe beside other calls. What the passes have to
/// say is appended to `diagnostics`.
Result<TargetLevel> lowerForTarget(llvm::StringRef bytecode,
                                   const mlir::DialectRegistry &registry,
                                   const CodeTarget &target,
                                   const ExportOptions &options,
                                   std::vector<ForeignDiagnostic> &diagnostics);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_TARGETLEVEL_H
