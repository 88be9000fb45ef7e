// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The launch that copies a buffer into panels. A block packs some rows of one
// matrix. Rows that become terms are copied, or two by two interleaved; rows
// that become columns are transposed in registers, as many at once as a
// register has lanes:
//
//   terms:    panels[p, r, :]      = buffer[r, p * C ..]
//   columns:  panels[p, d, j]      = buffer[p * C + j, d]
//
// Rows outside the bounds, and what is beyond the last row and column, become
// 0.

#include "passes/PackOperands.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "passes/Launch.h"
#include "passes/VectorCode.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

/// Rows of a block.
static constexpr int64_t blockRows = 256;
static constexpr int64_t placeAlignment = 64;

Type PackedBuffer::element() const {
  return isWidened ? Float32Type::get(type.getContext())
                   : type.getElementType();
}

int64_t PackedBuffer::columnDim() const {
  return isTransposed ? rowDim : type.getRank() - 1;
}

int64_t PackedBuffer::termDim() const {
  return isTransposed ? type.getRank() - 1 : rowDim;
}

SmallVector<int64_t> PackedBuffer::outerDims() const {
  SmallVector<int64_t> dims;
  for (int64_t d = 0; d + 1 < type.getRank(); ++d)
    if (d != rowDim)
      dims.push_back(d);
  return dims;
}

//===----------------------------------------------------------------------===//
// Where panels lie
//===----------------------------------------------------------------------===//

PanelPlace headgate::passes::placeOf(TileBuilder &b, const PackedBuffer &packed,
                                     Value buffer, const Target &target) {
  PanelPlace place;
  SmallVector<int64_t> shape;
  int64_t width = target.panelColumns() * packed.step;
  place.bytes = b.index(width * (packed.element().getIntOrFloatBitWidth() / 8));
  auto append = [&](int64_t dim, int64_t step) {
    Value size = ceilDiv(b, b.dim(buffer, dim), step);
    std::optional<int64_t> known = getConstantIntValue(size);
    shape.push_back(known.value_or(ShapedType::kDynamic));
    if (!known)
      place.sizes.push_back(size);
    place.bytes = b.mul(place.bytes, size);
  };
  for (int64_t dim : packed.outerDims())
    append(dim, 1);
  append(packed.columnDim(), target.panelColumns());
  append(packed.termDim(), packed.step);
  shape.push_back(width);
  place.type = MemRefType::get(shape, packed.element());
  place.bytes =
      b.mul(ceilDiv(b, place.bytes, placeAlignment), b.index(placeAlignment));
  return place;
}

/// cdiv of an extent by a number.
static std::string quotient(const std::string &extent, int64_t by) {
  int64_t number;
  if (by == 1)
    return extent;
  if (llvm::to_integer(extent, number))
    return std::to_string(llvm::divideCeil(number, by));
  return "cdiv(" + extent + "," + std::to_string(by) + ")";
}

/// The product of numbers and names, numbers first.
static std::string product(ArrayRef<std::string> factors) {
  int64_t number = 1, value;
  std::string text;
  for (const std::string &factor : factors)
    if (llvm::to_integer(factor, value))
      number *= value;
    else
      text += "*" + factor;
  if (number != 1 || text.empty())
    return std::to_string(number) + text;
  return text.substr(1);
}

static SmallVector<std::string> outerTexts(func::FuncOp kernel,
                                           const PackedBuffer &packed) {
  SmallVector<std::string> texts;
  for (int64_t dim : packed.outerDims())
    texts.push_back(extentName(kernel, packed.buffer.getArgNumber(), dim));
  return texts;
}

std::string headgate::passes::panelBytesText(func::FuncOp kernel,
                                             const PackedBuffer &packed,
                                             const Target &target) {
  unsigned argument = packed.buffer.getArgNumber();
  SmallVector<std::string> factors = outerTexts(kernel, packed);
  factors.push_back(quotient(extentName(kernel, argument, packed.columnDim()),
                             target.panelColumns()));
  factors.push_back(
      quotient(extentName(kernel, argument, packed.termDim()), packed.step));
  int64_t bytes = target.panelColumns() * packed.step *
                  (packed.element().getIntOrFloatBitWidth() / 8);
  factors.push_back(std::to_string(bytes));
  std::string text = product(factors);
  if (bytes % placeAlignment == 0)
    return text;
  return "align(" + text + "," + std::to_string(placeAlignment) + ")";
}

std::array<std::string, 3>
headgate::passes::packGrid(func::FuncOp kernel, const PackedBuffer &packed,
                           const Target &target) {
  std::string rows =
      extentName(kernel, packed.buffer.getArgNumber(), packed.rowDim);
  return {product(outerTexts(kernel, packed)), quotient(rows, blockRows), "1"};
}

//===----------------------------------------------------------------------===//
// Bounds
//===----------------------------------------------------------------------===//

/// True if `value` follows from the function's arguments and `owners`.
static bool followsFrom(Value value, ArrayRef<Value> owners) {
  if (llvm::is_contained(owners, value))
    return true;
  if (auto argument = dyn_cast<BlockArgument>(value))
    return isa<func::FuncOp>(argument.getOwner()->getParentOp());
  Operation *op = value.getDefiningOp();
  bool isCopyable = !op->getNumRegions() && !isa<gpu::BlockIdOp>(op) &&
                    !isa<gpu::GridDimOp>(op) &&
                    (isPure(op) || isa<memref::LoadOp>(op));
  return isCopyable && llvm::all_of(op->getOperands(), [&](Value operand) {
           return followsFrom(operand, owners);
         });
}

bool headgate::passes::canComputeBounds(const PackedBuffer &packed) {
  if (!packed.isBounded())
    return true;
  for (OpFoldResult bound : {packed.first, packed.count})
    if (auto value = dyn_cast<Value>(bound))
      if (!followsFrom(value, packed.owners))
        return false;
  return true;
}

static Value copyOf(TileBuilder &b, Value value, IRMapping &map) {
  if (Value known = map.lookupOrNull(value))
    return known;
  Operation *op = value.getDefiningOp();
  for (Value operand : op->getOperands())
    copyOf(b, operand, map);
  Operation *copy = b.clone(*op, map);
  return copy->getResult(cast<OpResult>(value).getResultNumber());
}

//===----------------------------------------------------------------------===//
// Copying
//===----------------------------------------------------------------------===//

namespace {

class Packing {
public:
  Packing(TileBuilder &b, func::FuncOp launch, const PackedBuffer &packed,
          Value panels, const Target &target)
      : b(b), packed(packed), target(target), panels(panels),
        buffer(launch.getArgument(packed.buffer.getArgNumber())),
        lastExtent(packed.type.getDimSize(packed.type.getRank() - 1)) {
    findMatrix(launch);
  }

  void emit() {
    Value y = gpu::BlockIdOp::create(b, gpu::Dimension::y);
    Value from = arith::MulIOp::create(b, y, b.index(blockRows));
    Value to = arith::AddIOp::create(b, from, b.index(blockRows));
    int64_t perStep = packed.isTransposed ? target.panelColumns() : packed.step;
    Value steps = ceilDiv(b, b.dim(buffer, packed.rowDim), perStep);
    Value first = arith::DivUIOp::create(b, from, b.index(perStep));
    Value last = arith::MinSIOp::create(
        b, arith::DivUIOp::create(b, to, b.index(perStep)), steps);
    if (packed.isTransposed)
      packColumns(first, last);
    else
      packTerms(first, last);
  }

private:
  /// The matrix of block x, and which of its rows exist.
  void findMatrix(func::FuncOp launch) {
    Value x = gpu::BlockIdOp::create(b, gpu::Dimension::x);
    SmallVector<int64_t> outer = packed.outerDims();
    owners.resize(outer.size());
    for (int64_t i = outer.size() - 1; i >= 0; --i) {
      Value size = b.dim(buffer, outer[i]);
      owners[i] = i ? b.rem(x, size) : x;
      if (i)
        x = b.div(x, size);
    }
    firstRow = b.index(0);
    endRow = b.dim(buffer, packed.rowDim);
    if (!packed.isBounded())
      return;
    IRMapping map;
    for (auto [from, to] : llvm::zip(packed.buffer.getOwner()->getArguments(),
                                     launch.getArguments()))
      map.map(from, to);
    for (auto [from, to] : llvm::zip(packed.owners, owners))
      if (from)
        map.map(from, to);
    auto bound = [&](OpFoldResult value) -> Value {
      if (auto known = dyn_cast<Value>(value))
        return copyOf(b, known, map);
      return b.index(*getConstantIntValue(value));
    };
    firstRow = bound(packed.first);
    Value end = arith::AddIOp::create(b, firstRow, bound(packed.count));
    endRow = arith::MinSIOp::create(b, end, endRow);
  }

  void loop(Value from, Value to, int64_t step,
            llvm::function_ref<void(Value)> body) {
    auto loop = scf::ForOp::create(b, from, to, b.index(step));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    body(loop.getInductionVar());
  }

  Value exists(Value row) {
    Value beforeEnd =
        arith::CmpIOp::create(b, arith::CmpIPredicate::slt, row, endRow);
    if (!packed.isBounded())
      return beforeEnd;
    Value afterFirst =
        arith::CmpIOp::create(b, arith::CmpIPredicate::sge, row, firstRow);
    return arith::AndIOp::create(b, beforeEnd, afterFirst);
  }

  /// Elements [column, column + count) of `row`, as `width` of the panels'.
  Value load(Value row, Value isThere, Value column, int64_t count,
             int64_t width) {
    auto type = VectorType::get({width}, packed.element());
    Value zeros = arith::ConstantOp::create(b, b.getZeroAttr(type));
    auto read = [&]() -> Value {
      SmallVector<Value> at(packed.type.getRank());
      for (auto [dim, owner] : llvm::zip(packed.outerDims(), owners))
        at[dim] = owner;
      at[packed.rowDim] = row;
      at.back() = column;
      Value part = vector::LoadOp::create(
          b, VectorType::get({count}, packed.type.getElementType()), buffer,
          at);
      if (packed.isWidened)
        part = arith::ExtFOp::create(
            b, VectorType::get({count}, packed.element()), part);
      if (count != width)
        part = vector::InsertStridedSliceOp::create(b, part, zeros, 0, 1);
      return part;
    };
    return choose(b, type, isThere, read, [&] { return zeros; });
  }

  void store(Value vector, Value panel, Value step, Value column) {
    SmallVector<Value> at(owners);
    at.append({panel, step, column});
    vector::StoreOp::create(b, vector, panels, at);
  }

  /// Calls `body(column, count)` for pieces of a row: a loop over whole ones,
  /// and the rest.
  void forPieces(int64_t width, llvm::function_ref<void(Value, int64_t)> body) {
    int64_t whole = lastExtent / width * width;
    if (whole)
      loop(b.index(0), b.index(whole), width,
           [&](Value at) { body(at, width); });
    if (whole != lastExtent)
      body(b.index(whole), lastExtent - whole);
  }

  void packTerms(Value first, Value last) {
    int64_t width = target.panelColumns();
    forPieces(width, [&](Value column, int64_t count) {
      Value panel = b.div(column, b.index(width));
      loop(first, last, 1, [&](Value step) {
        SmallVector<Value> rows;
        for (int64_t i = 0; i < packed.step; ++i) {
          Value row = b.add(b.mul(step, b.index(packed.step)), b.index(i));
          rows.push_back(load(row, exists(row), column, count, width));
        }
        Value line =
            packed.step == 1
                ? rows[0]
                : vector::InterleaveOp::create(b, rows[0], rows[1]).getResult();
        store(line, panel, step, b.index(0));
      });
    });
  }

  /// Element (i, j) to (j, i), by exchanging halves, quarters, ..
  void transpose(SmallVector<Value> &rows) {
    int64_t lanes = rows.size();
    for (int64_t half = lanes / 2; half; half /= 2) {
      auto [low, high] = halvesOf(lanes, half);
      for (int64_t i = 0; i < lanes; ++i) {
        if (i & half)
          continue;
        Value a = rows[i], c = rows[i + half];
        rows[i] = vector::ShuffleOp::create(b, a, c, low);
        rows[i + half] = vector::ShuffleOp::create(b, a, c, high);
      }
    }
  }

  void packColumns(Value first, Value last) {
    int64_t lanes = target.lanes, columns = target.panelColumns();
    int64_t width = lanes * packed.step;
    auto elements = VectorType::get({width}, packed.element());
    auto units = VectorType::get({lanes}, packed.step == 1 ? packed.element()
                                                           : b.getI32Type());
    loop(first, last, 1, [&](Value panel) {
      loop(b.index(0), b.index(columns), lanes, [&](Value lane) {
        Value row = arith::AddIOp::create(
            b, arith::MulIOp::create(b, panel, b.index(columns)), lane);
        SmallVector<Value> rows, areThere;
        for (int64_t i = 0; i < lanes; ++i) {
          rows.push_back(b.add(row, b.index(i)));
          areThere.push_back(exists(rows.back()));
        }
        Value at = b.mul(lane, b.index(packed.step));
        forPieces(width, [&](Value term, int64_t count) {
          SmallVector<Value> block;
          for (auto [row, isThere] : llvm::zip(rows, areThere))
            block.push_back(b.createOrFold<vector::BitCastOp>(
                units, load(row, isThere, term, count, width)));
          transpose(block);
          Value step = b.div(term, b.index(packed.step));
          for (int64_t i = 0; i < int64_t(llvm::divideCeil(count, packed.step));
               ++i)
            store(b.createOrFold<vector::BitCastOp>(elements, block[i]), panel,
                  b.add(step, b.index(i)), at);
        });
      });
    });
  }

  TileBuilder &b;
  const PackedBuffer &packed;
  const Target &target;
  Value panels, buffer;
  int64_t lastExtent;
  SmallVector<Value> owners;
  Value firstRow, endRow;
};

} // namespace

void headgate::passes::emitPacking(TileBuilder &b, func::FuncOp launch,
                                   const PackedBuffer &packed, Value panels,
                                   const Target &target) {
  Packing(b, launch, packed, panels, target).emit();
}
