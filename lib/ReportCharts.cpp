// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Charts of what schedules are: tiles, knobs, and those of the last round.

#include "lib/ReportCharts.h"

#include "lib/RecordText.h"
#include "lib/ReportFigure.h"
#include "lib/Schedule.h"
#include "lib/Target.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace headgate {

namespace {

/// The knobs of a case with all values that are worth trying or were tried.
std::vector<Knob> knobsIn(const ReportCase &of) {
  std::vector<Knob> knobs;
  if (Result<Target> target = findTarget(of.key.target))
    knobs = knobsOf(of.key.problem, *target);
  for (Knob &knob : knobs) {
    std::set<int64_t> values(knob.values.begin(), knob.values.end());
    for (const auto *records : {&of.trials, &of.finals})
      for (const TuningRecord *record : *records)
        values.insert(knobOf(record->key.schedule, knob.name));
    knob.values.assign(values.begin(), values.end());
  }
  return knobs;
}

const Knob *find(const std::vector<Knob> &knobs, std::string_view name) {
  for (const Knob &knob : knobs)
    if (knob.name == name)
      return &knob;
  return nullptr;
}

std::string valueText(const Knob &knob, int64_t value) {
  if (knob.name == "order")
    return value ? "rows" : "cols";
  if (knob.name == "merge" || knob.name == "across")
    return value ? "yes" : "no";
  return std::to_string(value);
}

//===-- tiles ------------------------------------------------------------===//

struct Cell {
  const TuningRecord *best = nullptr, *failed = nullptr;
  size_t tried = 0;
};

/// Why no schedule with these two values is legal, if none is. Rules do not
/// know sizes: what is left out for them is "not tried".
std::optional<std::string> whyIllegal(const ReportCase &of,
                                      const Target &target,
                                      const std::vector<Knob> &knobs,
                                      const Schedule &fixed, const Knob &x,
                                      const Knob &y) {
  std::vector<Schedule> schedules = {fixed};
  for (const Knob &knob : knobs) {
    if (knob.name == x.name || knob.name == y.name)
      continue;
    std::vector<Schedule> more;
    for (const Schedule &schedule : schedules)
      for (int64_t value : knob.values) {
        more.push_back(schedule);
        setKnob(more.back(), knob.name, value);
      }
    schedules = std::move(more);
  }
  std::string why;
  for (const Schedule &schedule : schedules) {
    Status status = checkSchedule(of.key.problem, target, schedule);
    if (status)
      return std::nullopt;
    if (why.empty())
      why = status.error().message();
  }
  return why;
}

std::string cellText(const ReportCase &of, const TuningRecord &record) {
  if (std::optional<double> speed = of.speedOf(record))
    return formatNumber(*speed);
  return formatNs(*nsOf(record));
}

/// The knobs of a tile's two extents, the one with more values first.
std::pair<const Knob *, const Knob *>
tileKnobs(const ReportCase &of, const std::vector<Knob> &knobs) {
  bool isAttend = std::holds_alternative<AttendProblem>(of.key.problem);
  const Knob *x = find(knobs, "rows");
  const Knob *y = find(knobs, isAttend ? "keys" : "cols");
  if (x && y && x->values.size() < y->values.size())
    std::swap(x, y);
  return {x, y};
}

class TileMap {
public:
  TileMap(const ReportCase &of, const Target &target,
          const std::vector<Knob> &knobs, const Knob &x, const Knob &y)
      : of(of), target(target), knobs(knobs), x(x), y(y),
        across(std::min((fullWidth - left) / double(x.values.size()), 92.0)),
        bottom(top + cellHeight * double(y.values.size())),
        chart(fullWidth, bottom + 40, "Best time by tile for " + of.title) {
    for (const TuningRecord *record : of.trials)
      add(*record);
  }

  SvgChart draw() {
    for (size_t row = 0; row < y.values.size(); ++row)
      for (size_t column = 0; column < x.values.size(); ++column)
        drawCell(column, row);
    if (of.winner)
      drawFrame(of.winner->key.schedule);
    drawAxes();
    return std::move(chart);
  }

private:
  void add(const TuningRecord &record) {
    Cell &cell = cells[{knobOf(record.key.schedule, x.name),
                        knobOf(record.key.schedule, y.name)}];
    ++cell.tried;
    if (!nsOf(record) || (!record.timeNs && isMeasured(of))) {
      if (record.result != TuningResult::correct)
        cell.failed = &record;
      return;
    }
    double time = relativeTime(of, record);
    fastest = std::min(fastest, time);
    if (!cell.best || time < relativeTime(of, *cell.best))
      cell.best = &record;
  }

  double leftOf(size_t column) const { return left + across * double(column); }
  double topOf(size_t row) const {
    return bottom - cellHeight * double(row + 1);
  }
  void write(size_t column, size_t row, const std::string &text,
             const char *style) {
    chart.text(leftOf(column) + across / 2, topOf(row) + cellHeight / 2 + 4,
               text, style, Anchor::middle);
  }

  void drawCell(size_t column, size_t row) {
    auto found = cells.find({x.values[column], y.values[row]});
    const Cell cell = found == cells.end() ? Cell{} : found->second;
    if (!cell.best)
      return drawEmpty(column, row, cell);
    double slowest = 0;
    for (auto &[place, other] : cells)
      if (other.best)
        slowest = std::max(slowest, relativeTime(of, *other.best));
    double share = slowest > fastest
                       ? std::log(slowest / relativeTime(of, *cell.best)) /
                             std::log(slowest / fastest)
                       : 1;
    chart.rect(leftOf(column), topOf(row), across, cellHeight, "cell",
               tooltipOf(of, *cell.best) + "\nbest of " +
                   std::to_string(cell.tried) + " tried",
               speedStyle("fill", share));
    write(column, row, cellText(of, *cell.best), share > 0.55 ? "on" : "off");
  }

  /// A tile without a time: grey with a reason, or a frame inside its
  /// neighbours' gaps where nothing was tried.
  void drawEmpty(size_t column, size_t row, const Cell &cell) {
    Schedule schedule;
    setKnob(schedule, x.name, x.values[column]);
    setKnob(schedule, y.name, y.values[row]);
    std::optional<std::string> why;
    if (cell.failed)
      why = std::string(name(cell.failed->result)) + ": " + cell.failed->why;
    else
      why = whyIllegal(of, target, knobs, schedule, x, y);
    double inset = why ? 0 : 1.5;
    chart.rect(leftOf(column) + inset, topOf(row) + inset, across - 2 * inset,
               cellHeight - 2 * inset, why ? "cell none" : "untried",
               x.name + "=" + valueText(x, x.values[column]) + " " + y.name +
                   "=" + valueText(y, y.values[row]) + "\n" +
                   why.value_or("not tried"));
    if (cell.failed)
      write(column, row, "failed", "faint");
  }

  void drawFrame(const Schedule &schedule) {
    auto at = [&](const Knob &knob) {
      return static_cast<size_t>(
          std::ranges::find(knob.values, knobOf(schedule, knob.name)) -
          knob.values.begin());
    };
    chart.rect(leftOf(at(x)) + 1, topOf(at(y)) + 1, across - 2, cellHeight - 2,
               "frame");
  }

  void drawAxes() {
    for (size_t row = 0; row < y.values.size(); ++row)
      chart.text(left - 8, topOf(row) + cellHeight / 2 + 4,
                 valueText(y, y.values[row]), "tick", Anchor::end);
    for (size_t column = 0; column < x.values.size(); ++column)
      chart.text(leftOf(column) + across / 2, bottom + 16,
                 valueText(x, x.values[column]), "tick", Anchor::middle);
    chart.text(left - 8, top - 10, y.name, "label", Anchor::end);
    chart.text(leftOf(x.values.size()), bottom + 34, x.name, "label",
               Anchor::end);
  }

  static constexpr double fullWidth = 1060, left = 52, top = 26,
                          cellHeight = 34;
  const ReportCase &of;
  const Target &target;
  const std::vector<Knob> &knobs;
  const Knob &x, &y;
  const double across, bottom;
  double fastest = INFINITY;
  std::map<std::pair<int64_t, int64_t>, Cell> cells;
  SvgChart chart;
};

} // namespace

std::string tileMap(const ReportCase &of) {
  std::vector<Knob> knobs = knobsIn(of);
  auto [x, y] = tileKnobs(of, knobs);
  Result<Target> target = findTarget(of.key.target);
  if (!x || !y || !target || timedTrials(of).empty())
    return "";
  SvgChart chart = TileMap(of, *target, knobs, *x, *y).draw();
  return figure("Tiles",
                std::string(of.defaultNs     ? "Speed over the default"
                            : isMeasured(of) ? "Time"
                                             : "Predicted time") +
                    " of the best schedule of each tile; framed: the winner; "
                    "grey: no legal or correct one, why is in its tooltip; "
                    "empty: not tried.",
                chart, true);
}

//===-- knobs ------------------------------------------------------------===//

std::string knobLines(const ReportCase &of) {
  std::vector<const TuningRecord *> timed = timedTrials(of);
  std::vector<Knob> knobs;
  for (Knob &knob : knobsIn(of)) {
    std::set<int64_t> values;
    for (const TuningRecord *record : timed)
      values.insert(knobOf(record->key.schedule, knob.name));
    knob.values.assign(values.begin(), values.end());
    if (knob.values.size() > 1)
      knobs.push_back(std::move(knob));
  }
  if (knobs.size() < 2 || timed.size() < 3)
    return "";
  // Slow ones first, so that fast ones lie on top.
  std::ranges::sort(timed, std::greater<>(), [&](const TuningRecord *record) {
    return std::pair(relativeTime(of, *record), recordId(record->key));
  });
  std::vector<double> times;
  for (const TuningRecord *record : timed)
    times.push_back(*nsOf(*record));
  const double left = 34, right = 986, top = 34, bottom = 300;
  SvgChart chart(1060, 322, "Knobs of all schedules of " + of.title);
  ChartScale time = scaleOver(times, top, bottom, true); // fast is up
  double step = (right - left) / double(knobs.size());
  auto place = [&](size_t knob, const Schedule &schedule) {
    const std::vector<int64_t> &values = knobs[knob].values;
    auto at = std::ranges::find(values, knobOf(schedule, knobs[knob].name)) -
              values.begin();
    return std::pair(left + step * double(knob),
                     bottom - (bottom - top) * (double(at) + 0.5) /
                                  double(values.size()));
  };
  auto lineOf = [&](const TuningRecord &record) {
    std::vector<std::pair<double, double>> points;
    for (size_t knob = 0; knob < knobs.size(); ++knob)
      points.push_back(place(knob, record.key.schedule));
    points.push_back({right, time(*nsOf(record))});
    return points;
  };
  for (size_t i = 0; i < timed.size(); ++i)
    chart.polyline(lineOf(*timed[i]), "wire", tooltipOf(of, *timed[i]),
                   speedStyle("stroke", double(i + 1) / double(timed.size())));
  for (const TuningRecord *record : timed)
    if (isDefault(of, *record))
      chart.polyline(lineOf(*record), "default", tooltipOf(of, *record));
  for (const TuningRecord *record : timed)
    if (isWinner(of, *record))
      chart.polyline(lineOf(*record), "best", tooltipOf(of, *record));
  for (size_t knob = 0; knob < knobs.size(); ++knob) {
    double x = left + step * double(knob);
    chart.line(x, top, x, bottom, "axis");
    chart.text(x, top - 14, knobs[knob].name, "strong", Anchor::middle);
    for (size_t i = 0; i < knobs[knob].values.size(); ++i)
      chart.text(x - 7,
                 bottom -
                     (bottom - top) * (double(i) + 0.5) /
                         double(knobs[knob].values.size()) +
                     4,
                 valueText(knobs[knob], knobs[knob].values[i]), "tick halo",
                 Anchor::end);
  }
  chart.line(right, top, right, bottom, "axis");
  chart.text(right, top - 14, isMeasured(of) ? "time" : "predicted", "strong",
             Anchor::middle);
  for (double value : time.ticks(6))
    chart.text(right + 8, time(value) + 4, formatNs(value), "tick halo");
  return figure("Knobs",
                "Each line is a schedule; strong is fast. Thick: the "
                "winner; dashed: the default.",
                chart, true);
}

//===-- the last round ---------------------------------------------------===//

std::string lastRound(const ReportCase &of) {
  std::vector<const TuningRecord *> finals;
  for (const TuningRecord *record : of.finals)
    if (record->ratio)
      finals.push_back(record);
  if (finals.empty())
    return "";
  std::ranges::sort(finals, {}, [](const TuningRecord *record) {
    return std::pair(record->ratio->value, recordId(record->key));
  });
  std::vector<double> values = {1};
  for (const TuningRecord *record : finals)
    values.insert(values.end(), {record->ratio->low, record->ratio->high});
  const double row = 34, top = 28;
  double bottom = top + row * double(finals.size());
  ChartArea area{16, top, 504, bottom};
  SvgChart chart(520, bottom + 44, "The last round of " + of.title);
  ChartScale scale = scaleOver(values, area.left, area.right, false);
  double best = finals.front()->ratio->value;
  double bandEnd = std::min(scale(best * 1.02), area.right);
  chart.rect(scale(best), top, bandEnd - scale(best), bottom - top, "band",
             "within 2 % of the best: a tie");
  drawXAxis(chart, area, scale, "time over the default's", formatPlain);
  chart.line(scale(1), top, scale(1), bottom, "axis");
  for (size_t i = 0; i < finals.size(); ++i) {
    const TuningRecord &record = *finals[i];
    double y = top + row * (double(i) + 0.5) + 5;
    chart.text(area.left, y - 8,
               formatSchedule(record.key.schedule) +
                   (isDefault(of, record) ? "  · default" : "") +
                   (isWinner(of, record) ? "  · winner" : ""),
               isWinner(of, record) ? "accent strong" : "label");
    chart.line(scale(record.ratio->low), y, scale(record.ratio->high), y,
               "whisker");
    chart.circle(scale(record.ratio->value), y, 5,
                 isDefault(of, record) ? "dot-default" : "dot-best",
                 tooltipOf(of, record) + "\n" +
                     formatNumber(record.ratio->value, 3) + " [" +
                     formatNumber(record.ratio->low, 3) + ", " +
                     formatNumber(record.ratio->high, 3) + "]");
  }
  return figure("Last round",
                "The fastest, measured in turns; bars are 95 % intervals. "
                "Shaded: a tie with the best, which order decides.",
                chart);
}

} // namespace headgate
