// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/SpecBuilder.h"

#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <limits>

using namespace mlir;
using namespace headgate::passes;

static constexpr float infinity = std::numeric_limits<float>::infinity();

SmallVector<Value> headgate::passes::join(Indices a, Indices b) {
  SmallVector<Value> all(a);
  all.append(b.begin(), b.end());
  return all;
}

//===-- scalars ----------------------------------------------------------===//

Value SpecBuilder::f32(float x) {
  return arith::ConstantOp::create(*this, getF32FloatAttr(x));
}
Value SpecBuilder::i32(int32_t x) {
  return arith::ConstantIntOp::create(*this, x, 32);
}
Value SpecBuilder::index(int64_t x) {
  return arith::ConstantIndexOp::create(*this, x);
}
Value SpecBuilder::boolean(bool x) {
  return arith::ConstantIntOp::create(*this, x, 1);
}

Value SpecBuilder::add(Value a, Value b) {
  if (isa<FloatType>(a.getType()))
    return arith::AddFOp::create(*this, a, b);
  return arith::AddIOp::create(*this, a, b);
}
Value SpecBuilder::sub(Value a, Value b) {
  if (isa<FloatType>(a.getType()))
    return arith::SubFOp::create(*this, a, b);
  return arith::SubIOp::create(*this, a, b);
}
Value SpecBuilder::mul(Value a, Value b) {
  if (isa<FloatType>(a.getType()))
    return arith::MulFOp::create(*this, a, b);
  return arith::MulIOp::create(*this, a, b);
}
Value SpecBuilder::div(Value a, Value b) {
  return arith::DivFOp::create(*this, a, b);
}
Value SpecBuilder::exp(Value a) { return math::ExpOp::create(*this, a); }
Value SpecBuilder::log(Value a) { return math::LogOp::create(*this, a); }
Value SpecBuilder::max(Value a, Value b) {
  return arith::MaximumFOp::create(*this, a, b);
}

Value SpecBuilder::less(Value a, Value b) {
  if (isa<FloatType>(a.getType()))
    return arith::CmpFOp::create(*this, arith::CmpFPredicate::OLT, a, b);
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::slt, a, b);
}
Value SpecBuilder::lessOrEqual(Value a, Value b) {
  if (isa<FloatType>(a.getType()))
    return arith::CmpFOp::create(*this, arith::CmpFPredicate::OLE, a, b);
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::sle, a, b);
}
Value SpecBuilder::equal(Value a, Value b) {
  if (isa<FloatType>(a.getType()))
    return arith::CmpFOp::create(*this, arith::CmpFPredicate::OEQ, a, b);
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::eq, a, b);
}
Value SpecBuilder::isNaN(Value a) {
  return arith::CmpFOp::create(*this, arith::CmpFPredicate::UNO, a, a);
}
Value SpecBuilder::both(Value a, Value b) {
  return arith::AndIOp::create(*this, a, b);
}
Value SpecBuilder::either(Value a, Value b) {
  return arith::OrIOp::create(*this, a, b);
}
Value SpecBuilder::pick(Value condition, Value a, Value b) {
  return arith::SelectOp::create(*this, condition, a, b);
}
Value SpecBuilder::choose(Value condition, llvm::function_ref<Value()> a,
                          llvm::function_ref<Value()> b) {
  auto yield = [&](llvm::function_ref<Value()> side) {
    return [this, side](OpBuilder &nested, Location loc) {
      OpBuilder::InsertionGuard guard(*this);
      setInsertionPoint(nested.getInsertionBlock(), nested.getInsertionPoint());
      scf::YieldOp::create(*this, side());
    };
  };
  return scf::IfOp::create(*this, condition, yield(a), yield(b)).getResult(0);
}

Value SpecBuilder::toIndex(Value integer) {
  return arith::IndexCastOp::create(*this, getIndexType(), integer);
}
Value SpecBuilder::toI32(Value index) {
  return arith::IndexCastOp::create(*this, getI32Type(), index);
}
Value SpecBuilder::oneIf(Value condition) {
  return arith::ExtUIOp::create(*this, getI32Type(), condition);
}

Value SpecBuilder::safeExpert(Value expert) {
  return toIndex(arith::MaxSIOp::create(*this, expert, i32(0)));
}
Value SpecBuilder::isHole(Value expert) { return less(expert, i32(0)); }

Value SpecBuilder::widen(Value scalar) {
  if (!isa<FloatType>(scalar.getType()) || scalar.getType().isF32())
    return scalar;
  return arith::ExtFOp::create(*this, getF32Type(), scalar);
}
Value SpecBuilder::read(Value tensor, Indices at) {
  return widen(tensor::ExtractOp::create(*this, tensor, at));
}

Value SpecBuilder::sigmoid(Value x) {
  return div(f32(1), add(f32(1), exp(sub(f32(0), x))));
}

//===-- extents ----------------------------------------------------------===//

Dims SpecBuilder::dims(Value tensor) {
  return tensor::getMixedSizes(*this, getLoc(), tensor);
}
OpFoldResult SpecBuilder::dim(Value tensor, int64_t which) {
  return tensor::getMixedSize(*this, getLoc(), tensor, which);
}
Value SpecBuilder::value(OpFoldResult extent) {
  return getValueOrCreateConstantIndexOp(*this, getLoc(), extent);
}

//===-- loop nests -------------------------------------------------------===//

Value SpecBuilder::filled(Dims out, Value init) {
  Value empty = tensor::EmptyOp::create(*this, out, init.getType());
  return linalg::FillOp::create(*this, ValueRange{init}, ValueRange{empty})
      .getResult(0);
}

Value SpecBuilder::generic(
    ValueRange operands, Value init, ArrayRef<AffineMap> maps,
    ArrayRef<utils::IteratorType> iterators,
    llvm::function_ref<Value(Indices, Indices, Value)> fn) {
  Type element = cast<RankedTensorType>(init.getType()).getElementType();
  auto body = [&](OpBuilder &nested, Location, ValueRange args) {
    OpBuilder::InsertionGuard guard(*this);
    setInsertionPoint(nested.getInsertionBlock(), nested.getInsertionPoint());
    SmallVector<Value> indices, elements;
    for (unsigned d = 0; d < iterators.size(); ++d)
      indices.push_back(linalg::IndexOp::create(*this, d));
    for (Value arg : args.drop_back())
      elements.push_back(widen(arg));
    Value x = fn(indices, elements, args.back());
    if (x.getType() != element)
      x = arith::TruncFOp::create(*this, element, x);
    linalg::YieldOp::create(*this, x);
  };
  return linalg::GenericOp::create(*this, TypeRange{init.getType()}, operands,
                                   ValueRange{init}, maps, iterators, body)
      .getResult(0);
}

Value SpecBuilder::reduceAcross(Dims outer, Dims over, Dims inner, Type element,
                                Value init,
                                llvm::function_ref<Value(Indices, Value)> fn) {
  Dims out = outer;
  out.append(inner);
  Value destination = init
                          ? filled(out, init)
                          : Value(tensor::EmptyOp::create(*this, out, element));
  unsigned n = outer.size(), r = over.size(), loops = n + r + inner.size();
  auto mapOf = [&](auto isMine) {
    SmallVector<AffineExpr> mine;
    for (unsigned d = 0; d < loops; ++d)
      if (isMine(d))
        mine.push_back(getAffineDimExpr(d));
    return AffineMap::get(loops, 0, mine, getContext());
  };
  auto isReduced = [&](unsigned d) { return d >= n && d < n + r; };
  SmallVector<Value> operands;
  SmallVector<AffineMap> maps;
  // linalg takes loop extents from operands only: an operand that nobody reads
  // carries those of the reduction.
  if (r) {
    operands.push_back(tensor::EmptyOp::create(*this, over, getI1Type()));
    maps.push_back(mapOf(isReduced));
  }
  maps.push_back(mapOf([&](unsigned d) { return !isReduced(d); }));
  SmallVector<utils::IteratorType> iterators(loops,
                                             utils::IteratorType::parallel);
  std::fill_n(iterators.begin() + n, r, utils::IteratorType::reduction);
  return generic(
      operands, destination, maps, iterators,
      [&](Indices at, Indices, Value sofar) { return fn(at, sofar); });
}

Value SpecBuilder::reduce(Dims out, Dims over, Type element, Value init,
                          llvm::function_ref<Value(Indices, Value)> fn) {
  return reduceAcross(out, over, {}, element, init, fn);
}

Value SpecBuilder::map(Dims out, Type element,
                       llvm::function_ref<Value(Indices)> fn) {
  return reduce(out, {}, element, {},
                [&](Indices at, Value) { return fn(at); });
}

Value SpecBuilder::sum(Dims out, Dims over,
                       llvm::function_ref<Value(Indices)> fn) {
  return reduce(out, over, getF32Type(), f32(0),
                [&](Indices at, Value sofar) { return add(sofar, fn(at)); });
}

Value SpecBuilder::sumAcross(Dims outer, Dims over, Dims inner,
                             llvm::function_ref<Value(Indices)> fn) {
  return reduceAcross(
      outer, over, inner, getF32Type(), f32(0),
      [&](Indices at, Value sofar) { return add(sofar, fn(at)); });
}

Value SpecBuilder::count(Dims out, Dims over,
                         llvm::function_ref<Value(Indices)> condition) {
  return reduce(out, over, getI32Type(), i32(0), [&](Indices at, Value sofar) {
    return add(sofar, oneIf(condition(at)));
  });
}

//===-- whole tensors ----------------------------------------------------===//

Value SpecBuilder::rounded(Value x, Type element) {
  if (cast<RankedTensorType>(x.getType()).getElementType() == element)
    return x;
  return map(dims(x), element, [&](Indices at) { return read(x, at); });
}

Value SpecBuilder::widened(Value tensor) {
  return rounded(tensor, getF32Type());
}

Value SpecBuilder::softmax(Value x) {
  Dims all = dims(x), rows(all), last = {all.back()};
  rows.pop_back();
  Value top =
      reduce(rows, last, getF32Type(), f32(-infinity),
             [&](Indices at, Value sofar) { return max(sofar, read(x, at)); });
  Value e = map(all, getF32Type(), [&](Indices at) {
    Value m = read(top, at.drop_back()); // -inf - -inf would be NaN
    Value shift = pick(equal(m, f32(-infinity)), f32(0), m);
    return exp(sub(read(x, at), shift));
  });
  Value total = sum(rows, last, [&](Indices at) { return read(e, at); });
  return map(all, getF32Type(), [&](Indices at) {
    Value s = read(total, at.drop_back());
    return pick(equal(s, f32(0)), f32(0), div(read(e, at), s));
  });
}
