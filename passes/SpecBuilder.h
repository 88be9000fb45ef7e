// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A builder in which a decomposition reads like the formula it implements:
// scalar arithmetic with one-word names, and two loop nests,
//
//   map(out, element, fn)             out[i] = fn(i)
//   reduce(out, over, element, init,  out[i] = init; for r: out[i] = fn(i ++ r,
//          fn)                                                       out[i])
//
// both written as linalg.generic, so that bufferization, loops and LLVM's
// vectoriser see them. Reductions run in ascending order of `over`: sums are
// the dialect's sums to the bit. Rows of 16-bit elements are read as f32 and
// rounded once where they are stored.

#ifndef HEADGATE_PASSES_SPECBUILDER_H
#define HEADGATE_PASSES_SPECBUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace headgate::passes {

using Dims = llvm::SmallVector<mlir::OpFoldResult>;
using Indices = llvm::ArrayRef<mlir::Value>;

/// `a` followed by `b`.
llvm::SmallVector<mlir::Value> join(Indices a, Indices b);

class SpecBuilder : public mlir::ImplicitLocOpBuilder {
public:
  /// Builds before `op`, at its location.
  explicit SpecBuilder(mlir::Operation *op)
      : ImplicitLocOpBuilder(op->getLoc(), op) {}

  // Constants.
  mlir::Value f32(float x);
  mlir::Value i32(int32_t x);
  mlir::Value index(int64_t x);
  mlir::Value boolean(bool x);

  // f32 arithmetic; add, sub and mul also take equal integer types.
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value div(mlir::Value a, mlir::Value b);
  mlir::Value exp(mlir::Value a);
  mlir::Value log(mlir::Value a);
  /// The larger; NaN if one is NaN.
  mlir::Value max(mlir::Value a, mlir::Value b);

  // Comparisons: signed integers, or ordered floats (false with a NaN).
  mlir::Value less(mlir::Value a, mlir::Value b);
  mlir::Value lessOrEqual(mlir::Value a, mlir::Value b);
  mlir::Value equal(mlir::Value a, mlir::Value b);
  mlir::Value isNaN(mlir::Value a);
  mlir::Value both(mlir::Value a, mlir::Value b);
  mlir::Value either(mlir::Value a, mlir::Value b);
  mlir::Value pick(mlir::Value condition, mlir::Value a, mlir::Value b);
  /// Like pick, but only the side that is taken is evaluated: for reads that
  /// are valid under the condition alone.
  mlir::Value choose(mlir::Value condition, llvm::function_ref<mlir::Value()> a,
                     llvm::function_ref<mlir::Value()> b);

  mlir::Value toIndex(mlir::Value integer);
  mlir::Value toI32(mlir::Value index);
  mlir::Value oneIf(mlir::Value condition); ///< i32 1 or 0

  /// An expert number as an index that is safe to read with: a hole (-1)
  /// reads row 0.
  mlir::Value safeExpert(mlir::Value expert);
  mlir::Value isHole(mlir::Value expert);

  /// tensor[at], floats widened to f32.
  mlir::Value read(mlir::Value tensor, Indices at);
  mlir::Value widen(mlir::Value scalar);

  // Extents.
  Dims dims(mlir::Value tensor);
  mlir::OpFoldResult dim(mlir::Value tensor, int64_t which);
  mlir::Value value(mlir::OpFoldResult extent);

  // Loop nests. `fn` gets the loop indices, and may return f32 where `element`
  // is a 16-bit float.
  mlir::Value map(Dims out, mlir::Type element,
                  llvm::function_ref<mlir::Value(Indices)> fn);
  mlir::Value reduce(Dims out, Dims over, mlir::Type element, mlir::Value init,
                     llvm::function_ref<mlir::Value(Indices, mlir::Value)> fn);
  /// The same with the loops outer, over, inner: out[outer ++ inner]. Reads of
  /// neighbours stay such where what is reduced is far apart.
  mlir::Value
  reduceAcross(Dims outer, Dims over, Dims inner, mlir::Type element,
               mlir::Value init,
               llvm::function_ref<mlir::Value(Indices, mlir::Value)> fn);
  mlir::Value sum(Dims out, Dims over,
                  llvm::function_ref<mlir::Value(Indices)> fn);
  mlir::Value sumAcross(Dims outer, Dims over, Dims inner,
                        llvm::function_ref<mlir::Value(Indices)> fn);
  mlir::Value count(Dims out, Dims over,
                    llvm::function_ref<mlir::Value(Indices)> condition);

  /// A loop nest over operands with indexing maps: `out` += or = by `fn`, which
  /// gets the loop indices, the operands' elements (floats widened to f32) and
  /// the accumulator. Loops run in the order of `iterators`.
  mlir::Value
  generic(mlir::ValueRange operands, mlir::Value init,
          llvm::ArrayRef<mlir::AffineMap> maps,
          llvm::ArrayRef<mlir::utils::IteratorType> iterators,
          llvm::function_ref<mlir::Value(Indices, Indices, mlir::Value)> fn);
  mlir::Value filled(Dims out, mlir::Value init);

  /// `x` rounded to `element`; `x` itself if it has that type already.
  mlir::Value rounded(mlir::Value x, mlir::Type element);

  /// Softmax over the last dimension in f32; a row of -inf gives zeros, a NaN
  /// makes its row NaN.
  mlir::Value softmax(mlir::Value x);
  mlir::Value sigmoid(mlir::Value scalar);
  /// f32 copy of a tensor of rows.
  mlir::Value widened(mlir::Value tensor);
};

} // namespace headgate::passes

#endif // HEADGATE_PASSES_SPECBUILDER_H
