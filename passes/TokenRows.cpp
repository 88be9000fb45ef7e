// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// gather, rope, mean_heads and combine on tiles of tokens. Formulas, holes and
// roundings are those of the dialect; sums run in ascending order, in f32.

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "passes/TokenTiles.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

/// The tiles of a program are unrolled over the heads that are summed.
static constexpr int64_t maxTerms = 128;

static Coordinate uniform(TileBuilder &b, int64_t index) {
  return {Coordinate::uniform, b.index(index)};
}

/// A row whose expert is -1 lies outside of the source and reads 0; where the
/// source is computed, 0 takes the place of what that gives.
FailureOr<TokenTile> TokenTiles::gathered(routed::GatherOp op,
                                          const TokenRegion &region) {
  if (region[3].kind == Coordinate::column)
    return refuse(op, "its slots are columns");
  FailureOr<TokenTile> experts =
      of(op.getExperts(), TokenRegion(ArrayRef(region).take_front(4)));
  if (failed(experts))
    return failure();
  Value expert = spread(*experts, true, 0);
  TokenRegion from = region;
  from[3] = {Coordinate::row, expert};
  FailureOr<TokenTile> tile = of(op.getSource(), from);
  if (failed(tile) || op.getSource().getDefiningOp<bufferization::ToTensorOp>())
    return tile;
  Value isLive = arith::CmpIOp::create(b, arith::CmpIPredicate::sge, expert,
                                       b.constantI32(rows, 0));
  Value zero = arith::ConstantOp::create(
      b, cast<TypedAttr>(b.getZeroAttr(tile->element())));
  Value live = spread({isLive, true}, true, tile->columns);
  return TokenTile{b.select(live, spread(*tile, true, tile->columns),
                            spread({zero}, true, tile->columns)),
                   true, tile->columns};
}

/// Columns [0, n), [n, 2n) and those behind are regions of their own.
FailureOr<TokenTile> TokenTiles::rotated(routed::RopeOp op,
                                         const TokenRegion &region) {
  int64_t half = op.getCos().getType().getDimSize(1);
  std::optional<int64_t> first = getConstantIntValue(region.back().value);
  if (region.back().kind != Coordinate::column || !first ||
      (*first != 0 && *first != half && *first < 2 * half))
    return refuse(op, "its halves are not columns of a block's own");
  FailureOr<TokenTile> x = of(op.getSource(), region);
  if (failed(x) || *first >= 2 * half)
    return x;
  bool isUpper = *first == half;
  TokenRegion partner = region;
  partner.back().value = b.index(isUpper ? 0 : half);
  TokenRegion table = {{Coordinate::token},
                       {Coordinate::column, b.index(0), region.back().width}};
  if (Value positions = op.getPositions()) {
    auto rank = cast<RankedTensorType>(positions.getType()).getRank();
    FailureOr<TokenTile> position =
        of(positions, TokenRegion(ArrayRef(region).take_front(rank)));
    if (failed(position))
      return failure();
    // A hole reads row 0.
    Value row = arith::MaxSIOp::create(b, spread(*position, true, 0),
                                       b.constantI32(rows, 0));
    table[0] = {Coordinate::row, row};
  }
  FailureOr<TokenTile> y = of(op.getSource(), partner),
                       cos = of(op.getCos(), table),
                       sin = of(op.getSin(), table);
  if (failed(y) || failed(cos) || failed(sin))
    return failure();
  int64_t width = region.back().width;
  auto wide = [&](TokenTile tile) {
    return spread(widened(tile), true, width);
  };
  Value crossed = arith::MulFOp::create(b, wide(*y), wide(*sin));
  if (!isUpper)
    crossed = arith::NegFOp::create(b, crossed);
  Value turned = math::FmaOp::create(b, wide(*x), wide(*cos), crossed);
  return rounded({turned, true, width}, op.getType().getElementType());
}

FailureOr<TokenTile> TokenTiles::averaged(routed::MeanHeadsOp op,
                                          const TokenRegion &region) {
  int64_t heads = op.getSource().getType().getDimSize(2);
  if (heads > maxTerms)
    return refuse(op, "it has too many heads");
  bool hasRows = false;
  int64_t columns = 0;
  Value sum;
  for (int64_t h = 0; h < heads; ++h) {
    TokenRegion from = region;
    from[2] = uniform(b, h);
    FailureOr<TokenTile> tile = of(op.getSource(), from);
    if (failed(tile))
      return failure();
    hasRows = tile->rows;
    columns = tile->columns;
    Value term = widened(*tile).value;
    sum = sum ? arith::AddFOp::create(b, sum, term).getResult() : term;
  }
  // The reciprocal of a power of two is exact, and so is a product with it.
  bool isExact = llvm::isPowerOf2_64(heads);
  Value factor = arith::ConstantOp::create(
      b, b.getF32FloatAttr(isExact ? 1.0f / heads : float(heads)));
  factor = spread({factor}, hasRows, columns);
  Value mean = isExact ? arith::MulFOp::create(b, sum, factor).getResult()
                       : arith::DivFOp::create(b, sum, factor).getResult();
  return rounded({mean, hasRows, columns}, op.getType().getElementType());
}

//===-- combine ----------------------------------------------------------===//

/// f32 weights * source, or the source, in a region of the source.
FailureOr<TokenTile> TokenTiles::weighed(routed::CombineOp op,
                                         const TokenRegion &source) {
  FailureOr<TokenTile> rowsOf = of(op.getSource(), source);
  if (failed(rowsOf))
    return failure();
  TokenTile tile = widened(*rowsOf);
  if (!op.getWeights())
    return tile;
  size_t rank = cast<RankedTensorType>(op.getWeights().getType()).getRank();
  FailureOr<TokenTile> weights =
      of(op.getWeights(), TokenRegion(ArrayRef(source).take_front(rank)));
  if (failed(weights))
    return failure();
  Value factor = spread(*weights, tile.rows, tile.columns);
  return TokenTile{arith::MulFOp::create(b, factor, tile.value), tile.rows,
                   tile.columns};
}

FailureOr<TokenTile> TokenTiles::combined(routed::CombineOp op,
                                          const TokenRegion &region) {
  Type element = op.getType().getElementType();
  ArrayRef<int64_t> shape = op.getSource().getType().getShape();
  if (op.getKind() == routed::Combine::Concat) {
    FailureOr<TokenTile> tile = weighed(op, region);
    return failed(tile) ? tile : rounded(*tile, element);
  }
  // The head dimensions that are summed: those of the weights, or the slots.
  bool isSum = op.getKind() == routed::Combine::Sum;
  size_t first = isSum ? 2 : 3;
  size_t end =
      isSum ? cast<RankedTensorType>(op.getWeights().getType()).getRank() : 4;
  int64_t terms = 1;
  for (int64_t extent : shape.slice(first, end - first))
    terms *= extent;
  if (terms > maxTerms)
    return refuse(op, "it sums too many heads");
  TokenTile sum;
  for (int64_t term = 0; term < terms; ++term) {
    TokenRegion from(ArrayRef(region).take_front(first));
    int64_t rest = term, below = terms;
    for (size_t d = first; d < end; ++d) {
      below /= shape[d];
      from.push_back(uniform(b, rest / below));
      rest %= below;
    }
    from.append(region.begin() + (isSum ? first : 4), region.end());
    FailureOr<TokenTile> tile = weighed(op, from);
    if (failed(tile))
      return failure();
    Value value = tile->value;
    if (!isSum) { // of the slots that hold this expert
      FailureOr<TokenTile> experts =
          of(op.getExperts(), TokenRegion(ArrayRef(from).take_front(4)));
      if (failed(experts))
        return failure();
      Value mine = spread({b.toI32(region[3].value)}, true, 0);
      Value isMine = arith::CmpIOp::create(b, arith::CmpIPredicate::eq,
                                           spread(*experts, true, 0), mine);
      Value zero = b.constant({rows, tile->columns}, 0);
      value =
          b.select(spread({isMine, true}, true, tile->columns), value, zero);
    }
    sum = {sum.value ? arith::AddFOp::create(b, sum.value, value).getResult()
                     : value,
           tile->rows, tile->columns};
  }
  return rounded(sum, element);
}
