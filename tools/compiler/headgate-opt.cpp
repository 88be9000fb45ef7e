// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mlir-opt with Headgate's dialects and passes.

#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "tools/compiler/Registry.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  headgate::registerDialects(registry);
  headgate::registerPasses();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "headgate optimizer driver\n", registry));
}
