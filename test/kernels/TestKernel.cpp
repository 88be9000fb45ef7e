// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "TestKernel.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <numbers>

namespace headgate::kernels {

static bool isNumber(const std::string &extent) {
  return std::isdigit(static_cast<unsigned char>(extent[0])) != 0;
}

std::string tensorType(const std::vector<std::string> &shape,
                       std::string_view element) {
  std::string type = "tensor<";
  for (const std::string &extent : shape)
    type += (isNumber(extent) ? extent : "?") + "x";
  return type + std::string(element) + ">";
}

std::string TestInput::print() const {
  std::string dims;
  for (const std::string &extent : shape)
    if (!isNumber(extent))
      dims += (dims.empty() ? "\"" : ", \"") + extent + "\"";
  std::string attributes = "{routed.name = \"" + name + "\"";
  if (!dims.empty())
    attributes += ", routed.dims = [" + dims + "]";
  return "%" + name + ": " + tensorType(shape, headgate::name(dtype)) + " " +
         attributes + "}";
}

Array TestInput::zeros(const ProblemSizes &sizes) const {
  std::vector<int64_t> extents;
  for (const std::string &extent : shape)
    extents.push_back(extent == "B"   ? sizes.B
                      : extent == "S" ? sizes.S
                      : extent == "T" ? sizes.T
                                      : std::stoll(extent));
  return Array::zeros(dtype, extents);
}

double Random::normal() {
  double radius = std::sqrt(-2 * std::log(1 - uniform()));
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

double largest(std::span<const double> elements) {
  double most = 0;
  for (double x : elements)
    if (std::isfinite(x))
      most = std::max(most, std::abs(x));
  return most;
}

} // namespace headgate::kernels
