// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dialects that our compiler tools read, in one translation unit because
// upstream's lists are slow to compile.

#ifndef HEADGATE_TOOLS_COMPILER_REGISTRY_H
#define HEADGATE_TOOLS_COMPILER_REGISTRY_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace headgate {

/// All upstream dialects and extensions, and Headgate's dialects.
void registerDialects(mlir::DialectRegistry &registry);

/// All upstream passes, and Headgate's passes and pipelines.
void registerPasses();

} // namespace headgate

#endif // HEADGATE_TOOLS_COMPILER_REGISTRY_H
