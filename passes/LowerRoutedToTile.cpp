// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From an attention on buffers to the program of one row group:
//
//   %g = routed.gather %q[%e]              %e = tile.load %eb[..] ..
//   %o = routed.attend %g, %k, %v  =>      %q = tile.load %qb[..] rows(%r, %e
//   ..) materialize %o in %ob                  scf.for .. { tile.dot .. }
//                                          tile.store .., %ob[..]
//
// Who computes which rows is in TileRows, the loop over keys in TileAttention,
// a score region in TileScore. A schedule that splits the keys makes two
// launches, of which the second brings the parts together. A kernel that tiles
// cannot say is left as it is, with a remark at the op in the way.
//
// Covered by test/passes/lower-routed-to-tile.mlir; by execution in
// test/kernels.

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "passes/KernelLaunch.h"
#include "passes/Passes.h"
#include "passes/TileAttention.h"

namespace headgate::passes {
#define GEN_PASS_DEF_LOWERROUTEDTOTILE
#include "passes/Passes.h.inc"
} // namespace headgate::passes

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

/// A kernel, how it is cut, and its grid.
struct Scheduled {
  AttendKernel kernel;
  RowPlan plan;
  int64_t keys;
  std::string batches, tokens, keyCount; ///< B, S, T as size expressions

  /// How many parts a split makes of the keys; TileAttention computes it, too.
  std::string parts() const {
    return "max(1,min(" + std::to_string(plan.splits) + ",cdiv(" + keyCount +
           "," + std::to_string(keys) + ")))";
  }
};

std::variant<Scheduled, Refusal> analyze(func::FuncOp func,
                                         tile::ScheduleAttr schedule) {
  auto matched = matchAttendKernel(func);
  if (auto *refusal = std::get_if<Refusal>(&matched))
    return *refusal;
  Scheduled result;
  result.kernel = std::get<AttendKernel>(matched);
  if (!schedule.getKeys())
    return Refusal{func, "its schedule has no keys"};
  result.keys = schedule.getKeys();
  auto plan = RowPlan::of(result.kernel, schedule);
  if (auto *refusal = std::get_if<Refusal>(&plan))
    return *refusal;
  result.plan = std::get<RowPlan>(plan);
  std::optional<std::string> batches = batchesText(func, result.kernel),
                             tokens = tokensText(func, result.kernel),
                             keyCount = keyCountText(func, result.kernel);
  if (!batches || !tokens || !keyCount)
    return Refusal{result.kernel.attend, "its grid depends on data"};
  result.batches = *batches;
  result.tokens = *tokens;
  result.keyCount = *keyCount;
  return result;
}

/// What the kernel asks of tensors, it asks of their buffers.
void readBuffers(func::FuncOp func) {
  for (Operation &op : llvm::make_early_inc_range(func.getBody().front())) {
    if (!isa<tensor::ExtractOp, tensor::DimOp>(op))
      continue;
    auto source = op.getOperand(0).getDefiningOp<bufferization::ToTensorOp>();
    OpBuilder b(&op);
    Value scalar;
    if (auto dim = dyn_cast<tensor::DimOp>(op))
      scalar = memref::DimOp::create(b, op.getLoc(), source.getBuffer(),
                                     dim.getIndex());
    else
      scalar = memref::LoadOp::create(b, op.getLoc(), source.getBuffer(),
                                      op.getOperands().drop_front());
    op.getResult(0).replaceAllUsesWith(scalar);
    op.erase();
  }
}

/// Writes one launch of `func`, whose kernel and grid are known.
void lower(func::FuncOp func, tile::ScheduleAttr schedule, Launch launch) {
  auto analysis = analyze(func, schedule);
  Scheduled &work = std::get<Scheduled>(analysis);
  bool isCombine = launch.index == 1;
  const RowPlan plan = isCombine ? work.plan.ofCombine(work.kernel.valueWidth(),
                                                       schedule.getWarps())
                                 : work.plan;
  std::string groups = "cdiv(" + times(plan.rowsOfToken(), work.tokens) + "," +
                       std::to_string(plan.rowsOfColumn()) + ")";
  if (!isCombine && plan.splits > 1)
    groups = work.parts() + "*" + groups;
  launch.grid = {times(plan.columns() / plan.columnsOfBlock(), work.batches),
                 groups, "1"};
  readBuffers(func);
  Value workspace;
  if (plan.splits > 1) {
    Type bytes = MemRefType::get(ShapedType::kDynamic,
                                 IntegerType::get(func.getContext(), 8));
    unsigned at = func.getNumArguments();
    (void)func.insertArgument(at, bytes, {}, func.getLoc());
    workspace = func.getArgument(at);
    if (!isCombine)
      launch.workspaceBytes =
          std::to_string(partialBytes(work.kernel) * plan.columns() *
                         plan.rowsOfToken()) +
          "*" + work.parts() + "*" + asFactor(work.batches) + "*" +
          asFactor(work.tokens);
  }
  TileBuilder b(work.kernel.attend.getLoc(), func.getContext());
  b.setInsertionPoint(func.getBody().front().getTerminator());
  if (isCombine)
    buildCombine(b, work.kernel, plan, work.keys, workspace);
  else
    buildAttention(b, work.kernel, plan, work.keys, workspace);
  eraseTensorOps(func);
  setLaunch(func, launch);
}

struct LowerRoutedToTile
    : headgate::passes::impl::LowerRoutedToTileBase<LowerRoutedToTile> {
  void runOnOperation() override {
    auto kernels = scheduledKernels(getOperation(), "attend");
    if (failed(kernels))
      return signalPassFailure();
    for (func::FuncOp func : *kernels)
      lowerKernel(func);
  }

private:
  void lowerKernel(func::FuncOp func) {
    tile::ScheduleAttr schedule = scheduleOf(func);
    auto analysis = analyze(func, schedule);
    if (auto *refusal = std::get_if<Refusal>(&analysis))
      return report(*refusal, func, "lower-routed-to-tile");
    Launch launch = launchOfKernel(func);
    if (std::get<Scheduled>(analysis).plan.splits > 1) {
      func::FuncOp combine = func.clone();
      combine.setName((func.getName() + "_combine").str());
      SymbolTable(getOperation())
          .insert(combine, std::next(Block::iterator(func)));
      Launch second = launch;
      second.index = 1;
      lower(combine, schedule, second);
    }
    lower(func, schedule, launch);
    ++lowered;
  }
};

} // namespace
