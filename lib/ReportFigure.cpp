// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/ReportFigure.h"

#include "lib/RecordText.h"

#include <algorithm>
#include <cmath>

namespace headgate {

std::string figure(std::string_view title, std::string_view caption,
                   const SvgChart &chart, bool isWide) {
  return std::string("<figure") + (isWide ? " class=\"wide\"" : "") + "><h3>" +
         escapeMarkup(title) + "</h3><figcaption>" + escapeMarkup(caption) +
         "</figcaption>\n" + chart.str() + "</figure>\n";
}

void drawXAxis(SvgChart &chart, const ChartArea &area, const ChartScale &scale,
               std::string_view label, std::string (*format)(double),
               int ticks) {
  for (double value : scale.ticks(ticks)) {
    double x = scale(value);
    chart.line(x, area.top, x, area.bottom, "grid");
    chart.text(x, area.bottom + 16, format(value), "tick", Anchor::middle);
  }
  chart.line(area.left, area.bottom, area.right, area.bottom, "axis");
  chart.text(area.right, area.bottom + 34, label, "label", Anchor::end);
}

void drawYAxis(SvgChart &chart, const ChartArea &area, const ChartScale &scale,
               std::string_view label, std::string (*format)(double),
               int ticks) {
  for (double value : scale.ticks(ticks)) {
    double y = scale(value);
    chart.line(area.left, y, area.right, y, "grid");
    chart.text(area.left - 8, y + 4, format(value), "tick", Anchor::end);
  }
  chart.text(area.left, area.top - 8, label, "label");
}

std::string formatPlain(double value) {
  if (std::abs(value) >= 1e6)
    return formatNumber(value / 1e6) + "M";
  if (std::abs(value) >= 1e4)
    return formatNumber(value / 1e3) + "k";
  return formatNumber(value);
}
std::string formatPercent(double value) {
  return (value > 0 ? "+" : "") + formatNumber(value, 1) + " %";
}
std::string formatTimes(double value) { return formatNumber(value) + "×"; }

std::string speedStyle(const char *property, double share) {
  int percent = static_cast<int>(std::lround(100 * share));
  return std::string(property) + ":color-mix(in oklab,var(--fast) " +
         std::to_string(percent) + "%,var(--slow))";
}

std::string tooltipOf(const ReportCase &of, const TuningRecord &record) {
  std::string text = formatSchedule(record.key.schedule);
  if (record.result != TuningResult::correct)
    text += "\n" + std::string(name(record.result)) +
            (record.why.empty() ? "" : ": " + record.why);
  if (record.timeNs)
    text += "\n" + formatNs(record.timeNs->median) + " (" +
            formatNs(record.timeNs->p20) + " to " +
            formatNs(record.timeNs->p80) + ", " +
            std::to_string(record.timeNs->n) + " samples)";
  if (!record.timeNs && record.predictedNs)
    text += "\npredicted " + formatNs(*record.predictedNs);
  if (std::optional<double> speed = of.speedOf(record))
    text += "\n" + formatNumber(*speed, 3) + " times as fast as the default";
  return text + "\nrecord " + recordId(record.key).substr(0, 12);
}

bool isMeasured(const ReportCase &of) {
  return std::ranges::any_of(of.trials, [](const TuningRecord *record) {
    return record->timeNs.has_value();
  });
}

std::optional<double> nsOf(const TuningRecord &record) {
  if (record.result != TuningResult::correct)
    return std::nullopt;
  if (record.timeNs)
    return record.timeNs->median;
  return record.predictedNs;
}

std::vector<const TuningRecord *> timedTrials(const ReportCase &of) {
  std::vector<const TuningRecord *> timed;
  bool measured = isMeasured(of);
  for (const TuningRecord *record : of.trials)
    if (nsOf(*record) && (record->timeNs || !measured))
      timed.push_back(record);
  return timed;
}

bool isWinner(const ReportCase &of, const TuningRecord &record) {
  return of.winner && of.winner->key.schedule == record.key.schedule;
}

bool isDefault(const ReportCase &of, const TuningRecord &record) {
  const Schedule *standard = of.defaultSchedule();
  return standard && *standard == record.key.schedule;
}

double relativeTime(const ReportCase &of, const TuningRecord &record) {
  if (std::optional<double> speed = of.speedOf(record))
    return 1 / *speed;
  return *nsOf(record);
}

} // namespace headgate
