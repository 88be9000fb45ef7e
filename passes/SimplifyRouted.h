// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The steps of headgate-simplify-routed, and what they share.

#ifndef HEADGATE_PASSES_SIMPLIFYROUTED_H
#define HEADGATE_PASSES_SIMPLIFYROUTED_H

#include "dialect/routed/Routed.h"
#include "headgate/Target.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <string>

namespace headgate::passes {

/// One function, what may be done to it, and what it will run on.
struct Simplification {
  mlir::func::FuncOp func;
  bool reassociate; ///< may sums be added in another order?
  Target target;
  int64_t assumedTokens; ///< batches * positions, where that is not known

  /// In program order, as they are now.
  template <typename Op> llvm::SmallVector<Op> all() const {
    llvm::SmallVector<Op> ops;
    mlir::func::FuncOp(func).walk([&](Op op) { ops.push_back(op); });
    return ops;
  }
  int64_t tokensOf(mlir::Value rows) const;
  /// Remarks: what became of `op`, or why it was left.
  void done(mlir::Operation *op, llvm::StringRef name,
            const llvm::Twine &what) const;
  void left(mlir::Operation *op, llvm::StringRef name,
            const llvm::Twine &why) const;
};

/// "takes 1.5 ms, not 20.0 ms, for 1024 tokens".
std::string comparison(double ns, double otherNs, int64_t tokens);

/// `rows` through a cast if its type is not `type`: what an extent is known to
/// be may differ between two forms.
mlir::Value withType(mlir::ImplicitLocOpBuilder &b, mlir::Value rows,
                     mlir::Type type);

/// rows [B, S, n...] = input [B, S, in] times matrices [n..., in], on top of a
/// bias f32 [n...], rounded if they are narrower than f32.
struct Projection {
  mlir::Value input, matrices, bias; ///< no bias: null
  mlir::linalg::ContractOp contract;
  mlir::arith::TruncFOp rounding; ///< null for f32
};
std::optional<Projection> matchProjection(mlir::Value rows);
/// f32, not rounded. `innerFirst`: matrices [in, n...].
mlir::Value buildProjection(mlir::ImplicitLocOpBuilder &b, mlir::Value input,
                            mlir::Value matrices, mlir::Value bias,
                            bool innerFirst = false);
mlir::Value rounded(mlir::ImplicitLocOpBuilder &b, mlir::Value rows,
                    mlir::Type element);

/// Can no token be a hole in `experts`?
bool hasNoHoles(mlir::Value experts);

// The steps, in their order.

/// All experts run: in index order, where nothing depends on their rank. They
/// are then plain heads, and what picks and spreads them folds away.
void takeAllExpertsInIndexOrder(const Simplification &s);
/// gather(rope(x)) to rope(gather(x)).
void gatherBeforeRope(const Simplification &s);
/// gather(projection) to linear and linear to gather(projection), whichever
/// costs less.
void chooseExpertProjections(const Simplification &s);
/// linear with the sum of all slots to scatter and one projection.
void spreadOutputProjections(const Simplification &s);
/// mean_heads of projected rows to a projection by the mean of the matrices.
void foldMeansIntoProjections(const Simplification &s);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_SIMPLIFYROUTED_H
