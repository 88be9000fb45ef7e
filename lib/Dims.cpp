// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/Dims.h"

#include "lib/Expr.h"

#include <algorithm>
#include <charconv>

namespace headgate {

Result<NamedDims> parseDims(std::string_view text) {
  NamedDims dims;
  auto bad = [&](const std::string &why) {
    return Error(ErrorCode::badInput, "'" + std::string(text) + "': " + why);
  };
  std::string_view rest = text;
  for (bool more = true; more;) {
    size_t comma = rest.find(',');
    more = comma != rest.npos;
    std::string_view part = rest.substr(0, comma);
    rest.remove_prefix(more ? comma + 1 : rest.size());

    size_t equals = std::min(part.find('='), part.size());
    std::string name(part.substr(0, equals));
    const char *begin = part.data() + std::min(equals + 1, part.size()),
               *end = part.data() + part.size();
    int64_t value = 0;
    auto [last, failure] = std::from_chars(begin, end, value);
    if (!isExprName(name) || failure != std::errc() || last != end)
      return bad("expected NAME=NUMBER, not '" + std::string(part) + "'");
    if (std::ranges::find(dims, name, &NamedDims::value_type::first) !=
        dims.end())
      return bad("'" + name + "' is given twice");
    dims.emplace_back(std::move(name), value);
  }
  return dims;
}

std::string formatDims(const NamedDims &dims) {
  std::string text;
  for (const auto &[name, value] : dims)
    text += (text.empty() ? "" : ",") + name + "=" + std::to_string(value);
  return text;
}

Result<std::vector<int64_t>> dimsOf(const PlanEntry &entry,
                                    const NamedDims &dims) {
  std::vector<int64_t> values;
  for (const auto &[name, range] : entry.dims) {
    auto given = std::ranges::find(dims, name, &NamedDims::value_type::first);
    if (given == dims.end())
      return Error(ErrorCode::badInput,
                   "entry '" + entry.name + "' needs a value of " + name);
    if (given->second < range[0] || given->second > range[1])
      return Error(ErrorCode::badInput,
                   "entry '" + entry.name + "' takes " + name + " from " +
                       std::to_string(range[0]) + " to " +
                       std::to_string(range[1]) + ", not " +
                       std::to_string(given->second));
    values.push_back(given->second);
  }
  return values;
}

Result<std::vector<int64_t>> shapeOf(const PlanEntry &entry,
                                     const PlanTensor &tensor,
                                     std::span<const int64_t> dims) {
  std::vector<std::string> names;
  for (const auto &[name, range] : entry.dims)
    names.push_back(name);
  std::vector<int64_t> shape;
  for (const PlanExtent &extent : tensor.shape) {
    if (const int64_t *number = std::get_if<int64_t>(&extent)) {
      shape.push_back(*number);
      continue;
    }
    Result<Expr> expr = Expr::parse(std::get<SizeText>(extent), names);
    Result<int64_t> value =
        expr ? expr->evaluate(dims) : Result<int64_t>(expr.error());
    if (value && *value < 0)
      value = Error(ErrorCode::badInput, "it is " + std::to_string(*value));
    if (!value)
      return std::move(value).error().in(
          "extent " + std::get<SizeText>(extent) + " of '" + tensor.name + "'");
    shape.push_back(*value);
  }
  return shape;
}

} // namespace headgate
