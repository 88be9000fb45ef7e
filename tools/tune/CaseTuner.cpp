// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/tune/CaseTuner.h"

#include "lib/ScheduleText.h"
#include "tools/tune/Interrupt.h"

#include <algorithm>

namespace headgate {

namespace {

/// Candidates of the last round beside the baseline.
constexpr size_t finalistCount = 5;
/// Trials that are compiled before the first of them is measured: a run that is
/// stopped loses no more than these.
constexpr size_t chunkLength = 8;
/// Runs that died with a candidate under way; then it is not tried again.
constexpr int deadlyStarts = 2;

Error interrupted() { return Error(ErrorCode::failed, "interrupted"); }

} // namespace

/// Hands what came of candidates to the tuner.
class CaseTuner::Taker : public Measurer::Progress {
public:
  explicit Taker(CaseTuner &tuner) : tuner(tuner) {}
  bool mayContinue() override { return !isInterrupted() && tuner.hasTime(); }
  void take(size_t candidate, const TuningRecord &record) override {
    ++tuner.result.measured;
    tuner.take(candidate, record);
    tuner.show(tuner.result);
  }

private:
  CaseTuner &tuner;
};

bool CaseTuner::hasTime() const {
  return !until || runtime::Clock::now() < *until;
}

void CaseTuner::take(size_t candidate, const TuningRecord &record) {
  SearchOutcome outcome;
  if (record.result == TuningResult::correct) {
    if (isStatic())
      outcome.ns = record.predictedNs;
    else if (record.timeNs && record.baselineNs.value_or(0) > 0)
      outcome.ns = record.timeNs->median / *record.baselineNs;
    else
      return; // compiled once, not measured
  }
  if (auto effort = record.environment.find("effort");
      effort != record.environment.end())
    if (const double *share = std::get_if<double>(&effort->second))
      outcome.effort = *share;
  result.outcomes[candidate] = outcome;
  result.records[candidate] = record;
}

/// What the records say of a candidate, if anything.
void CaseTuner::recall(size_t candidate) {
  const std::string &id = which.ids[candidate];
  const StoredRecord *stored = index.find(TuningRecord::Kind::trial, id);
  if (stored &&
      (stored->record.result == TuningResult::correct || !options.retryFailed))
    return take(candidate, stored->record);
  if (stored || options.retryFailed ||
      index.unfinishedStarts(id) < deadlyStarts)
    return;
  TuningRecord record;
  record.key = which.keyOf(which.space.schedules[candidate]);
  record.result = TuningResult::runtime;
  record.why = "runs died " + std::to_string(index.unfinishedStarts(id)) +
               " times while it was measured";
  if (measurer && !measurer->append(record))
    return;
  take(candidate, record);
}

Status CaseTuner::run() {
  for (size_t i = 0; i < which.space.size(); ++i)
    recall(i);
  if (const StoredRecord *stored = index.find(TuningRecord::Kind::baseline,
                                              which.ids[which.space.baseline]))
    if (stored->record.timeNs)
      result.baselineNs = stored->record.timeNs->median;
  if (options.stopAfter == StopAfter::candidates)
    return Success{};
  Status searched = options.finish ? Success{} : search();
  if (measurer) {
    if (measurer->baselineNs() > 0 && hasBaseline)
      result.baselineNs = measurer->baselineNs();
    result.drift = measurer->drift();
  }
  if (!searched)
    return searched;
  if (isInterrupted())
    return interrupted();
  result.isCut = !hasTime();
  bool isPart = options.shards > 1 || options.stopAfter == StopAfter::measure;
  if (!isPart && !isStatic())
    if (Status done = finish(); !done)
      return done;
  judge();
  return Success{};
}

Status CaseTuner::search() {
  for (;;) {
    if (isInterrupted())
      return interrupted();
    if (!hasTime())
      return Success{};
    std::vector<SearchTrial> trials =
        nextTrials(which.space, options.search, result.outcomes);
    if (trials.empty())
      break;
    if (Status done = play(trials); !done)
      return done;
  }
  if (!measurer || isStatic() || !hasBaseline)
    return Success{};
  Taker taker(*this);
  return measurer->closeSection(which, taker);
}

Status CaseTuner::play(const std::vector<SearchTrial> &trials) {
  if (!measurer)
    return Error(ErrorCode::checkFailed,
                 "no record of " + which.title() + " with " +
                     printSchedule(which.space.schedules[trials[0].candidate]) +
                     " (" + which.ids[trials[0].candidate] + ")");
  if (!isStatic() && !hasBaseline) {
    if (Status measured = measurer->measureBaseline(which); !measured)
      return measured;
    hasBaseline = true;
  }
  Taker taker(*this);
  for (size_t begin = 0; begin < trials.size(); begin += chunkLength) {
    size_t end = std::min(begin + chunkLength, trials.size());
    if (Status done = perform({trials.begin() + ptrdiff_t(begin),
                               trials.begin() + ptrdiff_t(end)},
                              taker);
        !done)
      return done;
    if (!taker.mayContinue())
      break;
  }
  return Success{};
}

/// Compiles some trials, then measures those that compile.
Status CaseTuner::perform(const std::vector<SearchTrial> &trials,
                          Taker &taker) {
  if (Status compiled = measurer->compile(which, trials, taker); !compiled)
    return compiled;
  if (!taker.mayContinue())
    return Success{};
  std::vector<SearchTrial> compiled;
  for (const SearchTrial &trial : trials) {
    auto known = result.records.find(trial.candidate);
    bool failed = known != result.records.end() &&
                  known->second.result != TuningResult::correct;
    if (!failed)
      compiled.push_back(trial);
  }
  if (!isStatic())
    return measurer->measure(which, compiled, taker);
  auto counted = std::ranges::count_if(result.records, [](const auto &known) {
    return !known.second.countedAt.empty();
  });
  size_t toCount = size_t(std::max<int64_t>(0, options.simulate - counted));
  return measurer->inspect(which, compiled, toCount, taker);
}

//===-- the last round ---------------------------------------------------===//

Finalist CaseTuner::fromTrial(size_t candidate) const {
  if (candidate == which.space.baseline)
    return {candidate, 1, 1, 1};
  const TuningRecord &record = result.records.at(candidate);
  double base = *record.baselineNs;
  return {candidate, record.timeNs->median / base, record.timeNs->p20 / base,
          record.timeNs->p80 / base};
}

/// True if the records have all of the last round.
bool CaseTuner::recallFinalists(const std::vector<size_t> &best) {
  for (size_t candidate : best) {
    const StoredRecord *stored =
        index.find(TuningRecord::Kind::final, which.ids[candidate]);
    if (!stored || !stored->record.ratio)
      return false;
    const TuningRatio &ratio = *stored->record.ratio;
    result.finalists.push_back({candidate, ratio.value, ratio.low, ratio.high});
  }
  return true;
}

Status CaseTuner::finish() {
  std::vector<size_t> best = bestOf(result.outcomes);
  std::erase(best, which.space.baseline);
  best.resize(std::min(best.size(), finalistCount));
  if (best.empty())
    return Success{};
  best.insert(best.begin(), which.space.baseline);
  if (result.measured == 0 && recallFinalists(best))
    return Success{};
  result.finalists.clear();
  if (!measurer)
    return Success{}; // trials decide
  if (!hasBaseline) {
    if (Status measured = measurer->measureBaseline(which); !measured)
      return measured;
    hasBaseline = true;
    result.baselineNs = measurer->baselineNs();
  }
  // What an earlier run compiled is gone.
  std::vector<SearchTrial> trials;
  for (size_t candidate : best)
    trials.push_back({candidate, 1});
  struct Always : Measurer::Progress {
    bool mayContinue() override { return !isInterrupted(); }
    void take(size_t, const TuningRecord &) override {}
  } always;
  if (Status compiled = measurer->compile(which, trials, always); !compiled)
    return compiled;
  Result<std::vector<Finalist>> compared = measurer->compare(which, best);
  if (!compared)
    return std::move(compared).error();
  result.finalists = std::move(*compared);
  return Success{};
}

void CaseTuner::judge() {
  std::vector<Finalist> finalists = result.finalists;
  if (isStatic()) {
    if (std::vector<size_t> best = bestOf(result.outcomes); !best.empty())
      result.winner = best.front();
    return;
  }
  if (finalists.empty()) {
    finalists.push_back({which.space.baseline, 1, 1, 1});
    for (size_t candidate : bestOf(result.outcomes))
      if (candidate != which.space.baseline)
        finalists.push_back(fromTrial(candidate));
  }
  result.winner = chooseWinner(finalists, which.space.baseline);
}

} // namespace headgate
