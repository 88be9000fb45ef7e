// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/BesideTiles.h"

#include "passes/Passes.h"

using namespace mlir;
using namespace headgate::passes;

namespace {

struct BesideTiles : PassWrapper<BesideTiles, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(BesideTiles)

  explicit BesideTiles(llvm::function_ref<void(OpPassManager &)> build)
      : pipeline(ModuleOp::getOperationName()) {
    build(pipeline);
  }

  StringRef getName() const override { return "BesideTiles"; }

  void getDependentDialects(DialectRegistry &registry) const override {
    pipeline.getDependentDialects(registry);
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    OwningOpRef<ModuleOp> aside = ModuleOp::create(module.getLoc());
    move(module, *aside,
         [](func::FuncOp func) { return func->hasAttr(launchName); });
    bool failed = mlir::failed(runPipeline(pipeline, module));
    move(*aside, module, [](func::FuncOp) { return true; });
    if (failed)
      signalPassFailure();
  }

private:
  static void move(ModuleOp from, ModuleOp to,
                   llvm::function_ref<bool(func::FuncOp)> isMeant) {
    for (auto func : llvm::make_early_inc_range(from.getOps<func::FuncOp>()))
      if (isMeant(func))
        func->moveBefore(to.getBody(), to.getBody()->end());
  }

  OpPassManager pipeline;
};

} // namespace

std::unique_ptr<Pass> headgate::passes::createBesideTiles(
    llvm::function_ref<void(OpPassManager &)> pipeline) {
  return std::make_unique<BesideTiles>(pipeline);
}
