// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// plan.json to Plan: keys and types here, references in CheckPlan.

#include "lib/CheckPlan.h"
#include "lib/JsonNumber.h"
#include "lib/JsonReader.h"
#include "lib/PlanText.h"

#include <charconv>
#include <limits>

namespace headgate {

namespace {

constexpr int64_t least = std::numeric_limits<int64_t>::min();
constexpr int64_t most = std::numeric_limits<int64_t>::max();

/// An optional string with its default.
void read(JsonValue value, std::string &text) {
  if (value)
    text = value.string();
}

void read(JsonValue value, int64_t &number) {
  if (value)
    number = value.integer(least, most);
}

void read(JsonValue value, bool &flag) {
  if (value)
    flag = value.boolean();
}

template <typename T> void read(JsonValue value, std::optional<T> &result) {
  if (value)
    read(value, result.emplace());
}

/// An array of what readItem makes of each element; absent is empty.
template <typename Item>
void read(JsonValue value, std::vector<Item> &list,
          Item (*readItem)(JsonValue)) {
  if (!value)
    return;
  for (JsonValue &element : value.elements())
    list.push_back(readItem(element));
}

std::string readString(JsonValue value) { return value.string(); }
int64_t readInteger(JsonValue value) { return value.integer(least, most); }

PlanForm readForm(JsonValue value) {
  value.expectKeys({"kind", "file", "bytes", "sha256"},
                   {"isa", "registers", "spillBytes"});
  PlanForm form;
  form.kind = value["kind"].string();
  form.file = value["file"].string();
  form.bytes = readInteger(value["bytes"]);
  form.sha256 = value["sha256"].string();
  read(value["isa"], form.isa);
  read(value["registers"], form.registers);
  read(value["spillBytes"], form.spillBytes);
  return form;
}

PlanImage readImage(JsonValue value) {
  value.expectKeys({"id", "target", "forms"}, {"needs"});
  PlanImage image;
  image.id = value["id"].string();
  image.target = value["target"].string();
  read(value["needs"], image.needs, readString);
  read(value["forms"], image.forms, readForm);
  return image;
}

/// "q:ptr", "q:ptr:16", "S:i32"
PlanParameter readParameter(JsonValue value) {
  PlanParameter parameter;
  std::string text = value.string();
  size_t colon = text.find(':');
  std::string type = colon == text.npos ? "" : text.substr(colon + 1);
  parameter.name = text.substr(0, colon);
  if (type == "i32") {
    parameter.type = ParameterType::i32;
  } else if (type == "i64") {
    parameter.type = ParameterType::i64;
  } else if (type == "f32") {
    parameter.type = ParameterType::f32;
  } else if (type.starts_with("ptr:")) {
    const char *end = type.data() + type.size();
    auto [rest, failure] =
        std::from_chars(type.data() + 4, end, parameter.align);
    if (failure != std::errc() || rest != end || parameter.align < 1)
      value.fail("'" + type.substr(4) + "' is not an alignment");
  } else if (type != "ptr") {
    value.failNeeding("NAME:ptr, NAME:ptr:ALIGN, NAME:i32, NAME:i64 or "
                      "NAME:f32");
  }
  return parameter;
}

PlanTensorMap readTensorMap(JsonValue value) {
  value.expectKeys({"base", "dtype", "sizes", "strides", "box"},
                   {"swizzle", "l2", "fill"});
  PlanTensorMap map;
  map.base = value["base"].string();
  map.dtype = value["dtype"].string();
  read(value["sizes"], map.sizes, readString);
  read(value["strides"], map.strides, readString);
  read(value["box"], map.box, readInteger);
  read(value["swizzle"], map.swizzle);
  read(value["l2"], map.l2);
  read(value["fill"], map.fill);
  return map;
}

/// JSON has no infinities; a mask may need one.
double readFloat(JsonValue value) {
  if (!value.isString())
    return value.number();
  std::optional<double> number = numberOf(value.string());
  if (!number)
    value.failNeeding("a number, \"inf\", \"-inf\" or \"nan\"");
  return number.value_or(0);
}

PlanArgument readArgument(JsonValue value) {
  using Kind = PlanArgument::Kind;
  PlanArgument argument;
  if (value.isString()) {
    argument.text = value.string();
    if (argument.text == "workspace")
      argument = {Kind::workspace, "", 0, {}};
    return argument;
  }
  value.expectKeys({}, {"i32", "i64", "f32", "tensorMap"});
  size_t kinds = 0;
  for (auto [key, kind] : {std::pair("i32", Kind::i32), {"i64", Kind::i64}})
    if (JsonValue size = value[key]) {
      argument.kind = kind;
      argument.text = size.isInteger() ? std::to_string(size.integer(0, most))
                                       : size.string();
      ++kinds;
    }
  if (JsonValue number = value["f32"]) {
    argument.kind = Kind::f32;
    argument.number = readFloat(number);
    ++kinds;
  }
  if (JsonValue map = value["tensorMap"]) {
    argument.kind = Kind::tensorMap;
    argument.map = readTensorMap(map);
    ++kinds;
  }
  if (kinds != 1)
    value.fail("expected one of i32, i64, f32 and tensorMap, found " +
               std::to_string(kinds));
  return argument;
}

PlanLaunch readLaunch(JsonValue value) {
  value.expectKeys(
      {"symbol", "grid", "arguments"},
      {"image", "block", "cluster", "sharedBytes", "pdl", "scratchBytes"});
  PlanLaunch launch;
  read(value["image"], launch.image);
  launch.symbol = value["symbol"].string();
  std::vector<JsonValue> grid = value["grid"].elements(3, "expressions");
  for (size_t i = 0; i < 3; ++i)
    launch.grid[i] = grid[i].string();
  read(value["block"], launch.block);
  read(value["cluster"], launch.cluster);
  read(value["sharedBytes"], launch.sharedBytes);
  read(value["pdl"], launch.pdl);
  read(value["scratchBytes"], launch.scratchBytes);
  read(value["arguments"], launch.arguments, readArgument);
  return launch;
}

PlanVariant readVariant(JsonValue value) {
  value.expectKeys({"id", "image", "launches"},
                   {"schedule", "when", "workspaceBytes"});
  PlanVariant variant;
  variant.id = value["id"].string();
  variant.image = value["image"].string();
  if (JsonValue schedule = value["schedule"])
    variant.schedule = schedule.objectText();
  read(value["when"], variant.when);
  read(value["workspaceBytes"], variant.workspaceBytes);
  read(value["launches"], variant.launches, readLaunch);
  return variant;
}

PlanKernel readKernel(JsonValue value) {
  value.expectKeys({"name", "parameters", "variants"},
                   {"ir", "problem", "bucket", "defaults"});
  PlanKernel kernel;
  kernel.name = value["name"].string();
  read(value["ir"], kernel.ir);
  if (JsonValue problem = value["problem"])
    kernel.problem = problem.objectText();
  read(value["parameters"], kernel.parameters, readParameter);
  read(value["bucket"], kernel.bucket, readString);
  read(value["variants"], kernel.variants, readVariant);
  if (JsonValue defaults = value["defaults"])
    for (auto &[target, variants] : defaults.members())
      read(variants, kernel.defaults[target], readString);
  return kernel;
}

PlanExtent readExtent(JsonValue value) {
  if (value.isInteger())
    return readInteger(value);
  return value.string();
}

DType readDType(JsonValue value) {
  std::optional<DType> dtype = parseDType(value.string());
  if (!dtype)
    value.failNeeding("an element type");
  return dtype.value_or(DType::f32);
}

PlanTensor readTensor(JsonValue value) {
  PlanTensor tensor;
  value.expectKeys({"name", "dtype", "shape"}, {"strides", "alias"});
  tensor.name = value["name"].string();
  tensor.dtype = readDType(value["dtype"]);
  read(value["shape"], tensor.shape, readExtent);
  if (JsonValue strides = value["strides"])
    read(strides, tensor.strides.emplace(), readExtent);
  read(value["alias"], tensor.alias);
  return tensor;
}

std::array<int64_t, 2> readPair(JsonValue value) {
  std::vector<JsonValue> pair = value.elements(2, "integers");
  return {readInteger(pair[0]), readInteger(pair[1])};
}

PlanTemporary readTemporary(JsonValue value) {
  value.expectKeys({"name", "bytes", "live"}, {"zero"});
  PlanTemporary temporary;
  temporary.name = value["name"].string();
  temporary.bytes = value["bytes"].string();
  temporary.live = readPair(value["live"]);
  read(value["zero"], temporary.zero);
  return temporary;
}

PlanStep readStep(JsonValue value) {
  value.expectKeys({"kernel", "with"});
  PlanStep step;
  step.kernel = value["kernel"].string();
  for (auto &[parameter, operand] : value["with"].members())
    step.with.emplace_back(parameter, operand.string());
  return step;
}

PlanRequirement readRequirement(JsonValue value) {
  value.expectKeys({"that", "else"});
  return {value["that"].string(), value["else"].string()};
}

PlanEntry readEntry(JsonValue value) {
  value.expectKeys({"name", "inputs", "outputs", "steps"},
                   {"dims", "requires", "temporaries"});
  PlanEntry entry;
  entry.name = value["name"].string();
  if (JsonValue dims = value["dims"])
    for (auto &[name, limits] : dims.members())
      entry.dims.emplace_back(name, readPair(limits));
  read(value["requires"], entry.requirements, readRequirement);
  read(value["inputs"], entry.inputs, readTensor);
  read(value["outputs"], entry.outputs, readTensor);
  read(value["temporaries"], entry.temporaries, readTemporary);
  read(value["steps"], entry.steps, readStep);
  return entry;
}

} // namespace

Result<Plan> parsePlan(std::string_view text) {
  Result<JsonReader> reader = JsonReader::parse(text);
  if (!reader)
    return std::move(reader).error();
  if (Status s = checkFormat(*reader, "headgate.plan", Plan::version); !s)
    return std::move(s).error();
  JsonValue root = reader->root();
  root.expectKeys({"format", "version", "images", "kernels", "entries"},
                  {"producer"});
  Plan plan;
  if (JsonValue producer = root["producer"])
    for (auto &[key, value] : producer.members())
      plan.producer[key] = value.string();
  read(root["images"], plan.images, readImage);
  read(root["kernels"], plan.kernels, readKernel);
  read(root["entries"], plan.entries, readEntry);
  if (reader->error())
    return *reader->error();
  if (Status s = checkPlan(plan); !s)
    return std::move(s).error();
  return plan;
}

} // namespace headgate
