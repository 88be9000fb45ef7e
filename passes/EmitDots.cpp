// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products. A block of the result, some rows of a few vectors, stays in
// registers over all terms; for each term, vectors of the right factor are
// loaded once and each element of the left factor is spread over a register:
//
//   for each block of columns, for each block of rows
//     c[i][j] = acc
//     for each term k     b[j] = right[k][j],  c[i][j] += left[i][k] * b[j]
//
// The right factor comes
//   from panels (#tile.panels): consecutive in memory in just this order, and
//     with pairs of bf16 terms where the CPU multiplies pairs;
//   from rows in memory, where few rows of the left factor make packing them a
//     waste: the same, with the row as the vector;
//   from rows in memory, transposed: c[j] += right row j times left row,
//     elementwise, for as many right rows as a register has lanes; then the sum
//     of each c[j] by halving them in pairs.

#include "passes/TileEmitter.h"
#include "passes/VectorCode.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/X86Vector/X86VectorDialect.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

static Value zeros(TileBuilder &b, VectorType type) {
  return arith::ConstantOp::create(b, b.getZeroAttr(type));
}

bool headgate::passes::hasPairs(tile::DotOp dot) {
  return dot.getLhs().getType().getElementType().isBF16();
}

//===----------------------------------------------------------------------===//
// One block in registers
//===----------------------------------------------------------------------===//

/// Blocks of equal size if possible, `atMost` rows each; one loop over them.
void TileEmitter::forRowBlocks(int64_t rows, int64_t atMost,
                               llvm::function_ref<void(Value, int64_t)> body) {
  int64_t blocks = llvm::divideCeil(rows, atMost);
  int64_t size = llvm::divideCeil(rows, blocks);
  int64_t whole = rows / size * size;
  loop(b.index(0), b.index(whole), size, [&](Value row) { body(row, size); });
  if (whole != rows)
    body(b.index(whole), rows - whole);
}

SmallVector<Value> TileEmitter::accumulators(tile::DotOp dot,
                                             const Block &block) {
  SmallVector<Value> sums;
  for (int64_t i = 0; i < block.rows; ++i) {
    RowContext row(b.add(block.row, b.index(i)));
    if (dot.getAcc())
      prepareRow(dot.getAcc(), row);
    int64_t at = 0;
    for (int64_t width : block.widths) {
      Value column = b.add(block.column, b.index(at));
      ChunkContext chunk(&row, column, width);
      sums.push_back(dot.getAcc()
                         ? elementsOf(dot.getAcc(), chunk)
                         : zeros(b, VectorType::get({width}, b.getF32Type())));
      at += width;
    }
  }
  return sums;
}

/// The element (or pair) of the left factor in every lane; `width` counts f32.
Value TileEmitter::leftElement(tile::DotOp dot, Value row, Value term,
                               int64_t width) {
  bool isPair = hasPairs(dot);
  Value buffer =
      isPair ? buffers.pairsOf(dot.getLhs()) : buffers.of(dot.getLhs());
  Value scalar = memref::LoadOp::create(b, buffer, ValueRange{row, term});
  Value spread = vector::BroadcastOp::create(
      b, VectorType::get({width}, scalar.getType()), scalar);
  if (!isPair)
    return spread;
  return vector::BitCastOp::create(
      b, VectorType::get({2 * width}, b.getBF16Type()), spread);
}

Value TileEmitter::multiplyAdd(Value left, Value right, Value sum) {
  if (cast<VectorType>(left.getType()).getElementType().isBF16())
    return x86vector::DotBF16Op::create(b, sum.getType(), sum, left, right);
  return math::FmaOp::create(b, left, right, sum);
}

void TileEmitter::emitBlock(tile::DotOp dot, const Block &block, Value first,
                            Value end, RightVector right) {
  size_t vectors = block.widths.size();
  SmallVector<Value> rows;
  for (int64_t i = 0; i < block.rows; ++i)
    rows.push_back(b.add(block.row, b.index(i)));
  SmallVector<Value> sums =
      loop(first, end, 1, accumulators(dot, block),
           [&](Value term, ValueRange carried) {
             SmallVector<Value> rights, next;
             for (size_t j = 0; j < vectors; ++j)
               rights.push_back(right(term, j));
             for (int64_t i = 0; i < block.rows; ++i) {
               Value left;
               for (size_t j = 0; j < vectors; ++j) {
                 if (!j || block.widths[j] != block.widths[j - 1])
                   left = leftElement(dot, rows[i], term, block.widths[j]);
                 next.push_back(
                     multiplyAdd(left, rights[j], carried[i * vectors + j]));
               }
             }
             return next;
           });
  for (int64_t i = 0; i < block.rows; ++i) {
    int64_t at = 0;
    for (size_t j = 0; j < vectors; ++j) {
      Value column = b.add(block.column, b.index(at));
      storeBuffer(sums[i * vectors + j], dot.getResult(), {rows[i], column});
      at += block.widths[j];
    }
  }
}

//===----------------------------------------------------------------------===//
// Panels
//===----------------------------------------------------------------------===//

/// Steps of [0, size) from `coord` on that lie before `extent`.
static Value stepsInside(TileBuilder &b, Value coord, Value extent,
                         int64_t size) {
  std::optional<int64_t> first = getConstantIntValue(coord),
                         last = getConstantIntValue(extent);
  if (first && last)
    return arith::ConstantIndexOp::create(
        b, std::clamp<int64_t>(*last - *first, 0, size));
  Value left = arith::SubIOp::create(b, extent, coord);
  Value zero = arith::ConstantIndexOp::create(b, 0);
  Value all = arith::ConstantIndexOp::create(b, size);
  return arith::MaxSIOp::create(b, arith::MinSIOp::create(b, left, all), zero);
}

void TileEmitter::emitPanelDot(tile::DotOp dot, tile::LoadOp panels) {
  Window window(panels);
  auto layout = cast<tile::PanelsAttr>(
      cast<RankedTensorType>(dot.getRhs().getType()).getEncoding());
  int64_t rank = window.type.getRank(), panelDim = rank - 3, termDim = rank - 2;
  int64_t columns = layout.getCols(), step = layout.getDepth();
  int64_t panelCount = window.sizes[panelDim];

  Value present = stepsInside(b, window.coords[panelDim],
                              b.dim(window.memref, panelDim), panelCount);
  Value terms =
      stepsInside(b, window.coords[termDim], b.dim(window.memref, termDim),
                  window.sizes[termDim]);
  if (dot.getDepth())
    terms = b.min(terms, ceilDiv(b, dot.getDepth(), step));
  Value count = b.index(panelCount);
  if (dot.getCols())
    count = b.min(count, ceilDiv(b, dot.getCols(), columns));

  loop(b.index(0), count, 1, [&](Value panel) {
    // A panel beyond the memref is 0: no terms.
    Value end = terms;
    if (!isConstantIntValue(present, panelCount)) {
      Value isPresent =
          arith::CmpIOp::create(b, arith::CmpIPredicate::slt, panel, present);
      end = arith::SelectOp::create(b, isPresent, terms, b.index(0));
    }
    Value column = b.mul(panel, b.index(columns));
    SmallVector<Value> at = window.coords;
    at[panelDim] = b.add(at[panelDim], panel);
    auto type =
        VectorType::get({target.lanes * step}, window.type.getElementType());
    forRowBlocks(
        tileShape(dot.getResult())[0], target.productRows(),
        [&](Value row, int64_t rows) {
          Block block{row, rows, column, {target.lanes, target.lanes}};
          emitBlock(
              dot, block, b.index(0), end, [&](Value term, size_t j) -> Value {
                SmallVector<Value> where = at;
                where[termDim] = b.add(where[termDim], term);
                where[rank - 1] = b.index(j * target.lanes * step);
                return vector::LoadOp::create(b, type, window.memref, where);
              });
        });
  });
}

//===----------------------------------------------------------------------===//
// Rows in memory
//===----------------------------------------------------------------------===//

TileEmitter::Matrix TileEmitter::matrixOf(tile::DotOp dot) {
  Value rhs = dot.getRhs();
  auto type = cast<RankedTensorType>(rhs.getType());
  if (plan.isStored(rhs))
    return {
        buffers.of(rhs),      {b.index(0), b.index(0)},    0,
        b.index(0),           b.index(type.getDimSize(0)), type.getDimSize(1),
        type.getElementType()};
  tile::LoadOp load = dot.getHeads() > 1 ? headWindow(rhs) : directWindow(rhs);
  Window window(load);
  Matrix matrix;
  matrix.memref = window.memref;
  matrix.origin = window.coords;
  matrix.element = window.type.getElementType();
  matrix.rowDim = window.firstColumnDim - 1;
  while (window.sizes[matrix.rowDim] == 1)
    --matrix.rowDim;
  std::optional<int64_t> columns = columnsInside(window, type.getDimSize(1));
  matrix.columns = columns.value_or(type.getDimSize(1));
  // Rows before the memref's first and beyond its last are 0; all are, if the
  // window is outside in another dimension.
  Value first = window.coords[matrix.rowDim];
  matrix.firstRow = b.max(b.sub(b.index(0), first), b.index(0));
  matrix.rows = stepsInside(b, first, b.dim(window.memref, matrix.rowDim),
                            type.getDimSize(0));
  RowContext row(b.index(0));
  window.coords[matrix.rowDim] = b.index(0);
  Value inside = placeOf(window, row).inside;
  if (!columns) // all of them are, or none
    inside =
        b.both(inside, arith::CmpIOp::create(
                           b, arith::CmpIPredicate::ult, window.coords.back(),
                           b.dim(window.memref, window.firstColumnDim)));
  if (inside)
    matrix.rows = arith::SelectOp::create(b, inside, matrix.rows, b.index(0));
  return matrix;
}

/// `width` elements at `at`, widened to `as` if they are narrower.
Value TileEmitter::loadRow(const Matrix &matrix, Value memref,
                           ArrayRef<Value> at, int64_t width, Type as) {
  auto type = VectorType::get({width}, matrix.element);
  Value loaded = vector::LoadOp::create(b, type, memref, at);
  if (as == matrix.element)
    return loaded;
  return arith::ExtFOp::create(b, type.clone(as), loaded);
}

/// Each row of the right factor times one column of the left.
void TileEmitter::emitMatrixDot(tile::DotOp dot, const Matrix &matrix) {
  int64_t rows = tileShape(dot.getResult())[0];
  int64_t columns = tileShape(dot.getResult())[1];
  Value end = dot.getDepth() ? b.min(matrix.rows, dot.getDepth()) : matrix.rows;
  int64_t rowsAtOnce =
      llvm::divideCeil(rows, llvm::divideCeil(rows, target.productRows()));
  // Rows of the left factor share a register of it; the others are sums and
  // vectors of the right factor.
  int64_t vectors =
      std::max<int64_t>(1, (target.registers - 1) / (rowsAtOnce + 1));
  auto emit = [&](Value column, ArrayRef<int64_t> widths, Value end) {
    forRowBlocks(rows, rowsAtOnce, [&](Value row, int64_t count) {
      Block block{row, count, column, SmallVector<int64_t>(widths)};
      emitBlock(dot, block, matrix.firstRow, end, [&](Value term, size_t j) {
        SmallVector<Value> at = matrix.origin;
        at[matrix.rowDim] = b.add(at[matrix.rowDim], term);
        Value where = b.add(column, b.index(j * target.lanes));
        at.back() = b.add(at.back(), where);
        return loadRow(matrix, matrix.memref, at, widths[j], b.getF32Type());
      });
    });
  };
  int64_t step = vectors * target.lanes;
  int64_t whole = matrix.columns / step * step;
  if (whole)
    loop(b.index(0), b.index(whole), step, [&](Value column) {
      emit(column, SmallVector<int64_t>(vectors, target.lanes), end);
    });
  auto emitRest = [&](int64_t from, int64_t to, Value end) {
    for (int64_t at = from; at < to; at += step) {
      SmallVector<int64_t> widths;
      for (int64_t w = at; w < std::min(to, at + step); w += target.lanes)
        widths.push_back(std::min(target.lanes, to - w));
      emit(b.index(at), widths, end);
    }
  };
  emitRest(whole, matrix.columns, end);
  emitRest(matrix.columns, columns, b.index(0));
}

/// Room for rows that are copied, at the start of the function.
Value TileEmitter::spareRows(int64_t rows, int64_t columns, Type element) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&func.getBody().front());
  return memref::AllocaOp::create(b, MemRefType::get({rows, columns}, element),
                                  b.getI64IntegerAttr(64));
}

/// `rows` rows from `first` on in memory of their own; those that are not there
/// are zeros.
Value TileEmitter::copyRows(const Matrix &matrix, Value first, int64_t rows) {
  Value spare = spareRows(rows, matrix.columns, matrix.element);
  loop(b.index(0), b.index(rows), 1, [&](Value row) {
    Value number = arith::AddIOp::create(b, first, row);
    Value isThere = arith::AndIOp::create(
        b,
        arith::CmpIOp::create(b, arith::CmpIPredicate::sge, number,
                              matrix.firstRow),
        arith::CmpIOp::create(b, arith::CmpIPredicate::slt, number,
                              matrix.rows));
    SmallVector<Value> at = matrix.origin;
    at[matrix.rowDim] = b.add(at[matrix.rowDim], number);
    loop(b.index(0), b.index(matrix.columns), 1, [&](Value column) {
      auto read = [&]() -> Value {
        SmallVector<Value> element = at;
        element.back() = b.add(element.back(), column);
        return memref::LoadOp::create(b, matrix.memref, element);
      };
      auto zero = [&]() -> Value {
        return arith::ConstantOp::create(b, b.getZeroAttr(matrix.element));
      };
      memref::StoreOp::create(b, choose(b, matrix.element, isThere, read, zero),
                              spare, ValueRange{row, column});
    });
  });
  return spare;
}

/// A view of as many rows from `first` on as a register has lanes. Where fewer
/// are left, they are copied and zeros follow.
Value TileEmitter::wholeRows(const Matrix &matrix, Value first) {
  int64_t lanes = target.lanes;
  auto source = cast<MemRefType>(matrix.memref.getType());
  SmallVector<OpFoldResult> offsets(ArrayRef<Value>(matrix.origin)),
      sizes(source.getRank(), b.getIndexAttr(1)),
      strides(source.getRank(), b.getIndexAttr(1));
  offsets[matrix.rowDim] = b.add(matrix.origin[matrix.rowDim], first);
  sizes[matrix.rowDim] = b.getIndexAttr(lanes);
  sizes.back() = b.getIndexAttr(matrix.columns);
  auto layout = StridedLayoutAttr::get(b.getContext(), ShapedType::kDynamic,
                                       {ShapedType::kDynamic, 1});
  auto type = MemRefType::get({lanes, matrix.columns}, matrix.element, layout);
  auto view = [&]() -> Value {
    Type narrow = memref::SubViewOp::inferRankReducedResultType(
        {lanes, matrix.columns}, source, offsets, sizes, strides);
    Value part = memref::SubViewOp::create(
        b, cast<MemRefType>(narrow), matrix.memref, offsets, sizes, strides);
    return b.createOrFold<memref::CastOp>(type, part);
  };
  auto copy = [&]() -> Value {
    return memref::CastOp::create(b, type, copyRows(matrix, first, lanes));
  };
  Value last = arith::AddIOp::create(b, first, b.index(lanes));
  Value isWhole = arith::AndIOp::create(
      b,
      arith::CmpIOp::create(b, arith::CmpIPredicate::sge, first,
                            matrix.firstRow),
      arith::CmpIOp::create(b, arith::CmpIPredicate::sle, last, matrix.rows));
  return choose(b, type, isWhole, view, copy);
}

/// The sum of vector j in lane j: halves of two vectors side by side, added to
/// the other halves, until each vector has one lane.
Value TileEmitter::sumEach(ArrayRef<Value> vectors) {
  SmallVector<Value> sums(vectors);
  int64_t lanes = vectors.size();
  for (int64_t part = lanes; part > 1; part /= 2) {
    auto [low, high] = halvesOf(lanes, part / 2);
    size_t half = sums.size() / 2;
    for (size_t j = 0; j < half; ++j) {
      Value a = sums[j], c = sums[j + half];
      sums[j] =
          arith::AddFOp::create(b, vector::ShuffleOp::create(b, a, c, low),
                                vector::ShuffleOp::create(b, a, c, high));
    }
    sums.resize(half);
  }
  return sums.front();
}

/// Each row of the right factor times each row of the left.
void TileEmitter::emitTransposedDot(tile::DotOp dot, const Matrix &matrix) {
  int64_t lanes = target.lanes;
  bool isPair = hasPairs(dot);
  int64_t perVector = isPair ? 2 * lanes : lanes;
  Type leftType = dot.getLhs().getType().getElementType();
  Value columns = b.index(tileShape(dot.getResult())[1]);
  if (dot.getCols())
    columns = b.min(columns, dot.getCols());

  loop(b.index(0), columns, lanes, [&](Value first) {
    Value rows = wholeRows(matrix, first);
    auto addProducts = [&](Value i, Value term, int64_t width,
                           ValueRange sums) {
      Value left = loadBuffer(dot.getLhs(), {i, term}, width);
      SmallVector<Value> next;
      auto whole = VectorType::get({perVector}, leftType);
      auto widen = [&](Value part) -> Value {
        if (width == perVector)
          return part;
        return vector::InsertStridedSliceOp::create(b, part, zeros(b, whole), 0,
                                                    1);
      };
      left = widen(left);
      for (int64_t j = 0; j < lanes; ++j) {
        Value right =
            widen(loadRow(matrix, rows, {b.index(j), term}, width, leftType));
        next.push_back(multiplyAdd(left, right, sums[j]));
      }
      return next;
    };
    loop(b.index(0), b.index(tileShape(dot.getResult())[0]), 1, [&](Value i) {
      auto type = VectorType::get({lanes}, b.getF32Type());
      SmallVector<Value> sums(lanes, zeros(b, type));
      int64_t whole = matrix.columns / perVector * perVector;
      if (whole)
        sums = loop(b.index(0), b.index(whole), perVector, sums,
                    [&](Value term, ValueRange carried) {
                      return addProducts(i, term, perVector, carried);
                    });
      if (whole != matrix.columns)
        sums = addProducts(i, b.index(whole), matrix.columns - whole, sums);
      Value scores = sumEach(sums);
      if (dot.getAcc()) {
        RowContext row(i);
        prepareRow(dot.getAcc(), row);
        ChunkContext chunk(&row, first, lanes);
        scores =
            arith::AddFOp::create(b, elementsOf(dot.getAcc(), chunk), scores);
      }
      storeBuffer(scores, dot.getResult(), {i, first});
    });
  });
}

void TileEmitter::emitDot(tile::DotOp dot) {
  if (dot.getHeads() > 1)
    return emitHeadDot(dot);
  if (tile::LoadOp panels = panelWindow(dot.getRhs()))
    return emitPanelDot(dot, panels);
  Matrix matrix = matrixOf(dot);
  if (!plan.isStored(dot.getRhs()))
    readSharedRows(dot, matrix);
  if (readsNarrowRows(dot))
    emitHeadDot(dot);
  else if (dot.getTranspose())
    emitTransposedDot(dot, matrix);
  else
    emitMatrixDot(dot, matrix);
}
