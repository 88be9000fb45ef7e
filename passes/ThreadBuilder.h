// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Builds the code of one thread: i32 and i64 arithmetic that folds, addresses,
// and the numbers of the thread and its block.

#ifndef HEADGATE_PASSES_THREADBUILDER_H
#define HEADGATE_PASSES_THREADBUILDER_H

#include "lib/Layout.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "passes/FoldingBuilder.h"

namespace headgate::passes {

class ThreadBuilder : public FoldingBuilder {
public:
  using FoldingBuilder::FoldingBuilder;

  static constexpr unsigned globalSpace = 1, sharedSpace = 3;

  //===-- numbers --------------------------------------------------------===//
  Value i32(int64_t number);
  Value i64(int64_t number);
  Value flip(Value a, Value b); ///< exclusive or
  Value wide(Value a);          ///< i32 -> i64, signed
  /// 0 <= a < b, of signed numbers.
  Value isWithin(Value a, Value b);

  //===-- addresses ------------------------------------------------------===//
  Value advance(Value pointer, Value bytes);
  Value advance(Value pointer, int64_t bytes);
  /// Reads or writes `type`, which any 1, 2, 4, 8 or 16 bytes can be, at an
  /// address aligned to its size.
  Value read(mlir::Type type, Value pointer);
  void write(Value value, Value pointer);

  //===-- vectors --------------------------------------------------------===//
  llvm::SmallVector<Value> elements(Value vector);
  Value vector(llvm::ArrayRef<Value> elements);
  Value shuffle(Value vector, llvm::ArrayRef<int64_t> from);

  //===-- places ---------------------------------------------------------===//
  /// From special registers. With `again` the compiler cannot see that the
  /// number is one that was read before, and so need not have kept it.
  Value threadId(bool again);
  Value blockId(mlir::gpu::Dimension dimension, bool again);
  Value gridSize(mlir::gpu::Dimension dimension);
  /// Where the number `n` of these digits is; null stands for 0.
  std::array<Value, 2> elementOf(const Digits &digits, Value n);

private:
  Value specialRegister(llvm::StringRef name);
};

} // namespace headgate::passes

#endif // HEADGATE_PASSES_THREADBUILDER_H
