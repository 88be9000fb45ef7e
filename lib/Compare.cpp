// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/Compare.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace headgate {

namespace {
constexpr double infinity = std::numeric_limits<double>::infinity();

/// |a - b|: 0 for equal infinities and for two NaN, infinite if only one side
/// is finite or a number.
double distance(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b)))
    return 0;
  if (!std::isfinite(a) || !std::isfinite(b))
    return infinity;
  return std::fabs(a - b);
}

/// The same for element `i`; exact where doubles would not tell apart.
double distance(const Array &a, const Array &b, int64_t i) {
  double apart = distance(a.at(i), b.at(i));
  bool integers = !isFloat(a.dtype) && !isFloat(b.dtype);
  if (integers && apart == 0 && a.integerAt(i) != b.integerAt(i))
    return 1;
  return apart;
}
} // namespace

bool shapesAgree(std::span<const int64_t> a, std::span<const int64_t> b) {
  auto isScalar = [](std::span<const int64_t> shape) {
    return shape.empty() || (shape.size() == 1 && shape[0] == 1);
  };
  return std::ranges::equal(a, b) || (isScalar(a) && isScalar(b));
}

double largestFinite(const Array &array) {
  double largest = 0;
  for (int64_t i = 0, n = array.elements(); i < n; ++i)
    if (double size = std::fabs(array.at(i)); std::isfinite(size))
      largest = std::max(largest, size);
  return largest;
}

Comparison compare(const Array &found, const Array &expected,
                   const Tolerance &tolerance) {
  Comparison result;
  result.elements = found.elements();
  if (!shapesAgree(found.shape, expected.shape)) {
    result.shapesAgree = false;
    result.differing = std::max<int64_t>(result.elements, 1);
    return result;
  }
  bool exact = !isFloat(found.dtype) && !isFloat(expected.dtype);
  double smallest = std::max(1e-3 * largestFinite(expected), 1e-30);
  double worst = -infinity;
  for (int64_t i = 0; i < result.elements; ++i) {
    double b = expected.at(i);
    double apart = distance(found, expected, i);
    double size = std::isfinite(b) ? std::fabs(b) : 0;
    double allowed = exact ? 0 : tolerance.atol + tolerance.rtol * size;
    result.differing += apart > allowed;
    result.maxError = std::max(result.maxError, apart);
    result.maxRelativeError =
        std::max(result.maxRelativeError, apart / std::max(size, smallest));
    if (apart - allowed > worst) {
      worst = apart - allowed;
      result.worst = unravel(i, expected.shape);
      result.found = found.at(i);
      result.expected = b;
      result.allowed = allowed;
    }
  }
  return result;
}

} // namespace headgate
