// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A kernel of token-local ops as a loop over the tokens of one block.
//
//   %x = to_tensor %mx : tensor<?x?x8xf32>      for t in tokens of this block:
//   %y = op %x, %w                          =>    b = t / S, s = t % S
//   materialize %y in %my                         %x = to_tensor %mx[b, s, :]
//                                                 %y = op %x, %w   // 1x1x8
//                                                 materialize %y in %my[b, s,
//                                                 :]
//
// The tokens of all sequences are one range, cut into blocks of equal length.
// Inside, every tensor of tokens is [1, 1, ...]: what was dynamic is static,
// and intermediate values are a few kilobytes that stay in the first cache.
// An attention is sliced like the rest, its keys whole: correct for every
// class, with scores for one token at a time. Two of its inputs count tokens
// from the first one: q_len becomes q_len - s, which keeps both the position
// s + kv_len - q_len and the test s < q_len; a score region has b and s added.
// Covered by test/passes/slice-rows.mlir.

#include "dialect/routed/Routed.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/RegionUtils.h"
#include "passes/KernelGroups.h"
#include "passes/Launch.h"
#include "passes/Passes.h"
#include "passes/TokenNeeds.h"

namespace headgate::passes {
#define GEN_PASS_DEF_SLICEROWS
#include "passes/Passes.h.inc"
} // namespace headgate::passes

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

using Store = bufferization::MaterializeInDestinationOp;

/// Rebuilds a kernel's body for one token.
class TokenBody {
public:
  TokenBody(func::FuncOp kernel, int64_t blockTokens)
      : kernel(kernel), b(kernel.getLoc(), kernel.getContext()),
        blockTokens(blockTokens) {
    // Of a matrix a token is a row: one element would be too little.
    hasPositions = llvm::any_of(kernel.getOps<Store>(), [](Store store) {
      return cast<MemRefType>(store.getDest().getType()).getRank() > 2;
    });
  }

  void run() {
    Block *old = &kernel.getBody().front();
    Block *body = b.createBlock(&kernel.getBody());
    for (BlockArgument argument : old->getArguments())
      outside.map(argument,
                  body->addArgument(argument.getType(), argument.getLoc()));
    makeLoop();
    auto stores = llvm::to_vector(old->getOps<Store>());
    for (Store store : stores)
      (void)part(store.getSource(), ownToken);
    for (Store store : stores) // last, see headgate-place-results
      storeToken(store);
    b.setInsertionPointToEnd(body);
    func::ReturnOp::create(b);
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*old)))
      op.erase();
    old->erase();
    describeLaunch();
  }

private:
  //===-- the loop -------------------------------------------------------===//

  void makeLoop() {
    positions = hasPositions ? extent(1)
                             : arith::ConstantIndexOp::create(b, 1).getResult();
    Value tokens = arith::MulIOp::create(b, extent(0), positions);
    Value block = gpu::BlockIdOp::create(b, gpu::Dimension::x);
    Value length = arith::ConstantIndexOp::create(b, blockTokens);
    Value begin = arith::MulIOp::create(b, block, length);
    Value end = arith::MinUIOp::create(
        b, arith::AddIOp::create(b, begin, length), tokens);
    Value one = arith::ConstantIndexOp::create(b, 1);
    auto loop = scf::ForOp::create(b, begin, end, one);
    before = loop;
    b.setInsertionPoint(loop.getBody()->getTerminator());
    batch = arith::DivUIOp::create(b, loop.getInductionVar(), positions);
    position = arith::RemUIOp::create(b, loop.getInductionVar(), positions);
  }

  /// The number of batches (0) or positions (1).
  Value extent(int which) {
    Attribute token = kernel->getAttrOfType<ArrayAttr>(tokensName)[which];
    if (auto number = dyn_cast<IntegerAttr>(token))
      return arith::ConstantIndexOp::create(b, number.getInt());
    for (BlockArgument argument : b.getInsertionBlock()->getArguments()) {
      unsigned i = argument.getArgNumber();
      if (kernel.getArgAttr(i, nameAttrName) == token)
        return argument;
      auto dims = kernel.getArgAttrOfType<ArrayAttr>(i, dimsName);
      for (auto [d, dim] :
           llvm::enumerate(dims ? dims.getValue() : ArrayRef<Attribute>()))
        if (dim == token &&
            cast<MemRefType>(argument.getType()).isDynamicDim(d))
          return memref::DimOp::create(b, argument, d);
    }
    llvm_unreachable("an argument has the extent");
  }

  void describeLaunch() {
    std::string tokens = tokenText(kernel, 0);
    if (hasPositions)
      tokens += "*" + tokenText(kernel, 1);
    std::string blocks =
        "cdiv(" + tokens + "," + std::to_string(blockTokens) + ")";
    // A schedule may have been attached that no lowering could use.
    Launch launch = launchOf(kernel).value_or(Launch{});
    if (launch.kernel.empty())
      launch.kernel = kernel.getName().str();
    launch.grid = {blocks, "1", "1"};
    setLaunch(kernel, launch);
  }

  //===-- values ---------------------------------------------------------===//

  /// `value` outside of the loop: the same for all tokens.
  Value whole(Value value) {
    if (Value known = outside.lookupOrNull(value))
      return known;
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(before);
    Operation *op = value.getDefiningOp();
    for (Value operand : op->getOperands())
      whole(operand);
    SetVector<Value> captured;
    getUsedValuesDefinedAbove(op->getRegions(), captured);
    for (Value inner : captured)
      whole(inner);
    b.clone(*op, outside);
    return outside.lookup(value);
  }

  /// What one token needs of `value`.
  Value part(Value value, TokenNeed need) {
    if (!hasPositions)
      need.position = -1;
    if (need.isWhole() || !isa<RankedTensorType>(value.getType()))
      return whole(value);
    auto key = std::make_tuple(value, need.batch, need.position);
    if (Value known = parts.lookup(key))
      return known;
    b.setLoc(value.getLoc());
    Operation *op = value.getDefiningOp();
    if (auto load = dyn_cast<bufferization::ToTensorOp>(op)) {
      Value window = memrefPart(load.getBuffer(), need);
      auto type = cast<MemRefType>(window.getType());
      return parts[key] = bufferization::ToTensorOp::create(
                 b,
                 RankedTensorType::get(type.getShape(), type.getElementType()),
                 window, /*restrict=*/true);
    }
    if (need.batch == 0 && need.position == (hasPositions ? 1 : -1))
      if (auto needs = tokenNeeds(op)) {
        Operation *sliced = sliceOp(op, *needs);
        for (auto [from, to] :
             llvm::zip(op->getResults(), sliced->getResults()))
          parts[std::make_tuple(Value(from), need.batch, need.position)] = to;
        return parts[key];
      }
    return parts[key] = tensorPart(whole(value), need);
  }

  template <typename Dims>
  void windowOf(int64_t rank, TokenNeed need, Dims dimOf,
                SmallVector<OpFoldResult> &offsets,
                SmallVector<OpFoldResult> &sizes) {
    for (int64_t d = 0; d < rank; ++d) {
      bool isBatch = d == need.batch, isPosition = d == need.position;
      offsets.push_back(isBatch      ? OpFoldResult(batch)
                        : isPosition ? OpFoldResult(position)
                                     : b.getIndexAttr(0));
      sizes.push_back(isBatch || isPosition ? b.getIndexAttr(1) : dimOf(d));
    }
  }

  Value memrefPart(Value buffer, TokenNeed need) {
    buffer = whole(buffer);
    int64_t rank = cast<MemRefType>(buffer.getType()).getRank();
    SmallVector<OpFoldResult> offsets, sizes;
    windowOf(
        rank, need,
        [&](int64_t d) {
          return memref::getMixedSize(b, b.getLoc(), buffer, d);
        },
        offsets, sizes);
    SmallVector<OpFoldResult> strides(rank, b.getIndexAttr(1));
    return memref::SubViewOp::create(b, buffer, offsets, sizes, strides);
  }

  Value tensorPart(Value tensor, TokenNeed need) {
    int64_t rank = cast<RankedTensorType>(tensor.getType()).getRank();
    SmallVector<OpFoldResult> offsets, sizes;
    windowOf(
        rank, need,
        [&](int64_t d) {
          return tensor::getMixedSize(b, b.getLoc(), tensor, d);
        },
        offsets, sizes);
    SmallVector<OpFoldResult> strides(rank, b.getIndexAttr(1));
    return tensor::ExtractSliceOp::create(b, tensor, offsets, sizes, strides);
  }

  void storeToken(Store store) {
    Value value = part(store.getSource(), ownToken);
    b.setLoc(store.getLoc());
    Value window = memrefPart(store.getDest(), {0, hasPositions ? 1 : -1});
    auto sliced = Store::create(b, Type(), value, window);
    sliced.setRestrict(true);
    sliced.setWritable(true);
  }

  //===-- ops ------------------------------------------------------------===//

  /// How many leading dimensions a token selects.
  int selected() const { return hasPositions ? 2 : 1; }

  RankedTensorType tokenType(Type type) const {
    auto tensor = cast<RankedTensorType>(type);
    SmallVector<int64_t> shape(tensor.getShape());
    std::fill_n(shape.begin(), selected(), 1);
    return tensor.clone(shape);
  }

  /// `sizes` of a result, those of one token.
  SmallVector<OpFoldResult> tokenSizes(ArrayRef<OpFoldResult> sizes) {
    SmallVector<OpFoldResult> own;
    for (auto [d, size] : llvm::enumerate(sizes))
      own.push_back(int(d) < selected() ? OpFoldResult(b.getIndexAttr(1))
                                        : mixed(size));
    return own;
  }

  OpFoldResult mixed(OpFoldResult value) {
    auto scalar = dyn_cast<Value>(value);
    return scalar ? getAsOpFoldResult(whole(scalar)) : value;
  }

  Operation *sliceOp(Operation *op, ArrayRef<TokenNeed> needs) {
    SmallVector<Value> operands;
    bool isSized = isa<tensor::EmptyOp, tensor::ExtractSliceOp,
                       tensor::ExpandShapeOp, tensor::SplatOp>(op);
    for (auto [operand, need] : llvm::zip(op->getOperands(), needs)) {
      if (isSized && isa<IndexType>(operand.getType()))
        continue; // sizes: taken by name below
      operands.push_back(part(operand, need));
    }
    b.setLoc(op->getLoc());
    if (Operation *view = sliceView(op, operands))
      return view;
    Operation *sliced = cloneWith(op, operands);
    if (isa<linalg::LinalgOp>(sliced))
      addTokenIndex(cast<linalg::LinalgOp>(sliced));
    if (auto attend = dyn_cast<routed::AttendOp>(sliced))
      countFromToken(attend);
    return sliced;
  }

  /// Ops whose sizes are operands or attributes; null for any other.
  Operation *sliceView(Operation *op, ArrayRef<Value> operands) {
    if (auto empty = dyn_cast<tensor::EmptyOp>(op))
      return tensor::EmptyOp::create(b, tokenSizes(empty.getMixedSizes()),
                                     empty.getType().getElementType());
    if (auto splat = dyn_cast<tensor::SplatOp>(op)) {
      SmallVector<Value> sizes;
      auto type = cast<RankedTensorType>(splat.getType());
      for (auto [i, size] : llvm::enumerate(splat.getDynamicSizes()))
        if (!isTokenSize(type, i))
          sizes.push_back(whole(size));
      return tensor::SplatOp::create(b, operands[0], tokenType(type), sizes);
    }
    if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op))
      return tensor::ExpandShapeOp::create(
          b, tokenType(expand.getType()), operands[0],
          expand.getReassociationIndices(),
          tokenSizes(expand.getMixedOutputShape()));
    if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
      SmallVector<OpFoldResult> offsets, strides;
      for (OpFoldResult offset : slice.getMixedOffsets())
        offsets.push_back(mixed(offset));
      for (OpFoldResult stride : slice.getMixedStrides())
        strides.push_back(mixed(stride));
      return tensor::ExtractSliceOp::create(
          b, operands[0], offsets, tokenSizes(slice.getMixedSizes()), strides);
    }
    return nullptr;
  }

  /// Is dynamic size number `i` of `type` one that a token selects?
  bool isTokenSize(RankedTensorType type, size_t i) const {
    return int64_t(i) < llvm::count_if(type.getShape().take_front(selected()),
                                       ShapedType::isDynamic);
  }

  Operation *cloneWith(Operation *op, ArrayRef<Value> operands) {
    IRMapping mapping;
    SetVector<Value> captured;
    getUsedValuesDefinedAbove(op->getRegions(), captured);
    for (Value value : captured)
      mapping.map(value, whole(value));
    OperationState state(op->getLoc(), op->getName());
    state.addOperands(operands);
    state.addAttributes(op->getDiscardableAttrDictionary().getValue());
    state.propertiesAttr = op->getPropertiesAsAttribute();
    for (Type type : op->getResultTypes())
      state.addTypes(tokenType(type));
    for (Region &region : op->getRegions())
      region.cloneInto(state.addRegion(), mapping);
    return b.create(state);
  }

  /// In a loop nest of extents 1, 1 the token's own indices are added.
  void addTokenIndex(linalg::LinalgOp op) {
    AffineMap result = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
    auto loopOf = [&](unsigned d) {
      return cast<AffineDimExpr>(result.getResult(d)).getPosition();
    };
    OpBuilder::InsertionGuard guard(b);
    for (auto index :
         llvm::make_early_inc_range(op.getBlock()->getOps<linalg::IndexOp>())) {
      Value own = index.getDim() == loopOf(0) ? batch : Value();
      if (hasPositions && index.getDim() == loopOf(1))
        own = position;
      if (own)
        addTo(index.getResult(), own, index->getNextNode());
    }
  }

  /// Adds `own` to `index` for all its users, before `at`.
  void addTo(Value index, Value own, Operation *at) {
    b.setInsertionPoint(at);
    auto sum = arith::AddIOp::create(b, index, own);
    index.replaceAllUsesExcept(sum, sum);
  }

  void countFromToken(routed::AttendOp attend) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(attend);
    Value tokens;
    if (Value lengths = attend.getQLen()) {
      Value zero = arith::ConstantIndexOp::create(b, 0);
      Value length = tensor::ExtractOp::create(b, lengths, zero);
      tokens = arith::IndexCastOp::create(b, b.getIndexType(), length);
    } else {
      tokens = positions;
    }
    Value left = arith::IndexCastOp::create(
        b, b.getI32Type(), arith::SubIOp::create(b, tokens, position));
    attend.getQLenMutable().assign(
        tensor::FromElementsOp::create(b, left).getResult());
    if (attend.getScore().empty())
      return;
    Block &score = attend.getScore().front();
    addTo(score.getArgument(2), position, &score.front());
    addTo(score.getArgument(1), batch, &score.front());
  }

  func::FuncOp kernel;
  ImplicitLocOpBuilder b;
  int64_t blockTokens;
  bool hasPositions;           ///< else only the first dimension is selected
  Operation *before = nullptr; ///< the loop
  Value batch, position, positions;
  IRMapping outside;
  llvm::DenseMap<std::tuple<Value, int, int>, Value> parts;
};

/// Has no other pass lowered the kernel?
bool isOnTensors(func::FuncOp kernel) {
  return !kernel.getOps<Store>().empty();
}

struct SliceRowsPass : passes::impl::SliceRowsBase<SliceRowsPass> {
  using SliceRowsBase::SliceRowsBase;

  void runOnOperation() override {
    func::FuncOp kernel = getOperation();
    bool isAppend =
        kernel->getAttr(kernelName) ==
        StringAttr::get(&getContext(), kindName(KernelKind::append));
    if (kernel->hasAttr(tokensName) && !isAppend && isOnTensors(kernel))
      TokenBody(kernel, blockTokens).run();
  }
};

} // namespace
