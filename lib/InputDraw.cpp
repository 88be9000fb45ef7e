// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/InputDraw.h"

#include "lib/Expr.h"
#include "lib/Random.h"
#include "lib/Spelling.h"

#include <algorithm>
#include <charconv>
#include <numeric>

namespace headgate {

namespace {

/// The experts of a group are looked through for each token.
constexpr int64_t maxExperts = 1 << 20;

bool isInteger(DType dtype) { return !isFloat(dtype) && dtype != DType::i1; }

std::vector<int64_t> copyOf(std::span<const int64_t> shape) {
  return {shape.begin(), shape.end()};
}

/// setInteger keeps the low bits: does it keep the value?
bool fits(int64_t value, DType dtype) {
  Array one = Array::zeros(dtype, {});
  one.setInteger(0, value);
  return one.integerAt(0) == value;
}

} // namespace

Result<InputDraw> parseInputDraw(std::string_view text) {
  InputDraw draw;
  Error wrong(ErrorCode::badInput, "'" + std::string(text) +
                                       "' is no draw: expected experts:M or "
                                       "FIRST..OTHER, such as T..0");
  constexpr std::string_view experts = "experts:";
  if (text.starts_with(experts)) {
    const char *end = text.data() + text.size();
    auto [stop, failure] =
        std::from_chars(text.data() + experts.size(), end, draw.experts);
    if (failure != std::errc() || stop != end || draw.experts < 1 ||
        draw.experts > maxExperts)
      return wrong;
    return draw;
  }
  size_t dots = text.find("..");
  if (dots == 0 || dots == text.npos || dots + 2 == text.size())
    return wrong;
  draw.first = text.substr(0, dots);
  draw.other = text.substr(dots + 2);
  return draw;
}

Result<std::pair<std::string, std::string>>
parseNamedDraw(std::string_view text) {
  size_t end = text.find('=');
  if (end == 0 || end == text.npos)
    return Error(ErrorCode::badInput, "'" + std::string(text) +
                                          "': expected NAME=DRAW, such as "
                                          "experts=experts:8 or kv_len=T..0");
  std::string_view draw = text.substr(end + 1);
  if (Result<InputDraw> parsed = parseInputDraw(draw); !parsed)
    return std::move(parsed).error();
  return std::pair(std::string(text.substr(0, end)), std::string(draw));
}

Status checkDraws(const PlanEntry &entry, const InputDraws &draws) {
  std::vector<std::string> names, dims;
  for (const PlanTensor &input : entry.inputs)
    if (isInteger(input.dtype))
      names.push_back(input.name);
  for (const auto &[name, range] : entry.dims)
    dims.push_back(name);
  for (const auto &[name, text] : draws) {
    if (std::ranges::find(names, name) == names.end())
      return Error(ErrorCode::badInput,
                   "entry '" + entry.name + "' has no input of integers '" +
                       name + "'" +
                       (names.empty() ? "" : "; it has " + listNames(names)) +
                       didYouMean(name, names));
    Result<InputDraw> draw = parseInputDraw(text);
    if (!draw)
      return std::move(draw).error().in("input '" + name + "'");
    for (const SizeText *end : {&draw->first, &draw->other})
      if (!draw->experts)
        if (Result<Expr> expr = Expr::parse(*end, dims); !expr)
          return std::move(expr).error().in("input '" + name + "'");
  }
  return Success{};
}

Result<Array> drawRange(const InputDraw &draw, const PlanEntry &entry,
                        std::span<const int64_t> dims, DType dtype,
                        std::span<const int64_t> shape, uint64_t seed) {
  std::vector<std::string> names;
  for (const auto &[name, range] : entry.dims)
    names.push_back(name);
  int64_t ends[2];
  for (auto [text, end] :
       {std::pair(&draw.first, &ends[0]), {&draw.other, &ends[1]}}) {
    Result<Expr> expr = Expr::parse(*text, names);
    if (!expr)
      return std::move(expr).error();
    Result<int64_t> value = expr->evaluate(dims);
    if (!value)
      return std::move(value).error();
    if (!fits(*value, dtype))
      return Error(ErrorCode::badInput,
                   "'" + *text + "' is " + std::to_string(*value) +
                       ", which is no " + std::string(name(dtype)));
    *end = *value;
  }
  int64_t least = std::min(ends[0], ends[1]);
  uint64_t count = uint64_t(std::max(ends[0], ends[1])) - uint64_t(least) + 1;
  Array drawn = Array::zeros(dtype, copyOf(shape));
  Random random(seed);
  for (int64_t i = 0, elements = drawn.elements(); i < elements; ++i)
    drawn.setInteger(i, i == 0 ? ends[0]
                               : least + int64_t(count ? random.below(count)
                                                       : random.next()));
  return drawn;
}

Result<Array> largestOf(const Array &logits, DType dtype,
                        std::span<const int64_t> shape) {
  int64_t experts = logits.shape.back(), k = shape.empty() ? 1 : shape.back();
  if (k > experts)
    return Error(ErrorCode::badInput, std::to_string(k) + " distinct ones of " +
                                          std::to_string(experts) +
                                          " experts cannot be chosen");
  if (!fits(experts - 1, dtype))
    return Error(ErrorCode::badInput, "expert " + std::to_string(experts - 1) +
                                          " is no " + std::string(name(dtype)));
  Array chosen = Array::zeros(dtype, copyOf(shape));
  std::vector<int64_t> order(static_cast<size_t>(experts));
  for (int64_t row = 0, rows = k ? chosen.elements() / k : 0; row < rows;
       ++row) {
    std::iota(order.begin(), order.end(), int64_t(0));
    std::ranges::partial_sort(order, order.begin() + k,
                              [&](int64_t a, int64_t b) {
                                double x = logits.at(row * experts + a),
                                       y = logits.at(row * experts + b);
                                return x != y ? x > y : a < b;
                              });
    for (int64_t j = 0; j < k; ++j)
      chosen.setInteger(row * k + j, order[size_t(j)]);
  }
  return chosen;
}

} // namespace headgate
