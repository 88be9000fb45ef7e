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
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "passes/Launch.h"
#include "passes/Passes.h"
#include "passes/SizeExpression.h"
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
  std::string batches, tokens; ///< B and S as size expressions
};

/// Extent `d` of one of the buffers, over the dims of the kernel's arguments.
std::optional<std::string> extentOf(func::FuncOp func, ArrayRef<Value> buffers,
                                    int64_t d) {
  for (Value buffer : buffers)
    if (auto text = extentExpression(buffer, d, [&](unsigned i, int64_t d) {
          return extentName(func, i, d);
        }))
      return text;
  return {};
}

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
  SmallVector<Value> buffers = {result.kernel.query};
  buffers.append(result.kernel.outputs);
  buffers.append(result.kernel.lses);
  std::optional<std::string> batches = extentOf(func, buffers, 0),
                             tokens = extentOf(func, buffers, 1);
  if (!batches || !tokens)
    return Refusal{result.kernel.attend, "its grid depends on data"};
  result.batches = *batches;
  result.tokens = *tokens;
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

/// Removes the attention, from its results to what only it needed.
void eraseOps(func::FuncOp func) {
  Block &block = func.getBody().front();
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isa<bufferization::MaterializeInDestinationOp>(op) ||
        isOpTriviallyDead(&op))
      op.erase();
}

/// `text` as a factor of a product.
std::string asFactor(const std::string &text) {
  bool isName = llvm::all_of(
      text, [](char c) { return llvm::isAlnum(c) || c == '_' || c == '.'; });
  return isName ? text : "(" + text + ")";
}

std::string times(int64_t factor, const std::string &text) {
  return factor == 1 ? text : std::to_string(factor) + "*" + asFactor(text);
}

/// Writes one launch of `func`, whose kernel and grid are known.
void lower(func::FuncOp func, tile::ScheduleAttr schedule, Launch launch) {
  auto analysis = analyze(func, schedule);
  Scheduled &work = std::get<Scheduled>(analysis);
  const RowPlan &plan = work.plan;
  bool isCombine = launch.index == 1;
  std::string groups = "cdiv(" + times(plan.rowsOfToken(), work.tokens) + "," +
                       std::to_string(plan.rows) + ")";
  if (!isCombine && plan.splits > 1)
    groups = std::to_string(plan.splits) + "*" + groups;
  launch.grid = {times(plan.columns(), work.batches), groups, "1"};
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
          std::to_string(partialBytes(work.kernel, plan) * plan.columns() *
                         plan.rowsOfToken()) +
          "*" + asFactor(work.batches) + "*" + asFactor(work.tokens);
  }
  TileBuilder b(work.kernel.attend.getLoc(), func.getContext());
  b.setInsertionPoint(func.getBody().front().getTerminator());
  if (isCombine)
    buildCombine(b, work.kernel, plan, workspace);
  else
    buildAttention(b, work.kernel, plan, work.keys, workspace);
  eraseOps(func);
  setLaunch(func, launch);
}

struct LowerRoutedToTile
    : headgate::passes::impl::LowerRoutedToTileBase<LowerRoutedToTile> {
  void runOnOperation() override {
    SmallVector<func::FuncOp> kernels;
    for (auto func : getOperation().getOps<func::FuncOp>())
      if (auto kind = func->getAttrOfType<StringAttr>(kernelName);
          kind && kind == "attend" && scheduleOf(func) && !func.isExternal())
        kernels.push_back(func);
    for (func::FuncOp func : kernels)
      lowerKernel(func);
  }

private:
  static tile::ScheduleAttr scheduleOf(func::FuncOp func) {
    return func->getAttrOfType<tile::ScheduleAttr>(tile::scheduleAttrName);
  }

  void lowerKernel(func::FuncOp func) {
    tile::ScheduleAttr schedule = scheduleOf(func);
    auto analysis = analyze(func, schedule);
    if (auto *refusal = std::get_if<Refusal>(&analysis)) {
      remark::missed(refusal->op->getLoc(),
                     remark::RemarkOpts::name("not-lowered")
                         .category("lower-routed-to-tile")
                         .function(func.getName()))
          << "'" + refusal->op->getName().getStringRef().str() +
                 "' is not lowered to tiles: " + refusal->why;
      return;
    }
    Launch launch = launchOf(func).value_or(Launch{});
    if (launch.kernel.empty())
      launch.kernel = func.getName().str();
    if (std::get<Scheduled>(analysis).plan.splits > 1) {
      OpBuilder b(func->getContext());
      b.setInsertionPointAfter(func);
      auto combine = cast<func::FuncOp>(b.clone(*func));
      combine.setName((func.getName() + "_combine").str());
      Launch second = launch;
      second.index = 1;
      lower(combine, schedule, second);
    }
    lower(func, schedule, launch);
    ++lowered;
  }
};

} // namespace
