// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/tune/TuneReport.h"

#include "lib/CodeFacts.h"
#include "lib/RecordText.h"
#include "lib/ScheduleText.h"
#include "lib/Statistics.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace headgate {

namespace {

using Json = nlohmann::ordered_json;

__attribute__((format(printf, 1, 2))) std::string format(const char *form,
                                                         ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, form);
  std::vsnprintf(text, sizeof(text), form, arguments);
  va_end(arguments);
  return text;
}

std::string timeText(double ns) {
  if (ns < 1e4)
    return format("%.0f ns", ns);
  return ns < 1e7 ? format("%.1f us", ns / 1e3) : format("%.2f ms", ns / 1e6);
}

std::string shortened(const std::string &text) {
  std::string line = text.substr(0, text.find('\n'));
  return line.size() > 100 ? line.substr(0, 100) + "..." : line;
}

std::string scheduleText(const TuneCase &which, size_t candidate) {
  return printSchedule(which.space.schedules[candidate]);
}

/// How many candidates came to each result that is not correct.
std::map<std::string, size_t> failures(const CaseResult &result) {
  std::map<std::string, size_t> counts;
  for (const auto &[candidate, record] : result.records)
    if (record.result != TuningResult::correct)
      ++counts[std::string(name(record.result))];
  return counts;
}

std::map<std::string, size_t> reasons(const TuneCase &which) {
  std::map<std::string, size_t> counts;
  for (const RejectedSchedule &rejected : which.space.rejected)
    ++counts[rejected.why.substr(0, 4)];
  return counts;
}

template <typename Counts> std::string countsText(const Counts &counts) {
  std::string text;
  for (const auto &[what, count] : counts)
    text += (text.empty() ? "" : ", ") + what + " " + std::to_string(count);
  return text;
}

/// How the model's order agrees with what was measured, and what trusting it
/// alone would have cost.
struct ModelQuality {
  double rho = 0, regret = 0;
  size_t count = 0;
};

ModelQuality qualityOf(const TuneCase &which, const CaseResult &result) {
  std::vector<double> predicted, measured;
  size_t first = which.space.size();
  double best = 0;
  for (const auto &[candidate, outcome] : result.outcomes) {
    if (!outcome.ns)
      continue;
    predicted.push_back(which.space.predictedNs[candidate]);
    measured.push_back(*outcome.ns);
    best = best == 0 ? *outcome.ns : std::min(best, *outcome.ns);
    if (first == which.space.size() ||
        which.space.predictedNs[candidate] < which.space.predictedNs[first])
      first = candidate;
  }
  if (measured.size() < 2)
    return {};
  return {spearman(predicted, measured),
          *result.outcomes.at(first).ns / best - 1, measured.size()};
}

std::string resultText(const TuneCase &which, const CaseResult &result,
                       size_t candidate) {
  auto known = result.records.find(candidate);
  std::string predicted =
      "predicted " + timeText(which.space.predictedNs[candidate]);
  if (known == result.records.end())
    return predicted;
  const TuningRecord &record = known->second;
  if (record.result != TuningResult::correct)
    return std::string(name(record.result)) + ": " + shortened(record.why);
  std::string text = predicted;
  if (record.timeNs)
    text = timeText(record.timeNs->median) + ", " + text;
  return text;
}

/// What is known of the code, behind `lead`; "" if nothing is.
std::string codeText(const CaseResult &result, size_t candidate,
                     const char *lead) {
  auto known = result.records.find(candidate);
  if (known == result.records.end() ||
      known->second.result != TuningResult::correct)
    return "";
  std::string facts = formatCodeFacts(known->second);
  std::string at = formatCountedAt(known->second);
  return facts.empty() ? "" : lead + facts + (at.empty() ? "" : " at " + at);
}

/// Every candidate in the order of what is known, then what is none and why.
std::string explain(const TuneCase &which, const CaseResult &result) {
  std::string text;
  std::vector<size_t> order = bestOf(result.outcomes);
  for (size_t candidate : which.space.byPrediction())
    if (std::ranges::find(order, candidate) == order.end())
      order.push_back(candidate);
  for (size_t candidate : order)
    text += "    " + scheduleText(which, candidate) + ": " +
            resultText(which, result, candidate) +
            codeText(result, candidate, ", ") +
            (candidate == which.space.baseline ? " (default)" : "") + "\n";
  text += "  no candidates\n";
  for (const RejectedSchedule &rejected : which.space.rejected)
    text +=
        "    " + printSchedule(rejected.schedule) + ": " + rejected.why + "\n";
  return text;
}

std::string winnerText(const TuneCase &which, const CaseResult &result) {
  size_t winner = *result.winner;
  std::string text = "  best       " + scheduleText(which, winner);
  for (const Finalist &finalist : result.finalists)
    if (finalist.candidate == winner && winner != which.space.baseline)
      return text + "  " + finalist.text() + "\n";
  if (winner == which.space.baseline)
    return text + "  the default: nothing is faster beyond 2 %\n";
  return text + "  " + resultText(which, result, winner) + "\n";
}

/// The best of what was only compiled.
std::string rankingText(const TuneCase &which, const CaseResult &result) {
  constexpr size_t shown = 5;
  std::vector<size_t> best = bestOf(result.outcomes);
  std::string text;
  for (size_t i = 0; i < std::min(best.size(), shown); ++i)
    text += (i ? "             " : "  best       ") +
            scheduleText(which, best[i]) + "  " +
            resultText(which, result, best[i]) +
            codeText(result, best[i], "\n               ") + "\n";
  return text;
}

Json finalistJson(const TuneCase &which, const Finalist &finalist) {
  return {{"schedule", Json::parse(scheduleText(which, finalist.candidate))},
          {"record", which.ids[finalist.candidate]},
          {"ratio", finalist.ratio},
          {"low", finalist.low},
          {"high", finalist.high}};
}

Json caseJson(const TuneCase &which, const CaseResult &result) {
  Json json = {{"kernel", which.key.kernel},
               {"target", which.target.name},
               {"dims", which.key.dims},
               {"device", which.key.device},
               {"candidates", which.space.size()},
               {"rejected", reasons(which)},
               {"known", result.outcomes.size()},
               {"measured", result.measured},
               {"failed", failures(result)},
               {"complete", !result.isCut},
               {"drift", result.drift}};
  if (result.baselineNs > 0)
    json["baselineNs"] = result.baselineNs;
  ModelQuality quality = qualityOf(which, result);
  if (quality.count)
    json["model"] = {{"rho", quality.rho}, {"regret", quality.regret}};
  json["default"] =
      Json::parse(scheduleText(which, which.space.baseline), nullptr, false);
  if (result.winner)
    json["winner"] = {
        {"schedule",
         Json::parse(scheduleText(which, *result.winner), nullptr, false)},
        {"record", which.ids[*result.winner]}};
  json["finalists"] = Json::array();
  for (const Finalist &finalist : result.finalists)
    json["finalists"].push_back(finalistJson(which, finalist));
  return json;
}

} // namespace

std::string formatCase(const TuneCase &which, const CaseResult &result,
                       const TuneOptions &options) {
  std::string text = which.title() + "\n";
  text += "  candidates " + std::to_string(which.space.size()) + " of " +
          std::to_string(which.space.size() + which.space.rejected.size()) +
          "; others: " + countsText(reasons(which)) + "\n";
  if (!result.outcomes.empty()) {
    text += "  known      " + std::to_string(result.outcomes.size()) + "; " +
            std::to_string(result.measured) + " measurements now";
    if (std::string failed = countsText(failures(result)); !failed.empty())
      text += "; failed: " + failed;
    text += result.isCut ? "; the budget ended first\n" : "\n";
  }
  if (result.baselineNs > 0)
    text += "  default    " + scheduleText(which, which.space.baseline) + "  " +
            timeText(result.baselineNs) + "\n";
  if (options.stopAfter == StopAfter::compile)
    text += rankingText(which, result);
  else if (result.winner)
    text += winnerText(which, result);
  ModelQuality quality = qualityOf(which, result);
  if (quality.count && options.stopAfter != StopAfter::compile)
    text += format("  model      rank correlation %.2f; its first choice takes "
                   "%.1f %% longer than the best\n",
                   quality.rho, 100 * quality.regret);
  if (result.drift > 0.03)
    text += format("  warning    the default's time moved by up to %.0f %%: "
                   "something else was running\n",
                   100 * result.drift);
  if (options.explain)
    text += explain(which, result);
  return text;
}

std::string formatCasesJson(const std::vector<TuneCase> &cases,
                            const std::vector<CaseResult> &results) {
  Json json = Json::array();
  for (size_t i = 0; i < results.size(); ++i)
    json.push_back(caseJson(cases[i], results[i]));
  return Json({{"cases", json}}).dump(1) + "\n";
}

std::string formatProgress(const TuneCase &which, const CaseResult &result) {
  std::string text = which.title() + ": " +
                     std::to_string(result.outcomes.size()) + " of " +
                     std::to_string(which.space.size());
  std::vector<size_t> best = bestOf(result.outcomes);
  if (!best.empty())
    text += format(", best %.3f of the default's time",
                   *result.outcomes.at(best.front()).ns);
  size_t failed = 0;
  for (const auto &[what, count] : failures(result))
    failed += count;
  if (failed)
    text += ", " + std::to_string(failed) + " failed";
  return text;
}

} // namespace headgate
