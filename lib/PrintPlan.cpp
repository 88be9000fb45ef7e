// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Plan to plan.json, for machines and for people who look into a bundle: what
// fits on a line is on one line, and defaults are left out.

#include "lib/JsonNumber.h"
#include "lib/PlanText.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace headgate {

namespace {

using Json = nlohmann::ordered_json;

/// A value that was left out of the text of a plan reads as `value`.
template <typename T>
void setUnless(Json &object, const char *key, const T &value, const T &absent) {
  if (value != absent)
    object[key] = value;
}

Json parseObject(const std::string &text) {
  Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return value.is_object() ? value : Json::object();
}

template <typename List, typename Item>
Json toArray(const List &list, Json (*itemJson)(const Item &)) {
  Json array = Json::array();
  for (const Item &item : list)
    array.push_back(itemJson(item));
  return array;
}

Json formJson(const PlanForm &form) {
  Json json = {{"kind", form.kind}};
  setUnless(json, "isa", form.isa, std::string());
  json["file"] = form.file;
  json["bytes"] = form.bytes;
  json["sha256"] = form.sha256;
  if (form.registers)
    json["registers"] = *form.registers;
  if (form.spillBytes)
    json["spillBytes"] = *form.spillBytes;
  return json;
}

Json imageJson(const PlanImage &image) {
  Json json = {{"id", image.id}, {"target", image.target}};
  setUnless(json, "needs", image.needs, {});
  json["forms"] = toArray(image.forms, formJson);
  return json;
}

Json parameterJson(const PlanParameter &parameter) {
  constexpr const char *types[] = {"ptr", "i32", "i64", "f32"};
  std::string text = parameter.name + ":" + types[int(parameter.type)];
  if (parameter.align > 0)
    text += ":" + std::to_string(parameter.align);
  return text;
}

Json tensorMapJson(const PlanTensorMap &map) {
  const PlanTensorMap absent;
  Json json = {{"base", map.base},
               {"dtype", map.dtype},
               {"sizes", map.sizes},
               {"strides", map.strides},
               {"box", map.box}};
  setUnless(json, "swizzle", map.swizzle, absent.swizzle);
  setUnless(json, "l2", map.l2, absent.l2);
  setUnless(json, "fill", map.fill, absent.fill);
  return json;
}

Json argumentJson(const PlanArgument &argument) {
  switch (argument.kind) {
  case PlanArgument::Kind::parameter:
    return argument.text;
  case PlanArgument::Kind::workspace:
    return "workspace";
  case PlanArgument::Kind::i32:
    return {{"i32", argument.text}};
  case PlanArgument::Kind::i64:
    return {{"i64", argument.text}};
  case PlanArgument::Kind::f32:
    return {{"f32", numberToJson(argument.number)}};
  case PlanArgument::Kind::tensorMap:
    return {{"tensorMap", tensorMapJson(argument.map)}};
  }
  return {};
}

Json launchJson(const PlanLaunch &launch) {
  const PlanLaunch absent;
  Json json = {{"symbol", launch.symbol}, {"grid", launch.grid}};
  setUnless(json, "image", launch.image, absent.image);
  setUnless(json, "block", launch.block, absent.block);
  setUnless(json, "cluster", launch.cluster, absent.cluster);
  setUnless(json, "sharedBytes", launch.sharedBytes, absent.sharedBytes);
  setUnless(json, "pdl", launch.pdl, absent.pdl);
  setUnless(json, "scratchBytes", launch.scratchBytes, absent.scratchBytes);
  json["arguments"] = toArray(launch.arguments, argumentJson);
  return json;
}

Json variantJson(const PlanVariant &variant) {
  const PlanVariant absent;
  Json json = {{"id", variant.id}, {"image", variant.image}};
  setUnless(json, "schedule", parseObject(variant.schedule), Json::object());
  setUnless(json, "when", variant.when, absent.when);
  setUnless(json, "workspaceBytes", variant.workspaceBytes,
            absent.workspaceBytes);
  json["launches"] = toArray(variant.launches, launchJson);
  return json;
}

Json kernelJson(const PlanKernel &kernel) {
  Json json = {{"name", kernel.name}};
  setUnless(json, "ir", kernel.ir, std::string());
  setUnless(json, "problem", parseObject(kernel.problem), Json::object());
  json["parameters"] = toArray(kernel.parameters, parameterJson);
  setUnless(json, "bucket", kernel.bucket, {});
  json["variants"] = toArray(kernel.variants, variantJson);
  setUnless(json, "defaults", kernel.defaults, {});
  return json;
}

Json extentJson(const PlanExtent &extent) {
  if (const auto *number = std::get_if<int64_t>(&extent))
    return *number;
  return std::get<SizeText>(extent);
}

Json tensorJson(const PlanTensor &tensor) {
  Json json = {{"name", tensor.name},
               {"dtype", name(tensor.dtype)},
               {"shape", toArray(tensor.shape, extentJson)}};
  if (tensor.strides)
    json["strides"] = toArray(*tensor.strides, extentJson);
  setUnless(json, "alias", tensor.alias, std::string());
  return json;
}

Json requirementJson(const PlanRequirement &requirement) {
  return {{"that", requirement.that}, {"else", requirement.otherwise}};
}

Json temporaryJson(const PlanTemporary &temporary) {
  Json json = {{"name", temporary.name},
               {"bytes", temporary.bytes},
               {"live", temporary.live}};
  setUnless(json, "zero", temporary.zero, false);
  return json;
}

Json stepJson(const PlanStep &step) {
  Json with = Json::object();
  for (const auto &[parameter, operand] : step.with)
    with[parameter] = operand;
  return {{"kernel", step.kernel}, {"with", with}};
}

Json entryJson(const PlanEntry &entry) {
  Json json = {{"name", entry.name}};
  for (const auto &[name, limits] : entry.dims)
    json["dims"][name] = limits;
  if (!entry.requirements.empty())
    json["requires"] = toArray(entry.requirements, requirementJson);
  json["inputs"] = toArray(entry.inputs, tensorJson);
  json["outputs"] = toArray(entry.outputs, tensorJson);
  if (!entry.temporaries.empty())
    json["temporaries"] = toArray(entry.temporaries, temporaryJson);
  json["steps"] = toArray(entry.steps, stepJson);
  return json;
}

/// Names that came from a file system need not be UTF-8; JSON has to be.
std::string scalarText(const Json &value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// The text of `value` on one line.
std::string flatText(const Json &value) {
  if (!value.is_structured())
    return scalarText(value);
  std::string text(1, value.is_object() ? '{' : '[');
  for (auto item = value.begin(); item != value.end(); ++item) {
    if (item != value.begin())
      text += ", ";
    if (value.is_object())
      text += scalarText(item.key()) + ": ";
    text += flatText(*item);
  }
  return text + (value.is_object() ? '}' : ']');
}

constexpr size_t width = 100;

size_t columnOf(const std::string &text) {
  return text.size() - (text.rfind('\n') + 1);
}

/// Whether the elements of an array may share lines.
bool isListOfWords(const Json &value) {
  return value.is_array() && std::ranges::all_of(value, [](const Json &item) {
           return flatText(item).size() < 24;
         });
}

/// Appends `value`, on one line if that ends before column `width`.
void write(const Json &value, size_t indent, std::string &text) {
  std::string flat = flatText(value);
  if (!value.is_structured() || columnOf(text) + flat.size() < width) {
    text += flat;
    return;
  }
  bool words = isListOfWords(value);
  text += value.is_object() ? '{' : '[';
  for (auto item = value.begin(); item != value.end(); ++item) {
    bool first = item == value.begin();
    text += first ? "" : ",";
    if (!first && words &&
        columnOf(text) + flatText(*item).size() + 2 < width) {
      text += ' ';
    } else {
      text += '\n';
      text.append(indent + 2, ' ');
    }
    if (value.is_object())
      text += scalarText(item.key()) + ": ";
    write(*item, indent + 2, text);
  }
  text += value.is_object() ? '}' : ']';
}

} // namespace

std::string printPlan(const Plan &plan) {
  Json json = {{"format", "headgate.plan"}, {"version", Plan::version}};
  if (!plan.producer.empty())
    json["producer"] = plan.producer;
  json["images"] = toArray(plan.images, imageJson);
  json["kernels"] = toArray(plan.kernels, kernelJson);
  json["entries"] = toArray(plan.entries, entryJson);
  std::string text;
  write(json, 0, text);
  return text + "\n";
}

} // namespace headgate
