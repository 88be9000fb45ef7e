// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/TileBuilder.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

//===-- indices ----------------------------------------------------------===//

Value TileBuilder::index(int64_t number) {
  return arith::ConstantIndexOp::create(*this, number);
}
Value TileBuilder::ceilDiv(Value a, Value b) {
  return createOrFold<arith::CeilDivUIOp>(a, b);
}
Value TileBuilder::min(Value a, Value b) {
  return createOrFold<arith::MinSIOp>(a, b);
}
Value TileBuilder::max(Value a, Value b) {
  return createOrFold<arith::MaxSIOp>(a, b);
}
Value TileBuilder::toI32(Value index) {
  return createOrFold<arith::IndexCastOp>(getI32Type(), index);
}
Value TileBuilder::dim(Value buffer, int64_t d) {
  return createOrFold<memref::DimOp>(buffer, index(d));
}
Value TileBuilder::loadIndex(Value buffer, Value at) {
  Value number = memref::LoadOp::create(*this, buffer, at);
  return arith::IndexCastOp::create(*this, getIndexType(), number);
}

//===-- tiles ------------------------------------------------------------===//

RankedTensorType TileBuilder::type(ArrayRef<int64_t> shape,
                                   Type element) const {
  return RankedTensorType::get(shape, element);
}
RankedTensorType TileBuilder::f32(ArrayRef<int64_t> shape) {
  return type(shape, getF32Type());
}
RankedTensorType TileBuilder::i32(ArrayRef<int64_t> shape) {
  return type(shape, getI32Type());
}
Value TileBuilder::constant(ArrayRef<int64_t> shape, float value) {
  return arith::ConstantOp::create(*this,
                                   DenseElementsAttr::get(f32(shape), value));
}
Value TileBuilder::constantI32(ArrayRef<int64_t> shape, int64_t value) {
  return arith::ConstantOp::create(
      *this, DenseElementsAttr::get(i32(shape), int32_t(value)));
}
Value TileBuilder::splat(ArrayRef<int64_t> shape, Value scalar) {
  return createOrFold<tensor::SplatOp>(type(shape, scalar.getType()), scalar);
}
Value TileBuilder::iota(int64_t extent) {
  return tile::IotaOp::create(*this, i32(extent));
}
Value TileBuilder::repeat(Value vector, int64_t along,
                          ArrayRef<int64_t> shape) {
  return createOrFold<tile::BroadcastOp>(type(shape, elementOf(vector)), vector,
                                         along);
}

Value TileBuilder::load(Value buffer, const TileWindow &window,
                        ArrayRef<int64_t> shape) {
  return tile::LoadOp::create(
      *this, type(shape, elementOf(buffer)), buffer, window.coords,
      getDenseI64ArrayAttr(window.sizes), window.rows,
      window.rows.empty() ? DenseI64ArrayAttr()
                          : getDenseI64ArrayAttr(window.rowDims));
}

void TileBuilder::store(Value tile, Value buffer, const TileWindow &window) {
  tile::StoreOp::create(*this, tile, buffer, window.coords,
                        getDenseI64ArrayAttr(window.sizes), window.rows,
                        window.rows.empty()
                            ? DenseI64ArrayAttr()
                            : getDenseI64ArrayAttr(window.rowDims));
}

Type headgate::passes::elementOf(Value shaped) {
  return cast<ShapedType>(shaped.getType()).getElementType();
}

Type headgate::passes::tileElementFor(Type type) {
  if (type.isIndex())
    return IntegerType::get(type.getContext(), 32);
  bool isElement = type.isF32() || type.isF16() || type.isBF16() ||
                   type.isInteger(32) || type.isInteger(8) || type.isInteger(1);
  return isElement ? type : Type();
}

int64_t headgate::passes::paddedTileWidth(int64_t count) {
  return count <= 16 ? int64_t(llvm::PowerOf2Ceil(count))
                     : int64_t(llvm::alignTo(count, 16));
}

bool headgate::passes::isMultipleOf(OpFoldResult value, int64_t factor) {
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return *constant % factor == 0;
  if (factor == 1)
    return true;
  auto known = cast<Value>(value);
  if (auto product = known.getDefiningOp<arith::MulIOp>())
    return isMultipleOf(product.getLhs(), factor) ||
           isMultipleOf(product.getRhs(), factor);
  if (auto sum = known.getDefiningOp<arith::AddIOp>())
    return isMultipleOf(sum.getLhs(), factor) &&
           isMultipleOf(sum.getRhs(), factor);
  auto argument = dyn_cast<BlockArgument>(known);
  auto loop = argument
                  ? dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp())
                  : nullptr;
  return loop && argument == loop.getInductionVar() &&
         isMultipleOf(loop.getLowerBound(), factor) &&
         isMultipleOf(loop.getStep(), factor);
}
