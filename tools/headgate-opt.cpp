// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mlir-opt with Headgate's dialects and passes.

#include "dialect/routed/Routed.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "passes/Passes.h"
#include "passes/Pipelines.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<headgate::routed::RoutedDialect>();
  mlir::registerAllPasses();
  headgate::passes::registerHeadgatePasses();
  headgate::passes::registerHeadgatePipelines();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "headgate optimizer driver\n", registry));
}
