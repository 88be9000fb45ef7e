// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/PlanReport.h"

#include "lib/Spelling.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

namespace headgate {

using Json = nlohmann::ordered_json;

namespace {

/// Targets in the order of the images.
std::vector<std::string> targetsOf(const Plan &plan) {
  std::vector<std::string> targets;
  for (const PlanImage &image : plan.images)
    if (std::ranges::find(targets, image.target) == targets.end())
      targets.push_back(image.target);
  return targets;
}

/// Bytes of all files of an image.
int64_t fileBytes(const PlanImage &image) {
  int64_t bytes = 0;
  for (const PlanForm &form : image.forms)
    bytes += form.bytes;
  return bytes;
}

Status checkNames(const Plan &plan, const NamedDims &sizes) {
  std::vector<std::string> known;
  for (const PlanEntry &entry : plan.entries)
    for (const auto &[name, range] : entry.dims)
      if (std::ranges::find(known, name) == known.end())
        known.push_back(name);
  for (const auto &[name, value] : sizes)
    if (std::ranges::find(known, name) == known.end())
      return Error(ErrorCode::badInput,
                   "no entry has a dim '" + name + "'; there are " +
                       (known.empty() ? "none" : listNames(known)) +
                       didYouMean(name, known));
  return Success{};
}

/// The arena with every dim but B doubled, over the arena.
std::optional<double> growthOf(const Plan &plan, const SizedReport &report) {
  NamedDims doubled = report.dims;
  bool grows = false;
  for (auto &[name, value] : doubled)
    if (name != "B") {
      value *= 2;
      grows = grows || value > 0;
    }
  Result<std::vector<int64_t>> dims = dimsOf(*report.entry, doubled);
  if (!dims || !grows || report.call.arenaBytes == 0)
    return std::nullopt;
  Result<SizedCall> call = sizeCall(plan, *report.entry, report.target, *dims);
  if (!call)
    return std::nullopt;
  return double(call->arenaBytes) / double(report.call.arenaBytes);
}

Result<SizedReport> reportCall(const Plan &plan, const PlanEntry &entry,
                               const std::string &target,
                               std::span<const int64_t> dims) {
  SizedReport report;
  report.entry = &entry;
  report.target = target;
  for (size_t i = 0; i < dims.size(); ++i)
    report.dims.emplace_back(entry.dims[i].first, dims[i]);
  Result<SizedCall> call = sizeCall(plan, entry, target, dims);
  if (!call)
    return std::move(call).error();
  report.call = std::move(*call);
  report.growth = growthOf(plan, report);
  return report;
}

} // namespace

Result<PlanReport> reportPlan(const Plan &plan,
                              std::span<const NamedDims> sizes) {
  PlanReport report;
  report.plan = &plan;
  for (const NamedDims &named : sizes) {
    if (Status known = checkNames(plan, named); !known)
      return std::move(known).error();
    for (const PlanEntry &entry : plan.entries) {
      Result<std::vector<int64_t>> dims = dimsOf(entry, named);
      if (!dims)
        return std::move(dims).error();
      for (const std::string &target : targetsOf(plan)) {
        Result<SizedReport> call = reportCall(plan, entry, target, *dims);
        if (!call)
          return std::move(call).error();
        report.calls.push_back(std::move(*call));
      }
    }
  }
  return report;
}

//===-- text -------------------------------------------------------------===//

namespace {

template <typename... Values>
std::string print(const char *format, Values... values) {
  char text[160];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

/// What a kernel's problem says: its kind, the ops it fuses, the rest as JSON.
std::string problemText(const PlanKernel &kernel) {
  Json problem = Json::parse(kernel.problem, nullptr, false);
  std::string text;
  if (problem.contains("op") && problem["op"].is_string())
    text = problem["op"].get<std::string>();
  problem.erase("op");
  Json ops = problem.value("ops", Json::array());
  problem.erase("ops");
  if (!problem.empty())
    text += " " + problem.dump();
  for (size_t i = 0; i < ops.size(); ++i)
    text += (i ? ", " : "\n    of ") + ops[i].get<std::string>();
  return text;
}

std::string gridText(const std::array<SizeText, 3> &grid) {
  return "[" + grid[0] + ", " + grid[1] + ", " + grid[2] + "]";
}

/// The cubin of a launch, for what ptxas said of it; null where there is none.
const PlanForm *cubinOf(const Plan &plan, const PlanVariant &variant,
                        const PlanLaunch &launch) {
  const std::string &id = launch.image.empty() ? variant.image : launch.image;
  for (const PlanImage &image : plan.images)
    for (const PlanForm &form : image.forms)
      if (image.id == id && form.kind == "cubin")
        return &form;
  return nullptr;
}

/// What a GPU's block takes; "" on the host.
std::string blockText(const PlanLaunch &launch, const PlanForm *cubin) {
  std::string text;
  if (launch.block != 1)
    text += print(", %lld threads", (long long)launch.block);
  if (launch.sharedBytes)
    text += ", shared " + formatBytes(launch.sharedBytes);
  if (cubin && cubin->registers)
    text += print(", %lld registers", (long long)*cubin->registers);
  if (cubin && cubin->spillBytes)
    text += print(", %lld bytes spilled", (long long)*cubin->spillBytes);
  return text;
}

std::string kernelText(const Plan &plan, const PlanKernel &kernel) {
  std::string text = "  " + kernel.name + ": " + problemText(kernel) + "\n";
  for (const PlanVariant &variant : kernel.variants) {
    text += "    " + variant.id + " in " + variant.image;
    if (variant.when != "1")
      text += ", if " + variant.when;
    if (variant.schedule != "{}")
      text += ", schedule " + variant.schedule;
    if (variant.workspaceBytes != "0")
      text += ", workspace " + variant.workspaceBytes + " bytes";
    text += "\n";
    for (const PlanLaunch &launch : variant.launches) {
      text += "      " + launch.symbol + ": grid " + gridText(launch.grid);
      if (launch.scratchBytes != "0")
        text += ", scratch " + launch.scratchBytes + " bytes a thread";
      text += blockText(launch, cubinOf(plan, variant, launch)) + "\n";
    }
  }
  return text;
}

std::string entryText(const PlanEntry &entry) {
  std::string text = "entry " + entry.name + "\n";
  for (size_t i = 0; i < entry.steps.size(); ++i)
    text += "  step " + std::to_string(i) + ": " + entry.steps[i].kernel + "\n";
  for (const PlanTemporary &temporary : entry.temporaries)
    text += "  " + temporary.name + ": " + temporary.bytes +
            " bytes, live in steps " + std::to_string(temporary.live[0]) +
            " to " + std::to_string(temporary.live[1]) + "\n";
  return text;
}

std::string callText(const SizedReport &report) {
  const SizedCall &call = report.call;
  std::string text = "entry " + report.entry->name;
  if (!report.dims.empty())
    text += " at " + formatDims(report.dims);
  text += " on " + report.target + "\n  arena " + formatBytes(call.arenaBytes) +
          ": at most " + formatBytes(call.liveBytes) + " live, in step " +
          std::to_string(call.liveStep);
  if (report.growth)
    text += print("; %.2f times as much where all dims but B double",
                  *report.growth);
  text += "\n  scratch " + formatBytes(call.scratchBytes) + " a thread\n";
  for (const ArenaItem &item : call.memory)
    text += "  " + item.name + ": " + formatBytes(item.bytes) + "\n";
  for (size_t i = 0; i < call.steps.size(); ++i) {
    const SizedStep &step = call.steps[i];
    text += "  step " + std::to_string(i) + ": " + step.variant->id + ", " +
            formatBytes(step.tensorBytes) + " of tensors\n";
    for (const SizedLaunch &launch : step.launches) {
      text += print("    %s: grid [%lld, %lld, %lld]",
                    launch.launch->symbol.c_str(), (long long)launch.grid[0],
                    (long long)launch.grid[1], (long long)launch.grid[2]);
      if (launch.scratchBytes > 0)
        text += ", scratch " + formatBytes(launch.scratchBytes) + " a thread";
      text += "\n";
    }
  }
  return text;
}

} // namespace

std::string formatText(const PlanReport &report) {
  std::string text = "images\n";
  for (const PlanImage &image : report.plan->images)
    text += "  " + image.id + " for " + image.target + ": " +
            formatBytes(fileBytes(image)) + "\n";
  text += "kernels\n";
  for (const PlanKernel &kernel : report.plan->kernels)
    text += kernelText(*report.plan, kernel);
  for (const PlanEntry &entry : report.plan->entries)
    text += entryText(entry);
  for (const SizedReport &call : report.calls)
    text += callText(call);
  return text;
}

//===-- JSON -------------------------------------------------------------===//

namespace {

Json launchJson(const PlanLaunch &launch, const PlanForm *cubin) {
  Json json = {{"symbol", launch.symbol},
               {"grid", launch.grid},
               {"scratchBytes", launch.scratchBytes}};
  if (launch.block != 1)
    json.update({{"block", launch.block}, {"sharedBytes", launch.sharedBytes}});
  if (cubin && cubin->registers)
    json["registers"] = *cubin->registers;
  if (cubin && cubin->spillBytes)
    json["spillBytes"] = *cubin->spillBytes;
  return json;
}

Json variantJson(const Plan &plan, const PlanVariant &variant) {
  Json json = {{"id", variant.id},
               {"image", variant.image},
               {"schedule", Json::parse(variant.schedule, nullptr, false)},
               {"when", variant.when},
               {"workspaceBytes", variant.workspaceBytes}};
  for (const PlanLaunch &launch : variant.launches)
    json["launches"].push_back(
        launchJson(launch, cubinOf(plan, variant, launch)));
  return json;
}

Json entryJson(const PlanEntry &entry) {
  Json json = {{"name", entry.name},
               {"steps", Json::array()},
               {"temporaries", Json::array()}};
  for (const PlanStep &step : entry.steps)
    json["steps"].push_back(step.kernel);
  for (const PlanTemporary &temporary : entry.temporaries)
    json["temporaries"].push_back({{"name", temporary.name},
                                   {"bytes", temporary.bytes},
                                   {"live", temporary.live}});
  return json;
}

Json stepJson(const SizedStep &step) {
  Json json = {{"kernel", step.kernel->name},
               {"variant", step.variant->id},
               {"tensorBytes", step.tensorBytes},
               {"workspaceBytes", step.workspaceBytes}};
  for (const SizedLaunch &launch : step.launches)
    json["launches"].push_back({{"symbol", launch.launch->symbol},
                                {"grid", launch.grid},
                                {"scratchBytes", launch.scratchBytes}});
  return json;
}

Json callJson(const SizedReport &report) {
  const SizedCall &call = report.call;
  Json json = {{"entry", report.entry->name}, {"dims", Json::object()}};
  for (const auto &[name, value] : report.dims)
    json["dims"][name] = value;
  json.update({{"target", report.target},
               {"arenaBytes", call.arenaBytes},
               {"liveBytes", call.liveBytes},
               {"liveStep", call.liveStep},
               {"scratchBytes", call.scratchBytes}});
  if (report.growth)
    json["growth"] = *report.growth;
  json["memory"] = Json::array();
  for (const ArenaItem &item : call.memory)
    json["memory"].push_back({{"name", item.name},
                              {"bytes", item.bytes},
                              {"live", {item.first, item.last}}});
  json["steps"] = Json::array();
  for (const SizedStep &step : call.steps)
    json["steps"].push_back(stepJson(step));
  return json;
}

} // namespace

std::string formatJson(const PlanReport &report) {
  Json json = {{"images", Json::array()},
               {"kernels", Json::array()},
               {"entries", Json::array()},
               {"calls", Json::array()}};
  for (const PlanImage &image : report.plan->images)
    json["images"].push_back({{"id", image.id},
                              {"target", image.target},
                              {"bytes", fileBytes(image)}});
  for (const PlanKernel &kernel : report.plan->kernels) {
    Json value = {{"name", kernel.name},
                  {"problem", Json::parse(kernel.problem, nullptr, false)}};
    for (const PlanVariant &variant : kernel.variants)
      value["variants"].push_back(variantJson(*report.plan, variant));
    json["kernels"].push_back(std::move(value));
  }
  for (const PlanEntry &entry : report.plan->entries)
    json["entries"].push_back(entryJson(entry));
  for (const SizedReport &call : report.calls)
    json["calls"].push_back(callJson(call));
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace headgate
