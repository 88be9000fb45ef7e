// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Replaces every routed op by upstream ops that compute it: the executable
// meaning of the dialect. The formulas are in the three files that
// DecomposeRouted.h names. Covered by test/passes/decompose-routed.mlir for the
// form, and by the op and layer cases that run against lib/Reference for the
// meaning.

#include "passes/DecomposeRouted.h"

#include "passes/Passes.h"
#include "llvm/ADT/TypeSwitch.h"

namespace headgate::passes {
#define GEN_PASS_DEF_DECOMPOSEROUTED
#include "passes/Passes.h.inc"
} // namespace headgate::passes

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

Values decomposeAny(Operation *op, SpecBuilder &b) {
  using namespace headgate::routed;
  return TypeSwitch<Operation *, Values>(op)
      .Case<SelectOp, SelectTokensOp, GatherOp, LinearOp, AttendOp, CombineOp,
            RopeOp, MeanHeadsOp, AppendOp, DispatchOp, BalanceLossOp>(
          [&](auto routedOp) { return decompose(routedOp, b); })
      .Default([](Operation *) { return Values(); });
}

struct DecomposeRoutedPass
    : passes::impl::DecomposeRoutedBase<DecomposeRoutedPass> {
  void runOnOperation() override {
    if (failed(decomposeSoftmaxes()))
      return signalPassFailure();
    SmallVector<Operation *> ops;
    getOperation()->walk([&](Operation *op) {
      if (isa_and_present<routed::RoutedDialect>(op->getDialect()) &&
          !isa<routed::YieldOp>(op))
        ops.push_back(op);
    });
    for (Operation *op : ops)
      if (failed(replace(op)))
        return signalPassFailure();
    decomposed += ops.size();
  }

  LogicalResult replace(Operation *op) {
    SpecBuilder b(op);
    Values values = decomposeAny(op, b);
    if (values.size() != op->getNumResults())
      return op->emitOpError("has no decomposition");
    for (auto [result, value] : llvm::zip(op->getResults(), values)) {
      if (result.getType() != value.getType())
        value = tensor::CastOp::create(b, result.getType(), value);
      result.replaceAllUsesWith(value);
    }
    op->erase();
    return success();
  }

  LogicalResult decomposeSoftmaxes() {
    SmallVector<linalg::SoftmaxOp> softmaxes;
    getOperation()->walk(
        [&](linalg::SoftmaxOp op) { softmaxes.push_back(op); });
    for (linalg::SoftmaxOp op : softmaxes) {
      OpBuilder b(op);
      FailureOr<SmallVector<Value>> values = op.decomposeOperation(b);
      if (failed(values))
        return op.emitOpError("cannot be decomposed");
      op->replaceAllUsesWith(*values);
      op->erase();
    }
    return success();
  }
};

} // namespace
