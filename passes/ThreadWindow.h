// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the elements that a thread has of a window lie in memory, and whether
// they lie inside the buffer.

#ifndef HEADGATE_PASSES_THREADWINDOW_H
#define HEADGATE_PASSES_THREADWINDOW_H

#include "passes/ThreadEmitter.h"

#include <map>

namespace headgate::passes {

class ThreadWindow {
public:
  using Value = mlir::Value;

  ThreadWindow(ThreadEmitter &emitter, const TileAccess &access,
               const Layout &layout);

  struct Place {
    int64_t reg;
    Value pointer;
    Value inside; ///< null: always
  };
  /// Elements `reg` to `reg + width() - 1`, which one access takes.
  Place at(int64_t reg);
  int64_t width() const { return width_; }

  /// All places, those of one condition together.
  llvm::MapVector<Value, llvm::SmallVector<Place>> places();

private:
  /// What one dimension of the tile adds.
  struct Along {
    Value moved;    ///< bytes, i64; null: 0
    Value constant; ///< bytes, i64, often known
    Value inside;   ///< null: always
  };
  const Along &along(int64_t dim, int64_t reg);
  Along alongPart(int64_t dim, const WindowPart &part, int64_t by);
  Along alongRows(int64_t reg);
  Along alongParts(int64_t dim, int64_t by);
  void add(Along &sum, int64_t bufferDim, Value coord, int64_t by);
  Value check(int64_t bufferDim, Value coord);
  bool isSurelyInside(int64_t bufferDim);
  void placeOthers();

  ThreadEmitter &e;
  ThreadBuilder &b;
  const TileAccess &access;
  const Layout &layout;
  View view;
  WindowParts parts;
  int64_t width_;
  std::array<Value, 2> origin;
  Value base;    ///< of the window, all that is uniform
  Value isThere; ///< uniform: null, or whether anything is inside
  std::vector<int64_t> rowRegisters;
  llvm::SmallVector<Value> limits; ///< of each dimension of the buffer
  llvm::SmallVector<Value> needs;  ///< what base and limits are made from
  std::map<std::pair<int64_t, int64_t>, Along> known;
  llvm::DenseMap<std::pair<Value, Value>, Value> pointers;
  llvm::DenseMap<std::pair<int64_t, Value>, Value> coords; ///< base coordinates
};

/// Where a thread's elements of a tile in shared memory lie: one address, and
/// constants from there. `base` is where the tile begins.
class SharedAddress {
public:
  using Value = mlir::Value;

  SharedAddress(ThreadEmitter &emitter, const SharedTile &tile,
                const Layout &layout, Value base);

  /// The element that is `row` rows and `col` columns from the thread's first.
  Value at(int64_t row, int64_t col);

private:
  Value offsetOf(std::array<Value, 2> origin);

  ThreadBuilder &b;
  ThreadEmitter &emitter;
  SharedTile tile;
  Value start;
  std::map<int64_t, Value> pointers; ///< by what is flipped
};

} // namespace headgate::passes

#endif // HEADGATE_PASSES_THREADWINDOW_H
