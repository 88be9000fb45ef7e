// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a launch function says of itself, and extents by name.

#ifndef HEADGATE_TEST_PASSES_TILE_TILEENTRY_H
#define HEADGATE_TEST_PASSES_TILE_TILEENTRY_H

#include "mlir/IR/BuiltinOps.h"
#include "passes/Launch.h"
#include "test/passes/tile/TileProgram.h"

namespace headgate::test {

using Names = std::map<std::string, int64_t>;

/// A module by its text; fails the running test if it is none.
struct TestModule {
  explicit TestModule(const std::string &text);

  std::unique_ptr<mlir::MLIRContext> context;
  std::string notes; ///< all that was said of it
  mlir::ScopedDiagnosticHandler handler;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

/// A launch function as it was before it became code.
struct Entry {
  std::string name;
  passes::Launch launch;
  std::vector<std::vector<std::string>> dims; ///< of each buffer
  bool hasWorkspace;

  static Entry of(mlir::func::FuncOp function);
  /// What the extents of `buffers` are called.
  Names extentsOf(const std::vector<Buffer> &buffers) const;
};

/// The value of an expression over extents, as a launch has them.
int64_t evaluate(const std::string &text, const Names &extents);

} // namespace headgate::test

#endif // HEADGATE_TEST_PASSES_TILE_TILEENTRY_H
