// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/ScheduleText.h"

#include "lib/JsonReader.h"

#include <limits>
#include <nlohmann/json.hpp>

namespace headgate {

namespace {

using Json = nlohmann::ordered_json;
constexpr int64_t most = std::numeric_limits<int64_t>::max();

template <typename T>
void setUnless(Json &json, const char *key, const T &value, const T &absent) {
  if (value != absent)
    json[key] = value;
}

template <typename T>
void readNumber(const JsonValue &object, const char *key, T &value,
                int64_t low) {
  if (JsonValue number = object[key])
    value = number.integer(low, most);
}
void readFlag(const JsonValue &object, const char *key, bool &value) {
  if (JsonValue flag = object[key])
    value = flag.boolean();
}
void readDType(const JsonValue &object, const char *key, DType &value) {
  JsonValue text = object[key];
  if (!text)
    return;
  if (std::optional<DType> type = parseDType(text.string()))
    value = *type;
  else
    text.failNeeding("an element type");
}

std::string text(DType type) { return std::string(name(type)); }

//===-- problems ---------------------------------------------------------===//

Json toJson(const AttendProblem &problem) {
  Json json = {{"op", "attend"},         {"dtype", text(problem.dtype)},
               {"D", problem.D},         {"Dv", problem.Dv},
               {"heads", problem.heads}, {"keyHeads", problem.keyHeads}};
  const AttendProblem absent;
  setUnless(json, "mergeable", problem.mergeable, absent.mergeable);
  setUnless(json, "adjacent", problem.adjacent, absent.adjacent);
  setUnless(json, "gathered", problem.gathered, absent.gathered);
  setUnless(json, "causal", problem.causal, absent.causal);
  setUnless(json, "window", problem.window, absent.window);
  setUnless(json, "mask", problem.mask, absent.mask);
  setUnless(json, "score", problem.score, absent.score);
  setUnless(json, "bounds", problem.bounds, absent.bounds);
  setUnless(json, "lse", problem.lse, absent.lse);
  return json;
}

Json toJson(const GemmProblem &problem) {
  Json json = {{"op", "gemm"},
               {"dtype", text(problem.dtype)},
               {"result", text(problem.result)},
               {"inner", problem.inner},
               {"cols", problem.cols}};
  const GemmProblem absent;
  setUnless(json, "transposed", problem.transposed, absent.transposed);
  setUnless(json, "bias", problem.bias, absent.bias);
  return json;
}

Problem readAttend(JsonValue value) {
  value.expectKeys({"op", "dtype", "D", "Dv", "heads", "keyHeads"},
                   {"mergeable", "adjacent", "gathered", "causal", "window",
                    "mask", "score", "bounds", "lse"});
  AttendProblem problem;
  readDType(value, "dtype", problem.dtype);
  readNumber(value, "D", problem.D, 1);
  readNumber(value, "Dv", problem.Dv, 1);
  readNumber(value, "heads", problem.heads, 1);
  readNumber(value, "keyHeads", problem.keyHeads, 1);
  readFlag(value, "mergeable", problem.mergeable);
  readFlag(value, "adjacent", problem.adjacent);
  readFlag(value, "gathered", problem.gathered);
  readFlag(value, "causal", problem.causal);
  readNumber(value, "window", problem.window, 0);
  readFlag(value, "mask", problem.mask);
  readFlag(value, "score", problem.score);
  readFlag(value, "bounds", problem.bounds);
  readFlag(value, "lse", problem.lse);
  return problem;
}

Problem readGemm(JsonValue value) {
  value.expectKeys({"op", "dtype", "result", "inner", "cols"},
                   {"transposed", "bias"});
  GemmProblem problem;
  readDType(value, "dtype", problem.dtype);
  readDType(value, "result", problem.result);
  readNumber(value, "inner", problem.inner, 1);
  readNumber(value, "cols", problem.cols, 1);
  readFlag(value, "transposed", problem.transposed);
  readFlag(value, "bias", problem.bias);
  return problem;
}

Problem readProblem(JsonValue value) {
  JsonValue op = value["op"];
  std::string kind = op ? op.string() : "";
  if (kind == "gemm")
    return readGemm(value);
  if (kind != "attend" && op)
    op.failNeeding("\"attend\" or \"gemm\"");
  return readAttend(value);
}

//===-- schedules --------------------------------------------------------===//

Schedule readSchedule(JsonValue value) {
  value.expectKeys({"rows"},
                   {"keys", "cols", "depth", "splits", "merge", "across",
                    "groups", "warps", "stages", "overlap", "turns", "order"});
  Schedule schedule;
  readNumber(value, "rows", schedule.rows, 1);
  readNumber(value, "keys", schedule.keys, 0);
  readNumber(value, "cols", schedule.cols, 0);
  readNumber(value, "depth", schedule.depth, 0);
  readNumber(value, "splits", schedule.splits, 1);
  readFlag(value, "merge", schedule.merge);
  readFlag(value, "across", schedule.across);
  readNumber(value, "groups", schedule.groups, 1);
  readNumber(value, "warps", schedule.warps, 1);
  readNumber(value, "stages", schedule.stages, 0);
  readFlag(value, "overlap", schedule.overlap);
  readFlag(value, "turns", schedule.turns);
  if (JsonValue order = value["order"]) {
    std::string word = order.string();
    if (word == "rows")
      schedule.order = Schedule::Order::rows;
    else if (word != "cols")
      order.failNeeding("\"rows\" or \"cols\"");
  }
  return schedule;
}

} // namespace

std::string printProblem(const Problem &problem) {
  return std::visit([](const auto &p) { return toJson(p); }, problem).dump();
}

Result<Problem> parseProblem(std::string_view text) {
  return readJson<Problem>(text, readProblem);
}

std::string printSchedule(const Schedule &schedule) {
  const Schedule absent;
  Json json = {{"rows", schedule.rows}};
  setUnless(json, "keys", schedule.keys, absent.keys);
  setUnless(json, "cols", schedule.cols, absent.cols);
  setUnless(json, "depth", schedule.depth, absent.depth);
  setUnless(json, "splits", schedule.splits, absent.splits);
  setUnless(json, "merge", schedule.merge, absent.merge);
  setUnless(json, "across", schedule.across, absent.across);
  setUnless(json, "groups", schedule.groups, absent.groups);
  setUnless(json, "warps", schedule.warps, absent.warps);
  setUnless(json, "stages", schedule.stages, absent.stages);
  setUnless(json, "overlap", schedule.overlap, absent.overlap);
  setUnless(json, "turns", schedule.turns, absent.turns);
  if (schedule.order == Schedule::Order::rows)
    json["order"] = "rows";
  return json.dump();
}

Result<Schedule> parseSchedule(std::string_view text) {
  return readJson<Schedule>(text, readSchedule);
}

} // namespace headgate
