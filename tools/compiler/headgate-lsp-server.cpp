// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mlir-lsp-server with Headgate's dialects: diagnostics, hover and go to
// definition in editors.

#include "mlir/IR/Dialect.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"
#include "tools/compiler/Registry.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  headgate::registerDialects(registry);
  return mlir::failed(mlir::MlirLspServerMain(argc, argv, registry));
}
