// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// 2^x = 2^n 2^f with a whole n, and 2^f as a polynomial of degree 5 with
// constant term 1 (minimax in the relative error, 9e-8 at most, found by
// Lawson's iteration). With AVX-512, n = floor x: vreduceps gives f, and 0 for
// +-inf; vscalefps multiplies by 2^floor(x) and is right for inf, NaN, overflow
// and underflow, so that x needs no clamping. Elsewhere n is x rounded by
// adding 1.5 * 2^23, which leaves n in the low bits, ready to be added to the
// exponent.

#include "passes/TileEmitter.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

static Value splat(ImplicitLocOpBuilder &b, VectorType type, double value) {
  Type element = type.getElementType();
  Attribute attr = isa<FloatType>(element)
                       ? Attribute(b.getFloatAttr(element, value))
                       : Attribute(b.getIntegerAttr(element, int64_t(value)));
  return arith::ConstantOp::create(b, DenseElementsAttr::get(type, attr));
}

static Value polynomial(ImplicitLocOpBuilder &b, Value f,
                        ArrayRef<double> coefficients) {
  auto type = cast<VectorType>(f.getType());
  Value sum = splat(b, type, coefficients.back());
  for (double coefficient : llvm::reverse(coefficients.drop_back()))
    sum = math::FmaOp::create(b, sum, f, splat(b, type, coefficient));
  return sum;
}

static Value intrinsic(ImplicitLocOpBuilder &b, StringRef name, VectorType type,
                       ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(b, type, b.getStringAttr(name), operands)
      .getResult(0);
}

static Value expandForAvx512(ImplicitLocOpBuilder &b, Value x) {
  auto type = cast<VectorType>(x.getType());
  auto i32 = [&](int64_t value) -> Value {
    return LLVM::ConstantOp::create(b, b.getI32Type(),
                                    b.getI32IntegerAttr(value));
  };
  Value all =
      LLVM::ConstantOp::create(b, b.getI16Type(), b.getI16IntegerAttr(-1));
  Value zero = splat(b, type, 0);
  // Immediate 9: no bits of the fraction kept, rounded down, no exceptions.
  // Rounding 4: the current direction.
  Value f = intrinsic(b, "llvm.x86.avx512.mask.reduce.ps.512", type,
                      {x, i32(9), zero, all, i32(4)});
  Value p = polynomial(b, f,
                       {1.0, 0.693151312, 0.24016445, 0.0557999147,
                        0.00901702859, 0.00186713071});
  return intrinsic(b, "llvm.x86.avx512.mask.scalef.ps.512", type,
                   {p, x, zero, all, i32(4)});
}

static Value expandAnywhere(ImplicitLocOpBuilder &b, Value x) {
  auto type = cast<VectorType>(x.getType());
  VectorType integers = type.clone(b.getI32Type());
  auto choose = [&](arith::CmpFPredicate predicate, Value other, Value a,
                    Value otherwise) -> Value {
    Value condition = arith::CmpFOp::create(b, predicate, x, other);
    return arith::SelectOp::create(b, condition, a, otherwise);
  };
  Value top = splat(b, type, 128), bottom = splat(b, type, -126);
  // 128 gives exactly inf below. What is under -126 is masked at the end.
  Value t = choose(arith::CmpFPredicate::OGT, top, top, x);
  Value magic = splat(b, type, 12582912.0);
  Value shifted = arith::AddFOp::create(b, t, magic);
  Value n = arith::SubFOp::create(b, shifted, magic);
  Value f = arith::SubFOp::create(b, t, n);
  Value p = polynomial(
      b, f,
      {1.0, 0.693146978, 0.240222421, 0.0555073376, 0.009671513, 0.0013264722});
  Value exponent =
      arith::ShLIOp::create(b, arith::BitcastOp::create(b, integers, shifted),
                            splat(b, integers, 23));
  Value bits = arith::AddIOp::create(
      b, arith::BitcastOp::create(b, integers, p), exponent);
  Value result = choose(arith::CmpFPredicate::OLT, bottom, splat(b, type, 0),
                        arith::BitcastOp::create(b, type, bits));
  // The sum of bits of a NaN may be a number.
  return choose(arith::CmpFPredicate::UNO, x, x, result);
}

Value headgate::passes::expandExp2(ImplicitLocOpBuilder &b, Value x,
                                   const Target &target) {
  auto type = cast<VectorType>(x.getType());
  int64_t width = type.getDimSize(0);
  if (!isAvx512(target) || width < 16)
    return expandAnywhere(b, x);
  if (width == 16)
    return expandForAvx512(b, x);
  // Whole registers, and the rest.
  Value result = ub::PoisonOp::create(b, type);
  for (int64_t at = 0; at < width; at += 16) {
    int64_t part = std::min<int64_t>(16, width - at);
    Value piece = vector::ExtractStridedSliceOp::create(b, x, at, part, 1);
    piece = part == 16 ? expandForAvx512(b, piece) : expandAnywhere(b, piece);
    result = vector::InsertStridedSliceOp::create(b, piece, result, at, 1);
  }
  return result;
}
