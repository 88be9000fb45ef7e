// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which query rows a block of an attention computes, and the windows over them.
//
// One head, consecutive tokens (prefill): rows are tokens first, first + 1, ...
// All heads that read a key head (`merge`, decode): row i of the key head is
// token i div n, head i mod n of its n heads; keys and values are read once for
// all of them, and the window moves by row tiles. Those of all key heads
// (`across`): as many consecutive rows of each, the first key head's first.

#ifndef HEADGATE_PASSES_TILEROWS_H
#define HEADGATE_PASSES_TILEROWS_H

#include "passes/AttendKernel.h"
#include "passes/TileBuilder.h"

namespace headgate::passes {

/// What a block is, as far as it is known before it runs.
struct RowPlan {
  int64_t rows = 1;   ///< of a block
  int64_t splits = 1; ///< parts of the keys at most, each a block
  bool rowsFirst = false;
  HeadSharing sharing;
  bool isMerged = false;
  bool isAcross = false;            ///< of all key heads, `rows` in equal parts
  llvm::SmallVector<int64_t> heads; ///< extents

  /// The plan of a schedule, or why the kernel cannot be merged.
  static std::variant<RowPlan, Refusal> of(const AttendKernel &kernel,
                                           tile::ScheduleAttr schedule);
  /// Where rows are of one batch: heads, or key heads when merged.
  int64_t columns() const;
  /// How many of these a block has.
  int64_t columnsOfBlock() const { return isAcross ? sharing.kvCount : 1; }
  int64_t rowsOfColumn() const { return rows / columnsOfBlock(); }
  /// The plan of what a column's rows are brought together by, `columns` wide
  /// and by `warps` warps: of a column's rows as many as registers hold well.
  RowPlan ofCombine(int64_t columns, int64_t warps) const;
  /// Query rows of one token that a block's column holds.
  int64_t rowsOfToken() const { return isMerged ? sharing.count : 1; }
};

class TileRows {
public:
  /// Emits where the block is; it sees one of `parts` parts of the keys, or
  /// (null) all of them.
  TileRows(TileBuilder &b, const RowPlan &plan, routed::AttendOp attend,
           mlir::Value parts);

  mlir::Value batch, kvHead;
  mlir::Value split; ///< which part; null where the block sees all keys
  /// Where the block's rows are in [B * columns][rows of a column]; `column` is
  /// its first.
  mlir::Value column, firstRow;
  /// Tokens [firstToken, endToken); some may lie beyond S.
  mlir::Value firstToken, endToken;
  /// i32 row tile: tokens, counted from `tokenBase`.
  mlir::Value tokens, tokenBase;
  /// One for each head extent.
  llvm::SmallVector<Lifted> heads;

  /// The window of the block's rows in a buffer [B, S, h..] or, with a width,
  /// [B, S, h.., width]; `at` says the place in each head dimension.
  TileWindow window(llvm::ArrayRef<Lifted> at, int64_t width) const;

private:
  void placeBlock(mlir::Value &x, mlir::Value &group, mlir::Value parts);
  void splitHead(mlir::Value head);
  void mergeHeads(mlir::Value column);

  TileBuilder &b;
  const RowPlan &plan;
};

} // namespace headgate::passes

#endif // HEADGATE_PASSES_TILEROWS_H
