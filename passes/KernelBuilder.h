// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One kernel of an entry on buffers: the ops of a group as they were, between
// to_tensor of what they read and materialize_in_destination of what somebody
// reads of them.

#ifndef HEADGATE_PASSES_KERNELBUILDER_H
#define HEADGATE_PASSES_KERNELBUILDER_H

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "passes/BufferPlaces.h"
#include "passes/KernelGroups.h"

namespace headgate::passes {

/// One entry: its ops, where its tensors live and how large they are.
struct Entry {
  mlir::func::FuncOp func;
  ExtentTexts &texts;
  BufferPlaces &places;
  bool whole; ///< one kernel for everything

  bool isFreeHere(mlir::Operation *op) const;
};

/// A buffer as an entry passes it to a kernel.
struct KernelOperand {
  const Buffer *buffer;
  /// Reshapes only: the address is the buffer's.
  llvm::SmallVector<BufferView> views;

  llvm::ArrayRef<std::string> extents() const {
    return views.empty() ? buffer->extents : views.back().extents;
  }
  bool operator==(const KernelOperand &other) const {
    return buffer == other.buffer && extents() == other.extents();
  }
};

struct BuiltKernel {
  mlir::func::FuncOp func;
  llvm::SmallVector<KernelOperand> operands;
  llvm::SmallVector<std::string> scalars; ///< extents, passed behind them
};

/// Gives a place to everything that the kernel of `group` reads from memory.
/// For all groups before the first is built.
void placeReads(Entry &entry, const KernelGroup &group);

/// Adds the kernel of `group` before the entry.
BuiltKernel buildKernel(Entry &entry, const KernelGroup &group,
                        llvm::StringRef name);

/// The op that shows `source` through `view`; `indexOf` gives extents.
mlir::Value buildView(mlir::ImplicitLocOpBuilder &b, mlir::Value source,
                      const BufferView &view,
                      llvm::function_ref<mlir::Value(llvm::StringRef)> indexOf);

/// `headgate.dims`: numbers, and what `nameOf` calls the other extents.
mlir::ArrayAttr
dimsAttr(mlir::OpBuilder &b, llvm::ArrayRef<std::string> extents,
         llvm::function_ref<std::string(llvm::StringRef)> nameOf);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_KERNELBUILDER_H
