// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gives every stored tile of a plan a buffer on the stack. Tiles share one
// where the program allows it, so that what the IR writes as new values happens
// in place and the working set stays in the first-level cache:
//
//   the value a loop carries, its next value and its result;
//   a branch's result and what its regions yield;
//   an elementwise result and an operand that dies there (softmax over scores).
//
// Two tiles may share if their lives do not meet, or meet in a step that reads
// the one element for element while it writes the other.

#ifndef HEADGATE_PASSES_TILEBUFFERS_H
#define HEADGATE_PASSES_TILEBUFFERS_H

#include "passes/TilePlan.h"
#include "passes/VectorWidth.h"

namespace headgate::passes {

class TileBuffers {
public:
  /// Decides who shares; changes no IR.
  TileBuffers(const TilePlan &plan, const Target &target);

  /// Bytes of stack that `allocate` takes.
  int64_t bytes() const;
  /// Creates the buffers at the start of `func`.
  void allocate(mlir::func::FuncOp func);

  bool areShared(mlir::Value a, mlir::Value b) const {
    return &bufferOf(a) == &bufferOf(b);
  }
  /// The buffer of a stored tile, with room for whole panels at the end of its
  /// rows. A tile of i1 is stored as i8.
  mlir::Value of(mlir::Value value) const { return bufferOf(value).memref; }
  /// The same bytes with each pair of 16-bit elements as one i32.
  mlir::Value pairsOf(mlir::Value value) const { return bufferOf(value).pairs; }

private:
  /// A use of a tile by the step at `position`.
  struct Use {
    int position;
    bool isAligned; ///< element for element
  };
  struct Life {
    int from = 0;
    llvm::SmallVector<Use> uses;
  };
  /// A region of a branch: from its first to its last position.
  struct Arm {
    mlir::Operation *branch;
    int from, to;
  };
  struct Buffer {
    llvm::SmallVector<mlir::Value> tiles;
    mlir::Value memref, pairs;
  };

  void findLives(const Steps &steps,
                 llvm::SmallVectorImpl<const Step *> &loops);
  void noteUse(mlir::Value value, Use use, llvm::ArrayRef<const Step *> loops);
  void share();
  void tryShare(mlir::Value a, mlir::Value b);
  bool canShare(mlir::Value a, mlir::Value b) const;
  bool areExclusive(int a, int b) const;
  mlir::MemRefType typeOf(const Buffer &buffer) const;
  const Buffer &bufferOf(mlir::Value value) const {
    return buffers[index.lookup(value)];
  }

  const TilePlan &plan;
  const Target &target;
  llvm::DenseMap<mlir::Value, Life> lives;
  std::vector<Arm> arms;
  llvm::DenseMap<mlir::Value, unsigned> index;
  /// One for each stored tile; those that share use the first's.
  std::vector<Buffer> buffers;
};

} // namespace headgate::passes

#endif // HEADGATE_PASSES_TILEBUFFERS_H
