// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/TokenTiles.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

bool Coordinate::operator==(const Coordinate &other) const {
  if (kind != other.kind || width != other.width)
    return false;
  return kind == token || isEqualConstantIntOrValue(value, other.value);
}

Type TokenTile::element() const { return getElementTypeOrSelf(value); }

LogicalResult TokenTiles::refuse(Operation *op, const Twine &why) {
  refusal = {op, why.str()};
  return failure();
}

//===-- shapes and types -------------------------------------------------===//

static bool isNarrowFloat(Type type) { return type.isF16() || type.isBF16(); }

static SmallVector<int64_t> shapeOf(bool rows, int64_t rowCount,
                                    int64_t columns) {
  SmallVector<int64_t> shape;
  if (rows)
    shape.push_back(rowCount);
  if (columns)
    shape.push_back(columns);
  return shape;
}

Value TokenTiles::spread(TokenTile tile, bool toRows, int64_t toColumns) {
  if (tile.rows == toRows && tile.columns == toColumns)
    return tile.value;
  SmallVector<int64_t> shape = shapeOf(toRows, rows, toColumns);
  if (!tile.rows && !tile.columns) {
    Value value = tile.value;
    if (value.getType().isIndex())
      value = b.toI32(value);
    return b.splat(shape, value);
  }
  return b.repeat(tile.value, tile.rows ? 1 : 0, shape);
}

TokenTile TokenTiles::widened(TokenTile tile) {
  if (!isNarrowFloat(tile.element()))
    return tile;
  Type type = b.getF32Type();
  if (auto tensor = dyn_cast<RankedTensorType>(tile.value.getType()))
    type = tensor.clone(type);
  tile.value = b.createOrFold<arith::ExtFOp>(type, tile.value);
  return tile;
}

TokenTile TokenTiles::rounded(TokenTile tile, Type to) {
  if (tile.element() == to)
    return tile;
  Type type = to;
  if (auto tensor = dyn_cast<RankedTensorType>(tile.value.getType()))
    type = tensor.clone(to);
  tile.value = b.createOrFold<arith::TruncFOp>(type, tile.value);
  return tile;
}

Value TokenTiles::scalar(Value value) {
  if (Value known = outside.lookupOrNull(value))
    return known;
  Operation *op = value.getDefiningOp();
  for (Value operand : op->getOperands())
    (void)scalar(operand);
  b.clone(*op, outside);
  return outside.lookup(value);
}

//===-- memory -----------------------------------------------------------===//

FailureOr<TileWindow> TokenTiles::windowOf(Operation *op, Value buffer,
                                           const TokenRegion &region) {
  auto type = cast<MemRefType>(buffer.getType());
  SmallVector<int64_t> strides;
  int64_t offset;
  if (failed(type.getStridesAndOffset(strides, offset)) ||
      (!strides.empty() && strides.back() != 1))
    return refuse(op, "neighbours in its innermost dimension are none in "
                      "memory");
  if (tileElementFor(type.getElementType()) != type.getElementType())
    return refuse(op, "tiles have no elements of its types");
  bool isMoved = llvm::any_of(
      region, [](const Coordinate &at) { return at.kind == Coordinate::row; });
  TileWindow window;
  for (auto [d, at] : llvm::enumerate(region)) {
    int64_t size = 1;
    Value first = at.value;
    switch (at.kind) {
    case Coordinate::uniform:
      break;
    case Coordinate::token:
      first = firstToken;
      if (isMoved) {
        window.rows.push_back(b.iota(rows));
        window.rowDims.push_back(d);
      } else {
        size = rows;
      }
      break;
    case Coordinate::row:
      first = b.index(0);
      window.rows.push_back(at.value);
      window.rowDims.push_back(d);
      break;
    case Coordinate::column:
      if (d + 1 != region.size())
        return refuse(op, "its columns are not neighbours in memory");
      size = at.width;
      break;
    }
    window.coords.push_back(first);
    window.sizes.push_back(size);
  }
  return window;
}

/// Which of rows and columns a region has.
static TokenTile kindOf(const TokenRegion &region) {
  TokenTile tile;
  for (const Coordinate &at : region) {
    tile.rows |= at.kind == Coordinate::token || at.kind == Coordinate::row;
    if (at.kind == Coordinate::column)
      tile.columns = at.width;
  }
  return tile;
}

FailureOr<TokenTile> TokenTiles::load(Operation *op, Value buffer,
                                      const TokenRegion &region) {
  FailureOr<TileWindow> window = windowOf(op, buffer, region);
  if (failed(window))
    return failure();
  TokenTile tile = kindOf(region);
  if (!tile.rows && !tile.columns)
    tile.value = memref::LoadOp::create(b, buffer, window->coords);
  else
    tile.value =
        b.load(buffer, *window, shapeOf(tile.rows, rows, tile.columns));
  return tile;
}

/// `buffer` up to column `end`: what is written beyond is dropped.
static Value narrowed(TileBuilder &b, Value buffer, Value end) {
  auto type = cast<MemRefType>(buffer.getType());
  int64_t rank = type.getRank();
  SmallVector<OpFoldResult> offsets(rank, b.getIndexAttr(0)),
      strides(rank, b.getIndexAttr(1)), sizes;
  for (int64_t d = 0; d + 1 < rank; ++d)
    sizes.push_back(getAsOpFoldResult(b.dim(buffer, d)));
  sizes.push_back(getAsOpFoldResult(end));
  return memref::SubViewOp::create(b, buffer, offsets, sizes, strides);
}

LogicalResult TokenTiles::store(Operation *op, TokenTile tile, Value buffer,
                                const TokenRegion &region, int64_t count) {
  TokenTile kind = kindOf(region);
  if (kind.columns && count && count < kind.columns) {
    Value end = b.add(region.back().value, b.index(count));
    auto type = cast<MemRefType>(buffer.getType());
    std::optional<int64_t> known = getConstantIntValue(end);
    if (!known || *known != type.getShape().back())
      buffer = narrowed(b, buffer, end);
  }
  FailureOr<TileWindow> window = windowOf(op, buffer, region);
  if (failed(window))
    return failure();
  b.store(spread(tile, kind.rows, kind.columns), buffer, *window);
  return success();
}

//===-- elementwise ------------------------------------------------------===//

TokenTile TokenTiles::indexOf(const Coordinate &at) {
  switch (at.kind) {
  case Coordinate::uniform:
    return {at.value};
  case Coordinate::row:
    return {at.value, true};
  case Coordinate::token: {
    Value first = b.splat(rows, b.toI32(firstToken));
    return {arith::AddIOp::create(b, first, b.iota(rows)), true};
  }
  case Coordinate::column: {
    Value first = b.splat(at.width, b.toI32(at.value));
    return {arith::AddIOp::create(b, first, b.iota(at.width)), false, at.width};
  }
  }
  llvm_unreachable("all kinds are listed");
}

/// Ops of 16-bit floats that move them, or change their type.
static bool takesNarrowFloats(Operation *op) {
  return isa<arith::ExtFOp, arith::TruncFOp, arith::SelectOp, arith::BitcastOp>(
      op);
}

/// `op` for each element. 16-bit floats are widened, and what f32 gives is
/// rounded: for +, -, *, / and sqrt that is the one correct rounding.
FailureOr<TokenTile> TokenTiles::apply(Operation *op,
                                       ArrayRef<TokenTile> operands) {
  if (!OpTrait::hasElementwiseMappableTraits(op) || op->getNumResults() != 1)
    return refuse(op, "tiles have no such operation");
  TokenTile result;
  for (const TokenTile &operand : operands) {
    result.rows |= operand.rows;
    result.columns = std::max(result.columns, operand.columns);
  }
  bool isTile = result.rows || result.columns;
  Type element = getElementTypeOrSelf(op->getResult(0));
  if (!tileElementFor(element) ||
      llvm::any_of(op->getOperandTypes(), [](Type type) {
        return !tileElementFor(getElementTypeOrSelf(type));
      }))
    return refuse(op, "tiles have no elements of its types");
  if (!isSpeculatable(op))
    return refuse(op, "it is undefined for some elements, which a tile may "
                      "hold");
  // Indices are i32 in tiles.
  if (isTile && isa<arith::IndexCastOp, arith::IndexCastUIOp>(op)) {
    if (!op->getOperand(0).getType().isIndex() || !element.isInteger(32))
      return refuse(op, "tiles convert an index to i32 only");
    return operands[0];
  }
  if (isTile && element.isIndex())
    return refuse(op, "its indices need not fit 32 bits");
  bool isWidened = !takesNarrowFloats(op);
  SmallVector<Value> values;
  for (TokenTile operand : operands) {
    if (isWidened)
      operand = widened(operand);
    values.push_back(spread(operand, result.rows, result.columns));
  }
  Type computed =
      isWidened && isNarrowFloat(element) ? Type(b.getF32Type()) : element;
  OperationState state(b.getLoc(), op->getName());
  state.addOperands(values);
  state.addTypes(
      isTile
          ? Type(b.type(shapeOf(result.rows, rows, result.columns), computed))
          : computed);
  state.propertiesAttr = op->getPropertiesAsAttribute();
  result.value = b.create(state)->getResult(0);
  return rounded(result, element);
}

FailureOr<TokenTile> TokenTiles::evaluateBody(linalg::LinalgOp op,
                                              ArrayRef<Coordinate> loops,
                                              ArrayRef<TokenTile> operands) {
  DenseMap<Value, TokenTile> values;
  Block *body = op.getBlock();
  for (auto [argument, operand] : llvm::zip(body->getArguments(), operands))
    values[argument] = operand;
  auto valueOf = [&](Value value) -> TokenTile {
    auto found = values.find(value);
    return found != values.end() ? found->second : TokenTile{scalar(value)};
  };
  for (Operation &inner : body->without_terminator()) {
    if (auto index = dyn_cast<linalg::IndexOp>(inner)) {
      values[index] = indexOf(loops[index.getDim()]);
      continue;
    }
    if (isa<arith::ConstantOp>(inner)) {
      values[inner.getResult(0)] = {b.clone(inner)->getResult(0)};
      continue;
    }
    if (!isMemoryEffectFree(&inner) || inner.getNumRegions() ||
        !isa<arith::ArithDialect, math::MathDialect>(inner.getDialect()))
      return refuse(&inner, "tiles have no such operation");
    SmallVector<TokenTile> inputs;
    for (Value operand : inner.getOperands())
      inputs.push_back(valueOf(operand));
    FailureOr<TokenTile> result = apply(&inner, inputs);
    if (failed(result))
      return failure();
    values[inner.getResult(0)] = *result;
  }
  return valueOf(body->getTerminator()->getOperand(0));
}

/// A loop nest whose loops are the dimensions of its one result.
FailureOr<TokenTile> TokenTiles::structured(linalg::LinalgOp op,
                                            const TokenRegion &region) {
  if (op.getNumParallelLoops() != op.getNumLoops())
    return refuse(op, "it reduces along a dimension");
  if (op.getNumDpsInits() != 1)
    return refuse(op, "it has several results");
  AffineMap result = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  if (!result.isPermutation())
    return refuse(op, "its result is not indexed by its loops");
  SmallVector<Coordinate> loops(op.getNumLoops());
  for (auto [expr, at] : llvm::zip(result.getResults(), region))
    loops[cast<AffineDimExpr>(expr).getPosition()] = at;
  SmallVector<TokenTile> operands;
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<RankedTensorType>(operand.get().getType())) {
      operands.push_back({scalar(operand.get())});
      continue;
    }
    if (op.getMatchingBlockArgument(&operand).use_empty()) {
      operands.push_back({});
      continue;
    }
    TokenRegion part;
    for (AffineExpr expr : op.getMatchingIndexingMap(&operand).getResults()) {
      if (auto loop = dyn_cast<AffineDimExpr>(expr))
        part.push_back(loops[loop.getPosition()]);
      else if (auto constant = dyn_cast<AffineConstantExpr>(expr))
        part.push_back({Coordinate::uniform, b.index(constant.getValue())});
      else
        return refuse(op, "an operand is indexed by more than a loop");
    }
    FailureOr<TokenTile> tile = of(operand.get(), part);
    if (failed(tile))
      return failure();
    operands.push_back(*tile);
  }
  return evaluateBody(op, loops, operands);
}

//===-- tensors ----------------------------------------------------------===//

FailureOr<TokenTile> TokenTiles::of(Value tensor, const TokenRegion &region) {
  for (const auto &[at, tile] : known[tensor])
    if (at == region)
      return tile;
  FailureOr<TokenTile> tile = compute(tensor, region);
  if (succeeded(tile))
    known[tensor].push_back({region, *tile});
  return tile;
}

FailureOr<TokenTile> TokenTiles::compute(Value tensor,
                                         const TokenRegion &region) {
  Operation *op = tensor.getDefiningOp();
  if (auto source = dyn_cast<bufferization::ToTensorOp>(op))
    return load(op, scalar(source.getBuffer()), region);
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    auto elements = dyn_cast<SplatElementsAttr>(constant.getValue());
    if (!elements)
      return refuse(op, "it is not one value everywhere");
    return TokenTile{arith::ConstantOp::create(
        b, cast<TypedAttr>(elements.getSplatValue<Attribute>()))};
  }
  if (auto splat = dyn_cast<tensor::SplatOp>(op))
    return TokenTile{scalar(splat.getInput())};
  if (auto cast = dyn_cast<tensor::CastOp>(op))
    return of(cast.getSource(), region);
  if (auto gather = dyn_cast<routed::GatherOp>(op))
    return gathered(gather, region);
  if (auto rope = dyn_cast<routed::RopeOp>(op))
    return rotated(rope, region);
  if (auto mean = dyn_cast<routed::MeanHeadsOp>(op))
    return averaged(mean, region);
  if (auto loops = dyn_cast<linalg::LinalgOp>(op))
    return structured(loops, region);
  SmallVector<TokenTile> operands;
  if (!OpTrait::hasElementwiseMappableTraits(op))
    return refuse(op, "tiles have no such operation");
  for (Value operand : op->getOperands()) {
    if (!isa<RankedTensorType>(operand.getType())) {
      operands.push_back({scalar(operand)});
      continue;
    }
    FailureOr<TokenTile> tile = of(operand, region);
    if (failed(tile))
      return failure();
    operands.push_back(*tile);
  }
  return apply(op, operands);
}
