// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one shape of loop that streams tiles past a product: what
// headgate-pipeline-loads takes, and what the lowerings to tiles write.
//
//   scf.for %i = 0 to %n step 1 in which
//   (S1) the loop counts from 0 in steps of 1;
//   (S2) %i is used only as `last - %i` with one `last` from outside the loop
//        (keys, from the last tile to the first), or never so;
//   (S3) a right factor is a *streamed load*: a window of a memref from outside
//        that moves with %i and indices from outside, and is used by products
//        alone;
//   (S4) there is one product, whose sums are carried and yielded as they are
//        ("projection": its left factor is streamed too, or from outside), or
//        there are two ("attention": scores = outside . streamed^T without sums
//        to add to, and then sums = tile computed from the scores . streamed +
//        the carried tile, which may be scaled row by row, yielded as they
//        are); each is a product of one head;
//   (S5) all else is pure, reads memory, or is a branch of such;
//   (S6) there is no store and no inner loop.
//
// Covered by test/passes/stream-loop*.mlir.

#ifndef HEADGATE_PASSES_STREAMLOOP_H
#define HEADGATE_PASSES_STREAMLOOP_H

#include "dialect/tile/Tile.h"
#include "passes/Refusal.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

#include <variant>

namespace headgate::passes {

/// A streamed load, and the products that multiply by it: one, or both of an
/// attention whose keys are its values.
struct Stream {
  tile::LoadOp load;
  llvm::SmallVector<tile::DotOp, 2> dots;
};

struct StreamLoop {
  mlir::scf::ForOp loop;
  tile::DotOp scores; ///< null in a projection
  tile::DotOp sums;
  /// In the order in which they are needed.
  llvm::SmallVector<Stream, 2> streams;

  /// The left factor of the first product, if it comes from outside the loop.
  mlir::Value resident() const;
};

/// The stream loop that `loop` is, or why it is none: "... (S3)".
std::variant<StreamLoop, Refusal> matchStreamLoop(mlir::scf::ForOp loop);

/// What position `at` of the stream reads in place of the loop's own turn: the
/// window's coordinates, computed where `b` stands.
llvm::SmallVector<mlir::Value> coordsAt(mlir::OpBuilder &b,
                                        const StreamLoop &loop,
                                        const Stream &stream, mlir::Value at);

/// A coordinate of the stream's window that moves with the loop.
unsigned movingDim(const StreamLoop &loop, const Stream &stream);

/// Whether all positions from the loop's count on lie outside the memref.
bool overrunIsOutside(const StreamLoop &loop, const Stream &stream);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_STREAMLOOP_H
