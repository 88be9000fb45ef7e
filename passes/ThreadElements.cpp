// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise work on the thread's elements of a tile, and reductions.

#include "passes/ThreadEmitter.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/TypeSwitch.h"

#include <numbers>

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

//===-- fragments --------------------------------------------------------===//

void ThreadEmitter::setVector(Value tile, Value vector) {
  fragments[tile] = {*layoutOf(tile.getType()), vector};
}

Value ThreadEmitter::materialise(const Fragment &fragment, Type element) {
  if (fragment.vector)
    return fragment.vector;
  auto type = VectorType::get(fragment.offsets.size(), element);
  SmallVector<int32_t> offsets(fragment.offsets.begin(),
                               fragment.offsets.end());
  Value constant = arith::ConstantOp::create(
      b, DenseElementsAttr::get(type, ArrayRef(offsets)));
  if (!fragment.base)
    return constant;
  Value base = vector::BroadcastOp::create(b, type, fragment.base);
  return arith::AddIOp::create(b, base, constant);
}

Value ThreadEmitter::vectorOf(Value tile) {
  return materialise(fragment(tile),
                     cast<RankedTensorType>(tile.getType()).getElementType());
}

std::array<Value, 2> ThreadEmitter::origin(const Layout &layout) {
  Value number = thread();
  return inFront([&] {
    Value lane = b.rem(number, b.i32(Layout::laneCount)),
          warp = b.div(number, b.i32(Layout::laneCount));
    std::array<Value, 2> lanes = b.elementOf(layout.lane(), lane),
                         warps = b.elementOf(layout.warp(), warp);
    for (int d : {0, 1})
      lanes[d] = !lanes[d]   ? warps[d]
                 : !warps[d] ? lanes[d]
                             : b.add(lanes[d], warps[d]);
    return lanes;
  });
}

Value ThreadEmitter::isFirstCopy(const Layout &layout) {
  Value number = thread();
  auto isZeroInCopies = [&](const Digits &digits, Value n, Value sofar) {
    for (const Digit &digit : digits) {
      if (digit.dim == Digit::copy) {
        Value isFirst = b.createOrFold<arith::CmpIOp>(
            arith::CmpIPredicate::eq, b.rem(n, b.i32(digit.extent)), b.i32(0));
        sofar = b.both(sofar, isFirst);
      }
      n = b.div(n, b.i32(digit.extent));
    }
    return sofar;
  };
  if (!layout.hasCopies())
    return Value();
  return inFront([&] {
    Value lanes = b.i32(Layout::laneCount);
    Value first = isZeroInCopies(layout.lane(), b.rem(number, lanes), Value());
    return isZeroInCopies(layout.warp(), b.div(number, lanes), first);
  });
}

//===-- numbers ----------------------------------------------------------===//

/// Tiles of i32 that count: `base` and constants.
bool ThreadEmitter::emitNumbers(Operation *op) {
  auto type = op->getNumResults() == 1
                  ? dyn_cast<RankedTensorType>(op->getResult(0).getType())
                  : RankedTensorType();
  if (!type)
    return false;
  auto numbers = [&](Value tile) -> Fragment * {
    Fragment &its = fragments.find(tile)->second;
    return its.vector ? nullptr : &its;
  };
  auto combine = [&](Value left, Value right, int64_t sign) {
    Fragment *x = numbers(left), *y = numbers(right);
    if (!x || !y)
      return false;
    Fragment sum{x->layout, Value(), x->base, x->offsets};
    if (y->base) {
      Value base = sum.base ? sum.base : b.i32(0);
      sum.base = sign > 0 ? b.add(base, y->base) : b.sub(base, y->base);
    }
    for (auto [offset, other] : llvm::zip(sum.offsets, y->offsets))
      offset += sign * other;
    fragments[op->getResult(0)] = sum;
    return true;
  };
  return TypeSwitch<Operation *, bool>(op)
      .Case([&](tile::IotaOp) {
        Layout layout = *layoutOf(type);
        Fragment iota{layout, Value(), origin(layout)[0], {}};
        for (int64_t i = 0; i < layout.registers(); ++i)
          iota.offsets.push_back(elementAt(layout.reg(), i)[0]);
        fragments[op->getResult(0)] = iota;
        return true;
      })
      .Case([&](tensor::SplatOp splat) {
        if (!type.getElementType().isInteger(32))
          return false;
        Layout layout = *layoutOf(type);
        fragments[splat] = {layout, Value(), scalar(splat.getInput()),
                            SmallVector<int64_t>(layout.registers(), 0)};
        return true;
      })
      .Case([&](arith::ConstantOp constant) {
        if (!type.getElementType().isInteger(32))
          return false;
        auto values = cast<SplatElementsAttr>(constant.getValue());
        Layout layout = *layoutOf(type);
        fragments[constant] = {
            layout, Value(), Value(),
            SmallVector<int64_t>(layout.registers(),
                                 values.getSplatValue<APInt>().getSExtValue())};
        return true;
      })
      .Case([&](arith::AddIOp add) {
        return combine(add.getLhs(), add.getRhs(), 1);
      })
      .Case([&](arith::SubIOp sub) {
        return combine(sub.getLhs(), sub.getRhs(), -1);
      })
      .Case([&](arith::CmpIOp compare) {
        if (!numbers(compare.getLhs()) || !numbers(compare.getRhs()))
          return false;
        // x + a < y + b is a - b < y - x, where the difference of bases is
        // taken to be the largest or least number if it is none.
        if (compare.getPredicate() >= arith::CmpIPredicate::ult)
          return false;
        const Fragment &x = *numbers(compare.getLhs()),
                       &y = *numbers(compare.getRhs());
        Fragment constants{x.layout, Value(), Value(), x.offsets};
        for (auto [offset, other] : llvm::zip(constants.offsets, y.offsets)) {
          offset -= other;
          if (std::abs(offset) >= 1 << 30)
            return false;
        }
        Value limit = LLVM::SSubSat::create(b, y.base ? y.base : b.i32(0),
                                            x.base ? x.base : b.i32(0));
        Value left = materialise(constants, b.getI32Type());
        Value right = vector::BroadcastOp::create(b, left.getType(), limit);
        setVector(compare, arith::CmpIOp::create(b, compare.getPredicate(),
                                                 left, right));
        return true;
      })
      .Default(false);
}

void ThreadEmitter::emitConstant(arith::ConstantOp constant) {
  auto values = cast<SplatElementsAttr>(constant.getValue());
  auto type = cast<RankedTensorType>(constant.getType());
  auto vector =
      VectorType::get(layoutOf(type)->registers(), type.getElementType());
  setVector(constant, arith::ConstantOp::create(b, values.resizeSplat(vector)));
}

void ThreadEmitter::emitBroadcast(tile::BroadcastOp broadcast) {
  Layout layout = *layoutOf(broadcast.getType());
  std::vector<int64_t> from = layout.sliceRegisters(broadcast.getAlong());
  const Fragment &source = fragment(broadcast.getSource());
  if (source.vector) {
    setVector(broadcast, b.shuffle(source.vector, from));
    return;
  }
  Fragment repeated{layout, Value(), source.base, {}};
  for (int64_t i : from)
    repeated.offsets.push_back(source.offsets[i]);
  fragments[broadcast] = repeated;
}

//===-- elementwise ------------------------------------------------------===//

Value ThreadEmitter::eachElement(Value vector,
                                 llvm::function_ref<Value(Value)> make) {
  SmallVector<Value> elements = b.elements(vector);
  for (Value &element : elements)
    element = make(element);
  return b.vector(elements);
}

static Value callIntrinsic(ThreadBuilder &b, StringRef name, Value operand) {
  return LLVM::CallIntrinsicOp::create(b, operand.getType(),
                                       b.getStringAttr(name), operand)
      .getResults();
}

/// What one instruction of the hardware computes, about. Null if `op` is no
/// such function.
Value ThreadEmitter::approximate(Operation *op, Value x) {
  if (!x.getType().isF32())
    return Value();
  if (isa<math::Exp2Op>(op))
    return callIntrinsic(b, "llvm.nvvm.ex2.approx.ftz.f", x);
  if (!isa<math::LogOp>(op))
    return Value();
  Value log2 = callIntrinsic(b, "llvm.nvvm.lg2.approx.ftz.f", x);
  Value factor =
      arith::ConstantOp::create(b, b.getF32FloatAttr(std::numbers::ln2));
  return arith::MulFOp::create(b, log2, factor);
}

LogicalResult ThreadEmitter::emitElementwise(Operation *op) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return emitConstant(constant), success();
  if (auto splat = dyn_cast<tensor::SplatOp>(op)) {
    auto type = VectorType::get(layoutOf(splat.getType())->registers(),
                                splat.getType().getElementType());
    setVector(splat,
              vector::BroadcastOp::create(b, type, scalar(splat.getInput())));
    return success();
  }
  if (!OpTrait::hasElementwiseMappableTraits(op) || op->getNumResults() != 1)
    return op->emitOpError("has no form on a GPU");
  OperationState state(op->getLoc(), op->getName());
  for (Value operand : op->getOperands())
    state.addOperands(isa<RankedTensorType>(operand.getType())
                          ? vectorOf(operand)
                          : scalar(operand));
  Value result = op->getResult(0), made;
  bool isF32 =
      cast<RankedTensorType>(result.getType()).getElementType().isF32();
  if (isF32 && isa<math::Exp2Op, math::LogOp>(op)) {
    made = eachElement(state.operands[0],
                       [&](Value x) { return approximate(op, x); });
  } else {
    state.addTypes(partTypes(result));
    state.addAttributes(op->getAttrs());
    made = b.create(state)->getResult(0);
  }
  setVector(result, made);
  return success();
}

//===-- reductions -------------------------------------------------------===//

static Value combine(ThreadBuilder &b, tile::Reduction kind, Value x, Value y) {
  bool isFloat = isa<FloatType>(x.getType());
  switch (kind) {
  case tile::Reduction::Max:
    return isFloat ? arith::MaxNumFOp::create(b, x, y).getResult()
                   : arith::MaxSIOp::create(b, x, y).getResult();
  case tile::Reduction::Min:
    return isFloat ? arith::MinNumFOp::create(b, x, y).getResult()
                   : arith::MinSIOp::create(b, x, y).getResult();
  case tile::Reduction::Add:
    return isFloat ? arith::AddFOp::create(b, x, y).getResult()
                   : arith::AddIOp::create(b, x, y).getResult();
  }
  llvm_unreachable("all kinds are listed");
}

void ThreadEmitter::emitReduce(tile::ReduceOp reduce) {
  Layout layout = *layoutOf(reduce.getSource().getType());
  std::vector<int64_t> rowOf = layout.sliceRegisters(1);
  SmallVector<Value> elements = b.elements(vectorOf(reduce.getSource()));
  // Two chains: an addition takes four cycles.
  int64_t rows = layout.slice(1).registers();
  SmallVector<SmallVector<Value, 2>> chains(rows);
  SmallVector<int64_t> counts(rows, 0);
  for (auto [row, element] : llvm::zip(rowOf, elements)) {
    int64_t turn = counts[row]++;
    if (turn < 2)
      chains[row].push_back(element);
    else
      chains[row][turn % 2] =
          combine(b, reduce.getKind(), chains[row][turn % 2], element);
  }
  SmallVector<Value> results;
  for (ArrayRef<Value> chain : chains)
    results.push_back(chain.size() == 1
                          ? chain[0]
                          : combine(b, reduce.getKind(), chain[0], chain[1]));
  bool isPartial = reduce.getType().getRank() == 2;
  for (int64_t distance = 1; const Digit &digit : layout.lane()) {
    for (int64_t end = distance * digit.extent; distance < end; distance *= 2)
      for (Value &result : results) {
        if (digit.dim != 1 || isPartial)
          continue;
        Value other = NVVM::ShflOp::create(
            b, result.getType(), b.i32(-1), result, b.i32(distance),
            b.i32(Layout::laneCount - 1), NVVM::ShflKind::bfly, UnitAttr());
        result = combine(b, reduce.getKind(), result, other);
      }
  }
  setVector(reduce, b.vector(results));
}
