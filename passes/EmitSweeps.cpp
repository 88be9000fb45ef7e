// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One pass over the elements of tiles of one shape:
//
//   for each row i                          what rows give, once: scalars
//     for each chunk of columns c           of broadcasts, places of windows
//       lazy tiles at (i, c), each once
//       then stores, so that a tile may be written over one that is read
//     reductions of the row
//
// A chunk is two registers wide: two chains of dependent operations, and one
// full store where f32 narrows to 16 bits.

#include "passes/TileEmitter.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

//===----------------------------------------------------------------------===//
// Buffers
//===----------------------------------------------------------------------===//

Value TileEmitter::loadBuffer(Value tile, ValueRange at, int64_t width) {
  Value buffer = buffers.of(tile);
  Type element = cast<MemRefType>(buffer.getType()).getElementType();
  auto type = VectorType::get({width}, element);
  Value stored = vector::LoadOp::create(b, type, buffer, at);
  if (!elementOf(tile).isInteger(1))
    return stored;
  return arith::TruncIOp::create(b, type.clone(b.getI1Type()), stored);
}

void TileEmitter::storeBuffer(Value vector, Value tile, ValueRange at) {
  if (elementOf(tile).isInteger(1))
    vector = arith::ExtUIOp::create(
        b, cast<VectorType>(vector.getType()).clone(b.getI8Type()), vector);
  vector::StoreOp::create(b, vector, buffers.of(tile), at);
}

void TileEmitter::storeScalar(Value scalar, Value tile, Value row) {
  if (elementOf(tile).isInteger(1))
    scalar = arith::ExtUIOp::create(b, b.getI8Type(), scalar);
  memref::StoreOp::create(b, scalar, buffers.of(tile), row);
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

Value TileEmitter::iota(int64_t width) {
  SmallVector<int32_t> lanes;
  for (int64_t i = 0; i < width; ++i)
    lanes.push_back(i);
  auto type = VectorType::get({width}, b.getI32Type());
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(type, ArrayRef<int32_t>(lanes)));
}

/// The scalar that a constant tile has everywhere.
static TypedAttr splatValue(arith::ConstantOp constant) {
  return cast<TypedAttr>(
      cast<DenseElementsAttr>(constant.getValue()).getSplatValue<Attribute>());
}

/// `op` on vectors of `width`, or on scalars for a width of 0.
Value TileEmitter::elementwise(Operation *op, int64_t width,
                               llvm::function_ref<Value(Value)> of) {
  SmallVector<Value> operands;
  for (Value operand : op->getOperands())
    operands.push_back(isTile(operand) ? of(operand) : operand);
  if (isa<math::Exp2Op>(op) && width && elementOf(op->getResult(0)).isF32())
    return expandExp2(b, operands[0], target);
  Type element = elementOf(op->getResult(0));
  OperationState state(b.getLoc(), op->getName());
  state.addOperands(operands);
  state.addTypes(width ? Type(VectorType::get({width}, element)) : element);
  state.addAttributes(op->getAttrs());
  return b.create(state)->getResult(0);
}

Value TileEmitter::scalarOf(Value tile, RowContext &row) {
  if (Value known = row.scalars.lookup(tile))
    return known;
  Operation *op = tile.getDefiningOp();
  Value scalar;
  if (plan.isStored(tile) && !isFree(tile)) {
    scalar = memref::LoadOp::create(b, buffers.of(tile), row.row);
    if (elementOf(tile).isInteger(1))
      scalar = arith::TruncIOp::create(b, b.getI1Type(), scalar);
  } else if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    scalar = arith::ConstantOp::create(b, splatValue(constant));
  } else if (auto splat = dyn_cast<tensor::SplatOp>(op)) {
    scalar = splat.getInput();
  } else if (isa<tile::IotaOp>(op)) {
    scalar = arith::IndexCastOp::create(b, b.getI32Type(), row.row);
  } else {
    scalar = elementwise(op, /*width=*/0,
                         [&](Value operand) { return scalarOf(operand, row); });
  }
  return row.scalars[tile] = scalar;
}

void TileEmitter::prepareRow(Value tile, RowContext &row) {
  TileReads reads;
  plan.collect(tile, reads);
  prepareRow(reads, row);
}

void TileEmitter::prepareRow(const TileReads &reads, RowContext &row) {
  for (Value lazy : reads.lazy) {
    Operation *op = lazy.getDefiningOp();
    if (auto broadcast = dyn_cast<tile::BroadcastOp>(op)) {
      if (broadcast.getAlong() == 1)
        scalarOf(broadcast.getSource(), row);
    } else if (auto load = dyn_cast<tile::LoadOp>(op)) {
      row.places.try_emplace(load, placeOf(Window(load), row));
    }
  }
}

Value TileEmitter::elementsOf(Value tile, ChunkContext &chunk) {
  if (Value known = chunk.elements.lookup(tile))
    return known;
  Value elements;
  if (!plan.isStored(tile) || isFree(tile) || chunk.made.contains(tile))
    elements = computeElements(tile, chunk);
  else if (tileShape(tile).size() == 1)
    elements = loadBuffer(tile, chunk.column, chunk.width);
  else
    elements = loadBuffer(tile, {chunk.row->row, chunk.column}, chunk.width);
  return chunk.elements[tile] = elements;
}

Value TileEmitter::computeElements(Value tile, ChunkContext &chunk) {
  Operation *op = tile.getDefiningOp();
  auto type = VectorType::get({chunk.width}, elementOf(tile));
  auto spread = [&](Value scalar) -> Value {
    return vector::BroadcastOp::create(b, type, scalar);
  };
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(type, Attribute(splatValue(constant))));
  if (auto splat = dyn_cast<tensor::SplatOp>(op))
    return spread(splat.getInput());
  if (isa<tile::IotaOp>(op)) {
    Value first = arith::IndexCastOp::create(b, b.getI32Type(), chunk.column);
    return arith::AddIOp::create(b, iota(chunk.width), spread(first));
  }
  if (auto broadcast = dyn_cast<tile::BroadcastOp>(op))
    return broadcast.getAlong() == 1
               ? spread(scalarOf(broadcast.getSource(), *chunk.row))
               : elementsOf(broadcast.getSource(), chunk);
  if (auto load = dyn_cast<tile::LoadOp>(op))
    return loadElements(load, chunk);
  return elementwise(op, chunk.width,
                     [&](Value operand) { return elementsOf(operand, chunk); });
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

/// What changes no maximum, minimum or sum.
static TypedAttr neutralOf(tile::Reduction kind, Type element) {
  Builder b(element.getContext());
  bool isMax = kind == tile::Reduction::Max;
  if (kind == tile::Reduction::Add)
    return b.getZeroAttr(element);
  if (isa<FloatType>(element)) {
    double infinity = std::numeric_limits<double>::infinity();
    return b.getFloatAttr(element, isMax ? -infinity : infinity);
  }
  return b.getI32IntegerAttr(isMax ? std::numeric_limits<int32_t>::min()
                                   : std::numeric_limits<int32_t>::max());
}

/// A NaN among the elements loses every comparison and is skipped.
Value TileEmitter::combine(tile::Reduction kind, Value element, Value sum) {
  auto type = cast<VectorType>(sum.getType());
  bool isFloat = isa<FloatType>(type.getElementType());
  if (kind == tile::Reduction::Add)
    return isFloat ? arith::AddFOp::create(b, sum, element).getResult()
                   : arith::AddIOp::create(b, sum, element).getResult();
  bool isMax = kind == tile::Reduction::Max;
  if (!isFloat)
    return isMax ? arith::MaxSIOp::create(b, element, sum).getResult()
                 : arith::MinSIOp::create(b, element, sum).getResult();
  Value wins = arith::CmpFOp::create(
      b, isMax ? arith::CmpFPredicate::OGT : arith::CmpFPredicate::OLT, element,
      sum);
  return arith::SelectOp::create(b, wins, element, sum);
}

static vector::CombiningKind combiningKind(tile::Reduction kind, bool isFloat) {
  switch (kind) {
  case tile::Reduction::Add:
    return vector::CombiningKind::ADD;
  case tile::Reduction::Max:
    return isFloat ? vector::CombiningKind::MAXNUMF
                   : vector::CombiningKind::MAXSI;
  case tile::Reduction::Min:
    return isFloat ? vector::CombiningKind::MINNUMF
                   : vector::CombiningKind::MINSI;
  }
  llvm_unreachable("a reduction");
}

/// A vector of `width` whose other elements change nothing.
Value TileEmitter::padded(tile::ReduceOp reduce, Value vector, int64_t width) {
  auto type = cast<VectorType>(vector.getType());
  if (type.getDimSize(0) == width)
    return vector;
  return vector::InsertStridedSliceOp::create(b, vector, neutral(reduce, width),
                                              0, 1);
}

Value TileEmitter::neutral(tile::ReduceOp reduce, int64_t width) {
  Type element = elementOf(reduce.getSource());
  Attribute value = neutralOf(reduce.getKind(), element);
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(VectorType::get({width}, element), value));
}

/// One vector of partial results to the row's result.
void TileEmitter::finishReduce(tile::ReduceOp reduce, Value row,
                               Value partial) {
  Value result = reduce.getResult();
  int64_t width = cast<VectorType>(partial.getType()).getDimSize(0);
  auto slice = [&](int64_t at, int64_t size) -> Value {
    return vector::ExtractStridedSliceOp::create(b, partial, at, size, 1);
  };
  if (tileShape(result).size() == 2) {
    int64_t parts = tileShape(result)[1];
    for (; width % (2 * parts) == 0; width /= 2)
      partial = combine(reduce.getKind(), slice(width / 2, width / 2),
                        slice(0, width / 2));
    Value sum = width == parts
                    ? partial
                    : padded(reduce, slice(0, std::min(width, parts)), parts);
    for (int64_t at = parts; at < width; at += parts)
      sum = combine(
          reduce.getKind(),
          padded(reduce, slice(at, std::min(parts, width - at)), parts), sum);
    storeBuffer(sum, result, {row, b.index(0)});
    return;
  }
  // Partial maxima are no NaN, and sums run in any order.
  bool isFloat = isa<FloatType>(elementOf(result));
  auto flags = !isFloat ? arith::FastMathFlags::none
               : reduce.getKind() == tile::Reduction::Add
                   ? arith::FastMathFlags::reassoc
                   : arith::FastMathFlags::nnan;
  Value scalar = vector::ReductionOp::create(
      b, combiningKind(reduce.getKind(), isFloat), partial, flags);
  storeScalar(scalar, result, row);
}

//===----------------------------------------------------------------------===//
// Sweeps
//===----------------------------------------------------------------------===//

SmallVector<Value> TileEmitter::forChunks(
    int64_t columns, int64_t whole, Value limit, RowContext &row,
    ValueRange inits,
    llvm::function_ref<SmallVector<Value>(ChunkContext &, ValueRange)> body) {
  int64_t width = std::min(sweepColumns(target), columns);
  int64_t full = whole / width * width;
  SmallVector<Value> carried(inits);
  if (full) {
    Value end = limit && full == columns ? limit : b.index(full);
    carried = loop(b.index(0), end, width, carried,
                   [&](Value column, ValueRange partials) {
                     ChunkContext chunk(&row, column, width);
                     return body(chunk, partials);
                   });
  }
  for (int64_t at = full; at < columns; at += width) {
    ChunkContext chunk(&row, b.index(at), std::min(width, columns - at), at);
    carried = body(chunk, carried);
  }
  return carried;
}

SmallVector<Value> TileEmitter::emitChunk(const Step &step, ChunkContext &chunk,
                                          ValueRange partials) {
  SmallVector<Value> written, stored, sums;
  for (auto [value, target] : step.writes)
    if (value == target)
      chunk.made.insert(value);
  for (auto [value, target] : step.writes)
    written.push_back(elementsOf(value, chunk));
  for (tile::StoreOp store : step.stores)
    stored.push_back(elementsOf(store.getValue(), chunk));
  for (auto [reduce, partial] : llvm::zip(step.reduces, partials)) {
    tile::ReduceOp op = reduce;
    Value elements = elementsOf(op.getSource(), chunk);
    int64_t width = cast<VectorType>(partial.getType()).getDimSize(0);
    elements = padded(op, elements, width);
    sums.push_back(combine(op.getKind(), elements, partial));
  }
  SmallVector<Value> at{chunk.column};
  if (step.shape.size() == 2)
    at.insert(at.begin(), chunk.row->row);
  for (auto [write, vector] : llvm::zip(step.writes, written))
    storeBuffer(vector, write.second, at);
  for (auto [store, vector] : llvm::zip(step.stores, stored))
    storeElements(store, vector, chunk);
  return sums;
}

void TileEmitter::emitMatrixSweep(const Step &step) {
  int64_t columns = step.shape[1], whole = columns;
  int64_t width = std::min(sweepColumns(target), columns);
  TileReads reads = plan.readsOf(step);
  for (Value lazy : reads.lazy)
    if (auto load = lazy.getDefiningOp<tile::LoadOp>())
      if (tileShape(lazy).size() == 2)
        whole = std::min(
            whole, columnsInside(Window(load), columns).value_or(columns));
  for (tile::StoreOp store : step.stores)
    whole = std::min(whole,
                     columnsInside(Window(store), columns).value_or(columns));

  // Whole chunks: what lies between the limit and the next one is harmless.
  Value limit;
  if (step.limit && columns % width == 0) {
    Value chunks = arith::DivUIOp::create(
        b, arith::AddIOp::create(b, step.limit, b.index(width - 1)),
        b.index(width));
    limit = b.min(arith::MulIOp::create(b, chunks, b.index(width)),
                  b.index(columns));
  }
  SmallVector<Value> inits;
  for (tile::ReduceOp reduce : step.reduces)
    inits.push_back(neutral(reduce, width));
  loop(b.index(0), b.index(step.shape[0]), 1, [&](Value i) {
    RowContext row(i);
    prepareRow(reads, row);
    for (tile::StoreOp store : step.stores)
      row.places.try_emplace(store, placeOf(Window(store), row));
    SmallVector<Value> partials =
        forChunks(columns, whole, limit, row, inits,
                  [&](ChunkContext &chunk, ValueRange carried) {
                    return emitChunk(step, chunk, carried);
                  });
    for (auto [reduce, partial] : llvm::zip(step.reduces, partials))
      finishReduce(reduce, i, partial);
  });
}

/// Tiles of rank 1 have their rows side by side, in buffers with room for whole
/// registers.
void TileEmitter::emitRowSweep(const Step &step) {
  int64_t width = target.lanes;
  loop(b.index(0), b.index(llvm::alignTo(step.shape[0], width)), width,
       [&](Value at) {
         ChunkContext chunk(nullptr, at, width);
         emitChunk(step, chunk, ValueRange());
       });
}

void TileEmitter::emitSweep(const Step &step) {
  if (step.shape.size() == 2)
    emitMatrixSweep(step);
  else
    emitRowSweep(step);
}
