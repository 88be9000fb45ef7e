// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/Routing.h"

#include "lib/Random.h"

#include <charconv>
#include <cmath>

namespace headgate {

namespace {
Error unknown(std::string_view text) {
  return Error(ErrorCode::badInput, "'" + std::string(text) +
                                        "' is no routing; known are uniform, "
                                        "zipf:X with X > 0, and @FILE.npy");
}

/// What a chosen expert's logit is above the others'.
constexpr double chosenLogit = 8;
} // namespace

Result<Routing> parseRouting(std::string_view text) {
  if (text == "uniform")
    return Routing{};
  if (text.size() > 1 && text.front() == '@')
    return Routing{0, std::string(text.substr(1))};
  if (!text.starts_with("zipf:"))
    return unknown(text);
  std::string_view number = text.substr(5);
  Routing routing;
  auto [end, error] = std::from_chars(
      number.data(), number.data() + number.size(), routing.exponent);
  if (error != std::errc() || end != number.data() + number.size() ||
      !(routing.exponent > 0 && routing.exponent <= 100))
    return unknown(text);
  return routing;
}

Array drawLogits(double exponent, std::span<const int64_t> shape,
                 uint64_t seed) {
  Array logits = Array::zeros(DType::f32, {shape.begin(), shape.end()});
  int64_t experts = shape.empty() ? 1 : shape.back();
  Random random(seed);
  for (int64_t i = 0, count = logits.elements(); i < count; ++i) {
    double logWeight = -exponent * std::log(double(i % experts + 1));
    logits.set(i, logWeight - std::log(-std::log(random.uniform())));
  }
  return logits;
}

Result<Array> logitsOfTrace(const Array &trace,
                            std::span<const int64_t> shape) {
  auto refused = [](const std::string &why) {
    return Error(ErrorCode::badInput, "the routing trace " + why);
  };
  if (isFloat(trace.dtype) || trace.shape.size() < 2 || shape.size() < 2)
    return refused("is no array of integers [..., groups, k]");
  int64_t groups = shape[shape.size() - 2], experts = shape.back();
  int64_t k = trace.shape.back();
  if (trace.shape[trace.shape.size() - 2] != groups || k > experts ||
      trace.elements() == 0)
    return refused("is not of " + std::to_string(groups) + " groups of " +
                   std::to_string(experts) + " experts");
  Array logits = Array::zeros(DType::f32, {shape.begin(), shape.end()});
  int64_t rows = trace.elements() / k;
  for (int64_t row = 0; row < logits.elements() / experts; ++row)
    for (int64_t j = 0; j < k; ++j) {
      int64_t expert = trace.integerAt(row % rows * k + j);
      if (expert < 0 || expert >= experts)
        return refused("chooses expert " + std::to_string(expert) + " of " +
                       std::to_string(experts));
      logits.set(row * experts + expert, chosenLogit + double(k - j));
    }
  return logits;
}

} // namespace headgate
