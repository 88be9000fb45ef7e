// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes a tile program as what one thread does: for each op the code of the
// elements that the thread has. ThreadScalars, ThreadElements, ThreadWindows,
// ThreadCopies and ThreadProducts hold the parts.

#ifndef HEADGATE_PASSES_THREADEMITTER_H
#define HEADGATE_PASSES_THREADEMITTER_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "passes/FragLayout.h"
#include "passes/KernelAbi.h"
#include "passes/SharedPlan.h"
#include "passes/ThreadBuilder.h"
#include "passes/WindowShape.h"

namespace headgate::passes {

/// The block's dynamic shared memory. It begins in the first bank; swizzles
/// count from there.
constexpr llvm::StringLiteral sharedSymbol = "headgate_shared";
constexpr int64_t sharedAlignment = 128;

/// The elements of a tile that the thread has, in the order of its registers.
struct Fragment {
  Layout layout;
  mlir::Value vector; ///< null while the tile is numbers, see below
  /// Of i32 that count something: element i is `base` (null: 0) + offsets[i]. A
  /// mask then compares constants with one register.
  mlir::Value base;
  llvm::SmallVector<int64_t> offsets;
};

/// The type of an element in memory, where a truth value has a byte.
mlir::Type inMemory(mlir::Type element);

/// A buffer, or a part of one.
struct View {
  mlir::Value pointer;
  llvm::SmallVector<mlir::Value> extents; ///< i32
  llvm::SmallVector<mlir::Value> strides; ///< i64, in bytes
};

/// A product and the slots that it holds.
struct Product {
  Fragment sums;
  llvm::SmallVector<mlir::Value> slots;
};

class ThreadEmitter {
public:
  using Value = mlir::Value;

  /// `kernel` has the parameters of `abi`, and an empty entry block.
  ThreadEmitter(mlir::func::FuncOp func, const KernelAbi &abi,
                const SharedPlan &plan, mlir::LLVM::LLVMFuncOp kernel);

  /// Writes the kernel's body. Fails with an error at an op that has no form.
  mlir::LogicalResult run();

private:
  //===-- control (ThreadEmitter.cpp) ------------------------------------===//
  mlir::LogicalResult emit(mlir::Block &block);
  mlir::LogicalResult emit(mlir::Operation *op);
  mlir::LogicalResult emitFor(mlir::scf::ForOp loop);
  mlir::LogicalResult emitIf(mlir::scf::IfOp branch);
  void bindArguments();
  /// What a loop or a branch hands on for a value, and back.
  llvm::SmallVector<Value> parts(Value value);
  void bindParts(Value value, mlir::ValueRange parts);
  /// The same for several values, one after another.
  llvm::SmallVector<Value> parts(mlir::ValueRange values);
  void bindParts(mlir::ValueRange values, mlir::ValueRange parts);
  llvm::SmallVector<mlir::Type> partTypes(Value value);

  /// Where what does not change in a loop is computed: in front of it, at its
  /// marker. Outside of loops that is the beginning, or the end of the last
  /// one.
  template <typename Make> auto inFront(Make make) {
    mlir::OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(marker);
    return make();
  }
  /// In front if these values of the program come from outside the loop, else
  /// here.
  template <typename Make> auto asEarlyAs(mlir::ValueRange needs, Make make) {
    return outerLoop && isInvariant(needs) ? inFront(make) : make();
  }
  bool isInvariant(mlir::ValueRange values);
  void setMarker();
  /// Behind a loop with products, or a region that has one: numbers are read
  /// and made again.
  void forget();
  Value thread(); ///< the thread's number, 0 to 32 * warps - 1

  //===-- numbers and buffers (ThreadScalars.cpp) ------------------------===//
  mlir::LogicalResult emitScalar(mlir::Operation *op);
  mlir::Type scalarType(mlir::Type type); ///< an index, like a slot, is an i32
  bool emitBuffer(mlir::Operation *op);
  /// The value of a scalar; behind a loop with products it is made again.
  Value scalar(Value value);
  Value makeScalar(mlir::Operation *op);
  void setScalar(Value value, Value made);
  /// An index of bytes, which 32 bits may not hold, in 64.
  Value byteCount(Value index);
  View viewOf(Value pointer, mlir::MemRefType type,
              llvm::ArrayRef<Value> extents);

  //===-- elements (ThreadElements.cpp) ----------------------------------===//
  mlir::LogicalResult emitElementwise(mlir::Operation *op);
  bool emitNumbers(mlir::Operation *op);
  void emitConstant(mlir::arith::ConstantOp constant);
  void emitBroadcast(tile::BroadcastOp broadcast);
  void emitReduce(tile::ReduceOp reduce);
  Value approximate(mlir::Operation *op, Value x);
  Value eachElement(Value vector, llvm::function_ref<Value(Value)> make);
  /// The thread's elements as a vector.
  Value vectorOf(Value tile);
  Value materialise(const Fragment &fragment, mlir::Type element);
  const Fragment &fragment(Value tile) { return fragments.find(tile)->second; }
  void setVector(Value tile, Value vector);
  /// Where register 0 of the thread is; null stands for 0.
  std::array<Value, 2> origin(const Layout &layout);
  /// True for one of the threads that hold an element; null if all do.
  Value isFirstCopy(const Layout &layout);

  //===-- windows (ThreadWindows.cpp) ------------------------------------===//
  void emitLoad(tile::LoadOp load);
  void emitStore(tile::StoreOp store);
  void under(Value condition, llvm::function_ref<void()> write);

  //===-- copies (ThreadCopies.cpp) --------------------------------------===//
  void emitShare(tile::ShareOp share);
  void emitPut(tile::PutOp put);
  void emitGet(tile::GetOp get);
  void storeShared(tile::StoreOp store);
  /// Starts copying a window to shared memory at `base`.
  void copyIn(const TileAccess &access, const Layout &layout, Value base);
  /// Waits until what lay where `op`'s tile is to lie is read and written no
  /// more.
  void makeRoom(mlir::Operation *op);
  Value slotOf(Value ring, Value position);
  Value sharedPointer(Value offset);
  void waitForCopies(int64_t newer);
  void barrier();

  //===-- products (ThreadProducts.cpp) ----------------------------------===//
  void emitStart(tile::StartOp start);
  void emitAwait(tile::AwaitOp await);
  Value sharedBase(Value factor);

  friend class ThreadWindow;
  friend class SharedAddress;

  mlir::func::FuncOp func;
  const KernelAbi &abi;
  const SharedPlan &plan;
  mlir::LLVM::LLVMFuncOp kernel;
  ThreadBuilder b;
  mlir::Operation *marker = nullptr;
  mlir::scf::ForOp outerLoop; ///< of the program: the outermost one we are in
  Value threadNumber, shared;
  int64_t warps;
  int epoch = 0; ///< how often numbers were forgotten
  llvm::DenseMap<Value, std::pair<Value, int>> scalars; ///< and their epoch
  llvm::DenseMap<Value, Fragment> fragments;
  llvm::DenseMap<Value, View> views;
  llvm::DenseMap<Value, Product> products;
};

} // namespace headgate::passes

#endif // HEADGATE_PASSES_THREADEMITTER_H
