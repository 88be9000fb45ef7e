// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/RunReport.h"

#include "lib/ArrayText.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>

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
template <typename T> T load(const Array &array, size_t i) {
  T value;
  std::memcpy(&value, array.bytes.data() + i * sizeof(T), sizeof(T));
  return value;
}

Json floatValue(double value) {
  if (std::isnan(value))
    return "nan";
  if (std::isinf(value))
    return value > 0 ? "inf" : "-inf";
  return value;
}

/// Element `i` of an array of integers or of f32, f64.
Json elementValue(const Array &array, size_t i) {
  switch (array.dtype) {
  case DType::f32:
    return floatValue(load<float>(array, i));
  case DType::f64:
    return floatValue(load<double>(array, i));
  case DType::i8:
    return load<int8_t>(array, i);
  case DType::i16:
    return load<int16_t>(array, i);
  case DType::i32:
    return load<int32_t>(array, i);
  case DType::i64:
    return load<int64_t>(array, i);
  case DType::u8:
  case DType::i1:
    return load<uint8_t>(array, i);
  case DType::f16:
  case DType::bf16:
    break; // widened before
  }
  return nullptr;
}

Json elementValues(const Array &array) {
  if (array.dtype == DType::f16 || array.dtype == DType::bf16) {
    Result<Array> wide = convert(array, DType::f32);
    return wide ? elementValues(*wide) : Json();
  }
  Json values = Json::array();
  size_t count =
      array.bytes.size() / static_cast<size_t>(byteWidth(array.dtype));
  for (size_t i = 0; i < count; ++i)
    values.push_back(elementValue(array, i));
  return values;
}

Json outputValue(const RunReport::Output &output) {
  constexpr size_t many = 64;
  const Array &array = output.array;
  Json value = {{"name", output.name},
                {"dtype", std::string(name(array.dtype))},
                {"shape", array.shape}};
  size_t width = static_cast<size_t>(byteWidth(array.dtype));
  if (!output.file.empty())
    value["file"] = output.file;
  else if (output.full || array.bytes.size() <= many * width)
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
