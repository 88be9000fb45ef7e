// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block has a span of one cache and some columns:
//
//   unless cache and result are the same memory:
//     for each tile of the span:   result = cache, but for the new rows
//   for each tile of the new rows in the span:  result = rows
//
// A row that a store has to leave alone gets the number -1, which lies outside.
// So no element is written twice and neither loop waits for the other; in
// place, a step of decoding touches its new rows and nothing else. Covered by
// test/passes/lower-append-to-tile.mlir, and by execution in test/passes/tile.

#include "passes/AppendProgram.h"

#include "dialect/routed/Routed.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

using Store = bufferization::MaterializeInDestinationOp;

static MemRefType typeOf(Value buffer) {
  return cast<MemRefType>(buffer.getType());
}

int64_t AppendKernel::columns() const {
  return std::min(maxTileColumns, paddedTileWidth(width));
}

int64_t headgate::passes::appendSpan(int64_t rows) {
  constexpr int64_t enough = 1024;
  return rows * std::max<int64_t>(1, enough / rows);
}

//===-- what a kernel says -----------------------------------------------===//

static SmallVector<ReassociationIndices> flatRows(int64_t rank) {
  SmallVector<ReassociationIndices> groups = {{0}, {1}, {}};
  for (int64_t d = 2; d < rank; ++d)
    groups.back().push_back(d);
  return groups;
}

/// Are the elements behind batch and position neighbours in memory?
static bool hasFlatRows(Value buffer) {
  MemRefType type = typeOf(buffer);
  SmallVector<int64_t> strides;
  int64_t offset;
  return succeeded(type.getStridesAndOffset(strides, offset)) &&
         strides.back() == 1 &&
         memref::CollapseShapeOp::isGuaranteedCollapsible(
             type, flatRows(type.getRank()));
}

std::variant<AppendKernel, Refusal>
headgate::passes::matchAppendKernel(func::FuncOp func) {
  auto stores = llvm::to_vector(func.getOps<Store>());
  auto append = stores.size() == 1
                    ? stores[0].getSource().getDefiningOp<routed::AppendOp>()
                    : routed::AppendOp();
  if (!append)
    return Refusal{func, "the kernel is not one append"};
  auto bufferOf = [](Value tensor) {
    auto load = tensor.getDefiningOp<bufferization::ToTensorOp>();
    return load ? load.getBuffer() : Value();
  };
  AppendKernel kernel{append,
                      bufferOf(append.getRows()),
                      bufferOf(append.getCache()),
                      bufferOf(append.getPosition()),
                      stores[0].getDest(),
                      1};
  if (!kernel.rows || !kernel.cache || !kernel.positions)
    return Refusal{append, "an operand is computed in the kernel"};
  for (int64_t extent : typeOf(kernel.cache).getShape().drop_front(2)) {
    if (ShapedType::isDynamic(extent) || extent == 0)
      return Refusal{append, "its rows have no known width"};
    kernel.width *= extent;
  }
  Type element = typeOf(kernel.cache).getElementType();
  if (tileElementFor(element) != element)
    return Refusal{append, "tiles have no elements of its types"};
  for (Value buffer : {kernel.rows, kernel.cache, kernel.result})
    if (!hasFlatRows(buffer))
      return Refusal{append, "the elements of a row are not neighbours"};
  return kernel;
}

//===-- the program ------------------------------------------------------===//

namespace {

class Append {
public:
  Append(TileBuilder &b, const AppendKernel &kernel,
         tile::ScheduleAttr schedule)
      : b(b), R(schedule.getRows()), C(kernel.columns()) {
    auto flat = [&](Value buffer) -> Value {
      if (typeOf(buffer).getRank() == 3)
        return buffer;
      return memref::CollapseShapeOp::create(
          b, buffer, flatRows(typeOf(buffer).getRank()));
    };
    rows = flat(kernel.rows);
    cache = flat(kernel.cache);
    result = flat(kernel.result);
    GridPlace place = readPlace(b, schedule.getOrder() == tile::Order::Rows);
    Value blocks = b.index(llvm::divideCeil(kernel.width, C));
    batch = b.div(place.x, blocks);
    firstColumn = b.mul(b.rem(place.x, blocks), b.index(C));
    begin = b.mul(place.y, b.index(appendSpan(R)));
    end = b.min(b.add(begin, b.index(appendSpan(R))), b.dim(cache, 1));
    position = b.loadIndex(kernel.positions, batch);
    fresh = b.dim(rows, 1);
  }

  void build() {
    copyOld();
    copyNew();
  }

private:
  using Predicate = arith::CmpIPredicate;

  void copyOld() {
    Value from = memref::ExtractAlignedPointerAsIndexOp::create(b, cache);
    Value to = memref::ExtractAlignedPointerAsIndexOp::create(b, result);
    Value isInPlace = b.compare(Predicate::eq, from, to);
    forTiles(begin, b.select(isInPlace, begin, end), [&](Value first) {
      Value number = rowsFrom(first);
      Value age = b.sub(number, splat(position));
      // Unsigned: a row before the new ones is far behind them.
      Value isNew = b.compare(Predicate::ult, age, splat(fresh));
      copy(cache, first, b.select(isNew, b.constantI32(R, -1), number));
    });
  }

  void copyNew() {
    Value low = b.max(begin, position);
    Value high = b.min(end, b.add(position, fresh));
    forTiles(low, high, [&](Value first) {
      Value number = rowsFrom(first);
      Value isThere = b.compare(Predicate::slt, number, splat(high));
      copy(rows, b.sub(first, position),
           b.select(isThere, number, b.constantI32(R, -1)));
    });
  }

  void forTiles(Value from, Value to, llvm::function_ref<void(Value)> body) {
    auto loop = scf::ForOp::create(b, from, to, b.index(R));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    body(loop.getInductionVar());
  }

  Value splat(Value index) { return b.splat(R, b.toI32(index)); }
  Value rowsFrom(Value first) { return b.add(splat(first), b.iota(R)); }

  /// result[batch, to[i]] = from[batch, first + i]
  void copy(Value from, Value first, Value to) {
    Value tile =
        b.load(from, {{batch, first, firstColumn}, {1, R, C}, {}, {}}, {R, C});
    b.store(tile, result,
            {{batch, b.index(0), firstColumn}, {1, 1, C}, {to}, {1}});
  }

  TileBuilder &b;
  int64_t R, C;
  Value rows, cache, result;
  Value batch, firstColumn, begin, end, position, fresh;
};

} // namespace

void headgate::passes::buildAppend(TileBuilder &b, const AppendKernel &kernel,
                                   tile::ScheduleAttr schedule) {
  Append(b, kernel, schedule).build();
}
