// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a kernel is cut into blocks, tiles and stages. `#tile.schedule` in the IR
// and "schedule" in a plan are texts of it. Which values are legal for a
// problem and target, and which are good, lib/Schedule says.

#ifndef HEADGATE_SCHEDULE_H
#define HEADGATE_SCHEDULE_H

#include <compare>
#include <cstdint>

namespace headgate {

struct Schedule {
  /// Which of a grid's dimensions consecutive blocks run over: cols, those of x
  /// (heads of an attention, column blocks of a projection), or rows, those of
  /// y: blocks that follow one another then read the same keys or matrix.
  enum class Order : uint8_t { cols, rows };

  int64_t rows = 1;  ///< query rows, or rows of a projection, of one row group
  int64_t keys = 0;  ///< attention: keys of a tile
  int64_t cols = 0;  ///< projection: columns of a block
  int64_t depth = 0; ///< projection: terms of a tile
  /// Attention: parts of the keys, each a block, but no more than there are
  /// tiles; more than one need a second launch that brings them together.
  int64_t splits = 1;
  /// Attention: the rows of a block come from all query heads that read its key
  /// head, which is then read once for all of them.
  bool merge = false;
  /// With merge: of all key heads, `rows` in equal parts. A block then reads
  /// its keys and values in the order in which they lie in memory.
  bool across = false;
  int64_t groups = 1; ///< GPU: row groups of a block
  int64_t warps = 1;  ///< GPU: warps of a row group
  /// Tiles of the right factors that are held at a time. 0: they are read where
  /// they lie. On the host 1 packs them, once for all blocks, in a launch of
  /// its own: it pays where several row groups read them.
  int64_t stages = 1;
  bool overlap = false; ///< GPU: a tile's softmax runs under the next product
  bool turns = false;   ///< GPU: row groups multiply one after another
  Order order = Order::cols;

  /// An order by the knobs above, which means nothing and is always the same.
  auto operator<=>(const Schedule &) const = default;
};

} // namespace headgate

#endif // HEADGATE_SCHEDULE_H
