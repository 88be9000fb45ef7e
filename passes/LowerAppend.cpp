// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An append kernel as copies. A block has up to 256 rows of one cache:
//
//   unless cache and result are the same memory:  result[b, t0..t1) = cache
//   result[b, lo..hi) = rows[b, lo - p..hi - p)   lo = max(t0, p),
//                                                 hi = min(t1, p + S)
//
// In place, a step of decoding then touches its new rows and nothing else.
// Covered by test/passes/lower-append.mlir.

#include "dialect/routed/Routed.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "passes/KernelGroups.h"
#include "passes/Launch.h"
#include "passes/Passes.h"

namespace headgate::passes {
#define GEN_PASS_DEF_LOWERAPPEND
#include "passes/Passes.h.inc"
} // namespace headgate::passes

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

constexpr int64_t blockRows = 256;

/// The buffer of a tensor that is loaded as it is; null for a computed one.
Value bufferOf(Value tensor) {
  auto load = tensor.getDefiningOp<bufferization::ToTensorOp>();
  return load ? load.getBuffer() : Value();
}

class AppendBody {
public:
  AppendBody(routed::AppendOp op,
             bufferization::MaterializeInDestinationOp store)
      : b(op.getLoc(), store), rows(bufferOf(op.getRows())),
        cache(bufferOf(op.getCache())), positions(bufferOf(op.getPosition())),
        result(store.getDest()) {}

  void build() {
    Value length = memref::DimOp::create(b, result, 1);
    Value size = arith::ConstantIndexOp::create(b, blockRows);
    Value chunks = arith::CeilDivUIOp::create(b, length, size);
    Value block = gpu::BlockIdOp::create(b, gpu::Dimension::x);
    batch = arith::DivUIOp::create(b, block, chunks);
    Value chunk = arith::RemUIOp::create(b, block, chunks);
    Value begin = arith::MulIOp::create(b, chunk, size);
    Value end = arith::MinSIOp::create(b, arith::AddIOp::create(b, begin, size),
                                       length);
    copyOld(begin, end);
    copyNew(begin, end);
  }

private:
  void copyOld(Value begin, Value end) {
    Value from = memref::ExtractAlignedPointerAsIndexOp::create(b, cache);
    Value to = memref::ExtractAlignedPointerAsIndexOp::create(b, result);
    Value differ = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, from, to);
    Value count = arith::SubIOp::create(b, end, begin);
    copyIf(differ, cache, begin, result, begin, count);
  }

  void copyNew(Value begin, Value end) {
    Value position = arith::IndexCastOp::create(
        b, b.getIndexType(), memref::LoadOp::create(b, positions, batch));
    Value fresh = memref::DimOp::create(b, rows, 1);
    Value low = arith::MaxSIOp::create(b, begin, position);
    Value high = arith::MinSIOp::create(
        b, end, arith::AddIOp::create(b, position, fresh));
    Value any = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, low, high);
    copyIf(any, rows, arith::SubIOp::create(b, low, position), result, low,
           arith::SubIOp::create(b, high, low));
  }

  /// to[batch, toRow..) = from[batch, fromRow..), `count` rows.
  void copyIf(Value condition, Value from, Value fromRow, Value to, Value toRow,
              Value count) {
    auto branch = scf::IfOp::create(b, condition, /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    Value source = rowsOf(from, fromRow, count);
    linalg::CopyOp::create(b, source, rowsOf(to, toRow, count));
  }

  Value rowsOf(Value buffer, Value first, Value count) {
    auto type = cast<MemRefType>(buffer.getType());
    SmallVector<OpFoldResult> offsets = {batch, first};
    SmallVector<OpFoldResult> sizes = {b.getIndexAttr(1), count};
    for (int64_t d = 2; d < type.getRank(); ++d) {
      offsets.push_back(b.getIndexAttr(0));
      sizes.push_back(memref::getMixedSize(b, b.getLoc(), buffer, d));
    }
    SmallVector<OpFoldResult> strides(sizes.size(), b.getIndexAttr(1));
    return memref::SubViewOp::create(b, buffer, offsets, sizes, strides);
  }

  ImplicitLocOpBuilder b;
  Value rows, cache, positions, result;
  Value batch;
};

struct LowerAppendPass : passes::impl::LowerAppendBase<LowerAppendPass> {
  void runOnOperation() override {
    func::FuncOp kernel = getOperation();
    if (kernel->getAttr(kernelName) !=
        StringAttr::get(&getContext(), kindName(KernelKind::append)))
      return;
    auto store = llvm::to_vector(
        kernel.getOps<bufferization::MaterializeInDestinationOp>());
    auto append = store[0].getSource().getDefiningOp<routed::AppendOp>();
    for (Value operand : append->getOperands())
      if (!bufferOf(operand))
        return; // a computed cache: by the decomposition
    AppendBody(append, store[0]).build();
    store[0].erase();
    std::string blocks = tokenText(kernel, 0) + "*cdiv(" +
                         tokenText(kernel, 1) + "," +
                         std::to_string(blockRows) + ")";
    setLaunch(kernel,
              {.kernel = kernel.getName().str(), .grid = {blocks, "1", "1"}});
    append.erase();
  }
};

} // namespace
