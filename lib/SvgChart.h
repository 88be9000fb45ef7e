// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pictures as text: axes, marks and words of a chart as one <svg> that needs no
// script and takes its colours from the page (classes and custom properties of
// lib/ReportStyle.h), so that it follows a light or dark theme.

#ifndef HEADGATE_LIB_SVGCHART_H
#define HEADGATE_LIB_SVGCHART_H

#include <string>
#include <string_view>
#include <vector>

namespace headgate {

/// `text` for HTML and XML, in elements and in quoted attributes.
std::string escapeMarkup(std::string_view text);
/// At most `digits` digits behind the point, none of them a trailing 0.
std::string formatNumber(double value, int digits = 2);

/// Values to places on an axis.
struct ChartScale {
  double low = 0, high = 1; ///< values at the ends
  double from = 0, to = 1;  ///< their places
  bool isLog = false;       ///< needs low > 0

  double operator()(double value) const;
  /// Around `count` round values inside, ascending.
  std::vector<double> ticks(int count) const;
};

/// A scale that holds all values with some room at both ends.
ChartScale scaleOver(const std::vector<double> &values, double from, double to,
                     bool isLog);

enum class Anchor { start, middle, end };

/// A mark's tooltip is read out and shown by browsers without script.
class SvgChart {
public:
  /// `title` says what is seen, for those who do not see it.
  SvgChart(double width, double height, std::string_view title);

  void rect(double x, double y, double width, double height,
            std::string_view cssClass, std::string_view tooltip = "",
            std::string_view style = "");
  void circle(double x, double y, double radius, std::string_view cssClass,
              std::string_view tooltip = "", std::string_view style = "");
  void line(double x1, double y1, double x2, double y2,
            std::string_view cssClass);
  void polyline(const std::vector<std::pair<double, double>> &points,
                std::string_view cssClass, std::string_view tooltip = "",
                std::string_view style = "");
  void text(double x, double y, std::string_view text,
            std::string_view cssClass, Anchor anchor = Anchor::start);

  const double width, height;
  std::string str() const { return body + "</svg>"; }

private:
  void close(std::string_view tooltip, const char *element);
  std::string body;
};

} // namespace headgate

#endif // HEADGATE_LIB_SVGCHART_H
