// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/AttentionProgram.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

static int64_t padded(int64_t width) { return llvm::alignTo(width, widthStep); }

AttentionProgram::AttentionProgram(TileBuilder &b, const AttendKernel &kernel,
                                   const RowPlan &plan, int64_t keys,
                                   Value workspace, bool seesPart)
    : b(b), kernel(kernel), plan(plan), attend(kernel.attend), keys(keys),
      parts(plan.splits > 1 ? countParts() : Value()),
      rows(b, plan, attend, seesPart ? parts : Value()), R(plan.rows),
      width(kernel.valueWidth()), D(padded(kernel.queryWidth())),
      Dv(padded(width)) {
  if (parts)
    openPartials(workspace);
}

Softmax AttentionProgram::initial() {
  return {b.constant(R, -infinity), b.constant(R, 0), b.constant({R, Dv}, 0)};
}

Value AttentionProgram::finiteMax(Value max) {
  Value seen = arith::CmpFOp::create(b, arith::CmpFPredicate::ONE, max,
                                     b.constant(R, -infinity));
  return b.select(seen, max, b.constant(R, 0));
}

Rows AttentionProgram::finish(const Softmax &softmax, float factor) {
  Value zero = b.constant(R, 0);
  Value some =
      arith::CmpFOp::create(b, arith::CmpFPredicate::UNE, softmax.sum, zero);
  Value quotient = arith::DivFOp::create(b, b.constant(R, 1), softmax.sum);
  Value inverse = b.select(some, quotient, zero);
  Rows result;
  result.output =
      arith::MulFOp::create(b, softmax.output, b.repeat(inverse, 1, {R, Dv}));
  if (!kernel.lses.empty() || rows.split) {
    Value log = math::LogOp::create(b, softmax.sum);
    result.lse =
        math::FmaOp::create(b, softmax.max, b.constant(R, factor), log);
  }
  return result;
}

void AttentionProgram::storeResults(const Rows &result) {
  Value output = result.output;
  Type element = kernel.elementType();
  if (!element.isF32() && !kernel.outputs.empty())
    output = arith::TruncFOp::create(b, b.type({R, Dv}, element), output);
  for (Value buffer : kernel.outputs)
    b.store(output, buffer, rows.window(rows.heads, Dv));
  for (Value buffer : kernel.lses)
    b.store(result.lse, buffer, rows.window(rows.heads, 0));
}

//===-- parts ------------------------------------------------------------===//

TileWindow AttentionProgram::partialWindow(Value split, int64_t width) {
  TileWindow window{{split, rows.column, rows.firstRow},
                    {1, plan.columnsOfBlock(), plan.rowsOfColumn()},
                    {},
                    {}};
  if (width) {
    window.coords.push_back(b.index(0));
    window.sizes.push_back(width);
  }
  return window;
}

/// LowerRoutedToTile says the same as a text.
Value AttentionProgram::countParts() {
  Value tiles = b.ceilDiv(b.dim(kernel.key, 1), b.index(keys));
  return b.max(b.min(tiles, b.index(plan.splits)), b.index(1));
}

void AttentionProgram::openPartials(Value workspace) {
  Value columns = b.mul(b.dim(kernel.query, 0), b.index(plan.columns()));
  Value count = b.mul(b.dim(kernel.query, 1), b.index(plan.rowsOfToken()));
  int64_t dyn = ShapedType::kDynamic;
  auto view = [&](ArrayRef<int64_t> shape, Value at) -> Value {
    return memref::ViewOp::create(b, MemRefType::get(shape, b.getF32Type()),
                                  workspace, at,
                                  ValueRange{parts, columns, count});
  };
  outputs = view({dyn, dyn, dyn, Dv}, b.index(0));
  Value rows = b.mul(parts, b.mul(columns, count));
  lses = view({dyn, dyn, dyn}, b.mul(rows, b.index(Dv * 4)));
}

int64_t headgate::passes::partialBytes(const AttendKernel &kernel) {
  return (padded(kernel.valueWidth()) + 1) * 4;
}
