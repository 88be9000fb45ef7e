// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/ScheduleSpace.h"

#include "lib/Cost.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <tuple>

namespace headgate {

namespace {

/// (T5): blocks for each core from which on no split is tried.
constexpr int64_t blocksOfUnit = 4;
/// (T6): times the best prediction. The model is off by less than 2 wherever it
/// was measured.
constexpr double hopeless = 3;
/// Predictions within this share say nothing about which is faster.
constexpr double alike = 0.05;

int64_t cdiv(int64_t a, int64_t b) { return (a + b - 1) / b; }
std::string text(int64_t number) { return std::to_string(number); }

/// The largest value of a knob below `value`; 0 if there is none.
int64_t below(const std::vector<Knob> &knobs, std::string_view name,
              int64_t value) {
  int64_t found = 0;
  for (const Knob &knob : knobs)
    if (knob.name == name)
      for (int64_t v : knob.values)
        if (v < value)
          found = v;
  return found;
}

/// The grid of an attention without splits.
struct Grid {
  int64_t columns = 1, groups = 1, batches = 1;
  int64_t blocks() const { return columns * groups * batches; }
};

class Pruner {
public:
  Pruner(const Problem &problem, const ProblemSizes &sizes, int64_t units,
         const std::vector<Knob> &knobs)
      : problem(problem), sizes(sizes), units(units), knobs(knobs) {}

  /// Why not to try a legal schedule; "" if it is to be tried.
  std::string why(const Schedule &schedule) const {
    if (const auto *attend = std::get_if<AttendProblem>(&problem))
      return whyAttend(*attend, schedule);
    return whyGemm(std::get<GemmProblem>(problem), schedule);
  }

private:
  /// A smaller value of the knob holds all `total`.
  std::string tooLarge(const char *name, int64_t value, int64_t total) const {
    int64_t smaller = below(knobs, name, value);
    if (smaller < total || smaller == 0)
      return "";
    return std::string("(T3) ") + name + " = " + text(value) + ": " +
           text(smaller) + " hold the " + text(total) + " there are";
  }

  static std::string sameOrder(const char *what) {
    return std::string("(T4) order = rows: the grid has one ") + what;
  }

  std::string whyAttend(const AttendProblem &attend,
                        const Schedule &schedule) const {
    int64_t sharing = attend.heads / attend.keyHeads;
    if (schedule.merge && !schedule.across && sharing == 1)
      return "(T1) merge: each query head has a key head of its own";
    int64_t rows = sizes.S * (schedule.merge ? sharing : 1) *
                   (schedule.across ? attend.keyHeads : 1);
    if (std::string why = tooLarge("rows", schedule.rows, rows); !why.empty())
      return why;
    if (std::string why = tooLarge("keys", schedule.keys, sizes.T);
        !why.empty())
      return why;
    Grid grid = gridOf(attend, schedule, rows);
    if (std::string why = whySplits(schedule, grid); !why.empty())
      return why;
    if (schedule.order == Schedule::Order::rows) {
      if (grid.columns * grid.batches == 1)
        return sameOrder("column");
      if (grid.groups == 1 && schedule.splits == 1)
        return sameOrder("row");
    }
    return "";
  }

  Grid gridOf(const AttendProblem &attend, const Schedule &schedule,
              int64_t rows) const {
    int64_t columns = schedule.across  ? 1
                      : schedule.merge ? attend.keyHeads
                                       : attend.heads;
    return {columns, cdiv(rows, schedule.rows), sizes.B};
  }

  std::string whySplits(const Schedule &schedule, const Grid &grid) const {
    if (schedule.splits == 1)
      return "";
    int64_t tiles = cdiv(sizes.T, schedule.keys);
    int64_t fewer = below(knobs, "splits", schedule.splits);
    if (fewer >= tiles)
      return "(T2) splits = " + text(schedule.splits) + ": " + text(fewer) +
             " make a part of each of the " + text(tiles) + " tiles of keys";
    if (grid.blocks() >= blocksOfUnit * units)
      return "(T5) splits: " + text(grid.blocks()) +
             " blocks without them occupy " + text(units) + " units";
    return "";
  }

  std::string whyGemm(const GemmProblem &gemm, const Schedule &schedule) const {
    int64_t rows = sizes.B * sizes.S;
    for (auto [name, value, total] : {std::tuple("rows", schedule.rows, rows),
                                      {"cols", schedule.cols, gemm.cols},
                                      {"depth", schedule.depth, gemm.inner}})
      if (std::string why = tooLarge(name, value, total); !why.empty())
        return why;
    if (schedule.order == Schedule::Order::rows) {
      if (cdiv(gemm.cols, schedule.cols) == 1)
        return sameOrder("column");
      if (cdiv(rows, schedule.rows) == 1)
        return sameOrder("row");
    }
    return "";
  }

  const Problem &problem;
  const ProblemSizes &sizes;
  int64_t units;
  const std::vector<Knob> &knobs;
};

/// Calls `visit` for every schedule of the product of `knobs`, in the order of
/// their values.
template <typename Visit>
void forEach(const std::vector<Knob> &knobs, size_t knob, Schedule &schedule,
             Visit visit) {
  if (knob == knobs.size())
    return visit(schedule);
  for (int64_t value : knobs[knob].values) {
    setKnob(schedule, knobs[knob].name, value);
    forEach(knobs, knob + 1, schedule, visit);
  }
}

/// A candidate and how long it should take.
struct Predicted {
  Schedule schedule;
  double ns;
};

class SpaceBuilder {
public:
  SpaceBuilder(const Problem &problem, const Target &target,
               const ProblemSizes &sizes, int64_t units)
      : problem(problem), target(target), sizes(sizes), units(units) {}

  ScheduleSpace build() {
    space.knobs = knobsOf(problem, target);
    Pruner pruner(problem, sizes, units, space.knobs);
    Schedule chosen = defaultSchedule(problem, target, sizes);
    std::vector<Predicted> tried = {predicted(chosen)};
    Schedule schedule;
    forEach(space.knobs, 0, schedule, [&](const Schedule &s) {
      if (s == chosen)
        return; // it is tried whatever the rules say
      if (Status legal = checkSchedule(problem, target, s); !legal)
        return reject(s, legal.error().message());
      if (std::string why = pruner.why(s); !why.empty())
        return reject(s, why);
      tried.push_back(predicted(s));
    });
    keepFast(tried, chosen);
    order(tried);
    space.baseline = space.find(chosen);
    return std::move(space);
  }

private:
  void reject(const Schedule &schedule, std::string why) {
    space.rejected.push_back({schedule, std::move(why)});
  }
  Predicted predicted(const Schedule &schedule) const {
    return {schedule, predictNs(problem, target, schedule, sizes, units)};
  }

  void keepFast(std::vector<Predicted> &tried, const Schedule &chosen) {
    double best = std::ranges::min_element(tried, {}, &Predicted::ns)->ns;
    std::erase_if(tried, [&](const Predicted &p) {
      double times = p.ns / best;
      if (times <= hopeless || p.schedule == chosen)
        return false;
      char words[64];
      std::snprintf(words, sizeof(words), "(T6) predicted %.1f times the best",
                    times);
      reject(p.schedule, words);
      return true;
    });
  }

  void order(std::vector<Predicted> &tried) {
    std::ranges::sort(tried, {}, [&](const Predicted &p) {
      ScheduleResources its = resourcesOf(problem, target, p.schedule);
      return std::pair(its.sharedBytes, p.schedule);
    });
    for (const Predicted &p : tried) {
      space.schedules.push_back(p.schedule);
      space.predictedNs.push_back(p.ns);
    }
  }

  const Problem &problem;
  const Target &target;
  const ProblemSizes &sizes;
  int64_t units;
  ScheduleSpace space;
};

} // namespace

Schedule defaultSchedule(const Problem &problem, const Target &target,
                         const ProblemSizes &sizes) {
  bool isGemm = std::holds_alternative<GemmProblem>(problem);
  int64_t count = isGemm ? sizes.B * sizes.S : sizes.S;
  std::vector<ScheduleChoice> choices = defaultSchedules(problem, target);
  for (const ScheduleChoice &choice : choices)
    if (count >= choice.atLeast &&
        (choice.atMost < 0 || count <= choice.atMost))
      return choice.schedule;
  return choices.front().schedule;
}

ScheduleSpace scheduleSpace(const Problem &problem, const Target &target,
                            const ProblemSizes &sizes, int64_t units) {
  return SpaceBuilder(problem, target, sizes, std::max<int64_t>(units, 1))
      .build();
}

size_t ScheduleSpace::find(const Schedule &schedule) const {
  return size_t(std::ranges::find(schedules, schedule) - schedules.begin());
}

std::vector<size_t> ScheduleSpace::neighbours(size_t index) const {
  std::vector<size_t> found;
  for (const Knob &knob : knobs) {
    int64_t here = knobOf(schedules[index], knob.name);
    auto add = [&](int64_t value) {
      Schedule moved = schedules[index];
      setKnob(moved, knob.name, value);
      size_t at = find(moved);
      if (at < size())
        found.push_back(at);
      return at < size();
    };
    for (auto v = knob.values.rbegin(); v != knob.values.rend(); ++v)
      if (*v < here && add(*v))
        break;
    for (int64_t v : knob.values)
      if (v > here && add(v))
        break;
  }
  return found;
}

std::vector<size_t> ScheduleSpace::byPrediction() const {
  std::vector<size_t> indices(size());
  std::iota(indices.begin(), indices.end(), size_t(0));
  double best = *std::ranges::min_element(predictedNs);
  auto rank = [&](size_t i) {
    int64_t distance = 0;
    for (const Knob &knob : knobs)
      distance += knobOf(schedules[i], knob.name) !=
                  knobOf(schedules[baseline], knob.name);
    double step = std::log(predictedNs[i] / best) / std::log(1 + alike);
    return std::tuple(int64_t(step), distance, i);
  };
  std::ranges::sort(indices, {}, rank);
  return indices;
}

} // namespace headgate
