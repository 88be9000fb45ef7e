// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/ThreadBuilder.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

//===-- numbers ----------------------------------------------------------===//

Value ThreadBuilder::i32(int64_t number) {
  return arith::ConstantIntOp::create(*this, number, 32);
}
Value ThreadBuilder::i64(int64_t number) {
  return arith::ConstantIntOp::create(*this, number, 64);
}
Value ThreadBuilder::flip(Value a, Value b) {
  return createOrFold<arith::XOrIOp>(a, b);
}
Value ThreadBuilder::wide(Value a) {
  return createOrFold<arith::ExtSIOp>(getI64Type(), a);
}
Value ThreadBuilder::isWithin(Value a, Value b) {
  return compare(arith::CmpIPredicate::ult, a, b);
}

//===-- addresses --------------------------------------------------------===//

Value ThreadBuilder::advance(Value pointer, Value bytes) {
  if (std::optional<int64_t> known = getConstantIntValue(bytes))
    return advance(pointer, *known);
  return LLVM::GEPOp::create(*this, pointer.getType(), getI8Type(), pointer,
                             ArrayRef<LLVM::GEPArg>{bytes});
}

Value ThreadBuilder::advance(Value pointer, int64_t bytes) {
  if (!bytes)
    return pointer;
  auto space = cast<LLVM::LLVMPointerType>(pointer.getType());
  Value offset =
      space.getAddressSpace() == sharedSpace ? i32(bytes) : i64(bytes);
  return LLVM::GEPOp::create(*this, pointer.getType(), getI8Type(), pointer,
                             ArrayRef<LLVM::GEPArg>{offset});
}

/// The integers as which `bytes` are accessed: LLVM splits accesses of vectors
/// of narrow elements.
static Type carrier(OpBuilder &b, int64_t bytes) {
  if (bytes <= 4)
    return b.getIntegerType(8 * bytes);
  return VectorType::get(bytes / 4, b.getI32Type());
}

static int64_t bytesOf(Type type) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.getNumElements() *
           llvm::divideCeil(vector.getElementTypeBitWidth(), 8);
  return llvm::divideCeil(type.getIntOrFloatBitWidth(), 8);
}

Value ThreadBuilder::read(Type type, Value pointer) {
  int64_t bytes = bytesOf(type);
  Type loaded = carrier(*this, bytes);
  Value value = LLVM::LoadOp::create(*this, loaded, pointer, bytes);
  return type == loaded
             ? value
             : LLVM::BitcastOp::create(*this, type, value).getResult();
}

void ThreadBuilder::write(Value value, Value pointer) {
  int64_t bytes = bytesOf(value.getType());
  Type stored = carrier(*this, bytes);
  if (value.getType() != stored)
    value = LLVM::BitcastOp::create(*this, stored, value);
  LLVM::StoreOp::create(*this, value, pointer, bytes);
}

//===-- vectors ----------------------------------------------------------===//

SmallVector<Value> ThreadBuilder::elements(Value vector) {
  auto parts = vector::ToElementsOp::create(*this, vector);
  return SmallVector<Value>(parts.getResults());
}

Value ThreadBuilder::vector(ArrayRef<Value> elements) {
  auto type = VectorType::get(elements.size(), elements[0].getType());
  return vector::FromElementsOp::create(*this, type, elements);
}

Value ThreadBuilder::shuffle(Value vector, ArrayRef<int64_t> from) {
  int64_t count = cast<VectorType>(vector.getType()).getNumElements();
  if (llvm::equal(from, llvm::seq<int64_t>(0, count)))
    return vector;
  return vector::ShuffleOp::create(*this, vector, vector, from);
}

//===-- places -----------------------------------------------------------===//

Value ThreadBuilder::specialRegister(StringRef name) {
  return LLVM::InlineAsmOp::create(*this, getI32Type(), ValueRange(),
                                   ("mov.u32 $0, %" + name + ";").str(), "=r",
                                   /*has_side_effects=*/true,
                                   /*is_align_stack=*/false,
                                   LLVM::TailCallKind::None, /*asm_dialect=*/{},
                                   /*operand_attrs=*/{})
      .getResult(0);
}

Value ThreadBuilder::threadId(bool again) {
  if (again)
    return specialRegister("tid.x");
  return NVVM::ThreadIdXOp::create(*this, getI32Type());
}

Value ThreadBuilder::blockId(gpu::Dimension dimension, bool again) {
  constexpr StringRef names[] = {"ctaid.x", "ctaid.y", "ctaid.z"};
  if (again)
    return specialRegister(names[unsigned(dimension)]);
  switch (dimension) {
  case gpu::Dimension::x:
    return NVVM::BlockIdXOp::create(*this, getI32Type());
  case gpu::Dimension::y:
    return NVVM::BlockIdYOp::create(*this, getI32Type());
  case gpu::Dimension::z:
    return NVVM::BlockIdZOp::create(*this, getI32Type());
  }
  llvm_unreachable("a grid has three dimensions");
}

Value ThreadBuilder::gridSize(gpu::Dimension dimension) {
  switch (dimension) {
  case gpu::Dimension::x:
    return NVVM::GridDimXOp::create(*this, getI32Type());
  case gpu::Dimension::y:
    return NVVM::GridDimYOp::create(*this, getI32Type());
  case gpu::Dimension::z:
    return NVVM::GridDimZOp::create(*this, getI32Type());
  }
  llvm_unreachable("a grid has three dimensions");
}

std::array<Value, 2> ThreadBuilder::elementOf(const Digits &digits, Value n) {
  std::array<Value, 2> sums = {};
  for (size_t i = 0; i < digits.size(); ++i) {
    const Digit &digit = digits[i];
    Value value = n;
    if (i + 1 < digits.size()) {
      value = rem(n, i32(digit.extent));
      n = div(n, i32(digit.extent));
    }
    if (digit.dim == Digit::copy)
      continue;
    Value moved = mul(value, i32(digit.stride));
    Value &sum = sums[digit.dim];
    sum = sum ? add(sum, moved) : moved;
  }
  return sums;
}
