// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/ptx/DescribePtx.h"

#include "runtime/sim/PlaceVariables.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

namespace headgate {

using namespace runtime::sim;
using Json = nlohmann::ordered_json;

namespace {
bool isOneOf(std::string_view word,
             std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

std::vector<std::string_view> splitAtDots(std::string_view opcode) {
  std::vector<std::string_view> parts;
  while (true) {
    size_t dot = opcode.find('.');
    parts.push_back(opcode.substr(0, dot));
    if (dot == opcode.npos)
      return parts;
    opcode.remove_prefix(dot + 1);
  }
}

/// The memory of an access; ".shared::cta" is plain shared memory.
std::string spaceOf(const std::vector<std::string_view> &parts) {
  for (std::string_view part : parts) {
    std::string_view space = part.substr(0, part.find(':'));
    if (isOneOf(space, {"global", "shared", "local", "param", "const"}))
      return std::string(part == "shared::cluster" ? part : space);
  }
  return "generic";
}
} // namespace

std::string instructionKind(std::string_view opcode) {
  std::vector<std::string_view> parts = splitAtDots(opcode);
  std::string kind(parts[0]);
  if (isOneOf(parts[0], {"ld", "ldu", "st", "atom", "red", "prefetch"}))
    return kind + "." + spaceOf(parts);
  bool isCopy = parts[0] == "cp";
  bool isFamily = isOneOf(parts[0], {"wgmma", "tcgen05", "mbarrier", "bar",
                                     "barrier", "griddepcontrol", "shfl"});
  for (size_t i = 1; i < parts.size(); ++i) {
    bool isKept = isCopy
                      ? isOneOf(parts[i], {"async", "bulk", "tensor", "reduce",
                                           "mbarrier", "commit_group",
                                           "wait_group", "wait_all"})
                      : isFamily && i == 1 && parts[0] != "shfl";
    if (!isKept)
      break;
    kind += "." + std::string(parts[i]);
  }
  return kind;
}

namespace {
void collectNames(const Operand &operand, std::set<std::string_view> &names) {
  names.insert(operand.name);
  for (const Operand &element : operand.elements)
    collectNames(element, names);
}

/// Triton (3.5 on) ends each kernel's parameters with two pointers to scratch
/// memory. PTX does not mark them; but where the kernel needs none, nothing
/// reads them.
void markScratch(std::vector<PtxParameter> &parameters, bool isKnown) {
  size_t count = parameters.size();
  if (count < 2)
    return;
  auto isScratch = [&](const PtxParameter &parameter) {
    return parameter.type == ".u64" && (isKnown || !parameter.read);
  };
  if (isScratch(parameters[count - 1]) && isScratch(parameters[count - 2]))
    parameters[count - 1].scratch = parameters[count - 2].scratch = true;
}

Result<PtxEntry> describeKernel(const Module &module, const Kernel &kernel,
                                const std::optional<TritonMetadata> &metadata) {
  PtxEntry entry;
  entry.name = kernel.name;
  entry.visible = kernel.visible;
  entry.requiredBlock = kernel.requiredBlock;
  entry.maxBlock = kernel.maxBlock;
  std::set<std::string_view> names;
  for (const Instruction &instruction : kernel.body.instructions) {
    ++entry.mix[instructionKind(instruction.opcode)];
    for (const Operand &operand : instruction.operands)
      collectNames(operand, names);
  }
  entry.instructions = kernel.body.instructions.size();
  for (const Parameter &parameter : kernel.parameters) {
    std::string type = parameter.type;
    if (parameter.array)
      type += "[" + std::to_string(parameter.bytes) + "]";
    entry.parameters.push_back({parameter.name, type, parameter.bytes,
                                names.contains(parameter.name)});
  }
  markScratch(entry.parameters, metadata && metadata->hasScratch);

  DecodeOptions options;
  options.addressOf = [](const std::string &) { return uint64_t(0); };
  Result<Places> places = placeVariables(module, kernel, options);
  if (!places)
    return std::move(places).error();
  entry.staticSharedBytes = places->staticShared;
  entry.dynamicShared = places->usesDynamicShared;
  if (metadata)
    entry.dynamicSharedBytes = metadata->sharedBytes;
  return entry;
}
} // namespace

Result<PtxDescription>
describePtx(const std::string &file, const Module &module,
            const std::optional<TritonMetadata> &metadata) {
  PtxDescription description{file, module.version, module.target, {}, {}};
  for (const Kernel &kernel : module.kernels) {
    Result<PtxEntry> entry = describeKernel(module, kernel, metadata);
    if (!entry)
      return std::move(entry).error();
    description.entries.push_back(std::move(*entry));
  }
  for (const DeviceFunction &function : module.functions)
    if (function.body)
      description.functions.push_back(function.name);
  return description;
}

namespace {
std::string textOf(const std::array<uint32_t, 3> &extent) {
  std::string text = std::to_string(extent[0]);
  for (int i = 1; i < 3; ++i)
    if (extent[1] > 1 || extent[2] > 1)
      text += "x" + std::to_string(extent[i]);
  return text;
}

std::string blockText(const PtxEntry &entry) {
  if (entry.requiredBlock[0])
    return "blocks of " + textOf(entry.requiredBlock) + " threads";
  if (entry.maxBlock[0])
    return "blocks of at most " + textOf(entry.maxBlock) + " threads";
  return "blocks of any size";
}

std::string sharedText(const PtxEntry &entry) {
  std::string text =
      std::to_string(entry.staticSharedBytes) + " bytes of shared memory";
  if (!entry.dynamicShared)
    return text;
  return text + " and " +
         (entry.dynamicSharedBytes ? std::to_string(*entry.dynamicSharedBytes)
                                   : "an unsaid number of") +
         " dynamic ones";
}

/// The most frequent first; names break ties.
std::string mixText(const PtxEntry &entry) {
  std::vector<std::pair<std::string, uint64_t>> kinds(entry.mix.begin(),
                                                      entry.mix.end());
  std::ranges::sort(kinds, {}, [](const auto &kind) {
    return std::pair(-static_cast<int64_t>(kind.second), kind.first);
  });
  std::string text;
  size_t column = 0;
  for (const auto &[kind, count] : kinds) {
    std::string word = kind + " " + std::to_string(count);
    bool wraps = text.empty() || column + word.size() > 70;
    text += wraps ? "\n    " : ", ";
    column = wraps ? word.size() : column + word.size() + 2;
    text += word;
  }
  return text;
}

Json jsonOf(const PtxEntry &entry) {
  Json json = {{"name", entry.name},
               {"visible", entry.visible},
               {"parameters", Json::array()}};
  for (const PtxParameter &parameter : entry.parameters)
    json["parameters"].push_back({{"name", parameter.name},
                                  {"type", parameter.type},
                                  {"bytes", parameter.bytes},
                                  {"read", parameter.read},
                                  {"scratch", parameter.scratch}});
  if (entry.requiredBlock[0])
    json["requiredBlock"] = entry.requiredBlock;
  if (entry.maxBlock[0])
    json["maxBlock"] = entry.maxBlock;
  json["staticSharedBytes"] = entry.staticSharedBytes;
  json["dynamicShared"] = entry.dynamicShared;
  if (entry.dynamicSharedBytes)
    json["dynamicSharedBytes"] = *entry.dynamicSharedBytes;
  json["instructions"] = entry.instructions;
  json["mix"] = entry.mix;
  return json;
}

Json jsonOf(const PtxDescription &description) {
  Json json = {{"file", description.file},
               {"version", description.version},
               {"target", description.target},
               {"entries", Json::array()},
               {"functions", description.functions}};
  for (const PtxEntry &entry : description.entries)
    json["entries"].push_back(jsonOf(entry));
  return json;
}

std::string dump(const Json &json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

/// Property to value. Kernels of one name have one path in both files; a kernel
/// that is alone in its file, always the same.
std::map<std::string, std::string>
propertiesOf(const PtxDescription &description, bool isAlone) {
  Json json = jsonOf(description);
  Json byName = {{"version", json["version"]}, {"target", json["target"]}};
  for (const std::string &function : description.functions)
    byName[function]["function"] = true;
  for (Json &entry : json["entries"])
    byName[isAlone ? "kernel" : entry["name"].get<std::string>()] = entry;
  Json flat = byName.flatten();
  std::map<std::string, std::string> properties;
  for (const auto &[path, value] : flat.items())
    properties[path.substr(1)] = dump(value, -1);
  return properties;
}
} // namespace

std::string formatText(const PtxDescription &description) {
  std::string text = description.file + ": PTX " + description.version +
                     " for " + description.target + "\n";
  for (const PtxEntry &entry : description.entries) {
    text += entry.name + (entry.visible ? "" : " (not .visible)") + ": " +
            blockText(entry) + ", " + sharedText(entry) + "\n";
    for (size_t i = 0; i < entry.parameters.size(); ++i) {
      const PtxParameter &parameter = entry.parameters[i];
      text += "  parameter " + std::to_string(i) + ": " + parameter.type + " " +
              parameter.name +
              (parameter.scratch ? " (scratch of Triton)"
               : parameter.read  ? ""
                                 : " (never read)") +
              "\n";
    }
    text += "  " + std::to_string(entry.instructions) +
            " instructions:" + mixText(entry) + "\n";
  }
  for (const std::string &function : description.functions)
    text += "function " + function + "\n";
  return text;
}

std::string formatJson(const std::vector<PtxDescription> &descriptions) {
  Json json = {{"format", "headgate.ptx-info"},
               {"version", 1},
               {"files", Json::array()}};
  for (const PtxDescription &description : descriptions)
    json["files"].push_back(jsonOf(description));
  return dump(json, 2) + "\n";
}

std::string formatDifferences(const PtxDescription &before,
                              const PtxDescription &after) {
  bool areAlone = before.entries.size() == 1 && after.entries.size() == 1;
  std::map<std::string, std::string> old = propertiesOf(before, areAlone);
  std::map<std::string, std::string> now = propertiesOf(after, areAlone);
  std::set<std::string> paths;
  for (const auto *properties : {&old, &now})
    for (const auto &[path, value] : *properties)
      paths.insert(path);
  std::string text;
  for (const std::string &path : paths) {
    auto was = old.find(path), is = now.find(path);
    std::string from = was == old.end() ? "none" : was->second;
    std::string to = is == now.end() ? "none" : is->second;
    if (from != to)
      text += path + ": " + from + " -> " + to + "\n";
  }
  return text;
}

} // namespace headgate
