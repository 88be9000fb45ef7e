// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes tile programs as loops over vectors, for one CPU. TilePlan decides
// which tiles get buffers and what is done in one pass, TileLimits where passes
// may stop early, TileBuffers who shares memory, TileEmitter writes the code.
// Covered by test/passes/lower-tile-to-vector*.mlir, and by
// test/passes/tile, which runs the code.

#include "lib/Schedule.h"
#include "lib/Target.h"
#include "passes/Passes.h"
#include "passes/TileBuffers.h"
#include "passes/TileEmitter.h"
#include "passes/TileLimits.h"
#include "passes/TilePlan.h"
#include "passes/WidenDots.h"

#include "mlir/Dialect/Math/Transforms/Approximation.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace headgate::passes {
#define GEN_PASS_DEF_LOWERTILETOVECTOR
#include "passes/Passes.h.inc"
} // namespace headgate::passes

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

struct LowerTileToVectorPass
    : passes::impl::LowerTileToVectorBase<LowerTileToVectorPass> {
  using LowerTileToVectorBase::LowerTileToVectorBase;

  void runOnOperation() override {
    func::FuncOp func = getOperation();
    if (func.isExternal() || !func->hasAttr(tile::scheduleAttrName))
      return;
    Result<Target> machine = findTarget(target.getValue());
    if (!machine) {
      func.emitError(machine.error().message());
      return signalPassFailure();
    }
    func.walk([&](tile::DotOp dot) {
      if (needsWidening(dot, *machine, panelWindow(dot.getRhs()) != nullptr))
        widen(dot);
    });
    FailureOr<TilePlan> plan = TilePlan::make(func);
    if (failed(plan))
      return;
    limitSweeps(*plan);
    TileBuffers buffers(*plan, *machine);
    if (buffers.bytes() > maxStackBytes) {
      func.emitRemark("not lowered to vectors: its tiles need ")
          << buffers.bytes() << " bytes of stack, but a block may have "
          << maxStackBytes;
      return;
    }
    TileEmitter(func, *plan, buffers, *machine).run();
    func->removeAttr(tile::scheduleAttrName);
    approximate(func);
  }

  /// Other functions of vectors than 2^x by upstream's polynomials.
  void approximate(func::FuncOp func) {
    RewritePatternSet patterns(&getContext());
    populateMathPolynomialApproximationPatterns(patterns);
    SmallVector<Operation *> ops;
    func.walk([&](Operation *op) {
      if (isa_and_nonnull<math::MathDialect>(op->getDialect()) &&
          !isa<math::FmaOp>(op) && isa<VectorType>(op->getResult(0).getType()))
        ops.push_back(op);
    });
    (void)applyOpPatternsGreedily(ops, std::move(patterns));
  }
};

} // namespace
