// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/ProblemList.h"

#include "lib/Expr.h"
#include "lib/JsonReader.h"
#include "lib/ScheduleText.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

namespace headgate {

namespace {

using Json = nlohmann::ordered_json;
constexpr int64_t most = std::numeric_limits<int64_t>::max();

//===-- printing ---------------------------------------------------------===//

Json toJson(const ListedEntry &entry) {
  Json dims = Json::object(), inputs = Json::array(), steps = Json::array();
  for (const auto &[name, range] : entry.dims)
    dims[name] = range;
  for (const PlanTensor &input : entry.inputs) {
    Json json = {{"name", input.name}, {"dtype", name(input.dtype)}};
    if (auto draw = entry.draws.find(input.name); draw != entry.draws.end())
      json["draw"] = draw->second;
    inputs.push_back(std::move(json));
  }
  for (const PlanStep &step : entry.steps) {
    Json with = Json::object();
    for (const auto &[parameter, value] : step.with)
      with[parameter] = value;
    steps.push_back({{"kernel", step.kernel}, {"with", with}});
  }
  return {{"name", entry.name},
          {"dims", dims},
          {"inputs", inputs},
          {"steps", steps}};
}

Json toJson(const ListedKernel &kernel) {
  Json json = {{"name", kernel.name}, {"ir", kernel.ir}};
  if (!kernel.problem) {
    json["why"] = kernel.why;
    return json;
  }
  json["problem"] = Json::parse(printProblem(*kernel.problem), nullptr, false);
  json["scalars"] = kernel.scalars;
  json["sizes"] = {{"B", kernel.B}, {"S", kernel.S}, {"T", kernel.T}};
  return json;
}

//===-- parsing ----------------------------------------------------------===//

ListedEntry readEntry(JsonValue value) {
  value.expectKeys({"name", "dims", "inputs", "steps"});
  ListedEntry entry;
  entry.name = value["name"].string();
  for (auto &[name, range] : value["dims"].members()) {
    std::vector<JsonValue> ends = range.elements(2, "numbers");
    if (ends.size() == 2)
      entry.dims.push_back(
          {name, {ends[0].integer(0, most), ends[1].integer(0, most)}});
  }
  for (JsonValue input : value["inputs"].elements()) {
    input.expectKeys({"name", "dtype"}, {"draw"});
    PlanTensor &added = entry.inputs.emplace_back();
    added.name = input["name"].string();
    JsonValue dtype = input["dtype"];
    if (std::optional<DType> known = parseDType(dtype.string()))
      added.dtype = *known;
    else
      dtype.failNeeding("an element type");
    if (JsonValue draw = input["draw"])
      entry.draws[added.name] = draw.string();
  }
  for (JsonValue step : value["steps"].elements()) {
    step.expectKeys({"kernel", "with"});
    PlanStep &added = entry.steps.emplace_back();
    added.kernel = step["kernel"].string();
    for (auto &[parameter, text] : step["with"].members())
      added.with.push_back({parameter, text.string()});
  }
  return entry;
}

/// A size must be an expression of the kernel's scalars.
SizeText readSize(JsonValue value, const std::vector<std::string> &scalars) {
  SizeText text = value.string();
  if (Result<Expr> expr = Expr::parse(text, scalars); !expr)
    value.fail(expr.error().message());
  return text;
}

ListedKernel readKernel(JsonValue value) {
  ListedKernel kernel;
  if (value["why"]) {
    value.expectKeys({"name", "ir", "why"});
    kernel.why = value["why"].string();
  } else {
    value.expectKeys({"name", "ir", "problem", "scalars", "sizes"});
    Result<Problem> problem = parseProblem(value["problem"].objectText());
    if (problem)
      kernel.problem = *problem;
    else
      value["problem"].fail(problem.error().message());
    kernel.scalars = value["scalars"].strings();
    JsonValue sizes = value["sizes"];
    sizes.expectKeys({"B", "S", "T"});
    kernel.B = readSize(sizes["B"], kernel.scalars);
    kernel.S = readSize(sizes["S"], kernel.scalars);
    kernel.T = readSize(sizes["T"], kernel.scalars);
  }
  kernel.name = value["name"].string();
  kernel.ir = value["ir"].string();
  return kernel;
}

} // namespace

std::string printProblemList(const ProblemList &list) {
  Json json = {
      {"format", "headgate.problems"}, {"version", ProblemList::version},
      {"producer", list.producer},     {"targets", list.targets},
      {"entries", Json::array()},      {"kernels", Json::array()}};
  for (const ListedEntry &entry : list.entries)
    json["entries"].push_back(toJson(entry));
  for (const ListedKernel &kernel : list.kernels)
    json["kernels"].push_back(toJson(kernel));
  return json.dump(1) + "\n";
}

Result<ProblemList> parseProblemList(std::string_view text) {
  Result<JsonReader> reader = JsonReader::parse(text);
  if (!reader)
    return std::move(reader).error();
  if (Status known =
          checkFormat(*reader, "headgate.problems", ProblemList::version);
      !known)
    return std::move(known).error();
  JsonValue root = reader->root();
  root.expectKeys(
      {"format", "version", "producer", "targets", "entries", "kernels"});
  ProblemList list;
  for (auto &[tool, number] : root["producer"].members())
    list.producer[tool] = number.string();
  list.targets = root["targets"].strings();
  for (JsonValue entry : root["entries"].elements())
    list.entries.push_back(readEntry(entry));
  for (JsonValue kernel : root["kernels"].elements())
    list.kernels.push_back(readKernel(kernel));
  if (reader->error())
    return *reader->error();
  return list;
}

//===-- sizes ------------------------------------------------------------===//

namespace {

Result<int64_t> evaluate(const SizeText &text,
                         const std::vector<std::string> &names,
                         std::span<const int64_t> values) {
  Result<Expr> expr = Expr::parse(text, names);
  if (!expr)
    return std::move(expr).error();
  return expr->evaluate(values);
}

} // namespace

Result<ProblemSizes> sizesOf(const PlanEntry &entry, const ListedKernel &kernel,
                             std::span<const int64_t> dims) {
  auto step = std::ranges::find(entry.steps, kernel.name, &PlanStep::kernel);
  if (step == entry.steps.end())
    return Error(ErrorCode::notFound, "entry '" + entry.name +
                                          "' does not run kernel '" +
                                          kernel.name + "'");
  std::vector<std::string> names;
  for (const auto &[name, range] : entry.dims)
    names.push_back(name);
  std::vector<int64_t> scalars;
  for (const std::string &scalar : kernel.scalars) {
    auto bound = std::ranges::find(step->with, scalar,
                                   [](const auto &pair) { return pair.first; });
    if (bound == step->with.end())
      return Error(ErrorCode::corrupt, "kernel '" + kernel.name +
                                           "' is run without its '" + scalar +
                                           "'");
    Result<int64_t> value = evaluate(bound->second, names, dims);
    if (!value)
      return std::move(value).error();
    scalars.push_back(*value);
  }
  ProblemSizes sizes;
  for (auto [text, size] : {std::pair(&kernel.B, &sizes.B),
                            {&kernel.S, &sizes.S},
                            {&kernel.T, &sizes.T}}) {
    Result<int64_t> value = evaluate(*text, kernel.scalars, scalars);
    if (!value)
      return std::move(value).error();
    *size = *value;
  }
  return sizes;
}

} // namespace headgate
