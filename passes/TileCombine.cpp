// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The launch behind a split attention: row by row a softmax over the parts'
// lse weighs their outputs. Covered as TileAttention is.

#include "passes/AttentionProgram.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <numbers>

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

class Combine : AttentionProgram {
public:
  Combine(TileBuilder &b, const AttendKernel &kernel, const RowPlan &plan,
          int64_t keys, Value workspace)
      : AttentionProgram(b, kernel, plan, keys, workspace,
                         /*seesPart=*/false) {}

  void build() {
    Value zero = b.index(0), one = b.index(1);
    auto loop = scf::ForOp::create(b, zero, parts, one, initial().values());
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      Softmax next =
          visit(loop.getInductionVar(), Softmax::of(loop.getRegionIterArgs()));
      scf::YieldOp::create(b, next.values());
    }
    storeResults(finish(Softmax::of(loop.getResults()), 1));
  }

private:
  Softmax visit(Value part, const Softmax &sofar) {
    Value lse = b.load(lses, partialWindow(part, 0), R);
    Value output = b.load(outputs, partialWindow(part, Dv), {R, Dv});
    Softmax next;
    next.max = arith::MaxNumFOp::create(b, sofar.max, lse);
    Value max = finiteMax(next.max);
    Value c = b.constant(R, float(std::numbers::log2e));
    auto weight = [&](Value logarithm) -> Value {
      Value distance = arith::SubFOp::create(b, logarithm, max);
      return math::Exp2Op::create(
          b, arith::MulFOp::create(b, distance, c).getResult());
    };
    Value alpha = weight(sofar.max), p = weight(lse);
    next.sum = math::FmaOp::create(b, sofar.sum, alpha, p);
    Value rescaled =
        arith::MulFOp::create(b, sofar.output, b.repeat(alpha, 1, {R, Dv}));
    next.output =
        math::FmaOp::create(b, output, b.repeat(p, 1, {R, Dv}), rescaled);
    return next;
  }
};

} // namespace

void headgate::passes::buildCombine(TileBuilder &b, const AttendKernel &kernel,
                                    const RowPlan &plan, int64_t keys,
                                    Value workspace) {
  Combine(b, kernel, plan, keys, workspace).build();
}
