// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lets an op compute its result where a kernel stores it.
//
//   %e = tensor.empty()                      %e = to_tensor %m restrict
//   writable %f = linalg.fill outs(%e)           =>   %f = linalg.fill outs(%e)
//   %y = linalg.generic outs(%f)             %y = linalg.generic outs(%f)
//   materialize_in_destination %y in %m      materialize_in_destination %y in
//   %m
//
// Upstream's --eliminate-empty-tensors does the same and takes more: it also
// follows destinations that several ops share, and since bufferization does not
// know that %e and the store are the same memory, one of them then overwrites
// what the other needs. Here every link of the chain has one use, but for %y,
// whose readers see the stored value: that is safe as long as all stores of a
// block come last in it, which is how kernels are written. Covered by
// test/passes/place-results.mlir.

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Transforms/RegionUtils.h"
#include "passes/Passes.h"

namespace headgate::passes {
#define GEN_PASS_DEF_PLACERESULTS
#include "passes/Passes.h.inc"
} // namespace headgate::passes

using namespace mlir;
using namespace headgate;

namespace {

using Store = bufferization::MaterializeInDestinationOp;

/// The empty tensor that `value` is computed in, if nobody else uses it or what
/// is written to it on the way.
tensor::EmptyOp ownEmpty(Value value, Block *block) {
  while (true) {
    auto result = dyn_cast<OpResult>(value);
    if (!result || result.getOwner()->getBlock() != block)
      return {};
    auto op = dyn_cast<DestinationStyleOpInterface>(result.getOwner());
    if (!op)
      return {};
    value = op.getTiedOpOperand(result)->get();
    if (!value.hasOneUse())
      return {};
    if (auto empty = value.getDefiningOp<tensor::EmptyOp>())
      return empty->getBlock() == block ? empty : tensor::EmptyOp();
  }
}

bool isUpdated(Value value) {
  return llvm::any_of(value.getUses(), [](OpOperand &use) {
    auto op = dyn_cast<DestinationStyleOpInterface>(use.getOwner());
    return op && !isa<Store>(op) && op.isDpsInit(&use);
  });
}

/// Stores what `store` collapses as it is, to an expanded view of where it
/// goes.
void storeExpanded(Store store) {
  auto collapse = store.getSource().getDefiningOp<tensor::CollapseShapeOp>();
  auto type = dyn_cast<MemRefType>(store.getDest().getType());
  if (!collapse || !type || isUpdated(collapse.getResult()))
    return;
  RankedTensorType whole = collapse.getSrcType();
  auto groups = collapse.getReassociationIndices();
  OpBuilder b(store);
  // Only the first extent of a group may be dynamic: it is that of the buffer.
  SmallVector<OpFoldResult> sizes;
  for (auto [d, group] : llvm::enumerate(groups))
    for (int64_t inner : group) {
      bool isDynamic = whole.isDynamicDim(inner);
      if (isDynamic && group.size() > 1)
        return;
      sizes.push_back(isDynamic ? memref::getMixedSize(b, store.getLoc(),
                                                       store.getDest(), d)
                                : b.getIndexAttr(whole.getDimSize(inner)));
    }
  if (failed(memref::ExpandShapeOp::computeExpandedType(type, whole.getShape(),
                                                        groups)))
    return;
  Value expanded = memref::ExpandShapeOp::create(
      b, store.getLoc(), whole.getShape(), store.getDest(), groups, sizes);
  store.getSourceMutable().assign(collapse.getSrc());
  store.getDestMutable().assign(expanded);
}

bool isStoredTwice(Value value) {
  return llvm::count_if(value.getUsers(), llvm::IsaPred<Store>) > 1;
}

/// A value that several ops start from would be copied for all but one of
/// them; filling as many tensors costs no more.
template <typename Op> void giveEachUseItsOwn(func::FuncOp kernel) {
  kernel.walk([](Op op) {
    Value value = op->getResult(0);
    SmallVector<OpOperand *> uses;
    for (OpOperand &use : value.getUses())
      uses.push_back(&use);
    for (OpOperand *use : ArrayRef(uses).drop_front(uses.empty() ? 0 : 1)) {
      OpBuilder b(op);
      use->set(b.clone(*op)->getResult(0));
    }
  });
}

struct PlaceResultsPass : passes::impl::PlaceResultsBase<PlaceResultsPass> {
  void runOnOperation() override {
    if (!getOperation()->hasAttr(passes::kernelName))
      return;
    giveEachUseItsOwn<linalg::FillOp>(getOperation());
    giveEachUseItsOwn<tensor::EmptyOp>(getOperation());
    IRRewriter rewriter(&getContext());
    DominanceInfo dominance(getOperation());
    getOperation()->walk(storeExpanded);
    getOperation()->walk([&](Store store) {
      Value value = store.getSource();
      tensor::EmptyOp empty = ownEmpty(value, store->getBlock());
      if (!empty || isUpdated(value) || isStoredTwice(value))
        return;
      auto type = dyn_cast<MemRefType>(store.getDest().getType());
      if (!type || type.getShape() != empty.getType().getShape() ||
          failed(moveValueDefinitions(rewriter, store.getDest(), empty,
                                      dominance)))
        return;
      rewriter.setInsertionPoint(empty);
      rewriter.replaceOpWithNewOp<bufferization::ToTensorOp>(
          empty, empty.getType(), store.getDest(), /*restrict=*/true,
          /*writable=*/true);
    });
  }
};

} // namespace
