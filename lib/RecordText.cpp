// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/RecordText.h"

#include "lib/JsonNumber.h"
#include "lib/JsonReader.h"
#include "lib/ScheduleText.h"
#include "lib/Sha256.h"

#include <nlohmann/json.hpp>

#include <array>
#include <cmath>
#include <ctime>
#include <limits>

namespace headgate {

namespace {

using Json = nlohmann::ordered_json;
using Kind = TuningRecord::Kind;
constexpr int64_t most = std::numeric_limits<int64_t>::max();

constexpr std::array<std::string_view, 5> kinds = {"start", "trial", "baseline",
                                                   "final", "session"};
constexpr std::array<std::string_view, 6> results = {
    "correct", "compile", "runtime", "timeout", "correctness", "constraints"};

/// Texts of compilers and drivers may be no UTF-8.
template <typename J> std::string dump(const J &json) {
  return json.dump(-1, ' ', false, J::error_handler_t::replace);
}

//===-- printing ---------------------------------------------------------===//

/// Whole numbers without a point.
Json toJson(double value) {
  if (std::abs(value) < 1e15 && value == std::floor(value))
    return static_cast<int64_t>(value);
  return numberToJson(value);
}

void set(Json &json, const char *key, const std::string &text) {
  if (!text.empty())
    json[key] = text;
}
void set(Json &json, const char *key, std::optional<double> value) {
  if (value)
    json[key] = toJson(*value);
}
void set(Json &json, const char *key, std::optional<int64_t> value) {
  if (value)
    json[key] = *value;
}

Json keyToJson(const TuningKey &key) {
  Json json = {{"ir", key.ir}, {"kernel", key.kernel}};
  json["problem"] = Json::parse(printProblem(key.problem));
  json["dims"] = Json::object();
  for (auto &[dim, extent] : key.dims)
    json["dims"][dim] = extent;
  set(json, "routing", key.routing);
  json["target"] = key.target;
  json["schedule"] = Json::parse(printSchedule(key.schedule));
  set(json, "device", key.device);
  if (key.units)
    json["units"] = key.units;
  json["tools"] = Json::object();
  for (auto &[tool, version] : key.tools)
    set(json["tools"], tool.c_str(), version);
  json["policy"] = key.policy;
  return json;
}

void addMeasurement(Json &json, const TuningRecord &record) {
  set(json, "predictedNs", record.predictedNs);
  if (record.error)
    json["error"] = {{"maxAbs", toJson(record.error->maxAbs)},
                     {"tolerance", toJson(record.error->tolerance)}};
  if (record.timeNs)
    json["timeNs"] = {{"median", toJson(record.timeNs->median)},
                      {"p20", toJson(record.timeNs->p20)},
                      {"p80", toJson(record.timeNs->p80)},
                      {"n", record.timeNs->n}};
  set(json, "baselineNs", record.baselineNs);
  if (record.ratio)
    json["ratio"] = {{"value", toJson(record.ratio->value)},
                     {"low", toJson(record.ratio->low)},
                     {"high", toJson(record.ratio->high)}};
  if (record.drifted)
    json["drifted"] = true;
}

//===-- reading ----------------------------------------------------------===//

void readText(const JsonValue &object, const char *key, std::string &text) {
  if (JsonValue value = object[key])
    text = value.string();
}

double readPositive(JsonValue value) {
  double number = value.number();
  if (!(number > 0 && std::isfinite(number)))
    value.failNeeding("a number above 0");
  return number;
}
void readPositive(const JsonValue &object, const char *key,
                  std::optional<double> &number) {
  if (JsonValue value = object[key])
    number = readPositive(value);
}
void readCount(const JsonValue &object, const char *key,
               std::optional<int64_t> &number) {
  if (JsonValue value = object[key])
    number = value.integer(0, most);
}

template <typename Enum, size_t size>
Enum readWord(JsonValue value, const std::array<std::string_view, size> &words,
              const char *what) {
  std::string text = value.string();
  for (size_t i = 0; i < size; ++i)
    if (words[i] == text)
      return Enum(i);
  value.failNeeding(what);
  return Enum(0);
}

/// A part that has a reader of its own.
template <typename T>
T readPart(JsonValue value, Result<T> (*parse)(std::string_view)) {
  std::string text = value.objectText();
  Result<T> part = parse(text);
  if (part)
    return *std::move(part);
  value.fail(part.error().message());
  return {};
}

TuningKey readKey(JsonValue value) {
  value.expectKeys({"ir", "kernel", "problem", "dims", "target", "schedule",
                    "tools", "policy"},
                   {"routing", "device", "units"});
  TuningKey key;
  key.ir = value["ir"].string();
  key.kernel = value["kernel"].string();
  key.problem = readPart<Problem>(value["problem"], parseProblem);
  for (auto &[dim, extent] : value["dims"].members())
    key.dims[dim] = extent.integer(0, most);
  readText(value, "routing", key.routing);
  key.target = value["target"].string();
  key.schedule = readPart<Schedule>(value["schedule"], parseSchedule);
  readText(value, "device", key.device);
  if (JsonValue units = value["units"])
    key.units = units.integer(1, most);
  for (auto &[tool, version] : value["tools"].members())
    key.tools[tool] = version.string();
  key.policy = value["policy"].integer(1, most);
  return key;
}

TuningTimes readTimes(JsonValue value) {
  value.expectKeys({"median", "p20", "p80", "n"});
  return {readPositive(value["median"]), readPositive(value["p20"]),
          readPositive(value["p80"]), value["n"].integer(1, most)};
}

TuningRatio readRatio(JsonValue value) {
  value.expectKeys({"value", "low", "high"});
  return {readPositive(value["value"]), readPositive(value["low"]),
          readPositive(value["high"])};
}

TuningError readError(JsonValue value) {
  value.expectKeys({"maxAbs", "tolerance"});
  return {readNumber(value["maxAbs"]), readNumber(value["tolerance"])};
}

void readMeasurement(const JsonValue &root, TuningRecord &record) {
  if (JsonValue compileMs = root["compileMs"])
    record.compileMs = readNumber(compileMs);
  readCount(root, "registers", record.resources.registers);
  readCount(root, "spillBytes", record.resources.spillBytes);
  readCount(root, "sharedBytes", record.resources.sharedBytes);
  readCount(root, "stackBytes", record.resources.stackBytes);
  if (JsonValue counters = root["counters"])
    for (auto &[counter, value] : counters.members())
      record.counters[counter] = readNumber(value);
  if (JsonValue dims = root["countedAt"])
    for (auto &[dim, extent] : dims.members())
      record.countedAt[dim] = extent.integer(0, most);
  readPositive(root, "predictedNs", record.predictedNs);
  if (JsonValue error = root["error"])
    record.error = readError(error);
  if (JsonValue times = root["timeNs"])
    record.timeNs = readTimes(times);
  readPositive(root, "baselineNs", record.baselineNs);
  if (JsonValue ratio = root["ratio"])
    record.ratio = readRatio(ratio);
  if (JsonValue drifted = root["drifted"])
    record.drifted = drifted.boolean();
}

/// Digits where the pattern has a 0, and what it has elsewhere.
std::string readWhen(JsonValue value) {
  constexpr std::string_view pattern = "0000-00-00T00:00:00Z";
  std::string text = value.string();
  bool fits = text.size() == pattern.size();
  for (size_t i = 0; fits && i < text.size(); ++i)
    fits = pattern[i] == '0' ? text[i] >= '0' && text[i] <= '9'
                             : text[i] == pattern[i];
  if (!fits)
    value.failNeeding("a time such as \"2026-11-23T22:40:00Z\"");
  return text;
}

/// What records of a kind must have, and must not.
void checkKind(JsonValue root, const TuningRecord &record) {
  bool isSession = record.kind == Kind::session;
  bool hasResult = record.kind == Kind::trial || record.kind == Kind::final;
  auto demand = [&](const char *key, bool needed) {
    if (bool(root[key]) != needed)
      root.fail(std::string("a ") + std::string(name(record.kind)) +
                (needed ? " has a key '" : " has no key '") + key + "'");
  };
  demand("key", !isSession);
  if (isSession)
    demand("id", false);
  demand("result", hasResult);
  if (!hasResult && record.kind != Kind::baseline)
    demand("timeNs", false);
  if (record.kind == Kind::baseline || record.kind == Kind::final)
    demand("timeNs", record.result == TuningResult::correct);
  if (hasResult && record.result != TuningResult::correct)
    demand("timeNs", false);
}

void readRoot(JsonValue root, TuningRecord &record) {
  root.expectKeys({"record", "kind", "session", "when"},
                  {"id",          "key",         "result",     "why",
                   "reproducer",  "compileMs",   "registers",  "spillBytes",
                   "sharedBytes", "stackBytes",  "counters",   "predictedNs",
                   "error",       "timeNs",      "baselineNs", "ratio",
                   "drifted",     "environment", "command",    "seed",
                   "countedAt"});
  record.kind = readWord<Kind>(
      root["kind"], kinds,
      "\"start\", \"trial\", \"baseline\", \"final\" or \"session\"");
  if (JsonValue key = root["key"])
    record.key = readKey(key);
  if (JsonValue result = root["result"])
    record.result = readWord<TuningResult>(
        result, results,
        "\"correct\", \"compile\", \"runtime\", \"timeout\", \"correctness\" "
        "or \"constraints\"");
  readText(root, "why", record.why);
  readText(root, "reproducer", record.reproducer);
  readMeasurement(root, record);
  if (JsonValue environment = root["environment"])
    for (auto &[fact, value] : environment.members()) {
      if (value.isString())
        record.environment[fact] = value.string();
      else
        record.environment[fact] = readNumber(value);
    }
  readText(root, "command", record.command);
  if (JsonValue seed = root["seed"])
    record.seed = seed.integer(0, most);
  record.session = root["session"].string();
  record.when = readWhen(root["when"]);
  checkKind(root, record);
}

} // namespace

std::string_view name(Kind kind) { return kinds[static_cast<size_t>(kind)]; }
std::string_view name(TuningResult result) {
  return results[static_cast<size_t>(result)];
}

std::string formatWhen(int64_t secondsSinceEpoch) {
  auto seconds = static_cast<time_t>(secondsSinceEpoch);
  tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  size_t size =
      strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), size};
}

std::string keyText(const TuningKey &key) {
  // nlohmann::json keeps its keys sorted, at every depth.
  return dump(nlohmann::json(keyToJson(key)));
}

std::string recordId(const TuningKey &key) { return sha256Hex(keyText(key)); }

std::string printRecord(const TuningRecord &record) {
  Json json = {{"record", TuningRecord::version}, {"kind", name(record.kind)}};
  if (record.kind != Kind::session) {
    json["id"] = recordId(record.key);
    json["key"] = keyToJson(record.key);
  }
  if (record.kind == Kind::trial || record.kind == Kind::final)
    json["result"] = name(record.result);
  set(json, "why", record.why);
  set(json, "reproducer", record.reproducer);
  set(json, "compileMs", record.compileMs);
  set(json, "registers", record.resources.registers);
  set(json, "spillBytes", record.resources.spillBytes);
  set(json, "sharedBytes", record.resources.sharedBytes);
  set(json, "stackBytes", record.resources.stackBytes);
  for (auto &[counter, value] : record.counters)
    json["counters"][counter] = toJson(value);
  for (auto &[dim, extent] : record.countedAt)
    json["countedAt"][dim] = extent;
  addMeasurement(json, record);
  set(json, "command", record.command);
  set(json, "seed", record.seed);
  for (auto &[fact, value] : record.environment)
    if (const auto *number = std::get_if<double>(&value))
      set(json["environment"], fact.c_str(), std::optional(*number));
    else
      set(json["environment"], fact.c_str(), std::get<std::string>(value));
  json["session"] = record.session;
  json["when"] = record.when;
  return dump(json);
}

Result<TuningRecord> parseRecord(std::string_view line) {
  Result<JsonReader> reader = JsonReader::parse(line);
  if (!reader)
    return std::move(reader).error();
  JsonValue root = reader->root();
  int64_t version = root["record"].integer(1, most);
  if (reader->error())
    return *reader->error();
  if (version != TuningRecord::version)
    return Error(ErrorCode::unsupported,
                 "record version " + std::to_string(version) +
                     "; this headgate reads version " +
                     std::to_string(TuningRecord::version));
  TuningRecord record;
  readRoot(root, record);
  if (!reader->error())
    if (JsonValue id = root["id"]; id && id.string() != recordId(record.key))
      id.fail("it is not the SHA-256 of the key");
  if (reader->error())
    return *reader->error();
  return record;
}

} // namespace headgate
