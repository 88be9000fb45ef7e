// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a kernel of token-local ops with one result to the program of one block
// of tokens on tiles:
//
//   %g = routed.gather %q[%e]           %x = tile.load %q[..] rows(%t, %e at
//   ..) %r = routed.rope %g, %cos, %sin  => %c = tile.load %cos[%s0, %c0] ..
//   materialize %r in %rb               .. arith, math ..
//                                       tile.store %y, %rb[..]
//
// The result is cut into batches and heads, which run along x, row groups of
// tokens, along y, and columns: whole, in the parts that a rotation makes of
// them, or in blocks, which run along x too. What each block needs of the
// operands TokenTiles says; SelectProgram has the choice of experts,
// AppendProgram new rows of caches. A program is written beside the kernel and
// takes its place when it is complete: a kernel that tiles cannot say stays as
// it is, with a remark at the op in the way.
//
// Covered by test/passes/lower-rows-to-tile*.mlir; by execution in
// test/passes/tile.

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "passes/AppendProgram.h"
#include "passes/KernelLaunch.h"
#include "passes/Passes.h"
#include "passes/SelectProgram.h"

namespace headgate::passes {
#define GEN_PASS_DEF_LOWERROWSTOTILE
#include "passes/Passes.h.inc"
} // namespace headgate::passes

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

using Store = bufferization::MaterializeInDestinationOp;

MemRefType typeOf(Value buffer) { return cast<MemRefType>(buffer.getType()); }

//===-- what a kernel says -----------------------------------------------===//

/// One op whose results are stored; what it reads is computed on the way.
struct RowsKernel {
  Operation *root = nullptr;
  SmallVector<Store> stores;
  /// n, where components c and c + n of a row turn together; 0: none do.
  int64_t half = 0;
  /// Slots of single elements are gathered: no dimension can be columns.
  bool isGatheredByElement = false;

  Value result() const { return Store(stores.front()).getSource(); }
  ArrayRef<int64_t> shape() const {
    return cast<RankedTensorType>(result().getType()).getShape();
  }
};

std::variant<RowsKernel, Refusal> matchRowsKernel(func::FuncOp func) {
  RowsKernel kernel;
  if (!llvm::hasSingleElement(func.getBody()))
    return Refusal{func, "the kernel is not one block"};
  for (Operation &op : func.getBody().front()) {
    if (auto rope = dyn_cast<routed::RopeOp>(op)) {
      int64_t half = rope.getCos().getType().getDimSize(1);
      if (kernel.half && kernel.half != half)
        return Refusal{rope, "another rotation in the kernel has other halves"};
      kernel.half = half;
    } else if (auto gather = dyn_cast<routed::GatherOp>(op)) {
      kernel.isGatheredByElement |= gather.getType().getRank() == 4;
    }
    auto store = dyn_cast<Store>(op);
    if (!store)
      continue;
    Operation *root = store.getSource().getDefiningOp();
    if (kernel.root && root != kernel.root)
      return Refusal{root, "the kernel stores results of another op, too"};
    kernel.root = root;
    kernel.stores.push_back(store);
  }
  if (!kernel.root)
    return Refusal{func, "nobody uses its results"};
  if (kernel.shape().empty())
    return Refusal{kernel.root, "its result has no dimension of rows"};
  if (llvm::is_contained(kernel.shape(), 0))
    return Refusal{kernel.root, "its result has no elements"};
  return kernel;
}

/// Columns [first, first + count) of a result, in a tile of `width` columns.
struct Part {
  int64_t first, count, width;
};

/// How a result is cut.
struct RowsPlan {
  int64_t rows = 1;
  int64_t tokenDim = 0;
  bool hasColumns = false;
  SmallVector<Part> parts;       ///< of the columns; empty: they are in blocks
  int64_t blockColumns = 0;      ///< of a block of columns; 0: not in blocks
  SmallVector<int64_t> gridDims; ///< batches and heads, which run along x

  int64_t width() const {
    int64_t widest = std::max<int64_t>(blockColumns, 1);
    for (const Part &part : parts)
      widest = std::max(widest, part.width);
    return widest;
  }
};

std::variant<RowsPlan, Refusal> planRows(const RowsKernel &kernel,
                                         ArrayRef<int64_t> shape) {
  RowsPlan plan;
  int64_t rank = shape.size();
  bool isSelect = isa<routed::SelectOp>(kernel.root);
  plan.tokenDim = rank == 1 ? 0 : 1;
  plan.hasColumns = rank > 2 && !kernel.isGatheredByElement && !isSelect;
  for (int64_t d = 0; d < rank - plan.hasColumns; ++d)
    if (d != plan.tokenDim)
      plan.gridDims.push_back(d);
  if (isSelect) { // its groups, unless a block has all of them
    auto select = cast<routed::SelectOp>(kernel.root);
    plan.gridDims = {0};
    if (select.getNorm() != routed::Norm::Token)
      plan.gridDims.push_back(2);
    int64_t experts = select.getLogits().getType().getDimSize(3);
    plan.parts.push_back({0, experts, experts});
  }
  if (!plan.hasColumns)
    return plan;
  int64_t D = shape.back(), half = kernel.half;
  if (ShapedType::isDynamic(D) || D > maxTileColumns) {
    if (half)
      return Refusal{kernel.root, "its rows are too wide for a rotation"};
    plan.blockColumns = maxTileColumns;
    return plan;
  }
  SmallVector<int64_t> ends = {D};
  if (half)
    ends = {half, 2 * half, D};
  int64_t first = 0;
  for (int64_t end : ends) {
    if (end > first)
      plan.parts.push_back({first, end - first, paddedTileWidth(end - first)});
    first = end;
  }
  return plan;
}

//===-- the program ------------------------------------------------------===//

class RowsProgram {
public:
  RowsProgram(TileBuilder &b, func::FuncOp from, func::FuncOp to,
              const RowsKernel &kernel, const RowsPlan &plan, bool rowsFirst)
      : b(b), kernel(kernel), plan(plan) {
    for (auto [old, argument] :
         llvm::zip(from.getArguments(), to.getArguments()))
      outside.map(old, argument);
    place = readPlace(b, rowsFirst);
    Value firstToken = b.mul(place.y, b.index(plan.rows));
    tiles.emplace(b, outside, plan.rows, firstToken);
  }

  /// The results' buffers, as the program's shape has them.
  LogicalResult build() {
    for (Store store : kernel.stores)
      buffers.push_back(shaped(tiles->scalar(store.getDest())));
    splitPlace();
    if (auto select = dyn_cast<routed::SelectOp>(kernel.root))
      return buildChoice(select);
    SmallVector<TokenRegion> regions;
    SmallVector<TokenTile> results;
    for (const Part &part : parts()) {
      regions.push_back(regionOf(part));
      FailureOr<TokenTile> tile = evaluate(regions.back());
      if (failed(tile))
        return failure();
      results.push_back(*tile);
    }
    // Behind all loads: an output may be an input, of which rows are replaced.
    for (auto [part, region, tile] : llvm::zip(parts(), regions, results))
      for (Value buffer : buffers)
        if (failed(tiles->store(kernel.root, tile, buffer, region, part.count)))
          return failure();
    return success();
  }

  const Refusal &refusal() const { return *tiles->refusal; }

  /// [B, S, h.., D] of a combine, whose result is [B, S, width].
  static SmallVector<int64_t> shapeOf(const RowsKernel &kernel) {
    auto combine = dyn_cast<routed::CombineOp>(kernel.root);
    if (!combine)
      return SmallVector<int64_t>(kernel.shape());
    SmallVector<int64_t> shape(combine.getSource().getType().getShape());
    if (combine.getKind() == routed::Combine::Sum) {
      auto weights = cast<RankedTensorType>(combine.getWeights().getType());
      shape.erase(shape.begin() + 2, shape.begin() + weights.getRank());
    } else if (combine.getKind() == routed::Combine::Scatter) {
      shape[3] = *combine.getNumExperts();
    }
    return shape;
  }

private:
  Value shaped(Value buffer) {
    SmallVector<int64_t> shape = shapeOf(kernel);
    int64_t rank = typeOf(buffer).getRank();
    if (rank == int64_t(shape.size()))
      return buffer;
    SmallVector<ReassociationIndices> groups = {{0}, {1}, {}};
    SmallVector<OpFoldResult> sizes;
    for (auto [d, extent] : llvm::enumerate(shape)) {
      if (d >= 2)
        groups.back().push_back(d);
      sizes.push_back(d < 2 ? getAsOpFoldResult(b.dim(buffer, d))
                            : b.getIndexAttr(extent));
      shape[d] = d < 2 ? typeOf(buffer).getDimSize(d) : extent;
    }
    auto type = memref::ExpandShapeOp::computeExpandedType(typeOf(buffer),
                                                           shape, groups);
    return memref::ExpandShapeOp::create(b, *type, buffer, groups, sizes);
  }

  ArrayRef<Part> parts() const {
    static constexpr Part whole{0, 0, 0};
    return plan.parts.empty() ? ArrayRef(whole) : ArrayRef(plan.parts);
  }

  /// Where the block is along each dimension of `plan.gridDims`, and among
  /// blocks of columns.
  void splitPlace() {
    Value rest = place.x;
    if (plan.blockColumns) {
      Value columns = b.dim(buffers[0], typeOf(buffers[0]).getRank() - 1);
      Value blocks = b.ceilDiv(columns, b.index(plan.blockColumns));
      firstColumn = b.mul(b.rem(rest, blocks), b.index(plan.blockColumns));
      rest = b.div(rest, blocks);
    }
    at.resize(plan.gridDims.size());
    for (size_t i = at.size(); i-- > 0;) {
      Value extent = b.dim(buffers[0], plan.gridDims[i]);
      at[i] = isConstantIntValue(extent, 1) ? b.index(0)
              : i == 0                      ? rest
                                            : b.rem(rest, extent);
      rest = b.div(rest, extent);
    }
  }

  TokenRegion regionOf(const Part &part) {
    TokenRegion region(typeOf(buffers[0]).getRank());
    for (auto [d, index] : llvm::zip(plan.gridDims, at))
      region[d] = {Coordinate::uniform, index};
    region[plan.tokenDim] = {Coordinate::token};
    if (plan.hasColumns)
      region.back() =
          plan.blockColumns
              ? Coordinate{Coordinate::column, firstColumn, plan.blockColumns}
              : Coordinate{Coordinate::column, b.index(part.first), part.width};
    return region;
  }

  FailureOr<TokenTile> evaluate(const TokenRegion &region) {
    b.setLoc(kernel.root->getLoc());
    if (auto combine = dyn_cast<routed::CombineOp>(kernel.root))
      return tiles->combined(combine, region);
    return tiles->of(kernel.result(), region);
  }

  LogicalResult buildChoice(routed::SelectOp select) {
    SelectResults results;
    for (auto [store, buffer] : llvm::zip(kernel.stores, buffers)) {
      Value source = Store(store).getSource();
      (source == select.getExperts()   ? results.experts
       : source == select.getWeights() ? results.weights
                                       : results.probs)
          .push_back(buffer);
    }
    return buildSelect(b, *tiles, select, at[0],
                       at.size() > 1 ? at[1] : Value(), results);
  }

  TileBuilder &b;
  const RowsKernel &kernel;
  const RowsPlan &plan;
  IRMapping outside;
  std::optional<TokenTiles> tiles;
  GridPlace place;
  SmallVector<Value> buffers;
  SmallVector<Value> at;
  Value firstColumn;
};

//===-- the pass ---------------------------------------------------------===//

struct LowerRowsToTile
    : headgate::passes::impl::LowerRowsToTileBase<LowerRowsToTile> {
  using LowerRowsToTileBase::LowerRowsToTileBase;

  void runOnOperation() override {
    auto kernels = kernelsOf(getOperation(), "rows");
    auto appends = kernelsOf(getOperation(), "append");
    if (failed(kernels) || failed(appends))
      return signalPassFailure();
    for (func::FuncOp func : *kernels)
      if (std::optional<Refusal> refusal = lowerKernel(func))
        report(*refusal, func, "lower-rows-to-tile");
    for (func::FuncOp func : *appends)
      if (std::optional<Refusal> refusal = lowerAppend(func))
        report(*refusal, func, "lower-rows-to-tile");
  }

private:
  /// As many rows as give each thread eight elements, but no more than threads.
  /// Threads can share powers of two alone: of a row of 7 * 16 elements a
  /// thread has 7 accesses, which are so narrow that it has 16 elements, about,
  /// and there are rows for all threads.
  int64_t rowsFor(int64_t width) const {
    int64_t threads = 32 * warps;
    int64_t even = width & -width, odd = width / even;
    int64_t access = std::clamp<int64_t>(llvm::bit_floor(uint64_t(16 / odd)), 1,
                                         std::min<int64_t>(even, 8));
    int64_t few = llvm::bit_floor(uint64_t(8 * threads / width));
    return std::clamp<int64_t>(std::max(few, threads * access / even), 1,
                               threads);
  }

  tile::ScheduleAttr scheduleFor(func::FuncOp func, int64_t rows) {
    if (tile::ScheduleAttr given = scheduleOf(func))
      return given;
    Schedule own;
    own.warps = warps;
    own.rows = rows;
    return tile::ScheduleAttr::of(&getContext(), own);
  }

  /// The program is there; what it replaces and how it is launched is not.
  void finish(func::FuncOp func, tile::ScheduleAttr schedule,
              const std::array<std::string, 3> &grid) {
    func->setAttr(tile::scheduleAttrName, schedule);
    Launch launch = launchOfKernel(func);
    launch.grid = grid;
    setLaunch(func, launch);
    ++lowered;
  }

  std::optional<Refusal> lowerAppend(func::FuncOp func) {
    auto matched = matchAppendKernel(func);
    if (auto *refusal = std::get_if<Refusal>(&matched))
      return *refusal;
    auto &kernel = std::get<AppendKernel>(matched);
    tile::ScheduleAttr schedule = scheduleFor(func, rowsFor(kernel.columns()));
    int64_t blocks = llvm::divideCeil(kernel.width, kernel.columns());
    TileBuilder b(kernel.op->getLoc(), &getContext());
    b.setInsertionPoint(func.getBody().front().getTerminator());
    buildAppend(b, kernel, schedule);
    eraseTensorOps(func);
    finish(func, schedule,
           {times(blocks, tokenText(func, 0)),
            "cdiv(" + tokenText(func, 1) + "," +
                std::to_string(appendSpan(schedule.getRows())) + ")",
            "1"});
    return {};
  }

  std::optional<Refusal> lowerKernel(func::FuncOp func) {
    auto matched = matchRowsKernel(func);
    if (auto *refusal = std::get_if<Refusal>(&matched))
      return *refusal;
    auto &kernel = std::get<RowsKernel>(matched);
    SmallVector<int64_t> shape = RowsProgram::shapeOf(kernel);
    auto planned = planRows(kernel, shape);
    if (auto *refusal = std::get_if<Refusal>(&planned))
      return *refusal;
    auto &plan = std::get<RowsPlan>(planned);
    bool isSelect = isa<routed::SelectOp>(kernel.root);
    tile::ScheduleAttr schedule =
        scheduleFor(func, isSelect ? 32 * warps : rowsFor(plan.width()));
    plan.rows = schedule.getRows();
    std::optional<std::array<std::string, 3>> grid =
        gridOf(func, kernel, plan, shape);
    if (!grid)
      return Refusal{kernel.root, "its grid depends on data"};

    OwningOpRef<func::FuncOp> program = func.cloneWithoutRegions();
    Block *body = program->addEntryBlock();
    TileBuilder b(kernel.root->getLoc(), &getContext());
    b.setInsertionPointToStart(body);
    RowsProgram builder(b, func, *program, kernel, plan,
                        schedule.getOrder() == tile::Order::Rows);
    if (failed(builder.build()))
      return builder.refusal();
    func::ReturnOp::create(b);
    func.getBody().front().dropAllReferences();
    func.getBody().getBlocks().clear();
    func.getBody().takeBody(program->getBody());
    finish(func, schedule, *grid);
    return {};
  }

  std::optional<std::array<std::string, 3>> gridOf(func::FuncOp func,
                                                   const RowsKernel &kernel,
                                                   const RowsPlan &plan,
                                                   ArrayRef<int64_t> shape) {
    auto textOf = [&](int64_t d) -> std::optional<std::string> {
      if (!ShapedType::isDynamic(shape[d]))
        return std::to_string(shape[d]);
      if (d < 2 && func->hasAttr(tokensName))
        return tokenText(func, d);
      for (Store store : kernel.stores)
        if (auto text = extentText(func, store.getDest(), d))
          return text;
      return {};
    };
    int64_t known = 1;
    std::string x;
    for (int64_t d : plan.gridDims) {
      std::optional<std::string> text = textOf(d);
      if (!text)
        return {};
      if (!ShapedType::isDynamic(shape[d]))
        known *= shape[d];
      else
        x += (x.empty() ? "" : "*") + asFactor(*text);
    }
    if (plan.blockColumns) {
      std::optional<std::string> columns = textOf(shape.size() - 1);
      if (!columns)
        return {};
      if (!ShapedType::isDynamic(shape.back()))
        known *= llvm::divideCeil(shape.back(), plan.blockColumns);
      else
        x += (x.empty() ? "cdiv(" : "*cdiv(") + *columns + "," +
             std::to_string(plan.blockColumns) + ")";
    }
    std::optional<std::string> tokens = textOf(plan.tokenDim);
    if (!tokens)
      return {};
    std::string y = "cdiv(" + *tokens + "," + std::to_string(plan.rows) + ")";
    return std::array<std::string, 3>{
        x.empty() ? std::to_string(known) : times(known, x), y, "1"};
  }
};

} // namespace
