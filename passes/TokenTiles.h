// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a block of tokens needs of a tensor, as tiles.
//
// A block has `rows` consecutive tokens of one batch. Of a tensor [B, S,
// heads.., D] it needs a region: one batch, its tokens, one index of each head
// dimension or an expert for each row, some neighbouring columns. The region of
// an op's result says which regions of its operands are needed, down to
// buffers, of which they are windows:
//
//   rope(gather(q, e)) at [b, tokens, r, j, columns 0..n)
//     = cos at [tokens, 0..n) * q at [b, tokens, r, (e at [b, tokens, r, j]),
//     0..n)
//     - sin at [tokens, 0..n) * q at [b, tokens, r, (..), n..2n)
//
// So an expression is computed without its intermediate tensors, each rounded
// as the ops round it. What does not depend on rows or columns stays a scalar
// or a tile of rank 1. Columns beyond a region may hold anything: who stores
// leaves them out.

#ifndef HEADGATE_PASSES_TOKENTILES_H
#define HEADGATE_PASSES_TOKENTILES_H

#include "dialect/routed/Routed.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/IRMapping.h"
#include "passes/Refusal.h"
#include "passes/TileBuilder.h"

namespace headgate::passes {

/// Where a region lies in one dimension of a tensor.
struct Coordinate {
  enum Kind {
    uniform, ///< `value`, an index
    token,   ///< the block's tokens
    row,     ///< `value`, a tile of i32: one index for each row
    column,  ///< `width` indices from `value` on
  };
  Kind kind = uniform;
  mlir::Value value;
  int64_t width = 0;

  bool operator==(const Coordinate &other) const;
};
using TokenRegion = llvm::SmallVector<Coordinate>;

/// A region's elements: a scalar, one for each row, for each column, or both.
struct TokenTile {
  mlir::Value value;
  bool rows = false;
  int64_t columns = 0; ///< 0: the same for all columns

  mlir::Type element() const;
};

class TokenTiles {
public:
  /// Tiles of kernels that read tensors of another function's body: `outside`
  /// maps its arguments to those of the function that `b` writes.
  TokenTiles(TileBuilder &b, mlir::IRMapping &outside, int64_t rows,
             mlir::Value firstToken)
      : b(b), outside(outside), rows(rows), firstToken(firstToken) {}

  /// `tensor` in `region`; a failure sets `refusal`.
  mlir::FailureOr<TokenTile> of(mlir::Value tensor, const TokenRegion &region);
  /// One f32 tile for a combine of its operands; `region` is of [B, S, the
  /// heads that are left.., D].
  mlir::FailureOr<TokenTile> combined(routed::CombineOp op,
                                      const TokenRegion &region);

  /// Stores `count` of the columns of `tile`, all if 0.
  mlir::LogicalResult store(mlir::Operation *op, TokenTile tile,
                            mlir::Value buffer, const TokenRegion &region,
                            int64_t count);

  /// `tile` repeated to rows, to columns, or both.
  mlir::Value spread(TokenTile tile, bool toRows, int64_t toColumns);
  TokenTile widened(TokenTile tile);                ///< to f32
  TokenTile rounded(TokenTile tile, mlir::Type to); ///< from f32
  /// The value in the function that is written of one that is no tensor.
  mlir::Value scalar(mlir::Value value);

  int64_t rowCount() const { return rows; }
  mlir::LogicalResult refuse(mlir::Operation *op, const llvm::Twine &why);

  std::optional<Refusal> refusal;

private:
  mlir::FailureOr<TokenTile> compute(mlir::Value tensor,
                                     const TokenRegion &region);
  mlir::FailureOr<TileWindow> windowOf(mlir::Operation *op, mlir::Value buffer,
                                       const TokenRegion &region);
  mlir::FailureOr<TokenTile> load(mlir::Operation *op, mlir::Value buffer,
                                  const TokenRegion &region);
  TokenTile indexOf(const Coordinate &coordinate);
  mlir::FailureOr<TokenTile> apply(mlir::Operation *op,
                                   llvm::ArrayRef<TokenTile> operands);
  mlir::FailureOr<TokenTile> structured(mlir::linalg::LinalgOp op,
                                        const TokenRegion &region);
  mlir::FailureOr<TokenTile> evaluateBody(mlir::linalg::LinalgOp op,
                                          llvm::ArrayRef<Coordinate> loops,
                                          llvm::ArrayRef<TokenTile> operands);

  // TokenRows.cpp
  mlir::FailureOr<TokenTile> gathered(routed::GatherOp op,
                                      const TokenRegion &region);
  mlir::FailureOr<TokenTile> rotated(routed::RopeOp op,
                                     const TokenRegion &region);
  mlir::FailureOr<TokenTile> averaged(routed::MeanHeadsOp op,
                                      const TokenRegion &region);
  mlir::FailureOr<TokenTile> weighed(routed::CombineOp op,
                                     const TokenRegion &source);

  TileBuilder &b;
  mlir::IRMapping &outside;
  int64_t rows;
  mlir::Value firstToken;
  llvm::DenseMap<mlir::Value,
                 llvm::SmallVector<std::pair<TokenRegion, TokenTile>, 2>>
      known;
};

} // namespace headgate::passes

#endif // HEADGATE_PASSES_TOKENTILES_H
