// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A loop nest over tensors trusts that equal extents are equal: on dynamic
// shapes nobody has checked it, and a mismatch reads out of bounds. So each op
// lists its agreements here, the exporter turns those that depend on the
// arguments' extents into conditions of the plan, and the runtime refuses a
// call that breaks one, with the op named.

#include "passes/EntryChecks.h"

#include "dialect/routed/Routed.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace headgate::passes;
using namespace headgate;

namespace {

class Collector {
public:
  Collector(func::FuncOp func, SmallVectorImpl<ExtentCheck> &checks)
      : entry(func.getBody().front()), b(entry.getTerminator()),
        checks(checks) {}

  void collect(Operation *op) {
    current = op;
    if (auto structured = dyn_cast<linalg::LinalgOp>(op))
      return loopsAgree(structured);
    if (op->hasTrait<OpTrait::Elementwise>())
      return elementwise();
    TypeSwitch<Operation *>(op)
        .Case<tensor::ConcatOp, tensor::ExtractSliceOp, tensor::InsertSliceOp,
              tensor::CastOp, tensor::ExpandShapeOp>(
            [&](auto known) { visit(known); })
        .Case<routed::SelectOp, routed::SelectTokensOp, routed::GatherOp,
              routed::LinearOp, routed::AttendOp, routed::CombineOp,
              routed::RopeOp, routed::AppendOp, routed::BalanceLossOp,
              linalg::SoftmaxOp>([&](auto known) { visit(known); });
  }

private:
  Value dim(Value tensor, int64_t d) {
    return b.createOrFold<tensor::DimOp>(current->getLoc(), tensor, d);
  }

  void require(Value left, Value right, bool atMost = false) {
    checks.push_back({left, right, atMost, current->getLoc(),
                      current->getName().getStringRef().str()});
  }

  /// The first `count` extents of both agree, starting at `from`.
  void same(Value x, Value y, int64_t count, int64_t from = 0) {
    if (!x || !y)
      return;
    for (int64_t d = from; d < from + count; ++d)
      sameDim(x, d, y, d);
  }

  void sameDim(Value x, int64_t dx, Value y, int64_t dy) {
    bool dynamic = cast<RankedTensorType>(x.getType()).isDynamicDim(dx) ||
                   cast<RankedTensorType>(y.getType()).isDynamicDim(dy);
    if (dynamic && isInReach(x) && isInReach(y))
      require(dim(x, dx), dim(y, dy));
  }

  /// Is `value` known at the end of the function, where checks are built? A
  /// tensor of a loop's body is not.
  bool isInReach(Value value) { return value.getParentBlock() == &entry; }

  void elementwise() {
    SmallVector<Value> tensors;
    for (Value operand : current->getOperands())
      if (isa<RankedTensorType>(operand.getType()))
        tensors.push_back(operand);
    for (Value other : ArrayRef(tensors).drop_front(!tensors.empty()))
      same(tensors.front(), other,
           cast<RankedTensorType>(other.getType()).getRank());
  }

  void loopsAgree(linalg::LinalgOp op) {
    if (!op.hasPureTensorSemantics())
      return;
    SmallVector<std::pair<Value, int64_t>> first(op.getNumLoops());
    for (OpOperand &operand : op->getOpOperands()) {
      if (!isa<RankedTensorType>(operand.get().getType()))
        continue;
      AffineMap map = op.getMatchingIndexingMap(&operand);
      for (auto [d, expr] : llvm::enumerate(map.getResults())) {
        auto loop = dyn_cast<AffineDimExpr>(expr);
        if (!loop)
          continue;
        auto &[tensor, where] = first[loop.getPosition()];
        if (tensor)
          sameDim(tensor, where, operand.get(), d);
        else
          first[loop.getPosition()] = {operand.get(), d};
      }
    }
  }

  void visit(tensor::ConcatOp op) {
    for (Value input : op.getInputs().drop_front())
      for (int64_t d = 0; d < op.getRank(); ++d)
        if (d != int64_t(op.getDim()))
          sameDim(op.getInputs().front(), d, input, d);
  }

  template <typename SliceOp> void inBounds(SliceOp op, Value whole) {
    for (auto [d, offset, size, stride] : llvm::enumerate(
             op.getMixedOffsets(), op.getMixedSizes(), op.getMixedStrides())) {
      if (getConstantIntValue(stride) != 1 || !isInReach(whole) ||
          !isInReach(offset) || !isInReach(size))
        continue;
      Location loc = op.getLoc();
      Value end = b.createOrFold<arith::AddIOp>(
          loc, getValueOrCreateConstantIndexOp(b, loc, offset),
          getValueOrCreateConstantIndexOp(b, loc, size));
      require(end, dim(whole, d), /*atMost=*/true);
    }
  }
  bool isInReach(OpFoldResult extent) {
    auto value = dyn_cast<Value>(extent);
    return !value || isInReach(value);
  }
  void visit(tensor::ExtractSliceOp op) { inBounds(op, op.getSource()); }
  void visit(tensor::InsertSliceOp op) { inBounds(op, op.getDest()); }

  void visit(tensor::CastOp op) {
    auto from = dyn_cast<RankedTensorType>(op.getSource().getType());
    auto to = dyn_cast<RankedTensorType>(op.getType());
    if (!from || !to || !isInReach(op.getSource()))
      return;
    for (int64_t d = 0; d < to.getRank(); ++d)
      if (from.isDynamicDim(d) && !to.isDynamicDim(d))
        require(dim(op.getSource(), d), arith::ConstantIndexOp::create(
                                            b, op.getLoc(), to.getDimSize(d)));
  }

  void visit(tensor::ExpandShapeOp op) {
    Location loc = op.getLoc();
    SmallVector<OpFoldResult> sizes = op.getMixedOutputShape();
    if (!isInReach(op.getSrc()) ||
        !llvm::all_of(sizes, [&](OpFoldResult x) { return isInReach(x); }))
      return;
    for (auto [d, group] : llvm::enumerate(op.getReassociationIndices())) {
      Value product = arith::ConstantIndexOp::create(b, loc, 1);
      for (int64_t i : group)
        product = b.createOrFold<arith::MulIOp>(
            loc, product, getValueOrCreateConstantIndexOp(b, loc, sizes[i]));
      require(product, dim(op.getSrc(), d));
    }
  }

  void visit(routed::SelectOp op) { same(op.getLogits(), op.getValid(), 2); }
  void visit(routed::SelectTokensOp op) {
    same(op.getLogits(), op.getValid(), 2);
  }
  void visit(routed::GatherOp op) { same(op.getSource(), op.getExperts(), 2); }
  void visit(routed::LinearOp op) {
    same(op.getInput(), op.getExperts(), 2);
    same(op.getWeights(), op.getExperts(), 2);
  }
  void visit(routed::AttendOp op) {
    same(op.getQuery(), op.getKey(), 1);
    same(op.getKey(), op.getValue(), 2);
    for (Value lengths : {op.getKvStart(), op.getKvLen(), op.getQLen()})
      same(op.getQuery(), lengths, 1);
    same(op.getQuery(), op.getExperts(), 2);
    same(op.getKey(), op.getHistory(), 2);
    if (Value mask = op.getMask()) {
      if (op.getMask().getType().getDimSize(0) != 1)
        sameDim(op.getQuery(), 0, mask, 0);
      sameDim(op.getQuery(), 1, mask, 1);
      sameDim(op.getKey(), 1, mask, 2);
    }
  }
  void visit(routed::CombineOp op) {
    same(op.getSource(), op.getWeights(), 2);
    same(op.getSource(), op.getExperts(), 2);
  }
  void visit(routed::RopeOp op) {
    same(op.getCos(), op.getSin(), 1);
    if (op.getPositions())
      same(op.getSource(), op.getPositions(), 2);
    if (!isInReach(op.getSource()) || !isInReach(op.getCos()))
      return;
    // A hole reads row 0, so there must be one.
    Value rows = op.getPositions()
                     ? Value(arith::ConstantIndexOp::create(b, op.getLoc(), 1))
                     : dim(op.getSource(), 1);
    require(rows, dim(op.getCos(), 0), /*atMost=*/true);
  }
  void visit(routed::AppendOp op) {
    same(op.getRows(), op.getCache(), 1);
    same(op.getRows(), op.getPosition(), 1);
  }
  void visit(routed::BalanceLossOp op) {
    same(op.getProbs(), op.getExperts(), 2);
  }
  void visit(linalg::SoftmaxOp op) {
    same(op.getInput(), op.getOutput(), op.getInputOperandRank());
  }

  Block &entry;
  OpBuilder b;
  SmallVectorImpl<ExtentCheck> &checks;
  Operation *current = nullptr;
};

} // namespace

SmallVector<ExtentCheck>
headgate::passes::collectExtentChecks(func::FuncOp func) {
  SmallVector<ExtentCheck> checks;
  SmallVector<Operation *> ops;
  func.walk([&](Operation *op) { ops.push_back(op); });
  Collector collector(func, checks);
  for (Operation *op : ops)
    collector.collect(op);
  return checks;
}
