// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// export: trials in the formats of other programs. T4 is what tuners share
// (github.com/AutoTuningAssociation/autotuning_methodology, schemas/T4.json);
// CSV is RFC 4180.

#include "lib/JsonNumber.h"
#include "lib/RecordText.h"
#include "lib/ScheduleText.h"
#include "tools/tune/RecordCases.h"
#include "tools/tune/RecordCommands.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace headgate {

namespace {

using Json = nlohmann::ordered_json;
using Kind = TuningRecord::Kind;

/// Trials in the order of time.
std::vector<const StoredRecord *> trialsOf(const RecordIndex &index) {
  std::vector<const StoredRecord *> trials = index.all(Kind::trial);
  std::ranges::sort(trials, inTime);
  return trials;
}

//===-- T4 ---------------------------------------------------------------===//

void measure(Json &list, const char *what, double value, const char *unit) {
  if (std::isfinite(value)) // JSON has no other numbers
    list.push_back({{"name", what}, {"value", value}, {"unit", unit}});
}

Json measurementsOf(const TuningRecord &record) {
  Json list = Json::array();
  if (record.timeNs) {
    measure(list, "time", record.timeNs->median, "nanoseconds");
    measure(list, "time_p20", record.timeNs->p20, "nanoseconds");
    measure(list, "time_p80", record.timeNs->p80, "nanoseconds");
    measure(list, "samples", static_cast<double>(record.timeNs->n), "");
  }
  if (record.baselineNs)
    measure(list, "baseline", *record.baselineNs, "nanoseconds");
  if (record.predictedNs)
    measure(list, "predicted", *record.predictedNs, "nanoseconds");
  if (record.error) {
    measure(list, "error_max", record.error->maxAbs, "");
    measure(list, "error_tolerance", record.error->tolerance, "");
  }
  auto resource = [&](const char *what, std::optional<int64_t> value,
                      const char *unit) {
    if (value)
      measure(list, what, static_cast<double>(*value), unit);
  };
  resource("registers", record.resources.registers, "");
  resource("spills", record.resources.spillBytes, "bytes");
  resource("shared", record.resources.sharedBytes, "bytes");
  resource("stack", record.resources.stackBytes, "bytes");
  for (auto &[counter, value] : record.counters)
    measure(list, counter.c_str(), value, "");
  for (auto &[dim, extent] : record.countedAt)
    measure(list, ("counted_at_" + dim).c_str(), double(extent), "");
  return list;
}

/// The schedule with all of its knobs, and what was tuned, as T4 has no place
/// of its own for a problem.
Json configurationOf(const TuningKey &key) {
  const Schedule &s = key.schedule;
  Json json = {{"kernel", key.kernel}, {"target", key.target}};
  for (auto &[dim, extent] : key.dims)
    json["dim_" + dim] = extent;
  if (!key.routing.empty())
    json["routing"] = key.routing;
  json.update(
      Json{{"rows", s.rows},
           {"keys", s.keys},
           {"cols", s.cols},
           {"depth", s.depth},
           {"splits", s.splits},
           {"merge", s.merge},
           {"across", s.across},
           {"groups", s.groups},
           {"warps", s.warps},
           {"stages", s.stages},
           {"overlap", s.overlap},
           {"turns", s.turns},
           {"order", s.order == Schedule::Order::rows ? "rows" : "cols"}});
  return json;
}

Json resultOf(const TuningRecord &record) {
  constexpr double nsPerMs = 1e6;
  bool isCorrect = record.result == TuningResult::correct;
  Json times = {{"compilation_time", record.compileMs.value_or(0) * nsPerMs},
                {"runtimes", Json::array()}};
  if (record.timeNs)
    times["runtimes"].push_back(record.timeNs->median);
  Json json = {{"timestamp", record.when},
               {"configuration", configurationOf(record.key)},
               {"objectives", Json::array({"time"})},
               {"times", std::move(times)},
               {"invalidity", name(record.result)},
               {"correctness", isCorrect ? 1 : 0},
               {"measurements", measurementsOf(record)}};
  return json;
}

std::string toT4(const std::vector<const StoredRecord *> &trials) {
  Json metadata = {{"autotuner", "headgate-tune"}, {"timeunit", "nanoseconds"}};
  Json results = Json::array();
  for (const StoredRecord *stored : trials)
    results.push_back(resultOf(stored->record));
  if (!trials.empty()) {
    const TuningKey &key = trials.front()->record.key;
    if (!key.target.starts_with("host")) // T4 has no word for a CPU
      metadata["compute_api"] = "CUDA";
    if (!key.device.empty())
      metadata["device"] = key.device;
    if (auto version = key.tools.find("headgate"); version != key.tools.end())
      metadata["autotuner_version"] = version->second;
    metadata["timestamp"] = trials.front()->record.when;
  }
  Json json = {{"schema_version", "1.1.0"},
               {"metadata", std::move(metadata)},
               {"results", std::move(results)}};
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

//===-- CSV --------------------------------------------------------------===//

std::string field(const std::string &text) {
  if (text.find_first_of(",\"\r\n") == text.npos)
    return text;
  std::string quoted = "\"";
  for (char c : text)
    quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}
std::string field(std::optional<double> value) {
  if (!value)
    return "";
  if (!std::isfinite(*value)) // as Python and R read it
    return wordOf(*value);
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.10g", *value);
  return text.data();
}
std::string field(std::optional<int64_t> value) {
  return value ? std::to_string(*value) : "";
}

constexpr const char *header =
    "id,kernel,target,device,units,dims,routing,rows,keys,cols,depth,splits,"
    "merge,across,groups,warps,stages,overlap,turns,order,result,median_ns,"
    "p20_ns,p80_ns,samples,baseline_ns,predicted_ns,compile_ms,registers,"
    "spill_bytes,shared_bytes,stack_bytes,counted_at,instructions,mma_macs,"
    "shared_wavefronts,shared_ideal_wavefronts,global_sectors,"
    "global_ideal_sectors,error_max,error_tolerance,why,session,when\r\n";

std::string rowOf(const StoredRecord &stored) {
  const TuningRecord &record = stored.record;
  const TuningKey &key = record.key;
  const Schedule &s = key.schedule;
  using Number = std::optional<double>;
  auto timed = [&](double TuningTimes::*part) {
    return record.timeNs ? Number((*record.timeNs).*part) : Number();
  };
  auto error = [&](double TuningError::*part) {
    return record.error ? Number((*record.error).*part) : Number();
  };
  auto counter = [&](const char *name) {
    auto found = record.counters.find(name);
    return field(found == record.counters.end() ? Number()
                                                : Number(found->second));
  };
  std::vector<std::string> fields = {stored.id,
                                     field(key.kernel),
                                     field(key.target),
                                     field(key.device),
                                     key.units ? std::to_string(key.units) : "",
                                     field(formatDims(key.dims)),
                                     field(key.routing)};
  for (int64_t knob : {s.rows, s.keys, s.cols, s.depth, s.splits,
                       int64_t(s.merge), int64_t(s.across), s.groups, s.warps,
                       s.stages, int64_t(s.overlap), int64_t(s.turns)})
    fields.push_back(std::to_string(knob));
  fields.insert(fields.end(),
                {s.order == Schedule::Order::rows ? "rows" : "cols",
                 std::string(name(record.result)),
                 field(timed(&TuningTimes::median)),
                 field(timed(&TuningTimes::p20)),
                 field(timed(&TuningTimes::p80)),
                 record.timeNs ? std::to_string(record.timeNs->n) : "",
                 field(record.baselineNs),
                 field(record.predictedNs),
                 field(record.compileMs),
                 field(record.resources.registers),
                 field(record.resources.spillBytes),
                 field(record.resources.sharedBytes),
                 field(record.resources.stackBytes),
                 field(formatDims(record.countedAt)),
                 counter("instructions"),
                 counter("mmaMacs"),
                 counter("sharedWavefronts"),
                 counter("sharedIdealWavefronts"),
                 counter("globalSectors"),
                 counter("globalIdealSectors"),
                 field(error(&TuningError::maxAbs)),
                 field(error(&TuningError::tolerance)),
                 field(record.why),
                 field(record.session),
                 record.when});
  std::string row;
  for (size_t i = 0; i < fields.size(); ++i)
    row += (i ? "," : "") + fields[i];
  return row + "\r\n";
}

} // namespace

ExitCode runExport(const ExportOptions &options) {
  Result<RecordSet> set = loadRecords(options.paths);
  if (!set)
    return fail(set.error());
  RecordIndex index(*set);
  std::vector<const StoredRecord *> trials = trialsOf(index);
  if (!options.t4.empty())
    if (Status written = writeWhole(options.t4, toT4(trials)); !written)
      return fail(written.error());
  if (!options.csv.empty()) {
    std::string text = header;
    for (const StoredRecord *stored : trials)
      text += rowOf(*stored);
    if (Status written = writeWhole(options.csv, text); !written)
      return fail(written.error());
  }
  return exitDone;
}

} // namespace headgate
