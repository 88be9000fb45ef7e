// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lets the sums of linalg.matmul, linalg.contract and their like run in any
// order: they become linalg.generic with fastmath<reassoc,contract> on their
// additions and products, which is what LLVM needs to vectorise a dot product.
//
// linalg fixes no order for a reduction, and a named op has no place for flags.
// Sums of the routed ops do have an order; they are not touched, and neither is
// a linalg.generic, whose author can write the flags. Covered by
// test/passes/relax-contractions.mlir.

#include "passes/Passes.h"

#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/IR/PatternMatch.h"

namespace headgate::passes {
#define GEN_PASS_DEF_RELAXCONTRACTIONS
#include "passes/Passes.h.inc"
} // namespace headgate::passes

using namespace mlir;
using namespace headgate;

namespace {

void relax(linalg::GenericOp generic) {
  constexpr auto flags =
      arith::FastMathFlags::reassoc | arith::FastMathFlags::contract;
  generic.getBody()->walk([&](arith::ArithFastMathInterface op) {
    op->setAttr(op.getFastMathAttrName(),
                arith::FastMathFlagsAttr::get(op.getContext(), flags));
  });
}

struct RelaxContractionsPass
    : passes::impl::RelaxContractionsBase<RelaxContractionsPass> {
  void runOnOperation() override {
    SmallVector<linalg::LinalgOp> named;
    getOperation()->walk([&](linalg::LinalgOp op) {
      if (!isa<linalg::GenericOp>(op) && linalg::isaContractionOpInterface(op))
        named.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (linalg::LinalgOp op : named) {
      rewriter.setInsertionPoint(op);
      FailureOr<linalg::GenericOp> generic =
          linalg::generalizeNamedOp(rewriter, op);
      if (succeeded(generic))
        relax(*generic);
    }
  }
};

} // namespace
