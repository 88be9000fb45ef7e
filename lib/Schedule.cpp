// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/Schedule.h"

#include "lib/GpuSchedule.h"

#include <algorithm>
#include <array>

namespace headgate {

namespace {

constexpr int64_t maxDirectRows = 64;
constexpr int64_t maxSplits = 1024;
/// Query rows of a key head, or rows of a projection, from which on packing its
/// factor costs less than it gains: 5 row groups of 12 read the panels.
constexpr int64_t packedFrom = 64;
/// Tokens from which on blocks of one head waste little of their rows.
constexpr int64_t oneHeadFrom = 16;
/// Blocks that few tokens want, so that machines of many cores are busy.
constexpr int64_t wantedBlocks = 128;
/// A block of a split should have this many parts at most.
constexpr int64_t defaultMaxSplits = 16;
/// Of one token's keys.
constexpr int64_t decodeSplits = 64;

int64_t cdiv(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t alignTo(int64_t a, int64_t b) { return cdiv(a, b) * b; }

Status illegal(const char *label, const std::string &why) {
  return Error(ErrorCode::badInput, std::string("(") + label + ") " + why);
}
std::string text(int64_t number) { return std::to_string(number); }

Status checkMultiple(const char *what, int64_t value, int64_t of) {
  if (value < of || value % of != 0)
    return illegal("S2", std::string(what) + " = " + text(value) +
                             " is no multiple of " + text(of));
  if (value > maxStackBytes) // before sizes are computed of it
    return illegal("S3", std::string(what) + " = " + text(value) +
                             " takes more than the " + text(maxStackBytes) +
                             " bytes that tiles may");
  return Success{};
}

Status checkRows(const Target &target, const Schedule &schedule) {
  bool isPacked = schedule.stages > 0;
  int64_t most = isPacked ? target.productRows() : maxDirectRows;
  if (schedule.rows < 1 || schedule.rows > most)
    return illegal(
        "S1", "rows = " + text(schedule.rows) + " is not in 1.." + text(most) +
                  (isPacked ? ", what a product keeps in registers" : ""));
  return Success{};
}

Status checkExtents(const Target &target, const Schedule &schedule,
                    bool isAttend) {
  int64_t panel = target.panelColumns();
  if (isAttend) {
    if (schedule.cols || schedule.depth)
      return illegal("S2", "cols and depth are a projection's");
    return checkMultiple("keys", schedule.keys, panel);
  }
  if (schedule.keys)
    return illegal("S2", "keys are an attention's");
  if (Status s = checkMultiple("cols", schedule.cols, panel); !s)
    return s;
  return checkMultiple("depth", schedule.depth, 2);
}

Status checkHost(const Schedule &schedule) {
  if (schedule.groups != 1 || schedule.warps != 1)
    return illegal("S6", "groups and warps are a GPU's");
  if (schedule.overlap || schedule.turns)
    return illegal("S6", "overlap and turns are a GPU's");
  if (schedule.stages < 0 || schedule.stages > 1)
    return illegal("S6", "stages = " + text(schedule.stages) +
                             " is not 0 or 1, which the host has");
  return Success{};
}

Status checkAcross(const AttendProblem *attend, const Schedule &schedule) {
  if (!schedule.across)
    return Success{};
  if (!schedule.merge || schedule.stages)
    return illegal("S4", "across needs merge and stages = 0");
  if (!attend->adjacent)
    return illegal("S4", "across: key heads do not lie side by side");
  if (schedule.rows % attend->keyHeads)
    return illegal("S4", "rows = " + text(schedule.rows) +
                             " are no equal parts of " +
                             text(attend->keyHeads) + " key heads");
  return Success{};
}

/// Scores, what a mask or a score region keeps beside them, exponentials of
/// another type; query, output and its next value; sums of rows in 16 parts.
int64_t stackBytesOf(const AttendProblem &problem, const Schedule &schedule) {
  int64_t rows = schedule.rows;
  int64_t scores = rows * schedule.keys * (4 + 4 + 1);
  int64_t wide =
      rows * (alignTo(problem.D, 32) + 2 * alignTo(problem.Dv, 32)) * 4;
  return scores + wide + rows * 2 * (16 + 4) * 4;
}

/// Can a block read its columns of the matrix where they lie? Windows of its
/// rows must be side by side, without a rest.
bool readsInPlace(const GemmProblem &problem, const Schedule &schedule) {
  return problem.transposed ? schedule.depth >= problem.inner ||
                                  problem.inner % schedule.depth == 0
                            : problem.cols % schedule.cols == 0;
}

int64_t stackBytesOf(const GemmProblem &problem, const Schedule &schedule) {
  int64_t rows = schedule.rows * (2 * schedule.cols + schedule.depth) * 4;
  bool isCopied = !schedule.stages && !readsInPlace(problem, schedule);
  return rows + (isCopied ? schedule.cols * schedule.depth * 4 : 0);
}

} // namespace

ScheduleResources resourcesOf(const Problem &problem, const Target &target,
                              const Schedule &schedule) {
  if (target.isGpu())
    return gpuResourcesOf(problem, schedule);
  ScheduleResources resources;
  resources.stackBytes = std::visit(
      [&](const auto &p) { return stackBytesOf(p, schedule); }, problem);
  resources.accumulators = 2 * std::min(schedule.rows, target.productRows());
  return resources;
}

Status checkProblem(const Problem &problem, const Target &target) {
  return target.isGpu() ? checkGpuProblem(problem, target) : Success{};
}

Status checkSchedule(const Problem &problem, const Target &target,
                     const Schedule &schedule) {
  if (target.isGpu())
    return checkGpuSchedule(problem, target, schedule);
  const auto *attend = std::get_if<AttendProblem>(&problem);
  if (Status s = checkHost(schedule); !s)
    return s;
  if (Status s = checkRows(target, schedule); !s)
    return s;
  if (Status s = checkExtents(target, schedule, attend != nullptr); !s)
    return s;
  if (schedule.merge && !(attend && attend->mergeable))
    return illegal("S4", attend ? "merge: the heads that read one key head are "
                                  "no progression"
                                : "merge is an attention's");
  if (Status s = checkAcross(attend, schedule); !s)
    return s;
  int64_t splits = attend ? maxSplits : 1;
  if (schedule.splits < 1 || schedule.splits > splits)
    return illegal("S5", "splits = " + text(schedule.splits) +
                             " is not in 1.." + text(splits));
  int64_t bytes = resourcesOf(problem, target, schedule).stackBytes;
  if (bytes > maxStackBytes)
    return illegal("S3", "the tiles of a block take " + text(bytes) +
                             " bytes, and at most " + text(maxStackBytes) +
                             " are there");
  return Success{};
}

//===-- knobs ------------------------------------------------------------===//

namespace {

struct Setting {
  std::string_view name;
  void (*set)(Schedule &, int64_t);
  int64_t (*get)(const Schedule &);
};
constexpr std::array<Setting, 10> settings = {{
    {"rows", [](Schedule &s, int64_t x) { s.rows = x; },
     [](const Schedule &s) { return s.rows; }},
    {"keys", [](Schedule &s, int64_t x) { s.keys = x; },
     [](const Schedule &s) { return s.keys; }},
    {"cols", [](Schedule &s, int64_t x) { s.cols = x; },
     [](const Schedule &s) { return s.cols; }},
    {"depth", [](Schedule &s, int64_t x) { s.depth = x; },
     [](const Schedule &s) { return s.depth; }},
    {"splits", [](Schedule &s, int64_t x) { s.splits = x; },
     [](const Schedule &s) { return s.splits; }},
    {"merge", [](Schedule &s, int64_t x) { s.merge = x != 0; },
     [](const Schedule &s) { return int64_t(s.merge); }},
    {"across", [](Schedule &s, int64_t x) { s.across = x != 0; },
     [](const Schedule &s) { return int64_t(s.across); }},
    {"warps", [](Schedule &s, int64_t x) { s.warps = x; },
     [](const Schedule &s) { return s.warps; }},
    {"stages", [](Schedule &s, int64_t x) { s.stages = x; },
     [](const Schedule &s) { return s.stages; }},
    {"order", [](Schedule &s, int64_t x) { s.order = Schedule::Order(x); },
     [](const Schedule &s) { return int64_t(s.order); }},
}};

/// Rows of blocks that read factors in place: what registers keep of a product,
/// some multiples of it, and those that all heads of a token make.
std::vector<int64_t> hostRows(const Problem &problem, const Target &target) {
  std::vector<int64_t> rows = {1, 2, 4, 16, 32, maxDirectRows};
  for (int64_t r = 6; r <= target.productRows(); r += 2)
    rows.push_back(r);
  if (const auto *attend = std::get_if<AttendProblem>(&problem))
    for (int64_t heads : {attend->keyHeads, attend->heads})
      if (heads <= maxDirectRows)
        rows.push_back(heads);
  std::ranges::sort(rows);
  rows.erase(std::ranges::unique(rows).begin(), rows.end());
  return rows;
}

} // namespace

void setKnob(Schedule &schedule, std::string_view name, int64_t value) {
  for (const Setting &setting : settings)
    if (setting.name == name)
      setting.set(schedule, value);
}

int64_t knobOf(const Schedule &schedule, std::string_view name) {
  for (const Setting &setting : settings)
    if (setting.name == name)
      return setting.get(schedule);
  return 0;
}

std::vector<Knob> knobsOf(const Problem &problem, const Target &target) {
  if (target.isGpu())
    return gpuKnobsOf(problem);
  std::vector<int64_t> rows = hostRows(problem, target);
  if (std::holds_alternative<AttendProblem>(problem))
    return {{"rows", rows},
            {"keys", {128, 256, 512}},
            {"splits", {1, 2, 4, 8, 16, 64, maxSplits}},
            {"merge", {0, 1}},
            {"across", {0, 1}},
            {"stages", {0, 1}},
            {"order", {0, 1}}};
  return {{"rows", rows},
          {"cols", {32, 64, 128, 256}},
          {"depth", {64, 128, 256, 512}},
          {"stages", {0, 1}},
          {"order", {0, 1}}};
}

//===-- defaults ---------------------------------------------------------===//

namespace {

/// The rows of packed products: two thirds and more of what registers hold, a
/// multiple of 2 that leaves some for addresses and constants.
int64_t packedRows(const Target &target) {
  return std::min<int64_t>(12, target.productRows() / 2 * 2);
}

/// `total` rows in the fewest equal blocks of at most `most`.
int64_t balanced(int64_t total, int64_t most) {
  return cdiv(total, cdiv(total, most));
}

/// One token: a block reads keys and values of all heads in the order in which
/// they lie, as fast as memory gives them; so many parts that no core of a
/// machine waits long for the last. Where heads cannot share a block, one for
/// each key head.
Schedule oneToken(const AttendProblem &problem, const Target &target,
                  int64_t sharing, const Schedule &direct) {
  Schedule schedule = direct;
  schedule.splits = decodeSplits;
  int64_t all = sharing * problem.keyHeads;
  schedule.across =
      problem.mergeable && problem.adjacent && all <= maxDirectRows;
  schedule.rows = schedule.across ? all : balanced(sharing, 16);
  schedule.keys = 256;
  while (schedule.keys > target.panelColumns() &&
         stackBytesOf(problem, schedule) > maxStackBytes / 2)
    schedule.keys /= 2;
  return schedule;
}

std::vector<ScheduleChoice> defaultsOf(const AttendProblem &problem,
                                       const Target &target) {
  int64_t rows = packedRows(target);
  int64_t sharing = problem.mergeable ? problem.heads / problem.keyHeads : 1;
  Schedule packed{.rows = rows, .keys = 256, .order = Schedule::Order::rows};
  Schedule merged = packed;
  merged.merge = true;
  Schedule direct = packed;
  direct.merge = problem.mergeable;
  direct.stages = 0;
  // Key heads lie side by side: blocks that follow one another then read
  // neighbouring memory.
  direct.order = Schedule::Order::cols;
  int64_t columns = problem.mergeable ? problem.keyHeads : problem.heads;
  direct.splits =
      std::clamp<int64_t>(wantedBlocks / columns, 1, defaultMaxSplits);
  int64_t packFrom = std::max<int64_t>(cdiv(packedFrom, sharing), 2);
  int64_t oneHead = std::max(packFrom, sharing > 1 ? oneHeadFrom : 2);
  std::vector<ScheduleChoice> choices = {{packed, oneHead, -1}};
  if (packFrom < oneHead)
    choices.push_back({merged, packFrom, oneHead - 1});
  if (packFrom > 2)
    choices.push_back({direct, 2, packFrom - 1});
  choices.push_back({oneToken(problem, target, sharing, direct), 0, 1});
  return choices;
}

std::vector<ScheduleChoice> defaultsOf(const GemmProblem &problem,
                                       const Target &target) {
  int64_t panel = target.panelColumns();
  auto fit = [&](int64_t wanted) {
    return std::min(alignTo(wanted, panel), alignTo(problem.cols, panel));
  };
  int64_t depth = std::min<int64_t>(256, alignTo(problem.inner, 2));
  Schedule packed{.rows = packedRows(target),
                  .cols = fit(128),
                  .depth = depth,
                  .order = Schedule::Order::rows};
  Schedule direct = packed;
  direct.cols = fit(64);
  direct.stages = 0;
  // A matrix without a rest is read where it lies.
  if (!problem.transposed) {
    for (int64_t cols : {32, 64, 128})
      if (cols % panel == 0 && problem.cols % cols == 0)
        direct.cols = cols;
  } else if (problem.inner <= 1024) {
    direct.depth = alignTo(problem.inner, 2);
  } else {
    for (int64_t terms : {128, 256, 512})
      if (problem.inner % terms == 0)
        direct.depth = terms;
  }
  Schedule oneRow = direct;
  oneRow.rows = 1;
  return {
      {packed, packedFrom, -1}, {direct, 2, packedFrom - 1}, {oneRow, 0, 1}};
}

} // namespace

std::vector<ScheduleChoice> defaultSchedules(const Problem &problem,
                                             const Target &target) {
  if (target.isGpu())
    return gpuDefaultSchedules(problem);
  return std::visit([&](const auto &p) { return defaultsOf(p, target); },
                    problem);
}

} // namespace headgate
