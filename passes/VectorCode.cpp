// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/VectorCode.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

Value headgate::passes::choose(TileBuilder &b, Type type, Value condition,
                               llvm::function_ref<Value()> then,
                               llvm::function_ref<Value()> otherwise) {
  if (!condition)
    return then();
  OpBuilder::InsertionGuard guard(b);
  auto branch = scf::IfOp::create(b, type, condition, true, true);
  b.setInsertionPointToStart(branch.thenBlock());
  scf::YieldOp::create(b, then());
  b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(b, otherwise());
  return branch.getResult(0);
}

Value headgate::passes::ceilDiv(TileBuilder &b, Value value, int64_t by) {
  return b.div(b.add(value, b.index(by - 1)), b.index(by));
}

Value headgate::passes::addressOf(TileBuilder &b, Value memref,
                                  ArrayRef<Value> indices) {
  auto metadata = memref::ExtractStridedMetadataOp::create(b, memref);
  Value offset = metadata.getOffset();
  for (auto [index, stride] : llvm::zip(indices, metadata.getStrides()))
    offset = b.add(offset, b.mul(index, stride));
  unsigned bits = elementOf(memref).getIntOrFloatBitWidth();
  Value bytes = b.mul(offset, b.index(llvm::divideCeil(bits, 8)));
  Value base = memref::ExtractAlignedPointerAsIndexOp::create(b, memref);
  return arith::AddIOp::create(b, base, bytes);
}

Halves headgate::passes::halvesOf(int64_t lanes, int64_t half) {
  Halves halves;
  for (int64_t group = 0; group < lanes; group += 2 * half)
    for (int64_t source : {int64_t(0), lanes})
      for (int64_t i = 0; i < half; ++i) {
        halves.low.push_back(source + group + i);
        halves.high.push_back(source + group + half + i);
      }
  return halves;
}
