// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rewrites of routed ops that trade cost or, where that is allowed, rounding.
// What is equal to the bit and always better is a canonicalization; what
// depends on the machine, on sizes or on a flag is here.
//
//   %r = routed.rope %q, %cos, %sin          %c = routed.gather %q[%experts]
//   %c = routed.gather %r[%experts]     =>   %r = routed.rope %c, %cos, %sin
//
// Costs are those of lib/RoutedCost. Each step looks at every op it could
// change once, and says in a remark what it did, or why not. Source: semantics
// 2.8, routed-dialect specification 4. Covered by
// test/passes/simplify-routed*.mlir, and by execution in test/passes/meaning.

#include "passes/SimplifyRouted.h"

#include "lib/Target.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"
#include "llvm/Support/FormatVariadic.h"

namespace headgate::passes {
#define GEN_PASS_DEF_SIMPLIFYROUTED
#include "passes/Passes.h.inc"
} // namespace headgate::passes

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

//===-- what the steps share ---------------------------------------------===//

int64_t Simplification::tokensOf(Value rows) const {
  auto type = cast<RankedTensorType>(rows.getType());
  bool isKnown = !type.isDynamicDim(0) && !type.isDynamicDim(1);
  return isKnown ? type.getDimSize(0) * type.getDimSize(1) : assumedTokens;
}

static remark::RemarkOpts remarkOptions(StringRef name, func::FuncOp func) {
  return remark::RemarkOpts::name(name)
      .category("simplify-routed")
      .function(func.getName());
}

void Simplification::done(Operation *op, StringRef name,
                          const Twine &what) const {
  remark::passed(op->getLoc(), remarkOptions(name, func)) << what.str();
}

void Simplification::left(Operation *op, StringRef name,
                          const Twine &why) const {
  remark::missed(op->getLoc(), remarkOptions(name, func)) << why.str();
}

static std::string textOf(double ns) {
  if (ns < 1e3)
    return llvm::formatv("{0:F1} ns", ns);
  return ns < 1e6 ? llvm::formatv("{0:F1} us", ns / 1e3)
                  : llvm::formatv("{0:F1} ms", ns / 1e6);
}

std::string headgate::passes::comparison(double ns, double otherNs,
                                         int64_t tokens) {
  return llvm::formatv("takes {0}, not {1}, for {2} tokens", textOf(ns),
                       textOf(otherNs), tokens);
}

Value headgate::passes::withType(ImplicitLocOpBuilder &b, Value rows,
                                 Type type) {
  return rows.getType() == type ? rows : tensor::CastOp::create(b, type, rows);
}

bool headgate::passes::hasNoHoles(Value experts) {
  auto select = experts.getDefiningOp<routed::SelectOp>();
  return select && !select.getValid();
}

//===-- gather before rope -----------------------------------------------===//

namespace {

/// A hole is zeros behind a gather, and what the tables make of zeros behind a
/// rotation. Nobody sees which if it is a query that its attention leaves out.
bool mayRotateHoles(routed::GatherOp gather) {
  return hasNoHoles(gather.getExperts()) ||
         llvm::all_of(gather->getUsers(), [&](Operation *user) {
           auto attend = dyn_cast<routed::AttendOp>(user);
           return attend && attend.getExperts() == gather.getExperts() &&
                  attend.getKey() != gather && attend.getValue() != gather;
         });
}

void gatherBefore(const Simplification &s, routed::RopeOp rope) {
  constexpr StringRef name = "gather-before-rope";
  SmallVector<routed::GatherOp> gathers;
  for (Operation *user : rope->getUsers())
    if (auto gather = dyn_cast<routed::GatherOp>(user))
      gathers.push_back(gather);
  if (gathers.empty())
    return;
  if (!llvm::all_of(rope->getUsers(), llvm::IsaPred<routed::GatherOp>))
    return s.left(rope, name, "rotated rows of all experts have other uses");
  if (rope.getPositions() && rope.getPositions().getType().getRank() > 3)
    return s.left(rope, name, "positions depend on the expert");
  int64_t chosen = 0;
  for (routed::GatherOp gather : gathers)
    chosen += gather.getType().getDimSize(3);
  int64_t all = rope.getType().getDimSize(3);
  if (chosen >= all)
    return s.left(rope, name, "no fewer rows are chosen than there are");
  if (!llvm::all_of(gathers, mayRotateHoles))
    return s.left(rope, name, "rows of holes would be rotated zeros");
  IRRewriter rewriter(rope.getContext());
  for (routed::GatherOp gather : gathers) {
    ImplicitLocOpBuilder b(gather.getLoc(), gather);
    Value rows = routed::GatherOp::create(b, gather.getLoc(), rope.getSource(),
                                          gather.getExperts());
    b.setLoc(rope.getLoc());
    Value rotated =
        routed::RopeOp::create(b, rope.getLoc(), rows, rope.getCos(),
                               rope.getSin(), rope.getPositions());
    rewriter.replaceOp(gather, withType(b, rotated, gather.getType()));
  }
  s.done(rope, name,
         "rotates " + Twine(chosen) + " rows of " + Twine(all) +
             ": those that are chosen");
  rewriter.eraseOp(rope);
}

} // namespace

void headgate::passes::gatherBeforeRope(const Simplification &s) {
  for (routed::RopeOp rope : s.all<routed::RopeOp>())
    gatherBefore(s, rope);
}

//===-- the pass ---------------------------------------------------------===//

namespace {

struct SimplifyRoutedPass
    : passes::impl::SimplifyRoutedBase<SimplifyRoutedPass> {
  using SimplifyRoutedBase::SimplifyRoutedBase;

  void runOnOperation() override {
    Result<Target> machine = findTarget(target);
    if (!machine) {
      getOperation().emitError(machine.error().message());
      return signalPassFailure();
    }
    Simplification s{getOperation(), allowReassociation, *machine, tokens};
    takeAllExpertsInIndexOrder(s);
    gatherBeforeRope(s);
    chooseExpertProjections(s);
    spreadOutputProjections(s);
    foldMeansIntoProjections(s);
  }
};

} // namespace
