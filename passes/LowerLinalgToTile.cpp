// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a projection on buffers to the program of one row group and one block of
// columns:
//
//   %y = linalg.contract ins(%x, %w)     scf.for %i = 0 to %n {
//          outs(%init)                =>   %a = tile.load %x[%r0, %k0] ..
//   %r = arith.truncf %y                   %b = tile.load %w[%n0, %k0] ..
//   materialize %r in %yb                  %c = tile.dot %a, transpose %b acc
//   ..
//                                        tile.store .., %yb[%r0, %n0]
//
// Rows, columns and terms are one dimension each of reshaped buffers. Where the
// dimensions of rows cannot become one (a window of a wider buffer), the rows
// of a block are picked by row tiles. A kernel that tiles cannot say is left as
// it is, with a remark at the op in the way.
//
// Covered by test/passes/lower-linalg-to-tile.mlir; by execution in
// test/kernels.

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "passes/GemmKernel.h"
#include "passes/KernelLaunch.h"
#include "passes/Passes.h"
#include "passes/TileBuilder.h"

namespace headgate::passes {
#define GEN_PASS_DEF_LOWERLINALGTOTILE
#include "passes/Passes.h.inc"
} // namespace headgate::passes

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

MemRefType typeOf(Value buffer) { return cast<MemRefType>(buffer.getType()); }

/// Dimensions [first, last) as one; the others apart.
SmallVector<ReassociationIndices> oneGroup(int64_t rank, int64_t first,
                                           int64_t last) {
  SmallVector<ReassociationIndices> groups;
  for (int64_t d = 0; d < rank; ++d) {
    if (d > first && d < last)
      groups.back().push_back(d);
    else
      groups.push_back({d});
  }
  return groups;
}

/// The program of a block.
class Projection {
public:
  Projection(TileBuilder &b, const GemmKernel &kernel,
             tile::ScheduleAttr schedule)
      : b(b), kernel(kernel), schedule(schedule), R(schedule.getRows()),
        C(schedule.getCols()), depth(schedule.getDepth()), N(kernel.cols()),
        K(kernel.terms()) {}

  void build() {
    placeBlock();
    Value sums = loopOverTerms(initial());
    if (!kernel.resultType().isF32())
      sums =
          arith::TruncFOp::create(b, b.type({R, C}, kernel.resultType()), sums);
    for (Value result : kernel.results) {
      Value buffer = collapsed(result, kernel.rowDims);
      b.store(sums, buffer, rowWindow(buffer, firstCol, C));
    }
  }

private:
  /// The grid is column blocks x row groups.
  void placeBlock() {
    GridPlace place = readPlace(b, schedule.getOrder() == tile::Order::Rows);
    firstCol = b.mul(place.x, b.index(C));
    firstRow = b.mul(place.y, b.index(R));
  }

  /// A buffer whose trailing dimensions from `first` on are one; and those
  /// before, where they can be.
  Value collapsed(Value buffer, int64_t first) {
    int64_t rank = typeOf(buffer).getRank();
    auto collapse = [&](ArrayRef<ReassociationIndices> groups) {
      if (int64_t(groups.size()) < typeOf(buffer).getRank())
        buffer = memref::CollapseShapeOp::create(b, buffer, groups);
    };
    collapse(oneGroup(rank, first, rank));
    auto leading = oneGroup(first + 1, 0, first);
    if (memref::CollapseShapeOp::isGuaranteedCollapsible(typeOf(buffer),
                                                         leading))
      collapse(leading);
    return buffer;
  }

  /// `width` columns from `col` on of the block's rows, in a collapsed buffer.
  TileWindow rowWindow(Value buffer, Value col, int64_t width) {
    int64_t rank = typeOf(buffer).getRank();
    if (rank == 2)
      return {{firstRow, col}, {R, width}, {}, {}};
    TileWindow window;
    Value row =
        arith::AddIOp::create(b, b.splat(R, b.toI32(firstRow)), b.iota(R));
    for (int64_t d = rank - 1; d-- > 0;) { // row-major
      Value extent = b.splat(R, b.toI32(b.dim(buffer, d)));
      window.rows.insert(window.rows.begin(), d ? b.rem(row, extent) : row);
      window.rowDims.insert(window.rowDims.begin(), d);
      row = b.div(row, extent);
    }
    window.coords.assign(rank - 1, b.index(0));
    window.sizes.assign(rank - 1, 1);
    window.coords.push_back(col);
    window.sizes.push_back(width);
    return window;
  }

  Value initial() {
    if (!kernel.bias)
      return b.constant({R, C}, 0);
    Value buffer = kernel.bias;
    if (kernel.colDims > 1)
      buffer = memref::CollapseShapeOp::create(
          b, buffer, oneGroup(kernel.colDims, 0, kernel.colDims));
    Value bias = b.load(buffer, {{firstCol}, {C}, {}, {}}, C);
    if (!elementOf(bias).isF32())
      bias = arith::ExtFOp::create(b, b.f32(C), bias);
    return b.repeat(bias, 0, {R, C});
  }

  Value loopOverTerms(Value init) {
    Value rows = collapsed(kernel.rows, kernel.rowDims);
    Value matrix = collapsed(
        kernel.matrix, kernel.transposed ? kernel.colDims : kernel.termDims);
    Value liveCols =
        N % C == 0 ? Value() : b.min(b.sub(b.index(N), firstCol), b.index(C));
    Value zero = b.index(0), one = b.index(1);
    auto loop = scf::ForOp::create(b, zero, b.index(llvm::divideCeil(K, depth)),
                                   one, init);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value firstTerm = b.mul(loop.getInductionVar(), b.index(depth));
    Value live = K % depth == 0
                     ? Value()
                     : b.min(b.sub(b.index(K), firstTerm), b.index(depth));
    Value lhs = b.load(rows, rowWindow(rows, firstTerm, depth), {R, depth});
    SmallVector<Value> at = {firstTerm, firstCol};
    SmallVector<int64_t> shape = {depth, C};
    if (kernel.transposed) {
      std::swap(at[0], at[1]);
      std::swap(shape[0], shape[1]);
    }
    Value rhs = b.load(matrix, {at, shape, {}, {}}, shape);
    Value sums = tile::DotOp::create(b, b.f32({R, C}), lhs, rhs,
                                     loop.getRegionIterArg(0),
                                     kernel.transposed, liveCols, live);
    scf::YieldOp::create(b, sums);
    return loop.getResult(0);
  }

  TileBuilder &b;
  const GemmKernel &kernel;
  tile::ScheduleAttr schedule;
  int64_t R, C, depth, N, K;
  Value firstRow, firstCol;
};

struct LowerLinalgToTile
    : headgate::passes::impl::LowerLinalgToTileBase<LowerLinalgToTile> {
  void runOnOperation() override {
    auto kernels = scheduledKernels(getOperation(), "gemm");
    if (failed(kernels))
      return signalPassFailure();
    for (func::FuncOp func : *kernels)
      lowerKernel(func);
  }

private:
  /// Buffers of known extents become arguments of the shape that the program
  /// gives them: their addresses are the same, and whoever reads the program
  /// sees that nothing lies between.
  static void flattenArguments(func::FuncOp func) {
    for (BlockArgument argument : func.getArguments()) {
      if (!typeOf(argument).hasStaticShape() || !argument.hasOneUse())
        continue;
      auto collapse = dyn_cast<memref::CollapseShapeOp>(*argument.user_begin());
      if (!collapse)
        continue;
      MemRefType flat = collapse.getResultType();
      argument.setType(flat);
      collapse.replaceAllUsesWith(Value(argument));
      collapse.erase();
      Builder b(func.getContext());
      SmallVector<Attribute> dims = llvm::map_to_vector(
          flat.getShape(), [&](int64_t extent) -> Attribute {
            return b.getI64IntegerAttr(extent);
          });
      func.setArgAttr(argument.getArgNumber(), dimsName, b.getArrayAttr(dims));
    }
    func.setType(FunctionType::get(func.getContext(),
                                   func.getBody().getArgumentTypes(), {}));
  }

  void lowerKernel(func::FuncOp func) {
    tile::ScheduleAttr schedule = scheduleOf(func);
    auto matched = matchGemmKernel(func);
    if (auto *refusal = std::get_if<Refusal>(&matched))
      return report(*refusal, func, "lower-linalg-to-tile");
    if (!schedule.getCols() || !schedule.getDepth())
      return report({func, "its schedule has no cols or no depth"}, func,
                    "lower-linalg-to-tile");
    GemmKernel &kernel = std::get<GemmKernel>(matched);
    std::optional<std::string> rows = rowsText(func, kernel);
    if (!rows)
      return report({kernel.contract, "its grid depends on data"}, func,
                    "lower-linalg-to-tile");
    Launch launch = launchOfKernel(func);
    launch.grid = {
        std::to_string(llvm::divideCeil(kernel.cols(), schedule.getCols())),
        "cdiv(" + *rows + "," + std::to_string(schedule.getRows()) + ")", "1"};
    TileBuilder b(kernel.contract.getLoc(), func.getContext());
    b.setInsertionPoint(func.getBody().front().getTerminator());
    Projection(b, kernel, schedule).build();
    eraseTensorOps(func);
    flattenArguments(func);
    setLaunch(func, launch);
    ++lowered;
  }
};

} // namespace
