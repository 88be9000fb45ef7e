// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The two ways to project by the matrices of the chosen experts:
//
//   dense    %p = linalg.contract %x, %w       chosen   %c = routed.linear
//            %c = routed.gather %p[%experts]                   %x, %w[%experts]
//
// and, for rows of slots that are summed, y = sum over j of w_j o_j W[e_j]:
//
//   dense    %z = routed.combine scatter %o    chosen   %y = routed.linear
//            %y = linalg.contract %z, %w                       %o, %w[%experts]
//
// Dense products run at the machine's rate and multiply for all M experts;
// chosen ones multiply for k of them, a row at a time. The first pair has the
// same terms and roundings; in the second the weights meet o before W, and one
// sum runs over all experts.

#include "lib/RoutedCost.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"
#include "passes/KernelProblem.h"
#include "passes/SimplifyRouted.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

//===-- projections ------------------------------------------------------===//

/// b, s, n.. and the summed dimension as the loops of a projection whose result
/// has `rank` dimensions: what input, matrices and result are indexed by.
static SmallVector<AffineMap>
projectionMaps(MLIRContext *context, unsigned rank, bool innerFirst = false) {
  SmallVector<unsigned> rows = {0, 1, rank}, matrices, result;
  for (unsigned d = 0; d < rank; ++d) {
    result.push_back(d);
    if (d >= 2)
      matrices.push_back(d);
  }
  matrices.insert(innerFirst ? matrices.begin() : matrices.end(), rank);
  return {AffineMap::getMultiDimMapWithTargets(rank + 1, rows, context),
          AffineMap::getMultiDimMapWithTargets(rank + 1, matrices, context),
          AffineMap::getMultiDimMapWithTargets(rank + 1, result, context)};
}

/// Are `maps` a projection's, whatever the order of its loops?
static bool areProjectionMaps(ArrayRef<AffineMap> maps) {
  AffineMap result = maps[2];
  unsigned rank = result.getNumResults();
  if (rank < 3 || maps[0].getNumDims() != rank + 1 ||
      !llvm::all_of(maps,
                    [](AffineMap map) { return map.isProjectedPermutation(); }))
    return false;
  // Loop number -> its number in projectionMaps.
  SmallVector<AffineExpr> renamed(rank + 1);
  MLIRContext *context = result.getContext();
  for (auto [d, expr] : llvm::enumerate(result.getResults()))
    renamed[cast<AffineDimExpr>(expr).getPosition()] =
        getAffineDimExpr(d, context);
  for (AffineExpr &expr : renamed)
    if (!expr)
      expr = getAffineDimExpr(rank, context);
  return llvm::all_of_zip(
      maps, projectionMaps(context, rank), [&](AffineMap map, AffineMap known) {
        return map.replaceDimsAndSymbols(renamed, {}, rank + 1, 0) == known;
      });
}

std::optional<Projection> headgate::passes::matchProjection(Value rows) {
  Projection p;
  Type element = getElementTypeOrSelf(rows);
  if ((p.rounding = rows.getDefiningOp<arith::TruncFOp>()))
    rows = p.rounding.getIn();
  p.contract = rows.getDefiningOp<linalg::ContractOp>();
  if (!p.contract || !areProjectionMaps(p.contract.getIndexingMapsArray()))
    return {};
  p.input = p.contract.getDpsInputs()[0];
  p.matrices = p.contract.getDpsInputs()[1];
  bool sameTypes =
      llvm::all_of(ValueRange{p.input, p.matrices}, [&](Value factor) {
        return getElementTypeOrSelf(factor) == element;
      });
  auto sums = cast<RankedTensorType>(rows.getType());
  if (!sameTypes || !sums.getElementType().isF32())
    return {};
  Operation *init = p.contract.getDpsInits()[0].getDefiningOp();
  if (auto broadcast = dyn_cast_or_null<linalg::BroadcastOp>(init)) {
    if (broadcast.getDimensions() != ArrayRef<int64_t>{0, 1})
      return {};
    p.bias = broadcast.getInput();
    return p;
  }
  auto fill = dyn_cast_or_null<linalg::FillOp>(init);
  if (!fill || !matchPattern(fill.getInputs()[0], m_AnyZeroFloat()))
    return {};
  return p;
}

Value headgate::passes::buildProjection(ImplicitLocOpBuilder &b, Value input,
                                        Value matrices, Value bias,
                                        bool innerFirst) {
  SmallVector<OpFoldResult> sizes = {
      tensor::getMixedSize(b, b.getLoc(), input, 0),
      tensor::getMixedSize(b, b.getLoc(), input, 1)};
  auto type = cast<RankedTensorType>(matrices.getType());
  for (int64_t extent :
       innerFirst ? type.getShape().drop_front() : type.getShape().drop_back())
    sizes.push_back(b.getIndexAttr(extent));
  Value init = tensor::EmptyOp::create(b, sizes, b.getF32Type());
  if (bias) {
    init = linalg::BroadcastOp::create(b, bias, init, ArrayRef<int64_t>{0, 1})
               ->getResult(0);
  } else {
    Value zero = arith::ConstantOp::create(b, b.getF32FloatAttr(0));
    init = linalg::FillOp::create(b, ValueRange{zero}, ValueRange{init})
               .getResult(0);
  }
  ArrayAttr maps = b.getAffineMapArrayAttr(
      projectionMaps(b.getContext(), type.getRank() + 1, innerFirst));
  return linalg::ContractOp::create(b, TypeRange{init.getType()},
                                    ValueRange{input, matrices},
                                    ValueRange{init}, maps)
      .getResult(0);
}

Value headgate::passes::rounded(ImplicitLocOpBuilder &b, Value rows,
                                Type element) {
  auto type = cast<RankedTensorType>(rows.getType());
  if (type.getElementType() == element)
    return rows;
  return arith::TruncFOp::create(b, type.clone(element), rows);
}

//===-- which form costs less --------------------------------------------===//

namespace {

constexpr StringRef remarkName = "expert-projection";

/// The problem of projecting by `matrices` [R, M, out, in], or [R, M, in, out]
/// if they are not `transposed`.
ExpertProjection problemOf(Value matrices, Value experts, bool transposed) {
  ArrayRef<int64_t> shape =
      cast<RankedTensorType>(matrices.getType()).getShape();
  ExpertProjection problem;
  problem.dtype = dtypeOf(getElementTypeOrSelf(matrices));
  problem.groups = shape[0];
  problem.experts = shape[1];
  problem.chosen = cast<RankedTensorType>(experts.getType()).getDimSize(3);
  problem.inner = shape[transposed ? 3 : 2];
  problem.cols = shape[transposed ? 2 : 3];
  return problem;
}

struct Choice {
  bool dense;
  std::string why; ///< what it takes, and what the other form would
};

Choice choose(const Simplification &s, const ExpertProjection &problem,
              Value rows) {
  int64_t tokens = s.tokensOf(rows);
  double dense = denseProjectionNs(problem, s.target, tokens);
  double chosen = chosenProjectionNs(problem, s.target, tokens);
  if (dense < chosen)
    return {true, comparison(dense, chosen, tokens)};
  return {false, comparison(chosen, dense, tokens)};
}

/// The side of the squares in which `extent` is turned: up to a cache line.
int64_t squareOf(int64_t extent) {
  for (int64_t side : {16, 8, 4, 2})
    if (extent % side == 0)
      return side;
  return 1;
}

/// [R, M, a, b] to [R, M, b, a], square by square: either side would be read or
/// written column by column otherwise.
Value turned(ImplicitLocOpBuilder &b, Value matrices) {
  auto type = cast<RankedTensorType>(matrices.getType());
  ArrayRef<int64_t> shape = type.getShape();
  int64_t R = shape[0], M = shape[1], rows = squareOf(shape[2]),
          cols = squareOf(shape[3]);
  int64_t rowSquares = shape[2] / rows, colSquares = shape[3] / cols;
  SmallVector<ReassociationIndices> groups = {{0}, {1}, {2, 3}, {4, 5}};
  Value squares = tensor::ExpandShapeOp::create(
      b, type.clone({R, M, rowSquares, rows, colSquares, cols}), matrices,
      groups);
  Value empty = tensor::EmptyOp::create(
      b, ArrayRef<int64_t>{R, M, colSquares, cols, rowSquares, rows},
      type.getElementType());
  // Loops: R, M, square of columns, square of rows, column, row.
  MLIRContext *context = b.getContext();
  AffineMap maps[] = {
      AffineMap::getMultiDimMapWithTargets(6, {0, 1, 3, 5, 2, 4}, context),
      AffineMap::getMultiDimMapWithTargets(6, {0, 1, 2, 4, 3, 5}, context)};
  SmallVector<utils::IteratorType> loops(6, utils::IteratorType::parallel);
  Value result = linalg::GenericOp::create(
                     b, TypeRange{empty.getType()}, ValueRange{squares},
                     ValueRange{empty}, maps, loops,
                     [](OpBuilder &inner, Location loc, ValueRange at) {
                       linalg::YieldOp::create(inner, loc, at[0]);
                     })
                     .getResult(0);
  return tensor::CollapseShapeOp::create(b, result, groups);
}

//===-- gather of a projection to linear ---------------------------------===//

/// The bias in the type of the rows, which is how a linear takes it.
std::optional<Value> biasOfRows(const Projection &projection) {
  Value bias = projection.bias;
  if (!bias || !projection.rounding)
    return bias;
  auto widened = bias.getDefiningOp<arith::ExtFOp>();
  if (!widened || getElementTypeOrSelf(widened.getIn()) !=
                      getElementTypeOrSelf(projection.input))
    return {};
  return widened.getIn();
}

void chooseFor(const Simplification &s, routed::GatherOp gather) {
  std::optional<Projection> projection = matchProjection(gather.getSource());
  if (!projection || gather.getSource().getType().getRank() != 5)
    return;
  bool isOnlyUse = gather.getSource().hasOneUse() &&
                   projection->contract.getResult(0).hasOneUse();
  if (!isOnlyUse)
    return s.left(gather, remarkName, "the projection has other uses");
  Choice choice =
      choose(s, problemOf(projection->matrices, gather.getExperts(), true),
             projection->input);
  if (choice.dense)
    return s.left(gather, remarkName,
                  "by the matrices of all experts: it " + choice.why);
  std::optional<Value> bias = biasOfRows(*projection);
  if (!bias)
    return s.left(gather, remarkName, "the bias is not of the type of rows");
  ImplicitLocOpBuilder b(projection->contract.getLoc(), gather);
  Value linear = routed::LinearOp::create(
      b, b.getLoc(), projection->input, projection->matrices,
      gather.getExperts(), *bias, Value(), /*transposed=*/true);
  s.done(gather, remarkName,
         "by the matrices of the chosen experts: it " + choice.why);
  IRRewriter(gather.getContext())
      .replaceOp(gather, withType(b, linear, gather.getType()));
}

//===-- linear to gather of a projection ---------------------------------===//

/// The sum over the slots of weights * rows, rows f32 [B, S, R, k, out]; over
/// groups too if `all`.
Value sumOfSlots(ImplicitLocOpBuilder &b, Value rows, Value weights, bool all) {
  MLIRContext *context = b.getContext();
  auto type = cast<RankedTensorType>(rows.getType());
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, b.getLoc(), rows);
  SmallVector<unsigned> kept =
      all ? SmallVector<unsigned>{0, 1, 4} : SmallVector<unsigned>{0, 1, 2, 4};
  SmallVector<OpFoldResult> outSizes;
  for (unsigned d : kept)
    outSizes.push_back(sizes[d]);
  Value zero = arith::ConstantOp::create(b, b.getF32FloatAttr(0));
  Value init = tensor::EmptyOp::create(b, outSizes, type.getElementType());
  init = linalg::FillOp::create(b, ValueRange{zero}, ValueRange{init})
             .getResult(0);
  SmallVector<Value> inputs = {rows};
  SmallVector<AffineMap> maps = {b.getMultiDimIdentityMap(5)};
  if (weights) {
    inputs.push_back(weights);
    maps.push_back(
        AffineMap::getMultiDimMapWithTargets(5, {0, 1, 2, 3}, context));
  }
  maps.push_back(AffineMap::getMultiDimMapWithTargets(5, kept, context));
  using utils::IteratorType;
  IteratorType parallel = IteratorType::parallel,
               reduction = IteratorType::reduction;
  SmallVector<IteratorType> loops = {
      parallel, parallel, all ? reduction : parallel, reduction, parallel};
  return linalg::GenericOp::create(
             b, TypeRange{init.getType()}, inputs, ValueRange{init}, maps,
             loops,
             [&](OpBuilder &inner, Location loc, ValueRange at) {
               Value term = at[0];
               if (weights)
                 term = arith::MulFOp::create(inner, loc, at[1], term);
               Value sum = arith::AddFOp::create(inner, loc, at.back(), term);
               linalg::YieldOp::create(inner, loc, sum);
             })
      .getResult(0);
}

/// Why there is no dense form of `linear`; nothing if there is one.
std::optional<StringRef> noDenseForm(routed::LinearOp linear) {
  auto input = linear.getInput().getType();
  if (input.getRank() == 5)
    return "each slot has a row of its own";
  if (input.getRank() == 4 && input.getDimSize(2) != 1)
    return "each group has a row of its own";
  if (linear.getSum() != routed::Sum::None && !hasNoHoles(linear.getExperts()))
    return "a hole must not count in the sum";
  return {};
}

void chooseFor(const Simplification &s, routed::LinearOp linear) {
  if (linear.getInput().getType().getRank() == 5 &&
      linear.getSum() == routed::Sum::All)
    return; // a step of its own
  if (std::optional<StringRef> why = noDenseForm(linear))
    return s.left(linear, remarkName,
                  "by the matrices of the chosen experts: " + *why);
  ExpertProjection problem = problemOf(
      linear.getMatrices(), linear.getExperts(), linear.getTransposed());
  problem.transposes = !linear.getTransposed();
  Choice choice = choose(s, problem, linear.getInput());
  if (!choice.dense)
    return s.left(linear, remarkName,
                  "by the matrices of the chosen experts: it " + choice.why);

  ImplicitLocOpBuilder b(linear.getLoc(), linear);
  Value input = linear.getInput(), bias = linear.getBias();
  Type element = getElementTypeOrSelf(input);
  if (linear.getInput().getType().getRank() == 4)
    input = tensor::CollapseShapeOp::create(
        b, input, ArrayRef<ReassociationIndices>{{0}, {1}, {2, 3}});
  Value matrices = linear.getMatrices();
  if (problem.transposes)
    matrices = turned(b, matrices);
  if (bias && !element.isF32())
    bias = arith::ExtFOp::create(
        b, cast<RankedTensorType>(bias.getType()).clone(b.getF32Type()), bias);
  Value rows = buildProjection(b, input, matrices, bias);
  bool sums = linear.getSum() != routed::Sum::None;
  if (!sums) // sums are rounded behind
    rows = rounded(b, rows, element);
  rows = routed::GatherOp::create(b, b.getLoc(), rows, linear.getExperts());
  if (sums)
    rows = rounded(b,
                   sumOfSlots(b, rows, linear.getWeights(),
                              linear.getSum() == routed::Sum::All),
                   element);
  s.done(linear, remarkName,
         "by the matrices of all experts, and a gather: it " + choice.why);
  IRRewriter(linear.getContext())
      .replaceOp(linear, withType(b, rows, linear.getType()));
}

//===-- linear of slots to scatter and projection ------------------------===//

void spread(const Simplification &s, routed::LinearOp linear) {
  if (linear.getInput().getType().getRank() != 5 ||
      linear.getSum() != routed::Sum::All)
    return;
  constexpr StringRef chosen = "by the matrices of the chosen experts: ";
  if (linear.getBias())
    return s.left(linear, remarkName, chosen + "each has a bias");
  ExpertProjection problem = problemOf(
      linear.getMatrices(), linear.getExperts(), linear.getTransposed());
  problem.fromSlots = true;
  // All matrices below each other are one: [R M in, out].
  problem.transposes = linear.getTransposed();
  Choice choice = choose(s, problem, linear.getInput());
  if (!choice.dense)
    return s.left(linear, remarkName, chosen + "it " + choice.why);
  if (!s.reassociate)
    return s.left(linear, remarkName,
                  chosen + "one sum over all experts, which " + choice.why +
                      ", would round otherwise; allow-reassociation lets it");

  ImplicitLocOpBuilder b(linear.getLoc(), linear);
  Value rows = routed::CombineOp::create(
      b, b.getLoc(), routed::Combine::Scatter, linear.getInput(),
      linear.getWeights(), linear.getExperts(),
      b.getI64IntegerAttr(problem.experts));
  Value matrices = linear.getMatrices();
  if (problem.transposes)
    matrices = turned(b, matrices);
  matrices = tensor::CollapseShapeOp::create(
      b, matrices, ArrayRef<ReassociationIndices>{{0, 1, 2}, {3}});
  Value result =
      buildProjection(b, rows, matrices, Value(), /*innerFirst=*/true);
  s.done(linear, remarkName,
         "by the matrices of all experts, behind a scatter: it " + choice.why);
  IRRewriter(linear.getContext())
      .replaceOp(linear,
                 withType(b, rounded(b, result, getElementTypeOrSelf(matrices)),
                          linear.getType()));
}

} // namespace

void headgate::passes::chooseExpertProjections(const Simplification &s) {
  // Both lists first: what one form became is not to be asked again.
  auto gathers = s.all<routed::GatherOp>();
  auto linears = s.all<routed::LinearOp>();
  for (routed::GatherOp gather : gathers)
    chooseFor(s, gather);
  for (routed::LinearOp linear : linears)
    chooseFor(s, linear);
}

void headgate::passes::spreadOutputProjections(const Simplification &s) {
  for (routed::LinearOp linear : s.all<routed::LinearOp>())
    spread(s, linear);
}
