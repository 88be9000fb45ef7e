// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A loop nest over tensors trusts that equal extents are equal: on dynamic
// shapes nobody has checked it, and a mismatch reads out of bounds. So each op
// lists its agreements here, the exporter turns those that depend on the
// arguments' extents into conditions of the plan, and the runtime refuses a
// call that breaks one, with the op named.

#include "passes/EntryChecks.h"

#include "dialect/routed/Routed.h"
#include "mlir/Analysis/FlatLinearValueConstraints.h"
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
              tensor::PadOp, tensor::CastOp, tensor::ExpandShapeOp,
              tensor::ReshapeOp, tensor::ExtractOp, tensor::InsertOp>(
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

  Value constant(int64_t x) {
    return arith::ConstantIndexOp::create(b, current->getLoc(), x);
  }
  Value valueOf(OpFoldResult x) {
    return getValueOrCreateConstantIndexOp(b, current->getLoc(), x);
  }
  Value plus(Value x, Value y) {
    return b.createOrFold<arith::AddIOp>(current->getLoc(), x, y);
  }
  Value times(Value x, Value y) {
    return b.createOrFold<arith::MulIOp>(current->getLoc(), x, y);
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
    SmallVector<Value> extents(op.getNumLoops());
    SmallVector<std::pair<Value, int64_t>> first(op.getNumLoops());
    forEachIndex(op, [&](Value tensor, int64_t d, AffineExpr index) {
      auto loop = dyn_cast<AffineDimExpr>(index);
      if (!loop)
        return;
      auto &[owner, where] = first[loop.getPosition()];
      if (owner)
        return sameDim(owner, where, tensor, d);
      first[loop.getPosition()] = {tensor, d};
      if (isInReach(tensor))
        extents[loop.getPosition()] = dim(tensor, d);
    });
    forEachIndex(op, [&](Value tensor, int64_t d, AffineExpr index) {
      if (!isa<AffineDimExpr>(index) && isInReach(tensor))
        if (Value needed = neededExtent(index, extents))
          require(needed, dim(tensor, d), /*atMost=*/true);
    });
  }

  /// Calls `visit` with each index expression of the op's tensors.
  void
  forEachIndex(linalg::LinalgOp op,
               llvm::function_ref<void(Value, int64_t, AffineExpr)> visit) {
    for (OpOperand &operand : op->getOpOperands())
      if (isa<RankedTensorType>(operand.get().getType()))
        for (auto [d, index] :
             llvm::enumerate(op.getMatchingIndexingMap(&operand).getResults()))
          visit(operand.get(), d, index);
  }

  /// The extent that a sum of multiples of loops needs, as in a convolution;
  /// null for anything else.
  Value neededExtent(AffineExpr index, ArrayRef<Value> extents) {
    SmallVector<int64_t> factors; // of each loop, then the constant
    if (failed(getFlattenedAffineExpr(index, extents.size(), 0, &factors)) ||
        factors.size() != extents.size() + 1)
      return {};
    int64_t fixed = factors.pop_back_val() + 1;
    Value sum;
    for (auto [factor, extent] : llvm::zip(factors, extents)) {
      if (factor == 0)
        continue;
      if (factor < 0 || !extent)
        return {};
      Value term = times(extent, constant(factor));
      sum = sum ? plus(sum, term) : term;
      fixed -= factor; // the last index is one less than the extent
    }
    return sum ? plus(sum, constant(fixed)) : constant(fixed);
  }

  void visit(tensor::ConcatOp op) {
    for (Value input : op.getInputs().drop_front())
      for (int64_t d = 0; d < op.getRank(); ++d)
        if (d != int64_t(op.getDim()))
          sameDim(op.getInputs().front(), d, input, d);
  }

  /// Offset and size of each dimension are not negative, and the last element
  /// lies in `whole`. A slice of no rows may begin anywhere.
  template <typename SliceOp> void inBounds(SliceOp op, Value whole) {
    for (auto [d, offset, size, stride] : llvm::enumerate(
             op.getMixedOffsets(), op.getMixedSizes(), op.getMixedStrides())) {
      std::optional<int64_t> step = getConstantIntValue(stride);
      if (!step || *step < 1 || !isInReach(whole) || !isInReach(offset) ||
          !isInReach(size))
        continue;
      Value begin = valueOf(offset), extent = valueOf(size);
      require(constant(0), begin, /*atMost=*/true);
      require(constant(0), extent, /*atMost=*/true);
      Value end = plus(begin, times(extent, constant(*step)));
      require(end, plus(dim(whole, d), constant(*step - 1)), /*atMost=*/true);
    }
  }
  bool isInReach(OpFoldResult extent) {
    auto value = dyn_cast<Value>(extent);
    return !value || isInReach(value);
  }
  void visit(tensor::ExtractSliceOp op) { inBounds(op, op.getSource()); }
  void visit(tensor::InsertSliceOp op) { inBounds(op, op.getDest()); }

  void visit(tensor::ExtractOp op) { elementIn(op.getTensor(), op); }
  void visit(tensor::InsertOp op) { elementIn(op.getDest(), op); }

  /// Only where the element is always accessed.
  template <typename AccessOp> void elementIn(Value whole, AccessOp op) {
    if (op->getBlock() != &entry)
      return;
    for (auto [d, index] : llvm::enumerate(op.getIndices())) {
      require(constant(0), index, /*atMost=*/true);
      require(plus(index, constant(1)), dim(whole, d), /*atMost=*/true);
    }
  }

  void visit(tensor::PadOp op) {
    for (auto amounts : {op.getMixedLowPad(), op.getMixedHighPad()})
      for (OpFoldResult amount : amounts)
        if (isInReach(amount))
          require(constant(0), valueOf(amount), /*atMost=*/true);
  }

  void visit(tensor::CastOp op) {
    auto from = dyn_cast<RankedTensorType>(op.getSource().getType());
    auto to = dyn_cast<RankedTensorType>(op.getType());
    if (!from || !to || !isInReach(op.getSource()))
      return;
    for (int64_t d = 0; d < to.getRank(); ++d)
      if (from.isDynamicDim(d) && !to.isDynamicDim(d))
        require(dim(op.getSource(), d), constant(to.getDimSize(d)));
  }

  void visit(tensor::ExpandShapeOp op) {
    SmallVector<OpFoldResult> sizes = op.getMixedOutputShape();
    if (!isInReach(op.getSrc()) ||
        !llvm::all_of(sizes, [&](OpFoldResult x) { return isInReach(x); }))
      return;
    for (auto [d, group] : llvm::enumerate(op.getReassociationIndices())) {
      Value product = constant(1);
      for (int64_t i : group)
        product = times(product, valueOf(sizes[i]));
      require(product, dim(op.getSrc(), d));
    }
  }

  void visit(tensor::ReshapeOp op) {
    auto from = dyn_cast<RankedTensorType>(op.getSource().getType());
    auto to = dyn_cast<RankedTensorType>(op.getType());
    if (!from || !to || !isInReach(op.getSource()) || !isInReach(op))
      return;
    auto elements = [&](Value tensor, int64_t rank) {
      Value product = constant(1);
      for (int64_t d = 0; d < rank; ++d)
        product = times(product, dim(tensor, d));
      return product;
    };
    require(elements(op.getSource(), from.getRank()),
            elements(op, to.getRank()));
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
    Value rows = op.getPositions() ? constant(1) : dim(op.getSource(), 1);
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
