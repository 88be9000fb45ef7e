// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/TileScore.h"

#include "dialect/tile/Tile.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/InferIntRangeInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "passes/TileBuilder.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

using Kind = Lifted::Kind;

static Kind join(Kind a, Kind b) { return Kind(int(a) | int(b)); }

static bool isIndexCast(Operation *op) {
  return isa<arith::IndexCastOp, arith::IndexCastUIOp>(op);
}

/// The largest position, extent or captured index that a score region is
/// expected to compute with. In tiles indices are i32: a region that could
/// leave them from here is not evaluated in tiles.
static constexpr int64_t maxPosition = (int64_t(1) << 24) - 1;

/// The key %t, at which a window of keys may begin.
static Value keyArgument(routed::AttendOp attend) {
  return attend.getScore().getArgument(3);
}

//===-- what tiles can evaluate ------------------------------------------===//

namespace {

class Checker {
public:
  explicit Checker(routed::AttendOp attend) : attend(attend) {}

  std::optional<Refusal> run() {
    Block &block = attend.getScore().front();
    kinds[block.getArgument(0)] = Kind::tile; // the score
    kinds[block.getArgument(1)] = Kind::scalar;
    kinds[block.getArgument(2)] = Kind::row;
    kinds[block.getArgument(3)] = Kind::col;
    for (Value head : block.getArguments().drop_front(4))
      kinds[head] = Kind::row; // of some blocks; of others a scalar
    for (Value position : block.getArguments().slice(1, 3))
      ranges.try_emplace(position, rangeOf(0, maxPosition));
    for (auto [head, extent] :
         llvm::zip(block.getArguments().drop_front(4), attend.getHeads()))
      ranges.try_emplace(head, rangeOf(0, extent - 1));
    for (Operation &op : block.without_terminator())
      if (std::optional<std::string> why = check(&op))
        return Refusal{&op, "the score region has it, and " + *why};
    return {};
  }

private:
  std::optional<std::string> check(Operation *op) {
    Kind kind = Kind::scalar;
    for (Value operand : op->getOperands())
      kind = join(kind, kinds.lookup(operand));
    for (Value result : op->getResults())
      kinds[result] = kind;
    if (auto extract = dyn_cast<tensor::ExtractOp>(op))
      return checkExtract(extract, kind);
    if (!isa<arith::ArithDialect, math::MathDialect>(op->getDialect()))
      return "tiles have no such operation";
    inferRanges(op, kind);
    if (kind == Kind::scalar)
      return {};
    if (!OpTrait::hasElementwiseMappableTraits(op))
      return "it is not elementwise";
    if (!isSpeculatable(op))
      return "it is undefined for some pairs, which a tile may hold";
    for (Type type :
         llvm::concat<Type>(SmallVector<Type>(op->getOperandTypes()),
                            SmallVector<Type>(op->getResultTypes())))
      if (!tileElementFor(type))
        return "tiles have no elements of its types";
    return checkIndices(op);
  }

  //===-- indices, which are i32 in tiles --------------------------------===//

  using Range = ConstantIntRanges;

  Range rangeOf(Value value) const {
    auto found = ranges.find(value);
    if (found != ranges.end())
      return found->second;
    APInt constant;
    if (matchPattern(value, m_ConstantInt(&constant)))
      return Range::constant(constant);
    if (value.getType().isIndex()) // captured: it counts something
      return rangeOf(-maxPosition, maxPosition);
    return Range::maxRange(Range::getStorageBitwidth(value.getType()));
  }
  static Range rangeOf(int64_t low, int64_t high) {
    return Range::fromSigned(APInt(64, low, /*isSigned=*/true),
                             APInt(64, high, /*isSigned=*/true));
  }

  void inferRanges(Operation *op, Kind kind) {
    auto infer = dyn_cast<InferIntRangeInterface>(op);
    bool isOfIntegers = llvm::all_of(
        op->getOperandTypes(), [](Type type) { return type.isIntOrIndex(); });
    if (!infer || !isOfIntegers)
      return;
    SmallVector<Range> operands;
    for (Value operand : op->getOperands())
      operands.push_back(rangeOf(operand));
    infer.inferResultRanges(operands, [&](Value result, const Range &range) {
      bool isCaptured = kind == Kind::scalar && !range.getConstantValue();
      if (result.getType().isIndex())
        ranges.try_emplace(result, isCaptured ? range.intersection(rangeOf(
                                                    -maxPosition, maxPosition))
                                              : range);
    });
  }

  bool fitsI32(Value value) const {
    return !value.getType().isIndex() ||
           (rangeOf(value).smin().isSignedIntN(32) &&
            rangeOf(value).smax().isSignedIntN(32));
  }

  /// 32 bits must say of indices what 64 do.
  std::optional<std::string> checkIndices(Operation *op) {
    auto isIndex = [](Value value) { return value.getType().isIndex(); };
    if (llvm::none_of(op->getOperands(), isIndex) &&
        llvm::none_of(op->getResults(), isIndex))
      return {};
    if (isIndexCast(op) &&
        !(getElementTypeOrSelf(op->getOperand(0)).isInteger(32) ||
          op->getResult(0).getType().isInteger(32)))
      return "tiles convert an index to i32 only";
    std::string why = "its indices need not fit 32 bits";
    if (op->getNumResults() != 1 || !fitsI32(op->getResult(0)) ||
        !llvm::all_of(op->getOperands(),
                      [&](Value operand) { return fitsI32(operand); }))
      return why;
    bool isUnsigned =
        isa<arith::DivUIOp, arith::CeilDivUIOp, arith::RemUIOp, arith::ShRUIOp>(
            op);
    if (isUnsigned && llvm::any_of(op->getOperands(), [&](Value operand) {
          return rangeOf(operand).smin().isNegative();
        }))
      return why;
    bool isShift = isa<arith::ShLIOp, arith::ShRSIOp, arith::ShRUIOp>(op);
    if (isShift && rangeOf(op->getOperand(1)).umax().uge(32))
      return why;
    return {};
  }

  std::optional<std::string> checkExtract(tensor::ExtractOp op, Kind kind) {
    auto source = op.getTensor().getDefiningOp<bufferization::ToTensorOp>();
    if (!source)
      return "its tensor is computed in the kernel";
    auto type = cast<MemRefType>(source.getBuffer().getType());
    SmallVector<int64_t> strides;
    int64_t offset;
    if (kind == Kind::scalar)
      return {};
    if (failed(type.getStridesAndOffset(strides, offset)) ||
        strides.back() != 1)
      return "the elements of its tensor are not neighbours";
    if (tileElementFor(type.getElementType()) != type.getElementType())
      return "tiles have no elements of its types";
    bool isByKey = !op.getIndices().empty() &&
                   op.getIndices().back() == keyArgument(attend);
    if (kind == Kind::tile || isByKey)
      for (Value index : op.getIndices().drop_back())
        if (kinds.lookup(index) & Kind::col)
          return "a key is not its last index";
    if (kind == Kind::tile && !isByKey)
      return "its last index is not the key";
    return {};
  }

  routed::AttendOp attend;
  DenseMap<Value, Kind> kinds;   // captured values are not in it: scalars
  DenseMap<Value, Range> ranges; // of indices
};

} // namespace

std::optional<Refusal> headgate::passes::checkScore(routed::AttendOp attend) {
  if (attend.getScore().empty())
    return {};
  return Checker(attend).run();
}

//===-- evaluation -------------------------------------------------------===//

namespace {

class ScoreBuilder {
public:
  ScoreBuilder(ImplicitLocOpBuilder &b, routed::AttendOp attend,
               const ScoreTile &tile)
      : b(b), attend(attend), tile(tile) {}

  Value build() {
    Block &block = attend.getScore().front();
    known[block.getArgument(0)] = {tile.scores, Kind::tile};
    known[block.getArgument(1)] = tile.batch;
    known[block.getArgument(2)] = tile.token;
    known[block.getArgument(3)] = {keys(), Kind::col};
    for (auto [argument, head] :
         llvm::zip(block.getArguments().drop_front(4), tile.heads))
      known[argument] = head;
    for (Operation &op : block.without_terminator())
      build(&op);
    auto yield = cast<routed::YieldOp>(block.getTerminator());
    return spread(of(yield.getScore()), Kind::tile);
  }

private:
  /// The keys of the tile's columns.
  Value keys() {
    Value cols = tile::IotaOp::create(b, vectorOf(tile.keys, b.getI32Type()));
    Value first = arith::IndexCastOp::create(b, b.getI32Type(), tile.firstKey);
    Value splat = tensor::SplatOp::create(b, cols.getType(), first);
    return arith::AddIOp::create(b, splat, cols);
  }

  Lifted of(Value value) const {
    auto found = known.find(value);
    return found == known.end() ? Lifted{value, Kind::scalar} : found->second;
  }

  RankedTensorType vectorOf(int64_t extent, Type element) const {
    return RankedTensorType::get(extent, element);
  }
  RankedTensorType typeOf(Kind kind, Type element) const {
    if (kind == Kind::row)
      return vectorOf(tile.rows, element);
    if (kind == Kind::col)
      return vectorOf(tile.keys, element);
    return RankedTensorType::get({tile.rows, tile.keys}, element);
  }

  /// `lifted` as a tile of `kind`, which holds at least its own.
  Value spread(Lifted lifted, Kind kind) {
    if (lifted.kind == kind)
      return lifted.value;
    Type element = tileElementFor(getElementTypeOrSelf(lifted.value));
    RankedTensorType type = typeOf(kind, element);
    if (lifted.kind != Kind::scalar)
      return tile::BroadcastOp::create(b, type, lifted.value,
                                       lifted.kind == Kind::row ? 1 : 0);
    Value scalar = lifted.value;
    if (scalar.getType().isIndex())
      scalar = arith::IndexCastOp::create(b, element, scalar);
    return tensor::SplatOp::create(b, type, scalar);
  }

  void build(Operation *op) {
    Kind kind = Kind::scalar;
    for (Value operand : op->getOperands())
      kind = join(kind, of(operand).kind);
    if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
      known[extract.getResult()] = buildExtract(extract, kind);
      return;
    }
    if (kind == Kind::scalar) {
      IRMapping mapping;
      for (Value operand : op->getOperands())
        mapping.map(operand, of(operand).value);
      Operation *clone = b.clone(*op, mapping);
      for (auto [old, result] :
           llvm::zip(op->getResults(), clone->getResults()))
        known[old] = {result, Kind::scalar};
      return;
    }
    // Index and i32 elements are one type in tiles.
    if (isIndexCast(op)) {
      known[op->getResult(0)] = of(op->getOperand(0));
      return;
    }
    IRMapping mapping;
    for (Value operand : op->getOperands())
      mapping.map(operand, spread(of(operand), kind));
    Operation *clone = b.clone(*op, mapping);
    for (auto [old, result] :
         llvm::zip(op->getResults(), clone->getResults())) {
      result.setType(typeOf(kind, tileElementFor(old.getType())));
      known[old] = {result, kind};
    }
  }

  /// An element of a tensor for each row, each key, or each pair. What lies
  /// outside the tensor belongs to pairs that are not seen.
  Lifted buildExtract(tensor::ExtractOp op, Kind kind) {
    auto source = op.getTensor().getDefiningOp<bufferization::ToTensorOp>();
    Value buffer = source.getBuffer();
    SmallVector<Lifted> indices;
    for (Value index : op.getIndices())
      indices.push_back(of(index));
    if (kind == Kind::scalar) {
      SmallVector<Value> at;
      for (Lifted index : indices)
        at.push_back(index.value);
      return {memref::LoadOp::create(b, buffer, at), Kind::scalar};
    }
    Value zero = arith::ConstantIndexOp::create(b, 0);
    SmallVector<Value> coords, rows;
    SmallVector<int64_t> sizes(indices.size(), 1), rowDims;
    bool isByKey = op.getIndices().back() == keyArgument(attend);
    for (auto [d, index] : llvm::enumerate(indices)) {
      bool isScalar = index.kind == Kind::scalar;
      coords.push_back(isScalar ? index.value : zero);
      if (isByKey && d + 1 == indices.size()) {
        coords.back() = tile.firstKey;
        sizes.back() = tile.keys;
      } else if (!isScalar) {
        rows.push_back(index.value);
        rowDims.push_back(d);
      }
    }
    Type element = cast<MemRefType>(buffer.getType()).getElementType();
    return {tile::LoadOp::create(b, typeOf(kind, element), buffer, coords,
                                 b.getDenseI64ArrayAttr(sizes), rows,
                                 b.getDenseI64ArrayAttr(rowDims)),
            kind};
  }

  ImplicitLocOpBuilder &b;
  routed::AttendOp attend;
  const ScoreTile &tile;
  DenseMap<Value, Lifted> known;
};

} // namespace

Value headgate::passes::buildScore(ImplicitLocOpBuilder &b,
                                   routed::AttendOp attend,
                                   const ScoreTile &tile) {
  return ScoreBuilder(b, attend, tile).build();
}
