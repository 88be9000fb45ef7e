// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/CheckOutputs.h"

#include "lib/ArrayText.h"
#include "lib/Compare.h"
#include "tools/MatchTensors.h"
#include "tools/ReadArrays.h"

#include <algorithm>
#include <cstdio>

namespace headgate {

namespace {
std::string formatNumber(double value, int digits = 8) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.*g", digits, value);
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
    const PlanTensor &output = entry.outputs[(*matches)[i]];
    Result<Array> array = readArray(values[i]);
    if (!array)
      return std::move(array).error().in("expected output '" + output.name +
                                         "'");
    if (isFloat(array->dtype) != isFloat(output.dtype))
      return Error(ErrorCode::badInput, "output '" + output.name + "' is " +
                                            std::string(name(output.dtype)) +
                                            ", but " + sourceOf(values[i]) +
                                            " holds " +
                                            std::string(name(array->dtype)));
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

Tolerance chooseTolerance(const GivenTolerance &given, DType dtype, int64_t T,
                          const Array &expected) {
  Tolerance tolerance = deriveTolerance(dtype, T, largestFinite(expected));
  tolerance.atol = given.atol.value_or(tolerance.atol);
  tolerance.rtol = given.rtol.value_or(tolerance.rtol);
  return tolerance;
}

/// "bf16, T=4096": what the tolerance comes from.
std::string describeBasis(const GivenTolerance &given, DType dtype, int64_t T) {
  std::string type(name(dtype));
  if (!isFloat(dtype))
    return type + ", exact";
  return type +
         (given.atol || given.rtol ? ", as given" : ", T=" + std::to_string(T));
}

/// "3 of 655360 elements; worst [0,17,4,9]: 0.8125, expected 0.8047, tolerance
/// 0.004"
std::string describeFailure(const Comparison &comparison) {
  return std::to_string(comparison.differing) + " of " +
         std::to_string(comparison.elements) + " elements; worst " +
         formatIndex(comparison.worst) + ": " + formatNumber(comparison.found) +
         ", expected " + formatNumber(comparison.expected) + ", tolerance " +
         formatNumber(comparison.allowed, 3);
}

/// "655360 elements, largest difference 0.001, tolerance 0.004 + 0.016 *
/// |expected|"
std::string describeSuccess(const Comparison &comparison,
                            const Tolerance &tolerance) {
  return std::to_string(comparison.elements) +
         " elements, largest difference " +
         formatNumber(comparison.maxError, 3) + ", tolerance " +
         formatNumber(tolerance.atol, 3) + " + " +
         formatNumber(tolerance.rtol, 3) + " * |expected|";
}

RunReport::Check checkOne(const GivenTolerance &given,
                          const std::string &output, const Array &found,
                          const Expectation &expectation, int64_t T) {
  const Array &expected = expectation.array;
  RunReport::Check check;
  check.output = output;
  check.reference = expectation.source;
  check.elements = found.elements();
  Tolerance tolerance = chooseTolerance(given, found.dtype, T, expected);
  Comparison comparison = compare(found, expected, tolerance);
  check.passed = comparison.passed();
  check.differing = comparison.differing;
  check.worst = comparison.worst;
  std::string basis = " (" + describeBasis(given, found.dtype, T) + ")";
  check.message = "output '" + output + "' ";
  if (!comparison.shapesAgree)
    check.message += "is " + formatType(found.dtype, found.shape) + ", but " +
                     check.reference + " holds " +
                     formatType(expected.dtype, expected.shape);
  else if (check.passed)
    check.message += "matches " + check.reference + ": " +
                     describeSuccess(comparison, tolerance) + basis;
  else
    check.message += "differs from " + check.reference + ": " +
                     describeFailure(comparison) + basis;
  return check;
}
} // namespace

void checkExpected(const GivenTolerance &given, const PlanEntry &entry,
                   std::span<const Expectation> expectations,
                   const std::vector<Array> &outputs, RunReport &report) {
  for (const Expectation &expectation : expectations)
    report.checks.push_back(
        checkOne(given, entry.outputs[expectation.output].name,
                 outputs[expectation.output], expectation, longestSum(report)));
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
