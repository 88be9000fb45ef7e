// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the program of an attention's row group shares with the one that brings
// the parts of a split together: the softmax, results, and the parts'
// workspace.

#ifndef HEADGATE_PASSES_ATTENTIONPROGRAM_H
#define HEADGATE_PASSES_ATTENTIONPROGRAM_H

#include "passes/TileAttention.h"

#include <limits>

namespace headgate::passes {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// The softmax so far: a maximum, a sum and an output row for each query row.
struct Softmax {
  mlir::Value max, sum, output;

  llvm::SmallVector<mlir::Value> values() const { return {max, sum, output}; }
  static Softmax of(mlir::ValueRange values) {
    return {values[0], values[1], values[2]};
  }
};

/// Finished rows.
struct Rows {
  mlir::Value output, lse;
};

class AttentionProgram {
public:
  /// `seesPart`: of a split, the block sees one part of the keys.
  AttentionProgram(TileBuilder &b, const AttendKernel &kernel,
                   const RowPlan &plan, int64_t keys, mlir::Value workspace,
                   bool seesPart);

protected:
  Softmax initial();
  /// The maximum to subtract: 0 for a row that has seen nothing.
  mlir::Value finiteMax(mlir::Value max);
  /// Output and logarithm of the sum, with a row's maximum times `factor`.
  Rows finish(const Softmax &softmax, float factor);
  void storeResults(const Rows &result);
  /// The window of the block's rows in the outputs of part `split`, or (a width
  /// of 0) in its lses.
  TileWindow partialWindow(mlir::Value split, int64_t width);

  TileBuilder &b;
  const AttendKernel &kernel;
  const RowPlan &plan;
  routed::AttendOp attend;
  int64_t keys;
  mlir::Value parts; ///< of the keys; null: one
  TileRows rows;
  int64_t R, width, D, Dv;
  mlir::Value outputs, lses; ///< of the parts, in the workspace

private:
  mlir::Value countParts();
  void openPartials(mlir::Value workspace);
};

} // namespace headgate::passes

#endif // HEADGATE_PASSES_ATTENTIONPROGRAM_H
