// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mlir-reduce with Headgate's dialects and passes: makes the smallest module
// that still fails.

#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Tools/mlir-reduce/MlirReduceMain.h"
#include "tools/compiler/Registry.h"

int main(int argc, char **argv) {
  headgate::registerPasses();
  mlir::DialectRegistry registry;
  headgate::registerDialects(registry);
  mlir::MLIRContext context(registry);
  return mlir::failed(mlir::mlirReduceMain(argc, argv, context));
}
