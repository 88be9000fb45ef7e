// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// show and diff: records as text for people.

#include "lib/CodeFacts.h"
#include "lib/RecordText.h"
#include "lib/Report.h"
#include "lib/TuningChoice.h"
#include "tools/tune/RecordCases.h"
#include "tools/tune/RecordCommands.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <tuple>

namespace headgate {

namespace {

constexpr size_t shownSchedules = 5;

std::string shortId(const StoredRecord &stored) {
  return stored.id.substr(0, 12);
}

std::string firstLine(const std::string &text) {
  return text.substr(0, text.find('\n'));
}

/// Those with a time, the fastest first; of one with a final, that.
std::vector<const StoredRecord *> timedOf(const RecordCase &of) {
  std::map<std::string, const StoredRecord *> byId;
  for (const auto *list : {&of.finals, &of.trials})
    for (const StoredRecord *stored : *list)
      if (rankedOf(stored->record))
        byId.try_emplace(stored->id, stored);
  std::vector<const StoredRecord *> timed;
  for (auto &[id, stored] : byId)
    timed.push_back(stored);
  // Ratios where there are any: times were taken at other moments.
  auto key = [&](const StoredRecord *stored) {
    std::optional<double> ratio = of.ratioOf(*stored);
    double ns = stored->record.timeNs->median;
    return std::tuple(!ratio, ratio.value_or(ns), std::string_view(stored->id));
  };
  std::ranges::sort(timed, {}, key);
  return timed;
}

void showSchedules(const RecordCase &of, bool all) {
  std::vector<const StoredRecord *> timed = timedOf(of);
  const StoredRecord *winner = of.winner();
  size_t shown = all ? timed.size() : std::min(timed.size(), shownSchedules);
  for (size_t i = 0; i < timed.size(); ++i) {
    const StoredRecord &stored = *timed[i];
    bool isWinner = winner && stored.id == winner->id;
    if (i >= shown && !isWinner)
      continue;
    std::array<char, 64> ratio{};
    if (std::optional<double> value = of.ratioOf(stored))
      std::snprintf(ratio.data(), ratio.size(), "%.3f", *value);
    const Schedule *standard = of.defaultSchedule();
    bool isDefault = standard && stored.record.key.schedule == *standard;
    std::printf("  %c %10s  %7s  %s  %s%s\n", isWinner ? '*' : ' ',
                formatNs(stored.record.timeNs->median).c_str(), ratio.data(),
                shortId(stored).c_str(),
                formatSchedule(stored.record.key.schedule).c_str(),
                isDefault ? "  (default)" : "");
  }
  if (shown < timed.size())
    std::printf("    and %zu more (--all)\n", timed.size() - shown);
}

/// Where nothing was timed: what the model predicts, and what is known of the
/// code.
void showPredictions(const RecordCase &of, bool all) {
  std::vector<const StoredRecord *> ranked;
  for (const StoredRecord *stored : of.trials)
    if (stored->record.result == TuningResult::correct &&
        stored->record.predictedNs)
      ranked.push_back(stored);
  std::ranges::sort(ranked, {}, [](const StoredRecord *stored) {
    return std::tuple(*stored->record.predictedNs,
                      std::string_view(stored->id));
  });
  size_t shown = all ? ranked.size() : std::min(ranked.size(), shownSchedules);
  for (size_t i = 0; i < shown; ++i) {
    const TuningRecord &record = ranked[i]->record;
    std::printf("    %10s  predicted  %s  %s\n",
                formatNs(*record.predictedNs).c_str(),
                shortId(*ranked[i]).c_str(),
                formatSchedule(record.key.schedule).c_str());
    if (std::string facts = formatCodeFacts(record); !facts.empty())
      std::printf("                %s\n", facts.c_str());
    if (std::string at = formatCountedAt(record); !at.empty())
      std::printf("                counted at %s\n", at.c_str());
  }
  if (shown < ranked.size())
    std::printf("    and %zu more (--all)\n", ranked.size() - shown);
}

/// Failures of one kind and text once, with their number.
void showFailures(const RecordCase &of, bool all) {
  std::map<std::pair<std::string, std::string>,
           std::vector<const StoredRecord *>>
      groups;
  for (const StoredRecord *stored : of.trials)
    if (stored->record.result != TuningResult::correct)
      groups[{std::string(name(stored->record.result)),
              firstLine(stored->record.why)}]
          .push_back(stored);
  for (auto &[key, list] : groups) {
    std::printf("  %4zu %s%s%s\n", list.size(), key.first.c_str(),
                key.second.empty() ? "" : ": ", key.second.c_str());
    if (all)
      for (const StoredRecord *stored : list)
        std::printf("         %s  %s\n", shortId(*stored).c_str(),
                    formatSchedule(stored->record.key.schedule).c_str());
    const std::string &again = list.front()->record.reproducer;
    if (!again.empty())
      std::printf("         %s\n", again.c_str());
  }
}

void show(const RecordCase &of, bool all) {
  std::printf("%s\n  %s, %s\n", of.title().c_str(), of.machine().c_str(),
              of.tools().c_str());
  std::map<TuningResult, size_t> counts;
  for (const StoredRecord *stored : of.trials)
    ++counts[stored->record.result];
  std::string text = std::to_string(of.trials.size()) + " schedules";
  for (auto &[result, count] : counts)
    text += (result == counts.begin()->first ? ": " : ", ") +
            std::to_string(count) + " " + std::string(name(result));
  if (std::optional<double> ns = of.defaultNs())
    text += "; default " + formatNs(*ns);
  std::printf("  %s\n", text.c_str());
  if (timedOf(of).empty())
    showPredictions(of, all);
  else
    showSchedules(of, all);
  showFailures(of, all);
}

ExitCode showById(const RecordSet &set, const std::string &prefix) {
  bool found = false;
  for (const StoredRecord &stored : set.records)
    if (!stored.id.empty() && stored.id.starts_with(prefix)) {
      std::printf("%s\n", stored.text.c_str());
      found = true;
    }
  if (found)
    return exitDone;
  printError("no record's id begins with " + prefix);
  return exitError;
}

} // namespace

ExitCode runShow(const ShowOptions &options) {
  Result<RecordSet> set = loadRecords(options.paths);
  if (!set)
    return fail(set.error());
  if (!options.id.empty())
    return showById(*set, options.id);
  RecordIndex index(*set);
  bool found = false;
  for (const RecordCase &of : casesOf(*set, index)) {
    if (!options.kernel.empty() && of.key.kernel != options.kernel)
      continue;
    std::printf("%s", found ? "\n" : "");
    show(of, options.all);
    found = true;
  }
  if (!found && options.kernel.empty())
    std::printf("no records\n");
  if (found || options.kernel.empty())
    return exitDone;
  printError("no records of a kernel '" + options.kernel + "'");
  return exitError;
}

//===-- diff -------------------------------------------------------------===//

namespace {

/// Cases by what they are about, whatever made the code: of several, that with
/// the latest record.
std::map<std::string, RecordCase> comparable(std::vector<RecordCase> cases) {
  auto latest = [](const RecordCase &of) {
    std::string when;
    for (const auto *list : {&of.trials, &of.finals, &of.baselines})
      for (const StoredRecord *stored : *list)
        when = std::max(when, stored->record.when);
    return when;
  };
  std::map<std::string, RecordCase> result;
  for (RecordCase &of : cases) {
    TuningKey key = of.key;
    key.ir = "any";
    key.tools.clear();
    auto [at, isNew] = result.try_emplace(keyText(key), of);
    if (!isNew && latest(at->second) < latest(of))
      at->second = std::move(of);
  }
  return result;
}

std::map<std::string, const StoredRecord *> bySchedule(const RecordCase &of) {
  std::map<std::string, const StoredRecord *> result;
  for (const auto *list : {&of.finals, &of.trials})
    for (const StoredRecord *stored : *list)
      result.try_emplace(formatSchedule(stored->record.key.schedule), stored);
  return result;
}

/// Whether times differ by more than the noise in them, or results at all.
bool differ(const TuningRecord &a, const TuningRecord &b) {
  if (a.result != b.result)
    return true;
  if (!a.timeNs || !b.timeNs)
    return false;
  constexpr double noise = 0.03;
  bool apart = a.timeNs->p80 < b.timeNs->p20 || b.timeNs->p80 < a.timeNs->p20;
  double ratio = b.timeNs->median / a.timeNs->median;
  return apart && std::abs(ratio - 1) > noise;
}

std::string outcome(const TuningRecord &record) {
  if (record.result != TuningResult::correct)
    return std::string(name(record.result));
  return record.timeNs ? formatNs(record.timeNs->median) : "not run";
}

void diffCase(const RecordCase &before, const RecordCase &after) {
  std::printf("%s, %s\n", after.title().c_str(), after.machine().c_str());
  if (before.key.ir != after.key.ir)
    std::printf("  the kernel's IR is another\n");
  if (before.key.tools != after.key.tools)
    std::printf("  %s -> %s\n", before.tools().c_str(), after.tools().c_str());
  auto a = bySchedule(before), b = bySchedule(after);
  size_t same = 0, added = 0, gone = 0;
  for (auto &[schedule, stored] : b) {
    auto other = a.find(schedule);
    if (other == a.end()) {
      ++added;
      continue;
    }
    const TuningRecord &x = other->second->record, &y = stored->record;
    if (!differ(x, y)) {
      ++same;
      continue;
    }
    std::string change;
    if (x.timeNs && y.timeNs) {
      std::array<char, 32> text{};
      std::snprintf(text.data(), text.size(), "%+.1f %%",
                    100 * (y.timeNs->median / x.timeNs->median - 1));
      change = text.data();
    }
    std::printf("  %10s -> %10s  %8s  %s\n", outcome(x).c_str(),
                outcome(y).c_str(), change.c_str(), schedule.c_str());
  }
  for (auto &[schedule, stored] : a)
    gone += !b.contains(schedule);
  std::printf("  %zu as before, %zu only before, %zu only after\n", same, gone,
              added);
  const StoredRecord *x = before.winner(), *y = after.winner();
  auto winner = [](const StoredRecord *stored) {
    return stored ? formatSchedule(stored->record.key.schedule) : "none";
  };
  if (winner(x) == winner(y))
    std::printf("  winner: %s\n", winner(y).c_str());
  else
    std::printf("  winner: %s -> %s\n", winner(x).c_str(), winner(y).c_str());
}

} // namespace

ExitCode runDiff(const DiffOptions &options) {
  Result<RecordSet> before = loadRecords({options.before});
  if (!before)
    return fail(before.error());
  Result<RecordSet> after = loadRecords({options.after});
  if (!after)
    return fail(after.error());
  RecordIndex beforeIndex(*before), afterIndex(*after);
  auto a = comparable(casesOf(*before, beforeIndex));
  auto b = comparable(casesOf(*after, afterIndex));
  for (auto &[key, of] : a)
    if (auto other = b.find(key); other != b.end())
      diffCase(of, other->second);
  for (auto &[key, of] : a)
    if (!b.contains(key))
      std::printf("only before: %s, %s\n", of.title().c_str(),
                  of.machine().c_str());
  for (auto &[key, of] : b)
    if (!a.contains(key))
      std::printf("only after: %s, %s\n", of.title().c_str(),
                  of.machine().c_str());
  return exitDone;
}

} // namespace headgate
