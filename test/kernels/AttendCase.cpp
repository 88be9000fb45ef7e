// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "AttendCase.h"

#include "AttendData.h"
#include "AttendEntry.h"
#include "CaseList.h"
#include "lib/ScheduleText.h"

#include <cmath>

namespace headgate::kernels {

namespace {

//===-- the values of each axis ------------------------------------------===//

const HeadShape headShapes[] = {
    {"mha", 3, 0, 0, 0, 3, "", [](int64_t r, int64_t, int64_t) { return r; }},
    {"gqa", 6, 0, 0, 0, 2, "",
     [](int64_t r, int64_t, int64_t) { return r / 3; }},
    {"mqa", 17, 0, 0, 0, 1, "",
     [](int64_t, int64_t, int64_t) { return int64_t(0); }},
    // Two of four key heads are read, by heads side by side.
    {"offset", 4, 0, 0, 0, 4, "affine_map<(h) -> (h floordiv 2 + 1)>",
     [](int64_t r, int64_t, int64_t) { return r / 2 + 1; }},
    // Two heads read the first key head, one the second: not to be merged.
    {"uneven", 3, 0, 0, 0, 2, "affine_map<(h) -> (h floordiv 2)>",
     [](int64_t r, int64_t, int64_t) { return r / 2; }},
    {"gqe", 4, 2, 1, 1, 4, "", [](int64_t r, int64_t, int64_t) { return r; }},
    {"gqe-one-group", 1, 3, 2, 1, 1, "",
     [](int64_t r, int64_t, int64_t) { return r; }},
    {"gqe-k-of-8", 2, 8, 3, 1, 2, "",
     [](int64_t r, int64_t, int64_t) { return r; }},
    {"gqe-k-is-m", 2, 3, 3, 1, 2, "",
     [](int64_t r, int64_t, int64_t) { return r; }},
    {"jetmoe", 1, 4, 2, 3, 3, "affine_map<(r, j, c) -> (c)>",
     [](int64_t, int64_t, int64_t c) { return c; }},
    {"moa", 1, 4, 2, 1, 1, "affine_map<(r, j) -> (0)>",
     [](int64_t, int64_t, int64_t) { return int64_t(0); }},
};

constexpr double scales[] = {0, 0.3, -0.2};

/// The values that depend on the kind of machine. Of each knob, 0 stands for
/// the default schedules.
struct Values {
  std::vector<DType> dtypes;
  std::vector<int64_t> widths;
  std::vector<int64_t> rows, keys, splits, stages;
  std::vector<int64_t> rowTiles; ///< of a warp; on the host there are none
  size_t sizeSets;
  /// For tiles of so many rows and keys.
  std::vector<ProblemSizes> (*sizesOf)(int set, int64_t rows, int64_t keys);
};

/// Odd lengths, whole tiles, tails; decode of 1 and 5 tokens; ragged batches;
/// more queries than keys; nothing at all.
std::vector<ProblemSizes> hostSizes(int set, int64_t, int64_t) {
  const std::vector<ProblemSizes> sets[] = {
      {{1, 1, 1}, {2, 13, 13}, {1, 37, 40}},
      {{1, 131, 131}, {2, 5, 300}},
      {{3, 1, 70}, {1, 300, 300}},
      {{1, 77, 517}, {2, 64, 200}},
      {{1, 20, 9}, {0, 4, 4}, {1, 0, 5}, {1, 3, 0}},
      {{1, 1, 1030}, {2, 5, 1030}},
      {{1, 520, 520}},
  };
  return sets[set];
}

const Values hostValues = {
    .dtypes = {DType::f32, DType::f16, DType::bf16},
    .widths = {16, 24, 48, 64, 72, 80, 96, 100, 112, 128, 256},
    .rows = {0, 1, 5, 6, 12},
    .keys = {0, 64, 256, 512},
    .splits = {0, 1, 3},
    .stages = {0, 0, 1},
    .rowTiles = {0, 1},
    .sizeSets = 7,
    .sizesOf = hostSizes,
};

/// The same in tiles of the schedule, as many as a loop and its ends need: a
/// simulator is slow.
std::vector<ProblemSizes> gpuSizes(int set, int64_t rows, int64_t keys) {
  int64_t S = 2 * rows + 3, T = 3 * keys + 5;
  const std::vector<ProblemSizes> sets[] = {
      {{1, S, T}},
      {{1, S, S}},
      {{1, 1, 1}, {2, 13, 13}, {1, rows, keys}},
      {{3, 1, 70}, {1, 5, T}},
      {{1, 20, 9}, {0, 4, 4}, {1, 0, 5}, {1, 3, 0}},
      {{1, 1, 1030}, {2, 5, 300}},
  };
  return sets[set];
}

const Values gpuValues = {
    .dtypes = {DType::f16, DType::bf16},
    .widths = {16, 24, 48, 64, 80, 96, 112, 128, 256},
    .rows = {0, 16, 32, 64, 128},
    .keys = {0, 16, 48, 64, 128},
    .splits = {0, 1, 3},
    .stages = {0, 1, 2, 3},
    .rowTiles = {0, 1, 2},
    .sizeSets = 6,
    .sizesOf = gpuSizes,
};

/// A list has targets of one kind.
const Values &valuesFor(std::span<const std::string> targets) {
  return findTarget(targets.front())->isGpu() ? gpuValues : hostValues;
}

enum Axis {
  dtypeAxis,
  widthAxis,
  valueWidthAxis,
  headsAxis,
  patternAxis,
  maskAxis,
  boundsAxis,
  scoreAxis,
  holesAxis,
  lseAxis,
  windowAxis,
  scaleAxis,
  rowsAxis,
  keysAxis,
  splitsAxis,
  mergeAxis,
  stagesAxis,
  orderAxis,
  rowTilesAxis,
  targetAxis,
  sizesAxis,
  dataAxis,
};

std::vector<int> extentsOf(std::span<const std::string> targets) {
  const Values &values = valuesFor(targets);
  return {count(values.dtypes),
          count(values.widths),
          2,
          count(headShapes),
          4,
          3,
          4,
          5,
          2,
          2,
          2,
          count(scales),
          count(values.rows),
          count(values.keys),
          count(values.splits),
          flags + 1, // of all key heads, too
          count(values.stages),
          flags,
          count(values.rowTiles),
          int(targets.size()),
          int(values.sizeSets),
          5};
}

//===-- from choices to cases --------------------------------------------===//

int64_t keyHeadsOf(const HeadShape &heads) {
  return std::string_view(heads.name) == "offset" ? 2 : heads.H;
}

std::optional<Schedule> scheduleOf(const Choice &choice, const Values &values,
                                   bool isGpu) {
  int64_t rows = values.rows[choice[rowsAxis]];
  if (rows == 0)
    return {};
  bool across = choice[mergeAxis] == 3;
  if (across)
    rows *= keyHeadsOf(headShapes[choice[headsAxis]]);
  int64_t ofWarp = 16 * values.rowTiles[choice[rowTilesAxis]];
  return Schedule{.rows = rows,
                  .keys = values.keys[choice[keysAxis]],
                  .splits = values.splits[choice[splitsAxis]],
                  .merge = choice[mergeAxis] >= 2,
                  .across = across,
                  .warps = isGpu ? rows / ofWarp : 1,
                  .stages = values.stages[choice[stagesAxis]],
                  .order = choice[orderAxis] == 2 ? Schedule::Order::rows
                                                  : Schedule::Order::cols};
}

AttendCase caseOf(const Choice &choice, std::span<const std::string> targets) {
  const Values &values = valuesFor(targets);
  int64_t D = values.widths[choice[widthAxis]];
  auto schedule = scheduleOf(choice, values, &values == &gpuValues);
  Schedule tiles = schedule.value_or(Schedule{.rows = 128, .keys = 64});
  return {.dtype = values.dtypes[choice[dtypeAxis]],
          .D = D,
          .Dv = choice[valueWidthAxis] == 0 ? D
                : D == 64                   ? 40
                                            : 64,
          .heads = headShapes[choice[headsAxis]],
          .pattern = Pattern(choice[patternAxis]),
          .mask = Mask(choice[maskAxis]),
          .bounds = Bounds(choice[boundsAxis]),
          .score = Score(choice[scoreAxis]),
          .holes = choice[holesAxis] == 1,
          .lse = choice[lseAxis] == 1,
          .window = choice[windowAxis] == 1,
          .scale = scales[choice[scaleAxis]],
          .schedule = schedule,
          .target = targets[static_cast<size_t>(choice[targetAxis])],
          .sizes = values.sizesOf(choice[sizesAxis], tiles.rows, tiles.keys),
          .data = Data(choice[dataAxis])};
}

bool legalize(Choice &choice, std::span<const std::string> targets) {
  constexpr int knobs[] = {keysAxis,   splitsAxis, mergeAxis,
                           stagesAxis, orderAxis,  rowTilesAxis};
  if (!chooseWith(choice, rowsAxis, knobs))
    return false;
  AttendCase c = caseOf(choice, targets);
  return (!c.holes || c.heads.isRouted()) && hasLegalSchedule(c);
}

} // namespace

AttendProblem AttendCase::problem() const {
  bool isRouted = heads.isRouted();
  return {.dtype = dtype,
          .D = D,
          .Dv = Dv,
          .heads = heads.heads(),
          .keyHeads = keyHeadsOf(heads),
          .mergeable = std::string_view(heads.name) != "uneven",
          .gathered = isRouted,
          .causal = pattern != Pattern::full,
          .window = windowLength(),
          .mask = mask != Mask::none,
          .score = score != Score::none,
          .bounds = bounds != Bounds::none,
          .lse = lse};
}

double AttendCase::scaleOrDefault() const {
  return scale == 0 ? 1 / std::sqrt(double(D)) : scale;
}

int64_t AttendCase::windowLength() const {
  return pattern == Pattern::window5     ? 5
         : pattern == Pattern::window300 ? 300
                                         : 0;
}

std::string AttendCase::describe() const {
  static const char *const patterns[] = {"full", "causal", "window5",
                                         "window300"};
  static const char *const masks[] = {"", " mask", " shared-mask"};
  static const char *const bounded[] = {"", " kv_len", " kv_start+kv_len",
                                        " kv_start+kv_len+q_len"};
  static const char *const scores[] = {"", " softcap", " slopes", " table",
                                       " documents"};
  static const char *const datas[] = {"normal", "wide", "ties", "steep",
                                      "special"};
  std::string text = std::string(name(dtype)) + " D=" + std::to_string(D) +
                     " Dv=" + std::to_string(Dv) + " " + heads.name + " " +
                     patterns[int(pattern)] + masks[int(mask)] +
                     bounded[int(bounds)] + scores[int(score)];
  text += holes ? " holes" : "";
  text += lse ? " lse" : "";
  text += window ? " window" : "";
  if (scale != 0)
    text += " scale=" + std::to_string(scale);
  text += " data=" + std::string(datas[int(data)]) + " " + target + " ";
  return text + (schedule ? printSchedule(*schedule) : "default schedules");
}

std::vector<AttendCase> listAttendCases(std::span<const std::string> targets,
                                        bool full, uint64_t seed) {
  return listCases(extentsOf(targets), legalize, caseOf, targets, full, seed,
                   /*atLeast=*/60);
}

TestKernel testOf(const AttendCase &c) {
  return makeTest<AttendCase>(c, "attend", inputsOf(c), printEntry, makeInputs,
                              expect);
}

} // namespace headgate::kernels
