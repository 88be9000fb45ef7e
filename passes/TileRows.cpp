// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/TileRows.h"

#include "mlir/Dialect/Affine/Utils.h"
#include "passes/KernelLaunch.h"
#include "llvm/ADT/bit.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

//===-- before it runs ---------------------------------------------------===//

std::variant<RowPlan, Refusal> RowPlan::of(const AttendKernel &kernel,
                                           tile::ScheduleAttr schedule) {
  routed::AttendOp attend = kernel.attend;
  RowPlan plan;
  plan.rows = schedule.getRows();
  plan.splits = schedule.getSplits();
  plan.rowsFirst = schedule.getOrder() == tile::Order::Rows;
  plan.heads.assign(attend.getHeads().begin(), attend.getHeads().end());
  if (!schedule.getMerge())
    return plan;
  std::optional<HeadSharing> sharing = sharingOf(attend);
  if (!sharing)
    return Refusal{attend,
                   "the heads that read one key head are no progression"};
  plan.sharing = *sharing;
  plan.isMerged = true;
  plan.isAcross = schedule.getAcross();
  if (!plan.isAcross)
    return plan;
  if (sharing->kvCount > 1 && sharing->kvStep != 1)
    return Refusal{attend, "the key heads do not lie side by side"};
  if (plan.rows % sharing->kvCount)
    return Refusal{attend, "its rows are no equal parts of the key heads"};
  return plan;
}

RowPlan RowPlan::ofCombine(int64_t columns, int64_t warps) const {
  // Of a warp's 1024 sums a thread has 32, and as many of the part it reads;
  // ptxas aims at few registers and spills where there are more. Few rows are
  // no loss: a split has few that are alive. The host has one warp.
  constexpr int64_t sumsOfWarp = 1024;
  int64_t most = std::max<int64_t>(sumsOfWarp * warps / columns, 1);
  RowPlan plan = *this;
  plan.rows =
      std::min<int64_t>(rowsOfColumn(), llvm::bit_floor(uint64_t(most)));
  plan.isAcross = false;
  return plan;
}

int64_t RowPlan::columns() const {
  if (isMerged)
    return sharing.kvCount;
  int64_t columns = 1;
  for (int64_t extent : heads)
    columns *= extent;
  return columns;
}

//===-- where the block is -----------------------------------------------===//

TileRows::TileRows(TileBuilder &b, const RowPlan &plan, routed::AttendOp attend,
                   Value parts)
    : b(b), plan(plan) {
  Value group;
  Value block;
  placeBlock(block, group, parts);
  Value blocks = b.index(plan.columns() / plan.columnsOfBlock());
  batch = b.div(block, blocks);
  column = b.mul(block, b.index(plan.columnsOfBlock()));
  Value head = b.mul(b.rem(block, blocks), b.index(plan.columnsOfBlock()));
  firstRow = b.mul(group, b.index(plan.rowsOfColumn()));
  const HeadSharing &sharing = plan.sharing;
  if (plan.isMerged)
    kvHead =
        b.add(b.index(sharing.kvFirst), b.mul(head, b.index(sharing.kvStep)));
  if (plan.rowsOfToken() > 1 || plan.columnsOfBlock() > 1) {
    mergeHeads(head);
    return;
  }
  if (plan.isMerged)
    head = b.add(b.index(sharing.first), b.mul(head, b.index(sharing.step)));
  splitHead(head);
  firstToken = tokenBase = firstRow;
  endToken = b.add(firstRow, b.index(plan.rows));
  tokens = b.iota(plan.rows);
  if (plan.isMerged)
    return;
  SmallVector<Value> at, symbols;
  for (const Lifted &index : heads)
    at.push_back(index.value);
  AffineMap map = attend.getKvHeadMap();
  symbols.assign(map.getNumSymbols(), b.index(0)); // not read: class A or D
  kvHead =
      affine::expandAffineExpr(b, b.getLoc(), map.getResult(0), at, symbols);
}

/// The grid is columns x (row groups x parts); the last group, whose rows see
/// most keys if they are causal, comes first.
void TileRows::placeBlock(Value &x, Value &group, Value parts) {
  auto [column, y, height] = readPlace(b, plan.rowsFirst);
  x = column;
  if (parts) {
    split = b.rem(y, parts);
    y = b.div(y, parts);
    height = b.div(height, parts);
  }
  group = b.sub(b.sub(height, y), b.index(1));
}

void TileRows::splitHead(Value head) {
  heads.resize(plan.heads.size());
  for (size_t d = heads.size(); d-- > 0;) {
    int64_t extent = plan.heads[d];
    heads[d].value = extent == 1 ? b.index(0)
                     : d == 0    ? head
                                 : b.rem(head, b.index(extent));
    head = b.div(head, b.index(extent));
  }
}

/// Rows firstRow + i of key heads `column`, `column` + 1, ..
void TileRows::mergeHeads(Value column) {
  int64_t rows = plan.rows, ofColumn = plan.rowsOfColumn();
  const HeadSharing &sharing = plan.sharing;
  Value count = b.index(sharing.count);
  firstToken = b.div(firstRow, count);
  endToken =
      b.add(b.div(b.add(firstRow, b.index(ofColumn - 1)), count), b.index(1));
  tokenBase = b.index(0);

  Value number = b.iota(rows);
  Value first =
      b.splat(rows, b.toI32(b.add(b.index(sharing.first),
                                  b.mul(column, b.index(sharing.step)))));
  if (plan.columnsOfBlock() > 1) {
    Value parts = b.constantI32(rows, ofColumn);
    first = b.add(
        first, b.mul(b.div(number, parts), b.constantI32(rows, sharing.step)));
    number = b.rem(number, parts);
  }
  Value row =
      arith::AddIOp::create(b, b.splat(rows, b.toI32(firstRow)), number);
  Value counts = b.constantI32(rows, plan.sharing.count);
  tokens = b.div(row, counts);
  Value steps =
      b.mul(b.rem(row, counts), b.constantI32(rows, plan.sharing.stride));
  Value head = b.add(first, steps);
  heads.resize(plan.heads.size());
  for (size_t d = heads.size(); d-- > 0;) {
    int64_t extent = plan.heads[d];
    if (extent == 1) {
      heads[d].value = b.index(0);
      continue;
    }
    Value extents = b.constantI32(rows, extent);
    heads[d] = {d == 0 ? head : b.rem(head, extents), Lifted::row};
    head = b.div(head, extents);
  }
}

//===-- windows ----------------------------------------------------------===//

TileWindow TileRows::window(ArrayRef<Lifted> at, int64_t width) const {
  Value zero = b.index(0);
  bool isGathered = plan.rowsOfToken() > 1 || plan.columnsOfBlock() > 1 ||
                    llvm::any_of(at, [](const Lifted &index) {
                      return index.kind == Lifted::row;
                    });
  TileWindow window;
  window.coords = {batch, isGathered ? tokenBase : firstToken};
  window.sizes = {1, isGathered ? 1 : plan.rows};
  if (isGathered) {
    window.rows.push_back(tokens);
    window.rowDims.push_back(1);
  }
  for (const Lifted &index : at) {
    bool isRow = index.kind == Lifted::row;
    if (isRow) {
      window.rows.push_back(index.value);
      window.rowDims.push_back(window.coords.size());
    }
    window.coords.push_back(isRow ? zero : index.value);
    window.sizes.push_back(1);
  }
  if (width) {
    window.coords.push_back(zero);
    window.sizes.push_back(width);
  }
  return window;
}
