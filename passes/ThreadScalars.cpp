// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numbers that all threads of a block agree on, and buffers. An index is an
// i32, a buffer a pointer and what its window says of it.

#include "passes/ThreadEmitter.h"

#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

//===-- numbers ----------------------------------------------------------===//

Type ThreadEmitter::scalarType(Type type) {
  return isa<IndexType, tile::SlotType>(type) ? b.getI32Type() : type;
}

void ThreadEmitter::setScalar(Value value, Value made) {
  scalars[value] = {made, epoch};
}

/// Cheap, and in the end of what the block's number or an argument says.
static bool isArithmetic(Operation *op) {
  return op && (isa<gpu::BlockIdOp, gpu::GridDimOp>(op) ||
                (isa<arith::ArithDialect>(op->getDialect()) &&
                 !matchPattern(op, m_Constant())));
}

Value ThreadEmitter::scalar(Value value) {
  auto known = scalars.find(value);
  assert(known != scalars.end() && "a scalar is made before it is used");
  auto [made, when] = known->second;
  Operation *op = value.getDefiningOp();
  if (when == epoch || !isArithmetic(op))
    return made;
  made = inFront([&] { return makeScalar(op); });
  setScalar(value, made);
  return made;
}

/// An address is an index of 64 bits, which nothing but another one is compared
/// with.
static bool isAddress(Value value) {
  return value.getDefiningOp<memref::ExtractAlignedPointerAsIndexOp>();
}

LogicalResult ThreadEmitter::emitScalar(Operation *op) {
  int64_t addresses = llvm::count_if(op->getOperands(), isAddress);
  if (addresses && !(isa<arith::CmpIOp>(op) && addresses == 2))
    return op->emitOpError("takes an address, which on a GPU is only compared "
                           "with another one");
  for (Type type : op->getResultTypes())
    if (!scalarType(type).isIntOrFloat())
      return op->emitOpError("has no form on a GPU");
  if (op->getNumResults() != 1)
    return op->emitOpError("has no form on a GPU");
  setScalar(op->getResult(0), makeScalar(op));
  return success();
}

Value ThreadEmitter::makeScalar(Operation *op) {
  return TypeSwitch<Operation *, Value>(op)
      .Case([&](gpu::BlockIdOp id) -> Value {
        return b.blockId(id.getDimension(), /*again=*/epoch > 0);
      })
      .Case([&](gpu::GridDimOp size) -> Value {
        return b.gridSize(size.getDimension());
      })
      .Case([&](memref::DimOp dim) -> Value {
        std::optional<int64_t> d = dim.getConstantIndex();
        return views.lookup(dim.getSource()).extents[*d];
      })
      .Case([&](memref::ExtractAlignedPointerAsIndexOp address) -> Value {
        return LLVM::PtrToIntOp::create(
            b, b.getI64Type(), views.lookup(address.getSource()).pointer);
      })
      .Case([&](memref::LoadOp load) -> Value {
        View view = views.lookup(load.getMemRef());
        Value at = view.pointer;
        for (auto [index, stride] : llvm::zip(load.getIndices(), view.strides))
          at = b.advance(at, b.mul(b.wide(scalar(index)), stride));
        Type type = load.getType(), stored = inMemory(type);
        Value value = b.read(stored, at);
        if (type == stored)
          return value;
        Value zero = arith::ConstantOp::create(b, b.getZeroAttr(stored));
        return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, value, zero);
      })
      .Case<arith::IndexCastOp, arith::IndexCastUIOp>([&](auto cast) -> Value {
        Value from = scalar(cast.getIn());
        Type to = scalarType(cast.getType());
        unsigned has = from.getType().getIntOrFloatBitWidth(),
                 needs = to.getIntOrFloatBitWidth();
        if (has == needs)
          return from;
        if (has > needs)
          return b.createOrFold<arith::TruncIOp>(to, from);
        return isa<arith::IndexCastOp>(cast)
                   ? b.createOrFold<arith::ExtSIOp>(to, from)
                   : b.createOrFold<arith::ExtUIOp>(to, from);
      })
      .Case([&](arith::ConstantOp constant) -> Value {
        if (constant.getType().isIndex())
          return b.i32(cast<IntegerAttr>(constant.getValue()).getInt());
        return b.clone(*op)->getResult(0);
      })
      .Default([&](Operation *other) -> Value {
        if (other->getNumOperands() == 1)
          if (Value made = approximate(other, scalar(other->getOperand(0))))
            return made;
        OperationState state(b.getLoc(), other->getName());
        for (Value operand : other->getOperands())
          state.addOperands(scalar(operand));
        state.addTypes(scalarType(other->getResult(0).getType()));
        state.addAttributes(other->getAttrs());
        SmallVector<Value> folded;
        Operation *made = b.create(state);
        if (succeeded(b.tryFold(made, folded)) && !folded.empty()) {
          made->erase();
          return folded[0];
        }
        return made->getResult(0);
      });
}

//===-- buffers ----------------------------------------------------------===//

Value ThreadEmitter::byteCount(Value index) {
  Operation *op = index.getDefiningOp();
  if (!isa_and_present<arith::AddIOp, arith::MulIOp>(op))
    return b.wide(scalar(index));
  Value left = byteCount(op->getOperand(0)),
        right = byteCount(op->getOperand(1));
  return isa<arith::AddIOp>(op) ? b.add(left, right) : b.mul(left, right);
}

View ThreadEmitter::viewOf(Value pointer, MemRefType type,
                           ArrayRef<Value> extents) {
  View view{pointer, SmallVector<Value>(extents), {}};
  Value stride = b.i64(llvm::divideCeil(type.getElementTypeBitWidth(), 8));
  for (Value extent : llvm::reverse(extents)) {
    view.strides.push_back(stride);
    stride = b.mul(stride, b.wide(extent));
  }
  std::reverse(view.strides.begin(), view.strides.end());
  return view;
}

bool ThreadEmitter::emitBuffer(Operation *op) {
  auto number = [&](OpFoldResult value) -> Value {
    if (std::optional<int64_t> known = getConstantIntValue(value))
      return b.i32(*known);
    return scalar(cast<Value>(value));
  };
  return TypeSwitch<Operation *, bool>(op)
      .Case([&](memref::CastOp cast) {
        views[cast] = views.lookup(cast.getSource());
        return true;
      })
      .Case([&](memref::ViewOp view) {
        View source = views.lookup(view.getSource());
        SmallVector<Value> extents;
        ValueRange sizes = view.getSizes();
        for (int64_t extent : view.getType().getShape()) {
          bool isKnown = extent != ShapedType::kDynamic;
          extents.push_back(isKnown ? b.i32(extent) : scalar(sizes.front()));
          sizes = sizes.drop_front(!isKnown);
        }
        Value at = b.advance(source.pointer, byteCount(view.getByteShift()));
        views[view] = viewOf(at, view.getType(), extents);
        return true;
      })
      .Case([&](memref::SubViewOp view) {
        View source = views.lookup(view.getSource()), part{source.pointer};
        llvm::SmallBitVector dropped = view.getDroppedDims();
        for (auto [d, offset, size, step] :
             llvm::enumerate(view.getMixedOffsets(), view.getMixedSizes(),
                             view.getMixedStrides())) {
          Value stride = source.strides[d];
          part.pointer =
              b.advance(part.pointer, b.mul(b.wide(number(offset)), stride));
          if (dropped[d])
            continue;
          part.extents.push_back(number(size));
          part.strides.push_back(b.mul(stride, b.wide(number(step))));
        }
        views[view] = part;
        return true;
      })
      .Case([&](memref::CollapseShapeOp collapse) {
        View source = views.lookup(collapse.getSrc()), whole{source.pointer};
        for (const ReassociationIndices &group :
             collapse.getReassociationIndices()) {
          Value extent = b.i32(1);
          for (int64_t d : group)
            extent = b.mul(extent, source.extents[d]);
          whole.extents.push_back(extent);
          whole.strides.push_back(source.strides[group.back()]);
        }
        views[collapse] = whole;
        return true;
      })
      .Case([&](memref::ExpandShapeOp expand) {
        View source = views.lookup(expand.getSrc()), parts{source.pointer};
        SmallVector<OpFoldResult> sizes = expand.getMixedOutputShape();
        for (auto [d, group] :
             llvm::enumerate(expand.getReassociationIndices())) {
          SmallVector<Value> strides = {source.strides[d]};
          for (int64_t inner : llvm::reverse(ArrayRef(group).drop_front()))
            strides.push_back(
                b.mul(strides.back(), b.wide(number(sizes[inner]))));
          for (auto [inner, stride] :
               llvm::zip(group, llvm::reverse(strides))) {
            parts.extents.push_back(number(sizes[inner]));
            parts.strides.push_back(stride);
          }
        }
        views[expand] = parts;
        return true;
      })
      .Default(false);
}
