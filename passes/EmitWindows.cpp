// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Windows of memory. A row of a tile lies at the window's coordinates, moved by
// its position among the leading dimensions and by the row tiles; it is inside
// if each of these coordinates is. Along the columns the end is known when the
// program is compiled, mostly (a head width, the columns of a weight): loops
// then run over whole vectors, the last one has the size of what is left, and
// no mask is needed. Where it is not known, a vector that does not fit is
// masked.

#include "passes/TileEmitter.h"
#include "passes/VectorCode.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

//===----------------------------------------------------------------------===//
// Which dimensions are columns
//===----------------------------------------------------------------------===//

Window::Window(tile::LoadOp load)
    : memref(load.getSource()), type(cast<MemRefType>(memref.getType())),
      coords(load.getCoords()), sizes(load.getSizes()), rows(load.getRows()),
      rowDims(load.getRowDims().value_or(ArrayRef<int64_t>())) {
  findColumns(load.getResult().getType());
}

Window::Window(tile::StoreOp store)
    : memref(store.getDest()), type(cast<MemRefType>(memref.getType())),
      coords(store.getCoords()), sizes(store.getSizes()), rows(store.getRows()),
      rowDims(store.getRowDims().value_or(ArrayRef<int64_t>())) {
  findColumns(store.getTile());
}

void Window::findColumns(RankedTensorType tile) {
  firstColumnDim = type.getRank();
  if (tile.getRank() == 1)
    return;
  int64_t columns = 1;
  while (firstColumnDim && columns < tile.getDimSize(1))
    columns *= sizes[--firstColumnDim];
  // A tile of one column, or of one row.
  if (firstColumnDim == type.getRank())
    --firstColumnDim;
}

int64_t Window::columnsPerStep() const {
  int64_t columns = 1;
  for (int64_t size : sizes.drop_front(firstColumnDim + 1))
    columns *= size;
  return columns;
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

RowContext::Place TileEmitter::placeOf(const Window &window, RowContext &row) {
  RowContext::Place place{window.coords, nullptr};
  // Positions among the leading dimensions: the digits of the row's number.
  if (window.rows.empty()) {
    int64_t below = 1;
    for (int64_t d = window.firstColumnDim - 1; d >= 0; --d) {
      int64_t size = window.sizes[d];
      if (size == 1)
        continue;
      Value digit = b.div(row.row, b.index(below));
      bool isFirst = llvm::all_of(window.sizes.take_front(d),
                                  [](int64_t size) { return size == 1; });
      if (!isFirst)
        digit = b.rem(digit, b.index(size));
      place.indices[d] = b.add(place.indices[d], digit);
      below *= size;
    }
  }
  for (auto [rows, dim] : llvm::zip(window.rows, window.rowDims)) {
    Value moved =
        arith::IndexCastOp::create(b, b.getIndexType(), scalarOf(rows, row));
    place.indices[dim] = b.add(place.indices[dim], moved);
  }
  for (int64_t d = 0; d < window.firstColumnDim; ++d) {
    std::optional<int64_t> first = getConstantIntValue(window.coords[d]);
    bool isKnown = first && *first >= 0 && !window.type.isDynamicDim(d) &&
                   *first + window.sizes[d] <= window.type.getDimSize(d) &&
                   !llvm::is_contained(window.rowDims, d);
    if (isKnown)
      continue;
    // Unsigned: a negative coordinate is outside, too.
    Value inside =
        arith::CmpIOp::create(b, arith::CmpIPredicate::ult, place.indices[d],
                              b.dim(window.memref, d));
    place.inside = b.both(place.inside, inside);
  }
  return place;
}

std::optional<int64_t> TileEmitter::columnsInside(const Window &window,
                                                  int64_t columns) {
  int64_t d = window.firstColumnDim;
  std::optional<int64_t> first = getConstantIntValue(window.coords[d]);
  if (!first || *first < 0 || window.type.isDynamicDim(d))
    return std::nullopt;
  return std::clamp<int64_t>((window.type.getDimSize(d) - *first) *
                                 window.columnsPerStep(),
                             0, columns);
}

//===----------------------------------------------------------------------===//
// Memory accesses
//===----------------------------------------------------------------------===//

namespace {

/// Vectors at one address. A memref of i1 has a byte for each element, which
/// vector.load does not know.
struct Access {
  TileBuilder &b;
  Value memref;
  SmallVector<Value> indices;
  Type element;

  bool isBool() const { return element.isInteger(1); }
  VectorType vector(int64_t width) const {
    return VectorType::get({width}, isBool() ? b.getI8Type() : element);
  }

  Value address() const {
    Value at = arith::IndexCastOp::create(b, b.getI64Type(),
                                          addressOf(b, memref, indices));
    return LLVM::IntToPtrOp::create(
        b, LLVM::LLVMPointerType::get(b.getContext()), at);
  }

  Value toBool(Value bytes) const {
    auto type = cast<VectorType>(bytes.getType());
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
    return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, bytes, zero);
  }
  Value toBytes(Value bools, int64_t width) const {
    return arith::ExtUIOp::create(b, vector(width), bools);
  }

  Value load(int64_t width) const {
    if (isBool())
      return toBool(
          LLVM::LoadOp::create(b, vector(width), address(), /*alignment=*/1));
    return vector::LoadOp::create(b, vector(width), memref, indices);
  }
  Value load(int64_t width, Value mask) const {
    Value zeros = arith::ConstantOp::create(b, b.getZeroAttr(vector(width)));
    if (isBool())
      return toBool(LLVM::MaskedLoadOp::create(b, vector(width), address(),
                                               mask, zeros, /*alignment=*/1));
    return vector::MaskedLoadOp::create(b, vector(width), memref, indices, mask,
                                        zeros);
  }
  void store(Value value, int64_t width) const {
    if (isBool())
      LLVM::StoreOp::create(b, toBytes(value, width), address(),
                            /*alignment=*/1);
    else
      vector::StoreOp::create(b, value, memref, indices);
  }
  void store(Value value, int64_t width, Value mask) const {
    if (isBool())
      LLVM::MaskedStoreOp::create(b, toBytes(value, width), address(), mask,
                                  /*alignment=*/1);
    else
      vector::MaskedStoreOp::create(b, memref, indices, mask, value);
  }
};

} // namespace

static void doIf(TileBuilder &b, Value condition,
                 llvm::function_ref<void()> then,
                 llvm::function_ref<void()> otherwise = nullptr) {
  if (!condition)
    return then();
  OpBuilder::InsertionGuard guard(b);
  auto branch = scf::IfOp::create(b, condition, /*withElseRegion=*/!!otherwise);
  b.setInsertionPointToStart(branch.thenBlock());
  then();
  if (!otherwise)
    return;
  b.setInsertionPointToStart(branch.elseBlock());
  otherwise();
}

static Access accessAt(TileBuilder &b, const Window &window,
                       const RowContext::Place &place, Value column) {
  // Columns lie side by side, over however many dimensions they run.
  SmallVector<Value> indices = place.indices;
  indices.back() = b.add(indices.back(), column);
  return {b, window.memref, indices, window.type.getElementType()};
}

/// Whether all of `width` columns from `column` on lie in the memref, and which
/// of them do, where this is not known before the program runs.
TileEmitter::ColumnCheck TileEmitter::checkColumns(const Window &window,
                                                   const ChunkContext &chunk) {
  int64_t d = window.firstColumnDim, perStep = window.columnsPerStep();
  Value first = b.mul(window.coords[d], b.index(perStep));
  first = b.add(first, chunk.column);
  Value end = b.mul(b.dim(window.memref, d), b.index(perStep));
  Value last = arith::AddIOp::create(b, first, b.index(chunk.width));
  Value fits = arith::AndIOp::create(
      b, arith::CmpIOp::create(b, arith::CmpIPredicate::sge, first, b.index(0)),
      arith::CmpIOp::create(b, arith::CmpIPredicate::sle, last, end));
  return {fits, first, end};
}

Value TileEmitter::columnMask(const ColumnCheck &check, Value inside,
                              int64_t width) {
  auto splat = [&](Value index) {
    Value i32 = arith::IndexCastOp::create(b, b.getI32Type(), index);
    return vector::BroadcastOp::create(
        b, VectorType::get({width}, b.getI32Type()), i32);
  };
  Value lanes = arith::AddIOp::create(b, iota(width), splat(check.first));
  // Unsigned: what lies before the memref is outside, too.
  Value mask = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, lanes,
                                     splat(check.end));
  if (!inside)
    return mask;
  Value all = vector::BroadcastOp::create(b, mask.getType(), inside);
  return arith::AndIOp::create(b, mask, all);
}

Value TileEmitter::loadColumns(const Window &window,
                               const RowContext::Place &place,
                               int64_t tileColumns, const ChunkContext &chunk) {
  auto type = VectorType::get({chunk.width}, window.type.getElementType());
  auto zeros = [&]() -> Value {
    return arith::ConstantOp::create(b, b.getZeroAttr(type));
  };
  Access access = accessAt(b, window, place, chunk.column);
  if (std::optional<int64_t> count = columnsInside(window, tileColumns)) {
    int64_t inside = chunk.insideOf(*count);
    if (!inside)
      return zeros();
    auto load = [&]() -> Value {
      Value part = access.load(inside);
      if (inside == chunk.width)
        return part;
      return vector::InsertStridedSliceOp::create(b, part, zeros(), 0, 1);
    };
    return choose(b, type, place.inside, load, zeros);
  }
  ColumnCheck check = checkColumns(window, chunk);
  return choose(
      b, type, b.both(place.inside, check.fits),
      [&] { return access.load(chunk.width); },
      [&] {
        return access.load(chunk.width,
                           columnMask(check, place.inside, chunk.width));
      });
}

Value TileEmitter::loadElements(tile::LoadOp load, ChunkContext &chunk) {
  return loadColumns(Window(load), chunk.row->places.lookup(load),
                     tileShape(load.getResult())[1], chunk);
}

void TileEmitter::storeElements(tile::StoreOp store, Value elements,
                                ChunkContext &chunk) {
  Window window(store);
  RowContext::Place place = chunk.row->places.lookup(store);
  Access access = accessAt(b, window, place, chunk.column);
  std::optional<int64_t> count =
      columnsInside(window, tileShape(store.getValue())[1]);
  if (count) {
    int64_t inside = chunk.insideOf(*count);
    if (!inside)
      return;
    return doIf(b, place.inside, [&] {
      Value part = elements;
      if (inside != chunk.width)
        part = vector::ExtractStridedSliceOp::create(b, part, 0, inside, 1);
      access.store(part, inside);
    });
  }
  ColumnCheck check = checkColumns(window, chunk);
  doIf(
      b, b.both(place.inside, check.fits),
      [&] { access.store(elements, chunk.width); },
      [&] {
        access.store(elements, chunk.width,
                     columnMask(check, place.inside, chunk.width));
      });
}

//===----------------------------------------------------------------------===//
// Tiles of rank 1
//===----------------------------------------------------------------------===//

/// The dimension along which a tile of rank 1 lies as one vector after the
/// other in memory, if it does and is long enough to gain by it.
static std::optional<int64_t> vectorDim(const Window &window, int64_t length) {
  if (!window.rows.empty() || length < 16)
    return std::nullopt;
  for (int64_t d = window.type.getRank() - 1; d >= 0; --d) {
    if (window.sizes[d] == length)
      return d;
    if (window.sizes[d] != 1 || window.type.getDimSize(d) != 1 ||
        !isConstantIntValue(window.coords[d], 0))
      break;
  }
  return std::nullopt;
}

void TileEmitter::emitFillRows(tile::LoadOp load) {
  Window window(load);
  Value tile = load.getResult();
  int64_t length = tileShape(tile)[0];
  if (std::optional<int64_t> dim = vectorDim(window, length)) {
    window.firstColumnDim = *dim;
    RowContext row(b.index(0));
    RowContext::Place place = placeOf(window, row);
    int64_t inside = columnsInside(window, length).value_or(length);
    forChunks(length, inside, nullptr, row, ValueRange(),
              [&](ChunkContext &chunk, ValueRange) {
                storeBuffer(loadColumns(window, place, length, chunk), tile,
                            chunk.column);
                return SmallVector<Value>();
              });
    return;
  }
  Type element = window.type.getElementType();
  loop(b.index(0), b.index(length), 1, [&](Value i) {
    RowContext row(i);
    RowContext::Place place = placeOf(window, row);
    Value scalar = choose(
        b, element, place.inside,
        [&]() -> Value {
          return memref::LoadOp::create(b, window.memref, place.indices);
        },
        [&]() -> Value {
          return arith::ConstantOp::create(b, b.getZeroAttr(element));
        });
    storeScalar(scalar, tile, i);
  });
}

void TileEmitter::emitStoreRows(tile::StoreOp store) {
  Window window(store);
  loop(b.index(0), b.index(tileShape(store.getValue())[0]), 1, [&](Value i) {
    RowContext row(i);
    RowContext::Place place = placeOf(window, row);
    Value scalar = scalarOf(store.getValue(), row);
    doIf(b, place.inside, [&] {
      memref::StoreOp::create(b, scalar, window.memref, place.indices);
    });
  });
}
