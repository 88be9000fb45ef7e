// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block is one row group of a few warps, each of which has 16 or 32 rows of
// it. Scores and outputs stay in registers, queries, keys and values go through
// shared memory.

#include "lib/GpuSchedule.h"

#include "lib/GpuTiles.h"

#include <algorithm>

namespace headgate {

namespace {

constexpr int64_t maxSplits = 1024;
constexpr int64_t maxStages = 8;
/// Rows of one matrix instruction; its terms; and what ldmatrix takes of keys
/// and columns at a time.
constexpr int64_t step = 16;
constexpr int64_t elementBytes = 2;

int64_t cdiv(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t padded(int64_t width) { return cdiv(width, step) * step; }
std::string text(int64_t number) { return std::to_string(number); }

Status illegal(const char *label, const std::string &why) {
  return Error(ErrorCode::badInput, std::string("(") + label + ") " + why);
}

//===-- what the machine takes -------------------------------------------===//

Status checkType(DType dtype, const Target &target) {
  if (dtype == DType::bf16 || dtype == DType::f16)
    return Success{};
  return illegal("G1", "its rows are " + std::string(name(dtype)) +
                           "; kernels for " + target.name +
                           " have rows of bf16 or f16");
}

/// A row's bytes must be a multiple of the 4 that the smallest copy to shared
/// memory moves.
Status checkWidth(const char *what, int64_t width) {
  if (width % 2 == 0)
    return Success{};
  return illegal("G1", std::string(what) + " = " + text(width) +
                           " is odd; a GPU copies pairs of elements");
}

Status checkTaken(const AttendProblem &problem, const Target &target) {
  if (Status s = checkType(problem.dtype, target); !s)
    return s;
  if (Status s = checkWidth("D", problem.D); !s)
    return s;
  if (Status s = checkWidth("Dv", problem.Dv); !s)
    return s;
  int64_t widest = std::max(problem.D, problem.Dv);
  if (widest > gpuMaxWidth)
    return illegal("G1", "heads of " + text(widest) +
                             " elements are wider than the " +
                             text(gpuMaxWidth) + " that registers hold");
  return Success{};
}

Status checkTaken(const GemmProblem &problem, const Target &target) {
  if (Status s = checkType(problem.dtype, target); !s)
    return s;
  // Columns are elements of the matrix's rows, or its rows.
  if (problem.transposed)
    return checkWidth("the number of terms", problem.inner);
  if (Status s = checkWidth("the number of terms", problem.inner); !s)
    return s;
  return checkWidth("the number of columns", problem.cols);
}

//===-- legality ---------------------------------------------------------===//

/// Matrix instructions that a warp's rows take side by side.
int64_t rowTilesOf(const Schedule &schedule) {
  return schedule.rows / (step * schedule.warps);
}

int64_t widthOf(const AttendProblem &problem) {
  return padded(std::max(problem.D, problem.Dv));
}

TileKind kindOf(const AttendProblem &problem, bool merge) {
  // Rows of an odd number of pairs can only be copied pair by pair.
  bool isNarrow = problem.D % 4 != 0 || problem.Dv % 4 != 0;
  bool isPadded = problem.D % step != 0 || problem.Dv % step != 0;
  bool isMerged = merge && problem.heads > problem.keyHeads;
  if (problem.score)
    return TileKind::scored;
  if (isNarrow)
    return TileKind::narrow;
  if (problem.mask)
    return isMerged ? TileKind::mergedMasked : TileKind::masked;
  if (isMerged)
    return TileKind::merged;
  bool isRouted = problem.gathered || problem.bounds || problem.window;
  return isRouted || isPadded ? TileKind::routed : TileKind::dense;
}

const char *textOf(TileKind kind) {
  switch (kind) {
  case TileKind::dense:
    return "";
  case TileKind::routed:
    return ", experts and bounds";
  case TileKind::merged:
    return " and merged heads";
  case TileKind::masked:
    return " and a mask";
  case TileKind::mergedMasked:
    return ", merged heads and a mask";
  case TileKind::narrow:
    return " and copies of 4 bytes";
  case TileKind::scored:
    return " and a score region";
  }
  return "";
}

int64_t mostKeysOf(const AttendProblem &problem, int64_t rowTiles,
                   bool isMerged) {
  return mostKeysOfTile(widthOf(problem), rowTiles, kindOf(problem, isMerged));
}

Status checkRows(const Schedule &schedule) {
  int64_t warps = schedule.warps;
  if (warps != 1 && warps != 2 && warps != 4 && warps != 8)
    return illegal("G2", "warps = " + text(warps) + " is not 1, 2, 4 or 8");
  for (int64_t tiles : {1, 2})
    if (schedule.rows == tiles * step * warps)
      return Success{};
  return illegal("G2", "rows = " + text(schedule.rows) +
                           " is not 16 or 32 for each of " + text(warps) +
                           (warps == 1 ? " warp" : " warps"));
}

Status checkExtent(const char *what, int64_t value, int64_t most) {
  if (value >= step && value % step == 0 && value <= most)
    return Success{};
  return illegal("G3", std::string(what) + " = " + text(value) +
                           " is no multiple of 16 up to " + text(most));
}

Status checkExtents(const AttendProblem &problem, const Schedule &schedule) {
  if (schedule.cols || schedule.depth)
    return illegal("G3", "cols and depth are a projection's");
  if (Status s = checkExtent("keys", schedule.keys, 256); !s)
    return s;
  int64_t most = mostKeysOf(problem, rowTilesOf(schedule), schedule.merge);
  if (schedule.keys <= most)
    return Success{};
  return illegal(
      "G4",
      "keys = " + text(schedule.keys) + ": registers hold the scores of " +
          text(most) + " keys beside outputs of " + text(widthOf(problem)) +
          " columns" + textOf(kindOf(problem, schedule.merge)) + ", for " +
          text(rowTilesOf(schedule) * step) + " rows of a warp");
}

Status checkExtents(const GemmProblem &, const Schedule &schedule) {
  if (schedule.keys)
    return illegal("G3", "keys are an attention's");
  if (Status s = checkExtent("cols", schedule.cols, 256); !s)
    return s;
  if (Status s = checkExtent("depth", schedule.depth, 256); !s)
    return s;
  int64_t most = mostColsOfTile(rowTilesOf(schedule));
  if (schedule.cols <= most)
    return Success{};
  return illegal("G4",
                 "cols = " + text(schedule.cols) + ": registers hold sums of " +
                     text(most) + " columns, for " +
                     text(rowTilesOf(schedule) * step) + " rows of a warp");
}

/// Queries, whose place the outputs take in the end, and the tiles in flight.
int64_t sharedBytesOf(const AttendProblem &problem, const Schedule &schedule) {
  int64_t D = padded(problem.D), Dv = padded(problem.Dv);
  return elementBytes * (schedule.rows * std::max(D, Dv) +
                         schedule.stages * schedule.keys * (D + Dv));
}

int64_t sharedBytesOf(const GemmProblem &, const Schedule &schedule) {
  return elementBytes * schedule.stages * schedule.depth *
         (schedule.rows + schedule.cols);
}

Status checkStages(const Problem &problem, const Target &target,
                   const Schedule &schedule, int64_t sharedBytes) {
  if (schedule.groups != 1 || schedule.overlap || schedule.turns)
    return illegal("G6", "groups, overlap and turns need sm_90a");
  if (schedule.stages < 1 || schedule.stages > maxStages)
    return illegal("G6", "stages = " + text(schedule.stages) +
                             " is not in 1.." + text(maxStages));
  if (schedule.stages < 2 && std::holds_alternative<GemmProblem>(problem))
    return illegal("G6", "stages = 1: a projection needs both its tiles at "
                         "once, and none could be copied beside them");
  if (sharedBytes > target.sharedBytes)
    return illegal("G5", "its tiles take " + text(sharedBytes) +
                             " bytes of shared memory; a block has " +
                             text(target.sharedBytes));
  return Success{};
}

Status checkSplits(const Problem &problem, const Schedule &schedule) {
  const auto *attend = std::get_if<AttendProblem>(&problem);
  if (schedule.across)
    return illegal("G7", "across is the host's");
  if (schedule.merge && !(attend && attend->mergeable))
    return illegal("G7", attend ? "merge: the heads that read one key head are "
                                  "no progression"
                                : "merge is an attention's");
  int64_t splits = attend ? maxSplits : 1;
  if (schedule.splits >= 1 && schedule.splits <= splits)
    return Success{};
  return illegal("G7", "splits = " + text(schedule.splits) + " is not in 1.." +
                           text(splits));
}

} // namespace

Status checkGpuProblem(const Problem &problem, const Target &target) {
  return std::visit([&](const auto &p) { return checkTaken(p, target); },
                    problem);
}

ScheduleResources gpuResourcesOf(const Problem &problem,
                                 const Schedule &schedule) {
  return {
      .sharedBytes = std::visit(
          [&](const auto &p) { return sharedBytesOf(p, schedule); }, problem)};
}

Status checkGpuSchedule(const Problem &problem, const Target &target,
                        const Schedule &schedule) {
  if (Status s = checkGpuProblem(problem, target); !s)
    return s;
  if (Status s = checkRows(schedule); !s)
    return s;
  Status extents = std::visit(
      [&](const auto &p) { return checkExtents(p, schedule); }, problem);
  if (!extents)
    return extents;
  if (Status s = checkStages(problem, target, schedule,
                             gpuResourcesOf(problem, schedule).sharedBytes);
      !s)
    return s;
  return checkSplits(problem, schedule);
}

std::vector<Knob> gpuKnobsOf(const Problem &problem) {
  std::vector<int64_t> rows = {16, 32, 64, 128, 256};
  if (std::holds_alternative<AttendProblem>(problem))
    return {{"rows", rows},
            {"keys", {16, 32, 48, 64, 80, 96, 112, 128}},
            {"splits", {1, 2, 4, 8, 16, 32, 64}},
            {"merge", {0, 1}},
            {"warps", {1, 2, 4, 8}},
            {"stages", {1, 2, 3}},
            {"order", {0, 1}}};
  return {{"rows", rows},          {"cols", {16, 32, 64, 128}},
          {"depth", {16, 32, 64}}, {"warps", {1, 2, 4, 8}},
          {"stages", {2, 3, 4}},   {"order", {0, 1}}};
}

//===-- defaults ---------------------------------------------------------===//

namespace {

/// Blocks of one warp that keep a large GPU's memory busy.
constexpr int64_t wantedBlocks = 512;

/// Each key once for as many rows as registers allow, and two blocks in the
/// 164 KB of shared memory that a multiprocessor has.
Schedule prefillOf(const AttendProblem &problem) {
  constexpr int64_t wanted = 64, enough = 32;
  int64_t width = widthOf(problem);
  int64_t stages = width <= 64 ? 2 : 1;
  int64_t most = mostKeysOf(problem, 2, false);
  if (most >= enough)
    return {.rows = 128,
            .keys = std::min(wanted, most),
            .warps = 4,
            .stages = stages};
  return {.rows = 64,
          .keys = std::min(wanted, mostKeysOf(problem, 1, false)),
          .warps = 4,
          .stages = stages};
}

std::vector<ScheduleChoice> defaultsOf(const AttendProblem &problem) {
  int64_t sharing = problem.mergeable ? problem.heads / problem.keyHeads : 1;
  int64_t columns = problem.mergeable ? problem.keyHeads : problem.heads;
  Schedule prefill = prefillOf(problem);
  Schedule few = prefill;
  few.rows = 64;
  few.keys = std::min(few.keys, mostKeysOf(problem, 1, false));
  Schedule decode{
      .rows = step,
      .keys = std::min<int64_t>(widthOf(problem) <= 128 ? 64 : 32,
                                mostKeysOf(problem, 1, problem.mergeable)),
      .splits = std::clamp<int64_t>(wantedBlocks / columns, 1, 64),
      .merge = problem.mergeable,
      .warps = 1,
      .stages = 2};
  int64_t ofOneWarp = std::max<int64_t>(step / sharing, 1);
  std::vector<ScheduleChoice> choices;
  if (prefill == few)
    choices.push_back({prefill, ofOneWarp + 1, -1});
  else
    choices = {{prefill, 65, -1}, {few, ofOneWarp + 1, 64}};
  choices.push_back({decode, 0, ofOneWarp});
  return choices;
}

std::vector<ScheduleChoice> defaultsOf(const GemmProblem &problem) {
  int64_t depth = std::min<int64_t>(32, padded(problem.inner));
  auto cols = [&](int64_t most) {
    return std::min(most, padded(problem.cols));
  };
  Schedule many{.rows = 128,
                .cols = cols(std::min<int64_t>(128, mostColsOfTile(2))),
                .depth = depth,
                .warps = 4,
                .stages = 3};
  Schedule few = many;
  few.rows = step;
  few.cols = cols(64);
  few.depth = std::min<int64_t>(64, padded(problem.inner));
  few.warps = 1;
  return {{many, 33, -1}, {few, 0, 32}};
}

} // namespace

std::vector<ScheduleChoice> gpuDefaultSchedules(const Problem &problem) {
  return std::visit([](const auto &p) { return defaultsOf(p); }, problem);
}

} // namespace headgate
