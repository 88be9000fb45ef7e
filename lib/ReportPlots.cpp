// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Charts of times against something else: resources, predictions, the session,
// sizes.

#include "lib/RecordText.h"
#include "lib/ReportCharts.h"
#include "lib/ReportFigure.h"
#include "lib/Statistics.h"
#include "lib/Target.h"

#include <algorithm>
#include <cmath>

namespace headgate {

namespace {

constexpr ChartArea area{62, 28, 504, 262};
constexpr double width = 520, height = 300;

const char *dotClass(const ReportCase &of, const TuningRecord &record) {
  return isWinner(of, record)    ? "dot-best"
         : isDefault(of, record) ? "dot-default"
                                 : "dot";
}
double dotRadius(const ReportCase &of, const TuningRecord &record) {
  return isWinner(of, record) || isDefault(of, record) ? 6 : 4;
}

/// Winner and default last, on top of the others.
void sortForDrawing(const ReportCase &of,
                    std::vector<const TuningRecord *> &records) {
  std::ranges::sort(records, {}, [&](const TuningRecord *record) {
    return std::tuple(isWinner(of, *record), isDefault(of, *record),
                      recordId(record->key));
  });
}

/// What schedules may be short of.
struct Resource {
  const char *title, *axis, *unit;
  std::optional<double> (*of)(const TuningRecord &);
};

std::optional<double> kibOf(std::optional<int64_t> bytes) {
  return bytes ? std::optional(double(*bytes) / 1024) : std::nullopt;
}

constexpr Resource resources[] = {
    {"Registers", "registers of a thread", " registers",
     [](const TuningRecord &record) {
       auto count = record.resources.registers;
       return count ? std::optional(double(*count)) : std::nullopt;
     }},
    {"Shared memory", "shared memory of a block (KiB)", " KiB",
     [](const TuningRecord &record) {
       return kibOf(record.resources.sharedBytes);
     }},
    {"Stack", "stack of a block (KiB)", " KiB",
     [](const TuningRecord &record) {
       return kibOf(record.resources.stackBytes);
     }},
};

/// The places of records that no other one beats in both, as a staircase.
std::vector<std::pair<double, double>>
frontOf(std::vector<std::pair<double, double>> points) {
  std::ranges::sort(points);
  std::vector<std::pair<double, double>> front;
  for (auto [used, ns] : points)
    if (front.empty() || ns < front.back().second) {
      if (!front.empty())
        front.push_back({used, front.back().second});
      front.push_back({used, ns});
    }
  return front;
}

std::string resourceAndTime(const ReportCase &of, const Resource &resource) {
  std::vector<const TuningRecord *> records;
  std::vector<double> xs, ys;
  std::vector<std::pair<double, double>> points;
  for (const TuningRecord *record : timedTrials(of))
    if (std::optional<double> used = resource.of(*record)) {
      records.push_back(record);
      xs.push_back(*used);
      ys.push_back(*nsOf(*record));
      points.push_back({xs.back(), ys.back()});
    }
  if (records.size() < 3)
    return "";
  const char *time = isMeasured(of) ? "time" : "predicted time";
  SvgChart chart(width, height, "Resources and time of " + of.title);
  ChartScale x = scaleOver(xs, area.left, area.right, false);
  ChartScale y = scaleOver(ys, area.bottom, area.top, true);
  drawXAxis(chart, area, x, resource.axis, formatPlain);
  drawYAxis(chart, area, y, time, formatNs);
  std::vector<std::pair<double, double>> front = frontOf(points);
  for (auto &[used, ns] : front) {
    used = x(used);
    ns = y(ns);
  }
  if (front.size() > 1)
    chart.polyline(front, "front");
  sortForDrawing(of, records);
  for (const TuningRecord *record : records)
    chart.circle(x(*resource.of(*record)), y(*nsOf(*record)),
                 dotRadius(of, *record), dotClass(of, *record),
                 tooltipOf(of, *record) + "\n" +
                     formatNumber(*resource.of(*record)) + resource.unit);
  return figure(std::string(resource.title) + " and " + time,
                "On the line: schedules that no other one beats in both.",
                chart);
}

} // namespace

std::string resourcesAndTime(const ReportCase &of) {
  for (const Resource &resource : resources)
    if (std::string chart = resourceAndTime(of, resource); !chart.empty())
      return chart;
  return "";
}

std::string predictions(const ReportCase &of) {
  std::vector<const TuningRecord *> records;
  std::vector<double> predicted, measured;
  for (const TuningRecord *record : timedTrials(of))
    if (record->predictedNs && record->timeNs) {
      records.push_back(record);
      predicted.push_back(*record->predictedNs);
      measured.push_back(record->timeNs->median);
    }
  if (records.size() < 3)
    return "";
  double rho = spearman(predicted, measured);
  auto first = std::ranges::min_element(predicted) - predicted.begin();
  double regret = 100 * (measured[static_cast<size_t>(first)] /
                             *std::ranges::min_element(measured) -
                         1);
  SvgChart chart(width, height, "Predicted and measured times of " + of.title);
  ChartScale x = scaleOver(predicted, area.left, area.right, true);
  ChartScale y = scaleOver(measured, area.bottom, area.top, true);
  drawXAxis(chart, area, x, "predicted", formatNs, 4);
  drawYAxis(chart, area, y, "measured", formatNs);
  double low = std::max(x.low, y.low), high = std::min(x.high, y.high);
  if (low < high)
    chart.line(x(low), y(low), x(high), y(high), "roof");
  sortForDrawing(of, records);
  for (const TuningRecord *record : records)
    chart.circle(x(*record->predictedNs), y(record->timeNs->median),
                 dotRadius(of, *record), dotClass(of, *record),
                 tooltipOf(of, *record) + "\npredicted " +
                     formatNs(*record->predictedNs));
  return figure("Model and measurement",
                "Rank correlation (Spearman) " + formatNumber(rho) +
                    "; the model's first choice takes " +
                    formatNumber(regret, 1) +
                    " % longer than the fastest. Dotted: equal.",
                chart);
}

std::string baselineDrift(const ReportCase &of) {
  std::vector<double> medians;
  std::vector<const TuningRecord *> records;
  for (const TuningRecord *record : of.baselines)
    if (record->timeNs) {
      records.push_back(record);
      medians.push_back(record->timeNs->median);
    }
  if (records.size() < 2)
    return "";
  double middle = median(medians);
  std::vector<double> percents;
  for (double ns : medians)
    percents.push_back(100 * (ns / middle - 1));
  std::vector<double> held = percents;
  held.insert(held.end(), {-3.5, 3.5});
  SvgChart chart(width, height, "The default schedule over the session");
  ChartScale x{-0.4, double(records.size()) - 0.6, area.left, area.right};
  ChartScale y = scaleOver(held, area.bottom, area.top, false);
  chart.rect(area.left, y(3), area.right - area.left, y(-3) - y(3), "band",
             "within 3 %");
  drawYAxis(chart, area, y, "against its median " + formatNs(middle),
            formatPercent);
  std::vector<std::pair<double, double>> points;
  for (size_t i = 0; i < records.size(); ++i)
    points.push_back({x(double(i)), y(percents[i])});
  chart.polyline(points, "default");
  bool isNoisy = false;
  for (size_t i = 0; i < records.size(); ++i) {
    isNoisy |= std::abs(percents[i]) > 3;
    chart.circle(points[i].first, points[i].second, 4.5, "dot-default",
                 formatNs(medians[i]) + " at " + records[i]->when + "\n" +
                     formatPercent(percents[i]));
  }
  chart.text(area.left, area.bottom + 16, records.front()->when, "tick");
  chart.text(area.right, area.bottom + 16, records.back()->when, "tick",
             Anchor::end);
  return figure("Steadiness",
                std::string("The default schedule, measured again and again. "
                            "Shaded: 3 %. ") +
                    (isNoisy ? "It moved by more: something else ran, or "
                               "clocks changed."
                             : "It kept within that."),
                chart);
}

//===-- sizes ------------------------------------------------------------===//

namespace {

/// A case with what it computes.
struct SizedCase {
  const ReportCase *of;
  double size; ///< S, or rows where a dim of that name is not there
  double flops, bytes;
};

std::optional<double> counterOf(const ReportCase &of, const char *name) {
  for (const TuningRecord *record : of.trials)
    if (auto found = record->counters.find(name);
        found != record->counters.end() && found->second > 0)
      return found->second;
  return std::nullopt;
}

/// Operations a nanosecond that the model's machine could do, bound by
/// arithmetic and by memory.
double roofOf(const SizedCase &sized, const Target &target) {
  DType dtype = std::visit([](const auto &problem) { return problem.dtype; },
                           sized.of->key.problem);
  double units = double(std::max<int64_t>(sized.of->key.units, 1));
  double peak = target.flopsPerNs * units;
  if (dtype == DType::bf16 && target.hasDotBf16)
    peak *= target.dotBf16Factor;
  double memory = sized.flops / sized.bytes * target.memoryBytesPerNs * units;
  return std::min(peak, memory);
}

std::string formatRate(double flopsPerNs) {
  return flopsPerNs >= 1000 ? formatNumber(flopsPerNs / 1000) + "T"
                            : formatNumber(flopsPerNs) + "G";
}
std::string formatSize(double size) {
  return std::to_string(std::llround(size));
}

/// A curve over size.
struct SpeedLine {
  std::vector<std::pair<double, double>> points; ///< size and rate
  const char *style, *words;
  std::string label;
};

/// Of each peer of this kernel the sizes that were tuned, whose work is known.
std::vector<SpeedLine> peerLines(std::span<const SizedCase> sized,
                                 std::span<const ReportPeer> peers) {
  std::vector<SpeedLine> lines;
  for (const ReportPeer &peer : peers) {
    SpeedLine line{{}, "peer", "label strong", peer.name};
    for (auto [size, ns] : peer.times)
      for (const SizedCase &one : sized)
        if (one.size == size && peer.isOf(one.of->key)) {
          line.points.push_back({size, one.flops / ns});
          break;
        }
    if (!line.points.empty())
      lines.push_back(std::move(line));
  }
  return lines;
}

} // namespace

std::string speedOverSize(std::span<const ReportCase *const> cases,
                          std::span<const ReportPeer> peers) {
  std::vector<SizedCase> sized;
  for (const ReportCase *of : cases) {
    auto flops = counterOf(*of, "flops"), bytes = counterOf(*of, "bytes");
    auto s = of->key.dims.find("S");
    if (flops && bytes && s != of->key.dims.end() && of->winner &&
        of->winner->timeNs)
      sized.push_back({of, double(s->second), *flops, *bytes});
  }
  std::ranges::sort(sized, {}, &SizedCase::size);
  if (sized.size() < 2 || sized.front().size == sized.back().size)
    return "";
  Result<Target> target = findTarget(sized.front().of->key.target);
  std::vector<double> sizes, rates;
  std::vector<std::pair<double, double>> best, standard, roof;
  for (const SizedCase &one : sized) {
    sizes.push_back(one.size);
    best.push_back({one.size, one.flops / one.of->winner->timeNs->median});
    if (one.of->defaultNs)
      standard.push_back({one.size, one.flops / *one.of->defaultNs});
    if (target)
      roof.push_back({one.size, roofOf(one, *target)});
  }
  std::vector<SpeedLine> lines = peerLines(sized, peers);
  std::vector<SpeedLine> others = lines;
  lines.push_back({roof, "roof", "label", "roofline (model)"});
  lines.push_back({standard, "default", "secondary strong", "default"});
  lines.push_back({best, "best", "accent strong", "tuned"});
  std::erase_if(lines,
                [](const SpeedLine &line) { return line.points.empty(); });
  for (const SpeedLine &line : lines)
    for (auto [size, rate] : line.points)
      rates.push_back(rate);
  const ChartArea wide{62, 28, 900, 290};
  SvgChart chart(1060, 330, "Speed over size of " + cases.front()->title);
  ChartScale x = scaleOver(sizes, wide.left, wide.right, true);
  ChartScale y = scaleOver(rates, wide.bottom, wide.top, true);
  drawYAxis(chart, wide, y, "floating-point operations a second", formatRate);
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (i && sizes[i] == sizes[i - 1])
      continue;
    chart.line(x(sizes[i]), wide.top, x(sizes[i]), wide.bottom, "grid");
    chart.text(x(sizes[i]), wide.bottom + 16, formatSize(sizes[i]), "tick",
               Anchor::middle);
  }
  chart.line(wide.left, wide.bottom, wide.right, wide.bottom, "axis");
  chart.text(wide.right, wide.bottom + 34, "S", "label", Anchor::end);
  for (SpeedLine &line : lines) {
    for (auto &[size, rate] : line.points) {
      size = x(size);
      rate = y(rate);
    }
    chart.polyline(line.points, line.style);
  }
  // Labels at the ends of lines, from the top down, none over another.
  std::ranges::sort(lines, {}, [](const SpeedLine &line) {
    return line.points.back().second;
  });
  double free = -INFINITY;
  for (const SpeedLine &line : lines) {
    double place = std::max(line.points.back().second + 4, free);
    free = place + 15;
    chart.text(wide.right + 10, place, line.label, line.words);
  }
  for (const SpeedLine &peer : others)
    for (auto [size, rate] : peer.points)
      chart.circle(x(size), y(rate), 4, "dot-peer",
                   peer.label + " at S=" + formatSize(size) + "\n" +
                       formatRate(rate) + "flop/s");
  for (size_t i = 0; i < standard.size(); ++i)
    chart.circle(x(standard[i].first), y(standard[i].second), 4.5,
                 "dot-default", formatRate(standard[i].second) + "flop/s");
  for (size_t i = 0; i < best.size(); ++i)
    chart.circle(x(best[i].first), y(best[i].second), 5, "dot-best",
                 tooltipOf(*sized[i].of, *sized[i].of->winner) + "\n" +
                     formatRate(best[i].second) + "flop/s");
  return figure("Speed over size",
                std::string("The winner and the default at each size, ") +
                    (others.empty() ? "" : "other programs' times as given, ") +
                    "against what the cost model's machine could do at most.",
                chart, true);
}

} // namespace headgate
