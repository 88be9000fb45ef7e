// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/CheckOutputs.h"

#include "lib/ArrayText.h"
#include "lib/Compare.h"
#include "tools/MatchTensors.h"
#include "tools/ReadArrays.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace headgate {

namespace {
/// A scalar may be stored as one element.
bool sameShape(const std::vector<int64_t> &a, const std::vector<int64_t> &b) {
  const std::vector<int64_t> one = {1};
  return a == b || (a.empty() && b == one) || (b.empty() && a == one);
}

std::string formatNumber(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.6g", value);
  return text;
}

std::string sourceOf(const InputValue &value) {
  switch (value.source) {
  case InputValue::Source::npy:
  case InputValue::Source::raw:
    return value.file;
  case InputValue::Source::numbers:
    return "'" + value.numbers + "'";
  case InputValue::Source::normal:
    return "seed " + std::to_string(value.seed);
  }
  return "";
}
} // namespace

Result<std::vector<Expectation>>
readExpectations(const PlanEntry &entry, std::span<const InputValue> values) {
  std::vector<std::string> names;
  for (const InputValue &value : values)
    names.push_back(value.name);
  Result<std::vector<size_t>> matches =
      matchTensors("output", entry, entry.outputs, names);
  if (!matches)
    return std::move(matches).error();
  std::vector<Expectation> expectations;
  for (size_t i = 0; i < values.size(); ++i) {
    Result<Array> array = readArray(values[i]);
    if (!array)
      return std::move(array).error().in(
          "expected output '" + entry.outputs[(*matches)[i]].name + "'");
    expectations.push_back(
        {(*matches)[i], sourceOf(values[i]), std::move(*array)});
  }
  return expectations;
}

namespace {
/// The largest extent of the call stands for T, the length of the sums.
int64_t longestSum(const RunReport &report) {
  int64_t longest = 1;
  for (const auto &[name, extent] : report.dims)
    longest = std::max(longest, extent);
  return longest;
}

double largestMagnitude(const Array &array) {
  double largest = 0;
  for (int64_t i = 0; i < array.elements(); ++i)
    if (double value = std::fabs(array.at(i)); std::isfinite(value))
      largest = std::max(largest, value);
  return largest;
}

/// "output 'o' differs from ref.npy: 3 of 655360 elements; worst [0,17,4,9]:
/// 0.8125, expected 0.8047, tolerance 0.0040 (bf16, T=4096)"
std::string describe(const Comparison &comparison, const Tolerance &tolerance,
                     const std::string &basis) {
  if (comparison.differing == 0)
    return ": " + std::to_string(comparison.elements) +
           " elements, largest difference " +
           formatNumber(comparison.maxError) + ", tolerance " +
           formatNumber(tolerance.atol) + " + " + formatNumber(tolerance.rtol) +
           " * |expected| (" + basis + ")";
  return ": " + std::to_string(comparison.differing) + " of " +
         std::to_string(comparison.elements) + " elements; worst " +
         formatIndex(comparison.worst) + ": " + formatNumber(comparison.found) +
         ", expected " + formatNumber(comparison.expected) + ", tolerance " +
         formatNumber(comparison.allowed) + " (" + basis + ")";
}

Result<RunReport::Check> checkOne(const GivenTolerance &given,
                                  const std::string &output, const Array &found,
                                  const Expectation &expectation, int64_t T) {
  const Array &expected = expectation.array;
  if (isFloat(found.dtype) != isFloat(expected.dtype))
    return Error(ErrorCode::badInput, "output '" + output + "' is " +
                                          std::string(name(found.dtype)) +
                                          ", but " + expectation.source +
                                          " holds " +
                                          std::string(name(expected.dtype)));
  RunReport::Check check;
  check.output = output;
  check.reference = expectation.source;
  check.elements = found.elements();
  if (!sameShape(found.shape, expected.shape)) {
    check.passed = false;
    check.message = "output '" + output + "' is " +
                    formatType(found.dtype, found.shape) + ", but " +
                    check.reference + " holds " +
                    formatType(expected.dtype, expected.shape);
    return check;
  }
  Tolerance tolerance =
      deriveTolerance(found.dtype, T, largestMagnitude(expected));
  std::string basis =
      std::string(name(found.dtype)) + ", T=" + std::to_string(T);
  if (given.atol || given.rtol)
    basis = std::string(name(found.dtype)) + ", as given";
  tolerance.atol = given.atol.value_or(tolerance.atol);
  tolerance.rtol = given.rtol.value_or(tolerance.rtol);
  Comparison comparison = compare(found, expected, tolerance);
  check.passed = comparison.differing == 0;
  check.differing = comparison.differing;
  check.worst = comparison.worst;
  check.message = "output '" + output +
                  (check.passed ? "' matches " : "' differs from ") +
                  check.reference + describe(comparison, tolerance, basis);
  return check;
}
} // namespace

Status checkExpected(const GivenTolerance &given, const PlanEntry &entry,
                     std::span<const Expectation> expectations,
                     const std::vector<Array> &outputs, RunReport &report) {
  for (const Expectation &expectation : expectations) {
    Result<RunReport::Check> check =
        checkOne(given, entry.outputs[expectation.output].name,
                 outputs[expectation.output], expectation, longestSum(report));
    if (!check)
      return std::move(check).error();
    report.checks.push_back(std::move(*check));
  }
  return Success();
}

void checkUnwritten(const PlanEntry &entry,
                    std::span<const Unwritten> unwritten, RunReport &report) {
  for (size_t i = 0; i < unwritten.size(); ++i) {
    const Unwritten &found = unwritten[i];
    RunReport::Check check;
    check.output = entry.outputs[i].name;
    check.passed = found.count == 0;
    check.elements = found.elements;
    check.differing = found.count;
    check.worst = found.first;
    check.message = "output '" + check.output + "': ";
    if (check.passed)
      check.message +=
          "all " + std::to_string(found.elements) + " elements were written";
    else
      check.message += std::to_string(found.count) + " of " +
                       std::to_string(found.elements) +
                       " elements were not written, the first is " +
                       formatIndex(found.first);
    report.checks.push_back(std::move(check));
  }
}

} // namespace headgate
