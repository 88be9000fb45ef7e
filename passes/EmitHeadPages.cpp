// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of 16-bit numbers with rows that lie in memory, of one head or of
// several side by side, for few rows of each. A line of memory holds 32
// numbers: what there is to compute of them takes as long as the last-level
// cache takes to give them, so it must be little, and must not wait:
//
//   for each page of a few rows, for each head
//     ask for as many lines that lie some pages ahead, in the order of memory
//     scores:  s[i, t] = q[i] * k[t] elementwise, for as many i and t as fill
//              the registers; then the sum of each s[i, t] in a lane of its own
//     sums:    o[i] += p[i][t] * v[t] for all t of the page, in registers
//
// So a line is loaded once for two query rows, and a query row or an output
// once for a page. That is no order which a CPU could fetch ahead, and it need
// not: the lines were asked for, and are in the second-level cache. Rows that
// are missing are zeros of a copy of the page.
//
// Measured on a Zen 4 core, 8 heads x 64 bf16, of the time to read alone,
// beside rows in order (EmitHeadDots.cpp): 8192 keys, which come from the
// last-level cache, 70 to 77 % beside 48 to 52 % (2 query rows of a head; these
// loops in C with intrinsics, without a softmax: 80 to 90 %), 81 % (1 query
// row; in C 90 %); 65536 keys, from memory, as fast as reading or up to a tenth
// slower. Asking for lines of the first-level cache, or in the order in which
// they are used, costs a fifth of what comes from memory.

#include "passes/TileEmitter.h"
#include "passes/VectorCode.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

static Value zeros(TileBuilder &b, VectorType type) {
  return arith::ConstantOp::create(b, b.getZeroAttr(type));
}

//===----------------------------------------------------------------------===//
// Pages
//===----------------------------------------------------------------------===//

/// `count` rows from `first` on in memory of their own; those that are not
/// there are zeros.
Value TileEmitter::copyPage(const HeadMatrix &matrix, Value first,
                            int64_t count, ArrayRef<int64_t> shape) {
  Type element = matrix.rows.element;
  int64_t columns = ShapedType::getNumElements(shape) / count;
  Value spare = spareRows(count, columns, element);
  int64_t partsOfRow = matrix.isFlat ? 1 : matrix.heads;
  int64_t width = columns / partsOfRow;
  auto copyRow =
      [&](Value row,
          llvm::function_ref<Value(Value, int64_t, VectorType)> read) {
        loop(b.index(0), b.index(partsOfRow), 1, [&](Value part) {
          for (int64_t at = 0; at < width; at += target.lanes) {
            auto type =
                VectorType::get({std::min(target.lanes, width - at)}, element);
            Value column = b.add(b.mul(part, b.index(width)), b.index(at));
            vector::StoreOp::create(b, read(part, at, type), spare,
                                    ValueRange{row, column});
          }
        });
      };
  loop(b.index(0), b.index(count), 1, [&](Value row) {
    Value number = b.add(first, row);
    auto branch =
        scf::IfOp::create(b, isThere(matrix, number, b.add(number, b.index(1))),
                          /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    copyRow(row, [&](Value part, int64_t at, VectorType type) -> Value {
      return vector::LoadOp::create(b, type, matrix.rows.memref,
                                    matrix.place(b, number, part, at));
    });
    b.setInsertionPointToStart(branch.elseBlock());
    copyRow(row,
            [&](Value, int64_t, VectorType type) { return zeros(b, type); });
  });
  return memref::ExpandShapeOp::create(
      b, shape, spare,
      shape.size() == 2 ? SmallVector<ReassociationIndices>{{0}, {1}}
                        : SmallVector<ReassociationIndices>{{0}, {1, 2}});
}

/// Do all of the rows [first, end) lie in the memref?
Value TileEmitter::isThere(const HeadMatrix &matrix, Value first, Value end) {
  return arith::AndIOp::create(
      b,
      arith::CmpIOp::create(b, arith::CmpIPredicate::sge, first,
                            matrix.rows.firstRow),
      arith::CmpIOp::create(b, arith::CmpIPredicate::sle, end,
                            matrix.rows.rows));
}

/// `count` rows from `first` on, as rows from 0 on: where they lie, or copied
/// if some are missing.
TileEmitter::HeadMatrix TileEmitter::pageOf(const HeadMatrix &matrix,
                                            Value first, int64_t count) {
  auto source = cast<MemRefType>(matrix.rows.memref.getType());
  SmallVector<OpFoldResult> offsets(ArrayRef<Value>(matrix.rows.origin)),
      sizes(source.getRank(), b.getIndexAttr(1)),
      strides(source.getRank(), b.getIndexAttr(1));
  offsets[matrix.rows.rowDim] =
      b.add(matrix.rows.origin[matrix.rows.rowDim], first);
  sizes[matrix.rows.rowDim] = b.getIndexAttr(count);
  SmallVector<int64_t> shape{count};
  if (matrix.isFlat)
    shape.push_back(matrix.heads == 1 ? matrix.width
                                      : matrix.heads * matrix.pitch);
  else
    shape.append({matrix.heads, matrix.width});
  for (auto [size, extent] : llvm::zip(
           llvm::reverse(sizes), llvm::reverse(ArrayRef(shape).drop_front())))
    size = b.getIndexAttr(extent);
  SmallVector<int64_t> dynamic(shape.size(), ShapedType::kDynamic);
  dynamic.back() = 1;
  auto type = MemRefType::get(
      shape, matrix.rows.element,
      StridedLayoutAttr::get(b.getContext(), ShapedType::kDynamic, dynamic));
  auto view = [&]() -> Value {
    Type narrow = memref::SubViewOp::inferRankReducedResultType(
        shape, source, offsets, sizes, strides);
    Value part =
        memref::SubViewOp::create(b, cast<MemRefType>(narrow),
                                  matrix.rows.memref, offsets, sizes, strides);
    return b.createOrFold<memref::CastOp>(type, part);
  };
  auto copy = [&]() -> Value {
    return memref::CastOp::create(b, type,
                                  copyPage(matrix, first, count, shape));
  };
  HeadMatrix page = matrix;
  page.rows.memref =
      choose(b, type, isThere(matrix, first, b.add(first, b.index(count))),
             view, copy);
  page.rows.origin.assign(shape.size(), b.index(0));
  page.rows.rowDim = 0;
  return page;
}

/// A part, one for each head, of the page that lies so many bytes behind the
/// page of `count` rows from `first` on.
TileEmitter::Ahead TileEmitter::aheadOf(const HeadMatrix &matrix, Value first,
                                        int64_t count, Value head) {
  constexpr int64_t bytesAhead = 16384;
  auto type = cast<MemRefType>(matrix.rows.memref.getType());
  bool isWhole = type.getDimSize(type.getRank() - 2) == matrix.heads &&
                 type.getShape().back() == matrix.width;
  if (matrix.isStored || !isWhole)
    return {};
  int64_t bytes = count * matrix.width * (type.getElementTypeBitWidth() / 8);
  Value page =
      addressOf(b, matrix.rows.memref, matrix.place(b, first, b.index(0), 0));
  return {b.add(b.add(page, b.index(bytesAhead + bytes * matrix.heads)),
                b.mul(head, b.index(bytes))),
          bytes};
}

/// Asks for the lines of step `step` of `steps`. To the second-level cache: the
/// first would have to hold as much.
void TileEmitter::ask(const Ahead &ahead, int64_t step, int64_t steps) {
  constexpr int64_t lineBytes = 64;
  int64_t lines = llvm::divideCeil(ahead.bytes, lineBytes);
  for (int64_t n = lines * step / steps; n < lines * (step + 1) / steps; ++n) {
    Value address = arith::IndexCastOp::create(
        b, b.getI64Type(), b.add(ahead.from, b.index(n * lineBytes)));
    LLVM::Prefetch::create(
        b,
        LLVM::IntToPtrOp::create(b, LLVM::LLVMPointerType::get(b.getContext()),
                                 address),
        /*rw=*/0, /*hint=*/2, /*cache=*/1);
  }
}

/// `vector`, followed by zeros up to `width`.
static Value filled(TileBuilder &b, Value vector, int64_t width) {
  auto type = cast<VectorType>(vector.getType());
  if (type.getDimSize(0) == width)
    return vector;
  return vector::InsertStridedSliceOp::create(
      b, vector, zeros(b, VectorType::get({width}, type.getElementType())), 0,
      1);
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

/// Scores of `rows` query rows of `head` from `row` on with the first `keys`
/// rows of `page`, which are columns `column` and so on of the result.
void TileEmitter::scorePage(tile::DotOp dot, const HeadMatrix &page, Value head,
                            Value row, int64_t rows, Value column, int64_t keys,
                            const Ahead &ahead) {
  int64_t lanes = target.lanes;
  Type leftType = dot.getLhs().getType().getElementType();
  int64_t perVector = (leftType.isF32() ? 1 : 2) * lanes;
  auto widthAt = [&](int64_t at) {
    return std::min(perVector, page.width - at);
  };
  Value first = b.add(b.mul(head, b.index(page.rowsOfHead)), row);
  SmallVector<SmallVector<Value>> lefts(rows);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t at = 0; at < page.width; at += perVector)
      lefts[i].push_back(filled(
          b,
          loadBuffer(dot.getLhs(), {b.add(first, b.index(i)), b.index(at)},
                     widthAt(at)),
          perVector));
  auto type = VectorType::get({lanes}, b.getF32Type());
  SmallVector<Value> products(lanes, zeros(b, type));
  for (int64_t t = 0; t < keys; ++t) {
    ask(ahead, t, keys);
    for (int64_t at = 0; at < page.width; at += perVector) {
      Value right = filled(b,
                           loadRow(page.rows, page.rows.memref,
                                   page.place(b, b.index(t), head, at),
                                   widthAt(at), leftType),
                           perVector);
      for (int64_t i = 0; i < rows; ++i) {
        Value &sum = products[i * keys + t];
        sum = multiplyAdd(lefts[i][at / perVector], right, sum);
      }
    }
  }
  Value scores = sumEach(products);
  for (int64_t i = 0; i < rows; ++i)
    storeBuffer(keys == lanes ? scores
                              : vector::ExtractStridedSliceOp::create(
                                    b, scores, i * keys, keys, 1)
                                    .getResult(),
                dot.getResult(), {b.add(first, b.index(i)), column});
}

/// A register of scores is of two rows, or of one and twice the keys.
void TileEmitter::emitPageScores(tile::DotOp dot, const HeadMatrix &matrix) {
  int64_t rowsAtOnce = std::min<int64_t>(2, matrix.rowsOfHead);
  int64_t keys = target.lanes / rowsAtOnce;
  Value columns = b.index(tileShape(dot.getResult())[1]);
  if (dot.getCols())
    columns = b.min(columns, dot.getCols());
  loop(b.index(0), columns, keys, [&](Value first) {
    HeadMatrix page = pageOf(matrix, first, keys);
    loop(b.index(0), b.index(matrix.heads), 1, [&](Value head) {
      Ahead ahead = aheadOf(matrix, first, keys, head);
      if (rowsAtOnce < matrix.rowsOfHead)
        ask(std::exchange(ahead, {}), 0, 1);
      forRowBlocks(matrix.rowsOfHead, rowsAtOnce, [&](Value row, int64_t rows) {
        scorePage(dot, page, head, row, rows, first, keys, ahead);
      });
    });
  });
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

/// What a term of the page, or a pair of terms if they are multiplied in pairs,
/// has in `count` registers of f32 from `column` on: zeros beyond its width.
SmallVector<Value> TileEmitter::rightVectors(tile::DotOp dot,
                                             const HeadMatrix &page,
                                             int64_t term, Value head,
                                             int64_t column, int64_t count) {
  int64_t lanes = target.lanes;
  SmallVector<Value> vectors;
  auto load = [&](int64_t row, int64_t at, int64_t width, Type as) {
    return filled(b,
                  loadRow(page.rows, page.rows.memref,
                          page.place(b, b.index(row), head, at),
                          std::min(width, page.width - at), as),
                  width);
  };
  if (!hasPairs(dot)) {
    for (int64_t j = 0; j < count; ++j)
      vectors.push_back(load(term, column + j * lanes, lanes, b.getF32Type()));
    return vectors;
  }
  for (int64_t j = 0; j < count; j += 2) {
    int64_t at = column + j * lanes;
    int64_t width = page.width - at > lanes ? 2 * lanes : lanes;
    Value even = load(term, at, width, b.getBF16Type()),
          odd = load(term + 1, at, width, b.getBF16Type());
    for (int64_t first = 0; first < width; first += lanes) {
      SmallVector<int64_t> inTurn;
      for (int64_t i = first; i < first + lanes; ++i)
        inTurn.append({i, width + i});
      vectors.push_back(vector::ShuffleOp::create(b, even, odd, inTurn));
    }
  }
  return vectors;
}

/// Adds the products of `terms` terms from `term` on, which are the rows of
/// `page`, with `rows` rows of `head` from `row` on, in `count` registers of
/// columns from `column` on.
void TileEmitter::addPage(tile::DotOp dot, const HeadMatrix &page, Value term,
                          int64_t terms, Value head, Value row, int64_t rows,
                          int64_t column, int64_t count, const Ahead &ahead) {
  int64_t lanes = target.lanes, step = hasPairs(dot) ? 2 : 1;
  Value first = b.add(b.mul(head, b.index(page.rowsOfHead)), row);
  SmallVector<SmallVector<Value>> at;
  SmallVector<Value> sums;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < count; ++j) {
      at.push_back({b.add(first, b.index(i)), b.index(column + j * lanes)});
      sums.push_back(loadBuffer(dot.getResult(), at.back(), lanes));
    }
  Value firstStep = b.div(term, b.index(step));
  for (int64_t t = 0; t < terms; t += step) {
    ask(ahead, t / step, terms / step);
    SmallVector<Value> rights = rightVectors(dot, page, t, head, column, count);
    for (int64_t i = 0; i < rows; ++i) {
      Value left = leftElement(dot, b.add(first, b.index(i)),
                               b.add(firstStep, b.index(t / step)), lanes);
      for (int64_t j = 0; j < count; ++j) {
        Value &sum = sums[i * count + j];
        sum = multiplyAdd(left, rights[j], sum);
      }
    }
  }
  for (auto [place, sum] : llvm::zip(at, sums))
    storeBuffer(sum, dot.getResult(), place);
}

void TileEmitter::emitPageSums(tile::DotOp dot, HeadMatrix matrix) {
  copyAccumulator(dot);
  if (dot.getDepth()) // the others are as good as missing
    matrix.rows.rows = b.min(matrix.rows.rows, dot.getDepth());
  // A power of two by which the terms can be divided: none is beyond them.
  int64_t terms = std::min<int64_t>(8, dot.getTerms() & -dot.getTerms());
  // Of as many registers as there are, some are for the right factor.
  int64_t sums = target.registers * 3 / 4;
  int64_t vectors = llvm::divideCeil(matrix.width, target.lanes);
  int64_t rowsAtOnce =
      std::clamp<int64_t>(sums / vectors, 1, matrix.rowsOfHead);
  int64_t vectorsAtOnce = sums / rowsAtOnce / 2 * 2;
  Value size = b.index(terms);
  Value begin = b.mul(b.div(matrix.rows.firstRow, size), size);
  loop(begin, matrix.rows.rows, terms, [&](Value first) {
    HeadMatrix page = pageOf(matrix, first, terms);
    loop(b.index(0), b.index(matrix.heads), 1, [&](Value head) {
      Ahead ahead = aheadOf(matrix, first, terms, head);
      if (rowsAtOnce < matrix.rowsOfHead || vectorsAtOnce < vectors)
        ask(std::exchange(ahead, {}), 0, 1);
      forRowBlocks(matrix.rowsOfHead, rowsAtOnce, [&](Value row, int64_t rows) {
        for (int64_t at = 0; at < vectors; at += vectorsAtOnce)
          addPage(dot, page, first, terms, head, row, rows, at * target.lanes,
                  std::min(vectorsAtOnce, vectors - at), ahead);
      });
    });
  });
}
