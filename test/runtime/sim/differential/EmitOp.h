// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One operation of a random program as LLVM IR. A value is *held* in a variable
// as its own type, but bfloat on the host as its bits; it is *wide* while it is
// computed with: bfloat on the host as f32, all others as they are held.

#ifndef HEADGATE_TEST_RUNTIME_SIM_DIFFERENTIAL_EMITOP_H
#define HEADGATE_TEST_RUNTIME_SIM_DIFFERENTIAL_EMITOP_H

#include "test/runtime/sim/differential/EmitProgram.h"

#include <llvm/IR/IRBuilder.h>

namespace headgate::test {

class OpEmitter {
public:
  OpEmitter(llvm::IRBuilder<> &builder, Side side)
      : builder_(builder), side_(side) {}

  llvm::Type *held(const Type &type) const;
  llvm::Value *widen(const Type &type, llvm::Value *held);
  llvm::Value *narrow(const Type &type, llvm::Value *wide);

  /// A wide constant; of a float it is a small number or has these bits.
  llvm::Value *constant(const Type &type, uint64_t bits);
  llvm::Value *compute(const Type &type, Op op, llvm::Value *a, llvm::Value *b,
                       llvm::Value *c);
  llvm::Value *compare(const Type &type, unsigned predicate, llvm::Value *a,
                       llvm::Value *b);
  /// What a select takes otherwise. Not a float itself: NVPTX of LLVM 22 makes
  /// min of "a > b ? b : a", which differs where both are zeros.
  llvm::Value *other(const Type &type, llvm::Value *value);
  llvm::Value *convert(const Type &from, const Type &to, unsigned variant,
                       llvm::Value *a);

  /// Memory holds canonical NaNs, and integers in whole bytes.
  unsigned storedBytes(const Type &type) const;
  llvm::Value *load(const Type &type, llvm::Value *address);
  void store(const Type &type, llvm::Value *held, llvm::Value *address);

private:
  /// An integer of `bits` for each lane.
  llvm::Type *integers(const Type &type, unsigned bits) const;
  llvm::Type *lanesOf(const Type &type, llvm::Type *element) const;
  llvm::Value *splat(llvm::Type *type, const llvm::APInt &value);
  llvm::Value *canonicalBits(const Type &type, llvm::Value *bits);
  llvm::Value *integerOp(const Type &type, Op op, llvm::Value *a,
                         llvm::Value *b, llvm::Value *c);
  llvm::Value *divide(const Type &type, Op op, llvm::Value *a, llvm::Value *b);
  llvm::Value *highProduct(const Type &type, bool isSigned, llvm::Value *a,
                           llvm::Value *b);
  llvm::Value *orWhereItOverflows(llvm::Intrinsic::ID id, llvm::Value *a,
                                  llvm::Value *b);
  llvm::Value *extremum(const Type &type, Op op, llvm::Value *a,
                        llvm::Value *b);
  llvm::Value *realOp(const Type &type, Op op, llvm::Value *a, llvm::Value *b,
                      llvm::Value *c);
  llvm::Value *toInteger(const Type &from, const Type &to, unsigned variant,
                         llvm::Value *a);
  bool emulated(const Type &type) const {
    return side_ == Side::host && type.kind == Type::Kind::bfloat;
  }

  llvm::IRBuilder<> &builder_;
  Side side_;
};

} // namespace headgate::test

#endif // HEADGATE_TEST_RUNTIME_SIM_DIFFERENTIAL_EMITOP_H
