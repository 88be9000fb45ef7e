// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/tune/RecordCases.h"

#include "lib/RecordText.h"
#include "lib/TuningChoice.h"

#include <algorithm>
#include <tuple>

namespace headgate {

using Kind = TuningRecord::Kind;

std::string formatDims(const std::map<std::string, int64_t> &dims) {
  std::string text;
  for (auto &[dim, extent] : dims)
    text += (text.empty() ? "" : ",") + dim + "=" + std::to_string(extent);
  return text;
}

bool inTime(const StoredRecord *a, const StoredRecord *b) {
  return std::tie(a->record.when, a->record.session, a->line, a->text) <
         std::tie(b->record.when, b->record.session, b->line, b->text);
}

const Schedule *RecordCase::defaultSchedule() const {
  return baselines.empty() ? nullptr : &baselines.back()->record.key.schedule;
}

const StoredRecord *RecordCase::winner() const {
  std::vector<const TuningRecord *> records;
  std::vector<const StoredRecord *> stored;
  for (const auto *list : {&finals, &trials})
    for (const StoredRecord *record : *list) {
      stored.push_back(record);
      records.push_back(&record->record);
    }
  const TuningRecord *best = winnerOf(records, defaultSchedule());
  for (size_t i = 0; i < records.size(); ++i)
    if (records[i] == best)
      return stored[i];
  return nullptr;
}

std::optional<double> RecordCase::defaultNs() const {
  std::vector<double> medians;
  for (const StoredRecord *stored : baselines)
    if (stored->record.timeNs)
      medians.push_back(stored->record.timeNs->median);
  if (medians.empty())
    return std::nullopt;
  std::ranges::sort(medians);
  return medians[medians.size() / 2];
}

std::optional<double> RecordCase::ratioOf(const StoredRecord &stored) const {
  const TuningRecord &record = stored.record;
  if (record.ratio)
    return record.ratio->value;
  if (!record.timeNs)
    return std::nullopt;
  std::optional<double> base =
      record.baselineNs ? record.baselineNs : defaultNs();
  if (!base)
    return std::nullopt;
  return record.timeNs->median / *base;
}

std::string RecordCase::title() const {
  return key.kernel + " for " + key.target + " at " + formatDims(key.dims) +
         (key.routing.empty() ? "" : ", routing " + key.routing);
}

std::string RecordCase::tools() const {
  std::string text;
  for (auto &[tool, version] : key.tools)
    text += (text.empty() ? "" : ", ") + tool + " " + version;
  return text;
}

std::string RecordCase::machine() const {
  if (key.device.empty())
    return "no device";
  return key.device + " (" + std::to_string(key.units) +
         (key.units == 1 ? " unit)" : " units)");
}

std::vector<RecordCase> casesOf(const RecordSet &set,
                                const RecordIndex &index) {
  std::map<std::string, RecordCase> cases;
  auto caseOf = [&](const StoredRecord &stored) -> RecordCase & {
    TuningKey key = stored.record.key;
    key.schedule = {};
    return cases.try_emplace(keyText(key), RecordCase{key, {}, {}, {}})
        .first->second;
  };
  for (const StoredRecord *stored : index.all(Kind::trial))
    caseOf(*stored).trials.push_back(stored);
  for (const StoredRecord *stored : index.all(Kind::final))
    caseOf(*stored).finals.push_back(stored);
  for (const StoredRecord &stored : set.records)
    if (stored.record.kind == Kind::baseline)
      caseOf(stored).baselines.push_back(&stored);
  std::vector<RecordCase> result;
  for (auto &[text, made] : cases)
    result.push_back(std::move(made));
  auto bySchedule = [](const StoredRecord *a, const StoredRecord *b) {
    return a->record.key.schedule < b->record.key.schedule;
  };
  for (RecordCase &made : result) {
    std::ranges::sort(made.trials, bySchedule);
    std::ranges::sort(made.finals, bySchedule);
    std::ranges::sort(made.baselines, inTime);
  }
  std::ranges::sort(result, {}, [](const RecordCase &of) {
    const TuningKey &key = of.key;
    return std::tie(key.kernel, key.target, key.device, key.dims, key.routing,
                    key.units, key.ir, key.tools, key.policy);
  });
  return result;
}

} // namespace headgate
