// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "test/runtime/sim/differential/EmitOp.h"

#include <bit>
#include <cmath>

namespace headgate::test {

using llvm::APFloat;
using llvm::APInt;
using llvm::Value;
namespace Intrinsic = llvm::Intrinsic;

namespace {
const llvm::fltSemantics &semantics(const Type &type) {
  switch (type.kind) {
  case Type::Kind::half:
    return APFloat::IEEEhalf();
  case Type::Kind::bfloat:
    return APFloat::BFloat();
  case Type::Kind::single:
    return APFloat::IEEEsingle();
  default:
    return APFloat::IEEEdouble();
  }
}
} // namespace

llvm::Type *OpEmitter::lanesOf(const Type &type, llvm::Type *element) const {
  return type.lanes == 1 ? element
                         : llvm::FixedVectorType::get(element, type.lanes);
}

llvm::Type *OpEmitter::integers(const Type &type, unsigned bits) const {
  return lanesOf(type, builder_.getIntNTy(bits));
}

llvm::Type *OpEmitter::held(const Type &type) const {
  if (!type.isReal() || emulated(type))
    return integers(type, type.bits);
  return lanesOf(type, llvm::Type::getFloatingPointTy(builder_.getContext(),
                                                      semantics(type)));
}

Value *OpEmitter::splat(llvm::Type *type, const APInt &value) {
  return llvm::ConstantInt::get(type, value);
}

Value *OpEmitter::widen(const Type &type, Value *held) {
  if (!emulated(type))
    return held;
  Value *bits =
      builder_.CreateShl(builder_.CreateZExt(held, integers(type, 32)),
                         splat(integers(type, 32), APInt(32, 16)));
  return builder_.CreateBitCast(bits, lanesOf(type, builder_.getFloatTy()));
}

Value *OpEmitter::narrow(const Type &type, Value *wide) {
  if (!emulated(type))
    return wide;
  // To nearest, ties to even, by the bits.
  llvm::Type *words = integers(type, 32);
  auto word = [&](uint32_t value) { return splat(words, APInt(32, value)); };
  Value *bits = builder_.CreateBitCast(wide, words);
  Value *odd = builder_.CreateAnd(builder_.CreateLShr(bits, word(16)), word(1));
  Value *rounded =
      builder_.CreateAdd(builder_.CreateAdd(bits, word(0x7fff)), odd);
  Value *upper = builder_.CreateTrunc(builder_.CreateLShr(rounded, word(16)),
                                      integers(type, 16));
  return builder_.CreateSelect(builder_.CreateFCmpUNO(wide, wide),
                               splat(integers(type, 16), APInt(16, 0x7fff)),
                               upper);
}

Value *OpEmitter::constant(const Type &type, uint64_t bits) {
  if (!type.isReal())
    return splat(integers(type, type.bits),
                 APInt(128, bits, true).sextOrTrunc(type.bits));
  APFloat value(semantics(type), APInt(128, bits).trunc(type.bits));
  if (bits % 4 || value.isNaN()) {
    value = APFloat(static_cast<double>(static_cast<int16_t>(bits)) / 8);
    bool inexact = false;
    value.convert(semantics(type), APFloat::rmNearestTiesToEven, &inexact);
  }
  if (emulated(type)) {
    bool inexact = false;
    value.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven,
                  &inexact);
    return llvm::ConstantFP::get(lanesOf(type, builder_.getFloatTy()), value);
  }
  return llvm::ConstantFP::get(held(type), value);
}

Value *OpEmitter::compute(const Type &type, Op op, Value *a, Value *b,
                          Value *c) {
  return type.isReal() ? realOp(type, op, a, b, c)
                       : integerOp(type, op, a, b, c);
}

Value *OpEmitter::divide(const Type &type, Op op, Value *a, Value *b) {
  llvm::Type *integer = integers(type, type.bits);
  b = builder_.CreateOr(b, splat(integer, APInt(type.bits, 1)));
  if (op == Op::udiv)
    return builder_.CreateUDiv(a, b);
  if (op == Op::urem)
    return builder_.CreateURem(a, b);
  // The least integer by -1 overflows.
  Value *least = splat(integer, APInt::getSignedMinValue(type.bits));
  a = builder_.CreateSelect(builder_.CreateICmpEQ(a, least),
                            splat(integer, APInt::getSignedMaxValue(type.bits)),
                            a);
  return op == Op::sdiv ? builder_.CreateSDiv(a, b) : builder_.CreateSRem(a, b);
}

Value *OpEmitter::highProduct(const Type &type, bool isSigned, Value *a,
                              Value *b) {
  llvm::Type *twice = integers(type, 2 * type.bits);
  auto extend = [&](Value *x) {
    return isSigned ? builder_.CreateSExt(x, twice)
                    : builder_.CreateZExt(x, twice);
  };
  Value *product = builder_.CreateMul(extend(a), extend(b));
  return builder_.CreateTrunc(
      builder_.CreateLShr(product,
                          splat(twice, APInt(2 * type.bits, type.bits))),
      integers(type, type.bits));
}

Value *OpEmitter::orWhereItOverflows(Intrinsic::ID id, Value *a, Value *b) {
  Value *both = builder_.CreateBinaryIntrinsic(id, a, b);
  return builder_.CreateSelect(builder_.CreateExtractValue(both, 1), b,
                               builder_.CreateExtractValue(both, 0));
}

Value *OpEmitter::integerOp(const Type &type, Op op, Value *a, Value *b,
                            Value *c) {
  llvm::Type *integer = integers(type, type.bits);
  auto binary = [&](Intrinsic::ID id) {
    return builder_.CreateBinaryIntrinsic(id, a, b);
  };
  auto ternary = [&](Intrinsic::ID id) {
    return builder_.CreateIntrinsic(id, {integer}, {a, b, c});
  };
  auto withFlag = [&](Intrinsic::ID id) {
    return builder_.CreateIntrinsic(id, {integer}, {a, builder_.getFalse()});
  };
  auto amount = [&] {
    return builder_.CreateAnd(
        b, splat(integer, APInt(type.bits, std::bit_floor(type.bits) - 1)));
  };
  switch (op) {
  case Op::bitAnd:
    return builder_.CreateAnd(a, b);
  case Op::bitOr:
    return builder_.CreateOr(a, b);
  case Op::bitXor:
    return builder_.CreateXor(a, b);
  case Op::add:
    return builder_.CreateAdd(a, b);
  case Op::sub:
    return builder_.CreateSub(a, b);
  case Op::mul:
    return builder_.CreateMul(a, b);
  case Op::udiv:
  case Op::sdiv:
  case Op::urem:
  case Op::srem:
    return divide(type, op, a, b);
  case Op::shl:
    return builder_.CreateShl(a, amount());
  case Op::lshr:
    return builder_.CreateLShr(a, amount());
  case Op::ashr:
    return builder_.CreateAShr(a, amount());
  case Op::smin:
    return binary(Intrinsic::smin);
  case Op::smax:
    return binary(Intrinsic::smax);
  case Op::umin:
    return binary(Intrinsic::umin);
  case Op::umax:
    return binary(Intrinsic::umax);
  case Op::uaddSat:
    return binary(Intrinsic::uadd_sat);
  case Op::usubSat:
    return binary(Intrinsic::usub_sat);
  case Op::saddSat:
    return binary(Intrinsic::sadd_sat);
  case Op::ssubSat:
    return binary(Intrinsic::ssub_sat);
  case Op::umulHigh:
    return highProduct(type, false, a, b);
  case Op::smulHigh:
    return highProduct(type, true, a, b);
  case Op::fshl:
    return ternary(Intrinsic::fshl);
  case Op::fshr:
    return ternary(Intrinsic::fshr);
  case Op::mulAdd:
    return builder_.CreateAdd(builder_.CreateMul(a, b), c);
  case Op::absolute:
    return withFlag(Intrinsic::abs);
  case Op::population:
    return builder_.CreateUnaryIntrinsic(Intrinsic::ctpop, a);
  case Op::leadingZeros:
    return withFlag(Intrinsic::ctlz);
  case Op::trailingZeros:
    return withFlag(Intrinsic::cttz);
  case Op::byteSwap:
    return builder_.CreateUnaryIntrinsic(Intrinsic::bswap, a);
  case Op::bitReverse:
    return builder_.CreateUnaryIntrinsic(Intrinsic::bitreverse, a);
  case Op::uaddOverflows:
    return orWhereItOverflows(Intrinsic::uadd_with_overflow, a, b);
  case Op::umulOverflows:
    return orWhereItOverflows(Intrinsic::umul_with_overflow, a, b);
  default:
    return a;
  }
}

Value *OpEmitter::extremum(const Type &type, Op op, Value *a, Value *b) {
  bool least = op == Op::minimumNumber || op == Op::minimum;
  bool number = op == Op::minimumNumber || op == Op::maximumNumber;
  if (side_ == Side::gpu)
    return builder_.CreateBinaryIntrinsic(
        number ? (least ? Intrinsic::minimumnum : Intrinsic::maximumnum)
               : (least ? Intrinsic::minimum : Intrinsic::maximum),
        a, b);
  // Written out: LLVM 22 loses the number beside a NaN on x86.
  Value *better =
      least ? builder_.CreateFCmpOLT(a, b) : builder_.CreateFCmpOGT(a, b);
  Value *result = builder_.CreateSelect(better, a, b);
  // Zeros are ordered by their signs; other equal numbers have the same bits.
  unsigned bits = a->getType()->getScalarSizeInBits();
  llvm::Type *integer = integers(type, bits);
  Value *x = builder_.CreateBitCast(a, integer),
        *y = builder_.CreateBitCast(b, integer);
  Value *both = least ? builder_.CreateOr(x, y) : builder_.CreateAnd(x, y);
  result =
      builder_.CreateSelect(builder_.CreateFCmpOEQ(a, b),
                            builder_.CreateBitCast(both, a->getType()), result);
  Value *aIsNaN = builder_.CreateFCmpUNO(a, a),
        *bIsNaN = builder_.CreateFCmpUNO(b, b);
  result = builder_.CreateSelect(bIsNaN, number ? a : b, result);
  return builder_.CreateSelect(aIsNaN, number ? b : a, result);
}

Value *OpEmitter::realOp(const Type &type, Op op, Value *a, Value *b,
                         Value *c) {
  auto unary = [&](Intrinsic::ID id) {
    return builder_.CreateUnaryIntrinsic(id, a);
  };
  switch (op) {
  case Op::fadd:
    return builder_.CreateFAdd(a, b);
  case Op::fsub:
    return builder_.CreateFSub(a, b);
  case Op::fmul:
    return builder_.CreateFMul(a, b);
  case Op::fdiv:
    return builder_.CreateFDiv(a, b);
  case Op::fma:
    return builder_.CreateIntrinsic(Intrinsic::fma, {a->getType()}, {a, b, c});
  case Op::minimumNumber:
  case Op::maximumNumber:
  case Op::minimum:
  case Op::maximum:
    return extremum(type, op, a, b);
  case Op::copySign: {
    // The sign of a NaN is nobody's.
    Value *one = constant(type, 8);
    b = builder_.CreateSelect(builder_.CreateFCmpUNO(b, b), one, b);
    return builder_.CreateBinaryIntrinsic(Intrinsic::copysign, a, b);
  }
  case Op::negate:
    return builder_.CreateFNeg(a);
  case Op::magnitude:
    return unary(Intrinsic::fabs);
  case Op::squareRoot:
    return unary(Intrinsic::sqrt);
  case Op::floor:
    return unary(Intrinsic::floor);
  case Op::ceil:
    return unary(Intrinsic::ceil);
  case Op::truncate:
    return unary(Intrinsic::trunc);
  case Op::nearestEven:
    return unary(Intrinsic::roundeven);
  case Op::round:
    return unary(Intrinsic::round);
  default:
    return a;
  }
}

Value *OpEmitter::other(const Type &type, Value *value) {
  return type.isReal() ? builder_.CreateFAdd(value, constant(type, 9)) : value;
}

Value *OpEmitter::compare(const Type &type, unsigned predicate, Value *a,
                          Value *b) {
  using llvm::CmpInst;
  if (!type.isReal())
    return builder_.CreateICmp(
        static_cast<CmpInst::Predicate>(CmpInst::FIRST_ICMP_PREDICATE +
                                        predicate % 10),
        a, b);
  // Those between "false" and "true".
  return builder_.CreateFCmp(
      static_cast<CmpInst::Predicate>(CmpInst::FCMP_OEQ + predicate % 14), a,
      b);
}

Value *OpEmitter::toInteger(const Type &from, const Type &to, unsigned variant,
                            Value *a) {
  llvm::Type *result = integers(to, to.bits);
  bool isSigned = variant & 1;
  if (to.isBoolean())
    return builder_.CreateFCmpUNE(a, llvm::ConstantFP::get(a->getType(), 0.0));
  if (variant & 2)
    return builder_.CreateIntrinsic(isSigned ? Intrinsic::fptosi_sat
                                             : Intrinsic::fptoui_sat,
                                    {result, a->getType()}, {a});
  // Into the range first: what is outside of it is poison.
  unsigned exponent = to.bits - 2;
  if (from.kind == Type::Kind::half)
    exponent = std::min(exponent, 14u);
  double limit = std::ldexp(1.0, static_cast<int>(exponent));
  auto real = [&](double x) { return llvm::ConstantFP::get(a->getType(), x); };
  a = extremum(from, Op::maximumNumber, a, real(isSigned ? -limit : 0.0));
  a = extremum(from, Op::minimumNumber, a, real(limit));
  return isSigned ? builder_.CreateFPToSI(a, result)
                  : builder_.CreateFPToUI(a, result);
}

Value *OpEmitter::convert(const Type &from, const Type &to, unsigned variant,
                          Value *a) {
  bool isSigned = variant & 1;
  llvm::Type *wide = emulated(to) ? builder_.getFloatTy() : held(to);
  if (!from.isReal() && !to.isReal())
    return isSigned ? builder_.CreateSExtOrTrunc(a, wide)
                    : builder_.CreateZExtOrTrunc(a, wide);
  if (from.isReal() && !to.isReal())
    return toInteger(from, to, variant, a);
  // LLVM 22 takes a signed i1 for 1 on its way to bfloat on sm_90.
  if (from.isBoolean() && to.kind == Type::Kind::bfloat)
    isSigned = false;
  if (!from.isReal())
    return isSigned ? builder_.CreateSIToFP(a, wide)
                    : builder_.CreateUIToFP(a, wide);
  // Between the 16-bit ones by way of f32.
  if (a->getType()->isHalfTy() || a->getType()->isBFloatTy())
    a = builder_.CreateFPExt(a, builder_.getFloatTy());
  return builder_.CreateFPCast(a, wide);
}

unsigned OpEmitter::storedBytes(const Type &type) const {
  return type.lanes * std::bit_ceil(std::max(type.bits, 8u)) / 8;
}

Value *OpEmitter::canonicalBits(const Type &type, Value *bits) {
  llvm::Type *integer = integers(type, type.bits);
  const llvm::fltSemantics &format = semantics(type);
  APInt infinity = APFloat::getInf(format).bitcastToAPInt();
  Value *magnitude = builder_.CreateAnd(
      bits, splat(integer, APInt::getSignedMaxValue(type.bits)));
  return builder_.CreateSelect(
      builder_.CreateICmpUGT(magnitude, splat(integer, infinity)),
      splat(integer, APFloat::getQNaN(format).bitcastToAPInt()), bits);
}

Value *OpEmitter::load(const Type &type, Value *address) {
  unsigned bytes = storedBytes(type);
  llvm::Type *stored = integers(type, 8 * bytes / type.lanes);
  Value *bits = builder_.CreateAlignedLoad(stored, address, llvm::Align(bytes));
  bits = builder_.CreateTrunc(bits, integers(type, type.bits));
  return type.isReal()
             ? builder_.CreateBitCast(canonicalBits(type, bits), held(type))
             : bits;
}

void OpEmitter::store(const Type &type, Value *held, Value *address) {
  unsigned bytes = storedBytes(type);
  Value *bits = builder_.CreateBitCast(held, integers(type, type.bits));
  if (type.isReal())
    bits = canonicalBits(type, bits);
  bits = builder_.CreateZExt(bits, integers(type, 8 * bytes / type.lanes));
  builder_.CreateAlignedStore(bits, address, llvm::Align(bytes));
}

} // namespace headgate::test
