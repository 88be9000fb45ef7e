// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Keeps the buffers of an entry's inputs and results apart, before
// bufferization decides which tensors may share one. Covered by
// test/passes/isolate-entries.mlir.

#include "passes/Passes.h"

#include "llvm/ADT/DenseSet.h"

namespace headgate::passes {
#define GEN_PASS_DEF_ISOLATEENTRIES
#include "passes/Passes.h.inc"
} // namespace headgate::passes

using namespace mlir;
using namespace headgate;

namespace {

/// An op that updates its input in place would write into the caller's array.
void protectInputs(func::FuncOp func) {
  for (auto [i, type] : llvm::enumerate(func.getArgumentTypes()))
    if (isa<TensorType>(type))
      func.setArgAttr(i, bufferization::BufferizationDialect::kWritableAttrName,
                      BoolAttr::get(func.getContext(), false));
}

/// Each result is an array of the caller's: one value returned twice is copied.
void separateResults(func::FuncOp func) {
  llvm::SmallDenseSet<Value> seen;
  func.walk([&](func::ReturnOp op) {
    OpBuilder b(op);
    for (OpOperand &result : op->getOpOperands())
      if (auto type = dyn_cast<RankedTensorType>(result.get().getType());
          type && !seen.insert(result.get()).second)
        result.set(bufferization::AllocTensorOp::create(
            b, op.getLoc(), type, ValueRange(), result.get()));
  });
}

struct IsolateEntriesPass
    : passes::impl::IsolateEntriesBase<IsolateEntriesPass> {
  void runOnOperation() override {
    for (auto func : getOperation().getOps<func::FuncOp>()) {
      if (!func.isPublic() || func.isExternal())
        continue;
      protectInputs(func);
      separateResults(func);
    }
  }
};

} // namespace
