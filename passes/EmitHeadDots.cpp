// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of several heads whose rows lie side by side in memory, for few rows
// of each: a step of decoding, which is as fast as memory can be read. CPUs
// fetch ahead of loads that go through memory line by line, and of no other
// order: rows of memory are the outermost loop here, heads the next, and all
// that is computed of a row is stored or added before the next row is read.
// Measured on a Zen 4 core with 8 heads x 64 f32: reading alone 32 GB/s, these
// loops 28 to 32, the same loops with two rows at a time 11.
//
//   scores:  for each row k, for each head h, for each of its query rows i
//              parts[i] = elementwise q[i] * k[h], added up to one vector
//            for each row k: the sums of all parts, a vector with a lane for
//            each query row; then from keys by rows to rows by keys
//   sums:    for each row v, for each head h, for each of its query rows i
//              o[i] += p[i][v] * v[h]
//
// That is for f32. Numbers of 16 bits, of which twice as many come at a time,
// take too long so: EmitHeadPages.cpp.

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
// Heads in memory
//===----------------------------------------------------------------------===//

SmallVector<Value> TileEmitter::HeadMatrix::place(TileBuilder &b, Value row,
                                                  Value head,
                                                  int64_t column) const {
  SmallVector<Value> at = rows.origin;
  at[rows.rowDim] = b.add(at[rows.rowDim], row);
  Value inRow = b.index(column);
  if (isFlat)
    inRow = b.add(inRow, b.mul(head, b.index(pitch)));
  else
    at[at.size() - 2] = b.add(at[at.size() - 2], head);
  at.back() = b.add(at.back(), inRow);
  return at;
}

TileEmitter::HeadMatrix TileEmitter::headMatrixOf(tile::DotOp dot) {
  HeadMatrix matrix;
  matrix.rows = matrixOf(dot);
  matrix.heads = dot.getHeads();
  matrix.rowsOfHead = tileShape(dot.getLhs())[0] / matrix.heads;
  matrix.pitch = tileShape(dot.getRhs())[1] / matrix.heads;
  matrix.isStored = plan.isStored(dot.getRhs());
  matrix.isFlat = matrix.isStored || matrix.heads == 1;
  matrix.width = matrix.heads == 1 ? matrix.rows.columns : matrix.pitch;
  if (!matrix.isFlat) {
    auto type = cast<MemRefType>(matrix.rows.memref.getType());
    matrix.width = std::min(matrix.width, type.getShape().back());
  }
  return matrix;
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

/// Room on the stack. `products`: a vector for each query row of as many keys
/// as are added up at once; `sums`: scores, [keys][room].
struct TileEmitter::KeySums {
  int64_t room; ///< query rows, a power of two
  Value products, sums;
};

/// `width` elements at `at`. Volatile: that keeps the order of such loads, also
/// where what is computed of the last is used first.
Value TileEmitter::loadInOrder(const HeadMatrix &matrix, ArrayRef<Value> at,
                               int64_t width) {
  Value address = arith::IndexCastOp::create(
      b, b.getI64Type(), addressOf(b, matrix.rows.memref, at));
  Value pointer = LLVM::IntToPtrOp::create(
      b, LLVM::LLVMPointerType::get(b.getContext()), address);
  return LLVM::LoadOp::create(b, VectorType::get({width}, b.getF32Type()),
                              pointer, /*alignment=*/4, /*isVolatile=*/true);
}

/// The products of the query rows of `head` with its part of row `key`, each
/// added up to one vector.
SmallVector<Value> TileEmitter::headProducts(tile::DotOp dot,
                                             const HeadMatrix &matrix,
                                             Value key, Value head) {
  int64_t lanes = target.lanes;
  auto type = VectorType::get({lanes}, b.getF32Type());
  auto whole = [&](Value part, int64_t width) -> Value {
    if (width == lanes)
      return part;
    return vector::InsertStridedSliceOp::create(b, part, zeros(b, type), 0, 1);
  };
  SmallVector<Value> sums(matrix.rowsOfHead, zeros(b, type));
  Value first = b.mul(head, b.index(matrix.rowsOfHead));
  for (int64_t at = 0; at < matrix.width; at += lanes) {
    int64_t width = std::min(lanes, matrix.width - at);
    Value right = whole(
        loadInOrder(matrix, matrix.place(b, key, head, at), width), width);
    for (int64_t i = 0; i < matrix.rowsOfHead; ++i) {
      Value row = b.add(first, b.index(i));
      Value left =
          whole(loadBuffer(dot.getLhs(), {row, b.index(at)}, width), width);
      sums[i] = multiplyAdd(left, right, sums[i]);
    }
  }
  return sums;
}

/// spare[spareRow + i] = the products of query row i with row `key`; 0 where
/// there is no such row.
void TileEmitter::storeProducts(tile::DotOp dot, const HeadMatrix &matrix,
                                Value key, Value spare, Value spareRow) {
  auto store = [&](Value sum, Value row) {
    vector::StoreOp::create(b, sum, spare,
                            ValueRange{b.add(spareRow, row), b.index(0)});
  };
  Value isThere =
      arith::AndIOp::create(b,
                            arith::CmpIOp::create(b, arith::CmpIPredicate::sge,
                                                  key, matrix.rows.firstRow),
                            arith::CmpIOp::create(b, arith::CmpIPredicate::slt,
                                                  key, matrix.rows.rows));
  auto branch = scf::IfOp::create(b, isThere, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  loop(b.index(0), b.index(matrix.heads), 1, [&](Value head) {
    Value first = b.mul(head, b.index(matrix.rowsOfHead));
    for (auto [i, sum] : llvm::enumerate(headProducts(dot, matrix, key, head)))
      store(sum, b.add(first, b.index(i)));
  });
  b.setInsertionPointToStart(branch.elseBlock());
  Value none = zeros(b, VectorType::get({target.lanes}, b.getF32Type()));
  loop(b.index(0), b.index(matrix.heads * matrix.rowsOfHead), 1,
       [&](Value row) { store(none, row); });
}

/// `vectors` as one row of elements, each index of which is rotated to the left
/// by as many bits as a lane's number has: what lies [lanes][n] then lies
/// [n][lanes].
static void transpose(TileBuilder &b, SmallVectorImpl<Value> &vectors,
                      int64_t lanes) {
  size_t half = vectors.size() / 2;
  if (!half)
    return;
  SmallVector<int64_t> low, high;
  for (int64_t lane = 0; lane < lanes / 2; ++lane) {
    low.append({lane, lanes + lane});
    high.append({lanes / 2 + lane, lanes + lanes / 2 + lane});
  }
  for (int64_t left = lanes; left > 1; left /= 2) {
    SmallVector<Value> next;
    for (size_t i = 0; i < half; ++i)
      for (ArrayRef<int64_t> lanes : {ArrayRef(low), ArrayRef(high)})
        next.push_back(
            vector::ShuffleOp::create(b, vectors[i], vectors[i + half], lanes));
    vectors.assign(next);
  }
}

/// The scores of a register's lanes of keys, from `first` on, as vectors of
/// [keys][room]: the sums of as many products as there are lanes at once, those
/// of several keys if there are fewer rows.
void TileEmitter::sumKeys(tile::DotOp dot, const HeadMatrix &matrix,
                          Value first, const KeySums &into) {
  int64_t lanes = target.lanes, room = into.room;
  int64_t keysAtOnce = std::max<int64_t>(1, lanes / room);
  int64_t vectorsAtOnce = keysAtOnce * room / lanes;
  auto type = VectorType::get({lanes}, b.getF32Type());
  auto store = [&](Value sum, Value row) {
    vector::StoreOp::create(b, sum, into.sums, ValueRange{row, b.index(0)});
  };
  auto viaMemory = [&](Value step, Value firstKey) {
    loop(b.index(0), b.index(keysAtOnce), 1, [&](Value key) {
      storeProducts(dot, matrix, b.add(firstKey, key), into.products,
                    b.mul(key, b.index(room)));
    });
    for (int64_t v = 0; v < vectorsAtOnce; ++v) {
      SmallVector<Value> parts;
      for (int64_t j = 0; j < lanes; ++j)
        parts.push_back(vector::LoadOp::create(
            b, type, into.products,
            ValueRange{b.index(v * lanes + j), b.index(0)}));
      store(sumEach(parts),
            b.add(b.mul(step, b.index(vectorsAtOnce)), b.index(v)));
    }
  };
  auto inRegisters = [&](Value step, Value firstKey) {
    SmallVector<Value> parts;
    for (int64_t key = 0; key < keysAtOnce; ++key) {
      for (int64_t head = 0; head < matrix.heads; ++head)
        parts.append(headProducts(dot, matrix, b.add(firstKey, b.index(key)),
                                  b.index(head)));
      parts.resize((key + 1) * room, zeros(b, type));
    }
    store(sumEach(parts), step);
  };
  auto forSteps = [&](llvm::function_ref<void(Value, Value)> body) {
    loop(b.index(0), b.index(lanes / keysAtOnce), 1, [&](Value step) {
      body(step, b.add(first, b.mul(step, b.index(keysAtOnce))));
    });
  };
  if (vectorsAtOnce > 1)
    return forSteps(viaMemory);
  Value last = b.add(first, b.index(lanes));
  Value areThere =
      arith::AndIOp::create(b,
                            arith::CmpIOp::create(b, arith::CmpIPredicate::sge,
                                                  first, matrix.rows.firstRow),
                            arith::CmpIOp::create(b, arith::CmpIPredicate::sle,
                                                  last, matrix.rows.rows));
  auto branch = scf::IfOp::create(b, areThere, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  forSteps(inRegisters);
  b.setInsertionPointToStart(branch.elseBlock());
  forSteps(viaMemory);
}

void TileEmitter::emitHeadScores(tile::DotOp dot, const HeadMatrix &matrix) {
  int64_t lanes = target.lanes, rows = tileShape(dot.getResult())[0];
  KeySums spare;
  spare.room = llvm::PowerOf2Ceil(rows);
  spare.products =
      spareRows(std::max(spare.room, lanes), lanes, b.getF32Type());
  spare.sums = spareRows(spare.room, lanes, b.getF32Type());
  Value columns = b.index(tileShape(dot.getResult())[1]);
  if (dot.getCols())
    columns = b.min(columns, dot.getCols());
  loop(b.index(0), columns, lanes, [&](Value first) {
    sumKeys(dot, matrix, first, spare);
    SmallVector<Value> scores;
    for (int64_t i = 0; i < spare.room; ++i)
      scores.push_back(vector::LoadOp::create(
          b, VectorType::get({lanes}, b.getF32Type()), spare.sums,
          ValueRange{b.index(i), b.index(0)}));
    transpose(b, scores, lanes);
    for (int64_t i = 0; i < rows; ++i)
      storeBuffer(scores[i], dot.getResult(), {b.index(i), first});
  });
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

/// The result's buffer gets what the product is added to.
void TileEmitter::copyAccumulator(tile::DotOp dot) {
  ArrayRef<int64_t> shape = tileShape(dot.getResult());
  loop(b.index(0), b.index(shape[0]), 1, [&](Value number) {
    SmallVector<int64_t> widths;
    for (int64_t at = 0; at < shape[1]; at += target.lanes)
      widths.push_back(std::min(target.lanes, shape[1] - at));
    SmallVector<Value> sums =
        accumulators(dot, {number, 1, b.index(0), widths});
    for (auto [j, sum] : llvm::enumerate(sums))
      storeBuffer(sum, dot.getResult(), {number, b.index(j * target.lanes)});
  });
}

/// Adds the products of row `term`.
void TileEmitter::addTerm(tile::DotOp dot, const HeadMatrix &matrix,
                          Value term) {
  SmallVector<int64_t> widths;
  for (int64_t at = 0; at < matrix.width; at += target.lanes)
    widths.push_back(std::min(target.lanes, matrix.width - at));
  loop(b.index(0), b.index(matrix.heads), 1, [&](Value head) {
    SmallVector<Value> rights;
    for (auto [j, width] : llvm::enumerate(widths))
      rights.push_back(loadRow(matrix.rows, matrix.rows.memref,
                               matrix.place(b, term, head, j * target.lanes),
                               width, b.getF32Type()));
    Value first = b.mul(head, b.index(matrix.rowsOfHead));
    for (int64_t i = 0; i < matrix.rowsOfHead; ++i) {
      Value row = b.add(first, b.index(i));
      for (auto [j, width] : llvm::enumerate(widths)) {
        SmallVector<Value> at = {row, b.index(j * target.lanes)};
        Value sum = loadBuffer(dot.getResult(), at, width);
        Value left = leftElement(dot, row, term, width);
        storeBuffer(multiplyAdd(left, rights[j], sum), dot.getResult(), at);
      }
    }
  });
}

void TileEmitter::emitHeadSums(tile::DotOp dot, const HeadMatrix &matrix) {
  copyAccumulator(dot);
  Value end = matrix.rows.rows;
  if (dot.getDepth())
    end = b.min(end, dot.getDepth());
  loop(matrix.rows.firstRow, end, 1,
       [&](Value term) { addTerm(dot, matrix, term); });
}

void TileEmitter::emitHeadDot(tile::DotOp dot) {
  HeadMatrix matrix = headMatrixOf(dot);
  bool isNarrow = !matrix.rows.element.isF32() || matrix.heads == 1;
  if (dot.getTranspose())
    isNarrow ? emitPageScores(dot, matrix) : emitHeadScores(dot, matrix);
  else
    isNarrow ? emitPageSums(dot, matrix) : emitHeadSums(dot, matrix);
}
