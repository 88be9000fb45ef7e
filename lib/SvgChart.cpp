// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/SvgChart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace headgate {

std::string escapeMarkup(std::string_view text) {
  std::string result;
  for (char c : text) {
    if (c == '&')
      result += "&amp;";
    else if (c == '<')
      result += "&lt;";
    else if (c == '>')
      result += "&gt;";
    else if (c == '"')
      result += "&quot;";
    else if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t')
      result += c; // others are no characters of XML
  }
  return result;
}

std::string formatNumber(double value, int digits) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  std::string result = text.data();
  if (result.find('.') != result.npos) {
    result.erase(result.find_last_not_of('0') + 1);
    if (result.ends_with('.'))
      result.pop_back();
  }
  return result == "-0" ? "0" : result;
}

double ChartScale::operator()(double value) const {
  double share = isLog ? std::log(value / low) / std::log(high / low)
                       : (value - low) / (high - low);
  return from + share * (to - from);
}

std::vector<double> ChartScale::ticks(int count) const {
  std::vector<double> result;
  if (isLog && high / low > 3) {
    // 1, 2, 5 of each power of ten, fewer of them where there are many.
    for (bool all : {true, false}) {
      result.clear();
      for (double power = std::pow(10, std::floor(std::log10(low)));
           power <= high; power *= 10)
        for (double digit : {1.0, 2.0, 5.0})
          if ((all || digit == 1) && power * digit >= low &&
              power * digit <= high)
            result.push_back(power * digit);
      if (result.size() <= static_cast<size_t>(count) + 2)
        break;
    }
    if (result.size() > 1)
      return result;
    result.clear();
  }
  double rough = (high - low) / std::max(count, 1);
  double power = std::pow(10, std::floor(std::log10(rough)));
  double step = power;
  for (double digit : {2.0, 5.0, 10.0})
    if (step < rough * 0.8)
      step = power * digit;
  for (double value = std::ceil(low / step) * step; value <= high + step * 1e-9;
       value += step)
    result.push_back(std::abs(value) < step * 1e-9 ? 0 : value);
  return result;
}

ChartScale scaleOver(const std::vector<double> &values, double from, double to,
                     bool isLog) {
  ChartScale scale{0, 1, from, to, isLog};
  if (values.empty())
    return isLog ? ChartScale{1, 10, from, to, true} : scale;
  auto [least, most] = std::ranges::minmax(values);
  if (isLog) {
    double room = std::max(std::pow(most / least, 0.06), 1.04);
    scale.low = least / room;
    scale.high = most * room;
  } else {
    double room = std::max((most - least) * 0.06, std::abs(most) * 0.01);
    scale.low = least - (room > 0 ? room : 1);
    scale.high = most + (room > 0 ? room : 1);
  }
  return scale;
}

//===-- elements ---------------------------------------------------------===//

namespace {

std::string attribute(const char *name, double value) {
  return std::string(" ") + name + "=\"" + formatNumber(value) + "\"";
}
std::string attribute(const char *name, std::string_view text) {
  if (text.empty())
    return "";
  return std::string(" ") + name + "=\"" + escapeMarkup(text) + "\"";
}

} // namespace

SvgChart::SvgChart(double width, double height, std::string_view title)
    : width(width), height(height) {
  body = "<svg role=\"img\" viewBox=\"0 0 " + formatNumber(width) + " " +
         formatNumber(height) + "\"" + attribute("aria-label", title) + ">\n";
}

void SvgChart::close(std::string_view tooltip, const char *element) {
  if (tooltip.empty())
    body += "/>\n";
  else
    body += "><title>" + escapeMarkup(tooltip) + "</title></" + element + ">\n";
}

void SvgChart::rect(double x, double y, double width, double height,
                    std::string_view cssClass, std::string_view tooltip,
                    std::string_view style) {
  body += "<rect" + attribute("x", x) + attribute("y", y) +
          attribute("width", width) + attribute("height", height) +
          attribute("class", cssClass) + attribute("style", style);
  close(tooltip, "rect");
}

void SvgChart::circle(double x, double y, double radius,
                      std::string_view cssClass, std::string_view tooltip,
                      std::string_view style) {
  body += "<circle" + attribute("cx", x) + attribute("cy", y) +
          attribute("r", radius) + attribute("class", cssClass) +
          attribute("style", style);
  close(tooltip, "circle");
}

void SvgChart::line(double x1, double y1, double x2, double y2,
                    std::string_view cssClass) {
  body += "<line" + attribute("x1", x1) + attribute("y1", y1) +
          attribute("x2", x2) + attribute("y2", y2) +
          attribute("class", cssClass) + "/>\n";
}

void SvgChart::polyline(const std::vector<std::pair<double, double>> &points,
                        std::string_view cssClass, std::string_view tooltip,
                        std::string_view style) {
  body += "<polyline points=\"";
  for (auto [x, y] : points)
    body += formatNumber(x) + "," + formatNumber(y) + " ";
  body.back() = '"';
  body += attribute("class", cssClass) + attribute("style", style);
  close(tooltip, "polyline");
}

void SvgChart::text(double x, double y, std::string_view text,
                    std::string_view cssClass, Anchor anchor) {
  body += "<text" + attribute("x", x) + attribute("y", y) +
          attribute("class", cssClass);
  if (anchor != Anchor::start)
    body += anchor == Anchor::middle ? " text-anchor=\"middle\""
                                     : " text-anchor=\"end\"";
  body += ">" + escapeMarkup(text) + "</text>\n";
}

} // namespace headgate
