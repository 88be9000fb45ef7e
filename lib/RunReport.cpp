// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/RunReport.h"

#include "lib/ArrayText.h"
#include "lib/JsonNumber.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace headgate {

using Json = nlohmann::ordered_json;

bool RunReport::passed() const {
  return std::ranges::all_of(checks, &Check::passed);
}

std::string formatText(const RunReport &report) {
  std::string text = report.plan;
  for (const RunReport::Output &output : report.outputs)
    if (output.file.empty())
      text += output.name + " = " +
              formatArray(output.array,
                          output.full ? Elements::all : Elements::someOfMany) +
              "\n";
  for (const RunReport::Check &check : report.checks)
    if (check.passed)
      text += check.message + "\n";
  return text;
}

namespace {
Json elementValues(const Array &array) {
  Json values = Json::array();
  for (int64_t i = 0, count = array.elements(); i < count; ++i)
    values.push_back(isFloat(array.dtype) ? numberToJson(array.at(i))
                                          : Json(array.integerAt(i)));
  return values;
}

Json outputValue(const RunReport::Output &output) {
  const Array &array = output.array;
  Json value = {{"name", output.name},
                {"dtype", std::string(name(array.dtype))},
                {"shape", array.shape}};
  if (!output.file.empty())
    value["file"] = output.file;
  else if (output.full || array.elements() <= manyElements)
    value["values"] = elementValues(array);
  return value;
}

Json checkValue(const RunReport::Check &check) {
  Json value = {{"output", check.output}};
  value["check"] = check.reference.empty() ? "unwritten" : "expected";
  if (!check.reference.empty())
    value["reference"] = check.reference;
  value["passed"] = check.passed;
  value["elements"] = check.elements;
  value["differing"] = check.differing;
  if (check.differing > 0)
    value["worst"] = check.worst;
  value["message"] = check.message;
  return value;
}
} // namespace

std::string formatJson(const RunReport &report) {
  Json value = {{"entry", report.entry}, {"device", report.device}};
  value["dims"] = Json::object();
  for (const auto &[name, extent] : report.dims)
    value["dims"][name] = extent;
  if (report.timeNs)
    value["timeNs"] = *report.timeNs;
  if (!report.plan.empty())
    value["plan"] = report.plan;
  value["outputs"] = Json::array();
  for (const RunReport::Output &output : report.outputs)
    value["outputs"].push_back(outputValue(output));
  value["checks"] = Json::array();
  for (const RunReport::Check &check : report.checks)
    value["checks"].push_back(checkValue(check));
  // File names need not be UTF-8; JSON has to be.
  return value.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace headgate
