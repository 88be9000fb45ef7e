// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/WidenDots.h"
#include "passes/TilePlan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

bool headgate::passes::needsWidening(tile::DotOp dot, const Target &target,
                                     bool inPanels) {
  Type element = dot.getLhs().getType().getElementType();
  if (element.isF32())
    return false;
  bool hasPairs =
      dot.getTerms() % 2 == 0 && (inPanels || dot.getTranspose() ||
                                  dot.getHeads() > 1 || readsNarrowRows(dot));
  return !(element.isBF16() && target.hasDotBf16 && hasPairs);
}

Value headgate::passes::widened(OpBuilder &b, Value factor) {
  auto type = cast<RankedTensorType>(factor.getType()).clone(b.getF32Type());
  auto narrowed = factor.getDefiningOp<arith::TruncFOp>();
  if (narrowed && narrowed.getIn().getType() == type)
    return narrowed.getIn();
  return arith::ExtFOp::create(b, factor.getLoc(), type, factor);
}

void headgate::passes::widen(tile::DotOp dot) {
  OpBuilder b(dot);
  dot.getLhsMutable().assign(widened(b, dot.getLhs()));
  dot.getRhsMutable().assign(widened(b, dot.getRhs()));
}
