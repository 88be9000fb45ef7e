// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/compiler/Registry.h"

#include "dialect/routed/Routed.h"
#include "dialect/tile/Tile.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "passes/Passes.h"
#include "passes/Pipelines.h"

void headgate::registerDialects(mlir::DialectRegistry &registry) {
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<routed::RoutedDialect, tile::TileDialect>();
}

void headgate::registerPasses() {
  mlir::registerAllPasses();
  passes::registerHeadgatePasses();
  passes::registerHeadgatePipelines();
}

#ifdef HEADGATE_ADDRESS_SANITIZER
// LLVM's packages are not instrumented, and they write to arenas that our half
// has poisoned: AddressSanitizer must not take that for an error.
extern "C" __attribute__((used)) const char *__asan_default_options() {
  return "allow_user_poisoning=0";
}
#endif
