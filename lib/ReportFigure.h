// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the charts of a report have in common: frames, axes, colours of speed.

#ifndef HEADGATE_LIB_REPORTFIGURE_H
#define HEADGATE_LIB_REPORTFIGURE_H

#include "lib/Report.h"
#include "lib/SvgChart.h"

namespace headgate {

/// A chart with its title and how it is to be read.
std::string figure(std::string_view title, std::string_view caption,
                   const SvgChart &chart, bool isWide = false);

/// Where the marks of a chart are, between its axes.
struct ChartArea {
  double left, top, right, bottom;
};

/// Ticks with words and grid lines; `format` spells a value.
void drawXAxis(SvgChart &chart, const ChartArea &area, const ChartScale &scale,
               std::string_view label, std::string (*format)(double),
               int ticks = 5);
void drawYAxis(SvgChart &chart, const ChartArea &area, const ChartScale &scale,
               std::string_view label, std::string (*format)(double),
               int ticks = 5);

std::string formatPlain(double value);
std::string formatPercent(double value);
std::string formatTimes(double value); ///< "1.05x"

/// A colour from slow (0) to fast (1), for `fill` or `stroke`.
std::string speedStyle(const char *property, double share);

/// What a mark stands for: schedule, time, ratio, record.
std::string tooltipOf(const ReportCase &of, const TuningRecord &record);

/// Whether anything of a case has run: if not, its charts show predictions.
bool isMeasured(const ReportCase &of);
/// What a record took, or else is predicted to take; nothing for a failure.
std::optional<double> nsOf(const TuningRecord &record);
/// Trials with a time, or in a case that is not measured, with a prediction.
std::vector<const TuningRecord *> timedTrials(const ReportCase &of);
/// Whether a record has the schedule of the winner, of the default.
bool isWinner(const ReportCase &of, const TuningRecord &record);
bool isDefault(const ReportCase &of, const TuningRecord &record);
/// Time to be compared within a case: over the default's where that is known.
double relativeTime(const ReportCase &of, const TuningRecord &record);

} // namespace headgate

#endif // HEADGATE_LIB_REPORTFIGURE_H
