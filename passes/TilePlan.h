// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What lower-tile-to-vector will do with a tile program, decided before any IR
// changes. On a CPU a tile is either *stored*, a row-major buffer on the stack,
// or *lazy*: computed again wherever its elements are needed, a few vector
// registers at a time. Products, reductions, values that loops and branches
// carry, and whatever a product reads by rows are stored; elementwise work is
// lazy and fuses into the passes over memory ("sweeps") that need it:
//
//   %s = dot ..             dot, into the buffer of %s
//   %m = reduce max %s      sweep 12x256: read %s, keep a maximum per row
//   %n = arith.negf %m      sweep 12: stored, a row of %p needs one element
//   %p = exp2(%s + %n)      lazy
//   %l = reduce add %p      sweep 12x256: %p is computed once per element,
//   %o = dot %p, ..         summed, and stored for the product
//
// Steps keep the program's order, except that a sweep takes in later work of
// its shape that needs nothing newer than the sweep.

#ifndef HEADGATE_PASSES_TILEPLAN_H
#define HEADGATE_PASSES_TILEPLAN_H

#include "dialect/tile/Tile.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "passes/TileFactors.h"
#include "llvm/ADT/SetVector.h"

#include <memory>
#include <vector>

namespace headgate::passes {

bool isTile(mlir::Value value);
inline llvm::ArrayRef<int64_t> tileShape(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType()).getShape();
}
/// True for values whose elements cost nothing to make again: constants,
/// splats, broadcasts, iota.
bool isFree(mlir::Value value);
struct Step;
using Steps = std::vector<std::unique_ptr<Step>>;

/// One unit of work, emitted before `anchor`.
struct Step {
  enum Kind {
    sweep,     ///< one pass over the elements of tiles of one shape
    fillRows,  ///< a rank-1 window into its buffer; anchor: the load
    storeRows, ///< a rank-1 tile to memory; anchor: the store
    dot,       ///< anchor: the dot
    loop,      ///< anchor: the scf.for; `inner[0]` is its body
    branch,    ///< anchor: the scf.if; `inner` are its regions
    copies,    ///< `writes` between buffers, where they differ in the end
  };
  Kind kind;
  mlir::Operation *anchor;
  /// Sweeps: the shape of the elements visited.
  llvm::SmallVector<int64_t, 2> shape;
  /// A value and the stored tile whose buffer it goes to (often the same).
  llvm::SmallVector<std::pair<mlir::Value, mlir::Value>, 2> writes;
  llvm::SmallVector<tile::ReduceOp, 2> reduces;
  llvm::SmallVector<tile::StoreOp, 2> stores;
  /// Sweeps: nobody needs the columns from here on; null: all are needed.
  mlir::Value limit;
  /// Places in the order of execution; what is inside lies between them.
  int begin = 0, end = 0;
  llvm::SmallVector<Steps, 2> inner;
};

/// Where the elements of some tiles come from.
struct TileReads {
  /// Stored tiles read element for element, and stored tiles read otherwise (a
  /// row's scalar, a column vector, the operand of a product).
  llvm::SetVector<mlir::Value> aligned, other;
  llvm::SetVector<mlir::Value> lazy;
  /// Values that are no tiles: coordinates, memrefs, the operand of a splat.
  llvm::SetVector<mlir::Value> scalars;
};

class TilePlan {
public:
  /// Plans `func`; a remark at the operation in the way says why not.
  static mlir::FailureOr<TilePlan> make(mlir::func::FuncOp func);

  bool isStored(mlir::Value value) const { return stored.contains(value); }
  llvm::ArrayRef<mlir::Value> storedTiles() const {
    return stored.getArrayRef();
  }
  /// Adds what having elements of `value` reads: itself, if it is stored.
  void collect(mlir::Value value, TileReads &reads, bool aligned = true) const;
  /// Adds what making elements of `value` reads.
  void collectMaking(mlir::Value value, TileReads &reads,
                     bool aligned = true) const;
  /// The same for one of a step's writes: it makes the value, or copies it.
  void collectWrite(std::pair<mlir::Value, mlir::Value> write,
                    TileReads &reads) const;
  /// What `step` reads, its inner steps left out.
  TileReads readsOf(const Step &step) const;

  Steps steps;

private:
  friend class BlockPlanner;
  int costOf(mlir::Value value) const;
  void storeWhatMustBe(mlir::func::FuncOp func);
  bool storeWhatIsShared();

  llvm::SetVector<mlir::Value> stored;
  /// Buffers that the program stores to: loads from them keep their place.
  llvm::SmallPtrSet<mlir::Value, 4> written;
};

/// Calls `visit` for each step, outer before inner, in order.
void forEachStep(const Steps &steps, llvm::function_ref<void(Step &)> visit);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_TILEPLAN_H
