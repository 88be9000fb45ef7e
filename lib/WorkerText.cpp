// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/WorkerText.h"

#include "lib/JsonNumber.h"
#include "lib/JsonReader.h"
#include "lib/RecordText.h"

#include <limits>
#include <nlohmann/json.hpp>

namespace headgate {

namespace {

using Json = nlohmann::ordered_json;
constexpr int64_t most = std::numeric_limits<int64_t>::max();

/// Of a request: the default variant.
constexpr const char *anyVariant = "*";

Json dimsJson(const NamedDims &dims) {
  Json json = Json::object();
  for (const auto &[name, value] : dims)
    json[name] = value;
  return json;
}

NamedDims readDims(JsonValue value) {
  NamedDims dims;
  for (auto &[name, number] : value.members())
    dims.push_back({name, number.integer(0, most)});
  return dims;
}

/// "" is left out: strings are never empty in our JSON.
void setText(Json &json, const char *key, const std::string &text) {
  if (!text.empty())
    json[key] = text;
}

std::optional<TuningResult> parseResult(std::string_view word) {
  for (TuningResult result :
       {TuningResult::correct, TuningResult::compile, TuningResult::runtime,
        TuningResult::timeout, TuningResult::correctness,
        TuningResult::constraints})
    if (name(result) == word)
      return result;
  return std::nullopt;
}

std::string readText(JsonValue value) { return value ? value.string() : ""; }

//===-- the parts --------------------------------------------------------===//

WorkerDevice readDevice(JsonValue root) {
  root.expectKeys({"uri", "name", "target", "units", "features"});
  return {root["uri"].string(), root["name"].string(), root["target"].string(),
          root["units"].integer(1, most), root["features"].strings()};
}

Json checkJson(const WorkerCheck &check) {
  Json json = {{"dims", dimsJson(check.dims)}, {"oracle", check.oracle}};
  if (check.onHost)
    json["onHost"] = true;
  if (check.lastRows)
    json["lastRows"] = check.lastRows;
  return json;
}

WorkerCheck readCheck(JsonValue value) {
  value.expectKeys({"dims", "oracle"}, {"onHost", "lastRows"});
  WorkerCheck check{readDims(value["dims"]), value["oracle"].string()};
  if (JsonValue onHost = value["onHost"])
    check.onHost = onHost.boolean();
  if (JsonValue rows = value["lastRows"])
    check.lastRows = rows.integer(1, most);
  return check;
}

Json policyJson(const TimingPolicy &policy) {
  return {{"warmupMs", policy.warmupMs}, {"samples", policy.samples},
          {"minMs", policy.minMs},       {"maxMs", policy.maxMs},
          {"cold", policy.cold},         {"giveUpNs", policy.giveUpNs}};
}

TimingPolicy readPolicy(JsonValue value) {
  value.expectKeys(
      {}, {"warmupMs", "samples", "minMs", "maxMs", "cold", "giveUpNs"});
  TimingPolicy policy;
  for (auto [key, number] : {std::pair("warmupMs", &policy.warmupMs),
                             {"minMs", &policy.minMs},
                             {"maxMs", &policy.maxMs},
                             {"giveUpNs", &policy.giveUpNs}})
    if (JsonValue given = value[key])
      *number = given.number();
  if (JsonValue samples = value["samples"])
    policy.samples = samples.integer(1, 1 << 20);
  if (JsonValue cold = value["cold"])
    policy.cold = cold.boolean();
  return policy;
}

WorkerRequest readRequest(JsonValue root) {
  root.expectKeys({"id", "bundles", "dims"},
                  {"variants", "function", "kernel", "routing", "draws", "seed",
                   "checks", "policy", "counts"});
  WorkerRequest request;
  request.id = root["id"].integer(0, most);
  request.bundles = root["bundles"].strings();
  if (request.bundles.empty())
    root["bundles"].failNeeding("at least one");
  if (JsonValue variants = root["variants"]) {
    for (const std::string &variant : variants.strings())
      request.variants.push_back(variant == anyVariant ? "" : variant);
    if (request.variants.size() != request.bundles.size())
      variants.failNeeding("one for each bundle");
  }
  request.function = readText(root["function"]);
  request.kernel = readText(root["kernel"]);
  request.dims = readDims(root["dims"]);
  request.routing = readText(root["routing"]);
  if (JsonValue draws = root["draws"])
    for (auto &[input, draw] : draws.members())
      request.draws[input] = draw.string();
  if (JsonValue seed = root["seed"])
    request.seed = uint64_t(seed.integer(0, most));
  if (JsonValue checks = root["checks"])
    for (JsonValue check : checks.elements())
      request.checks.push_back(readCheck(check));
  if (JsonValue policy = root["policy"])
    request.policy = readPolicy(policy);
  if (JsonValue counts = root["counts"])
    request.counts = counts.boolean();
  return request;
}

WorkerReply readReply(JsonValue root) {
  root.expectKeys({"id", "result"},
                  {"why", "error", "variants", "samples", "counters"});
  WorkerReply reply;
  reply.id = root["id"].integer(0, most);
  JsonValue result = root["result"];
  if (std::optional<TuningResult> known = parseResult(result.string()))
    reply.result = *known;
  else
    result.failNeeding("a result");
  reply.why = readText(root["why"]);
  if (JsonValue error = root["error"]) {
    error.expectKeys({"maxAbs", "tolerance"});
    reply.error = {readNumber(error["maxAbs"]), readNumber(error["tolerance"])};
  }
  if (JsonValue variants = root["variants"])
    reply.variants = variants.strings();
  if (JsonValue samples = root["samples"])
    for (JsonValue ofBundle : samples.elements()) {
      std::vector<double> &added = reply.samples.emplace_back();
      for (JsonValue ns : ofBundle.elements())
        added.push_back(ns.number());
    }
  if (JsonValue counters = root["counters"])
    for (auto &[counter, value] : counters.members())
      reply.counters[counter] = value.number();
  return reply;
}

} // namespace

std::string printDevice(const WorkerDevice &device) {
  return Json({{"uri", device.uri},
               {"name", device.name},
               {"target", device.target},
               {"units", device.units},
               {"features", device.features}})
      .dump();
}
Result<WorkerDevice> parseDevice(std::string_view line) {
  return readJson<WorkerDevice>(line, readDevice);
}

std::string printRequest(const WorkerRequest &request) {
  Json json = {{"id", request.id}, {"bundles", request.bundles}};
  for (const std::string &variant : request.variants)
    json["variants"].push_back(variant.empty() ? anyVariant : variant);
  setText(json, "function", request.function);
  setText(json, "kernel", request.kernel);
  json["dims"] = dimsJson(request.dims);
  setText(json, "routing", request.routing);
  if (!request.draws.empty())
    json["draws"] = request.draws;
  json["seed"] = request.seed;
  json["checks"] = Json::array();
  for (const WorkerCheck &check : request.checks)
    json["checks"].push_back(checkJson(check));
  json["policy"] = policyJson(request.policy);
  if (request.counts)
    json["counts"] = true;
  return json.dump();
}
Result<WorkerRequest> parseRequest(std::string_view line) {
  return readJson<WorkerRequest>(line, readRequest);
}

std::string printReply(const WorkerReply &reply) {
  Json json = {{"id", reply.id}, {"result", name(reply.result)}};
  setText(json, "why", reply.why);
  if (reply.error)
    json["error"] = {{"maxAbs", numberToJson(reply.error->maxAbs)},
                     {"tolerance", numberToJson(reply.error->tolerance)}};
  if (!reply.variants.empty())
    json["variants"] = reply.variants;
  json["samples"] = reply.samples;
  if (!reply.counters.empty())
    json["counters"] = reply.counters;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}
Result<WorkerReply> parseReply(std::string_view line) {
  return readJson<WorkerReply>(line, readReply);
}

} // namespace headgate
