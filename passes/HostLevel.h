// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kernels of a module for one level of host CPUs.

#ifndef HEADGATE_PASSES_HOSTLEVEL_H
#define HEADGATE_PASSES_HOSTLEVEL_H

#include "mlir/IR/Diagnostics.h"
#include "passes/Export.h"

namespace headgate::passes {

/// A diagnostic of another context: what was said, and where in the source.
struct ForeignDiagnostic {
  mlir::DiagnosticSeverity severity;
  std::string message, file; ///< "" without a place
  unsigned line = 0, column = 0;
};

/// What one target contributes to a plan, or text where the level asks for it.
struct HostLevel {
  /// (kernel, variant) in the order of the kernels; ids and images are empty.
  std::vector<std::pair<std::string, PlanVariant>> variants;
  std::vector<std::string> objects; ///< bytes of ELF objects, one image
  std::string text;
};

/// Lowers the kernels in `bytecode` (a module of headgate-form-kernels) as far
/// as `level` for `target`, code in `parts` objects, in a context of its own
/// with the dialects of `registry`: safe beside other calls. What the passes
/// have to say is appended to `diagnostics`.
Result<HostLevel> lowerForHost(llvm::StringRef bytecode,
                               const mlir::DialectRegistry &registry,
                               const HostTarget &target, Level level,
                               unsigned parts,
                               std::vector<ForeignDiagnostic> &diagnostics);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_HOSTLEVEL_H
