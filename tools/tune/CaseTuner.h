// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The search for one case: what the records know, what is asked for next, the
// last round, the winner.

#ifndef HEADGATE_TOOLS_TUNE_CASETUNER_H
#define HEADGATE_TOOLS_TUNE_CASETUNER_H

#include "lib/Search.h"
#include "tools/tune/Measurer.h"
#include "tools/tune/RecordStore.h"
#include "tools/tune/TuneCase.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace headgate {

/// What is known of a case in the end.
struct CaseResult {
  /// By candidate; outcomes are times over the baseline's, or predictions where
  /// nothing was measured.
  SearchOutcomes outcomes;
  std::map<size_t, TuningRecord> records; ///< the one that counts, of each
  std::vector<Finalist> finalists;        ///< of the last round
  std::optional<size_t> winner;
  double baselineNs = 0; ///< 0: not measured
  double drift = 0;      ///< of the baseline, as a share
  size_t measured = 0;   ///< in this run
  bool isCut = false;    ///< the budget ended before the search
};

class CaseTuner {
public:
  /// `measurer` is null where records are all there is. `until`: the end of the
  /// budget.
  CaseTuner(const TuneOptions &options, const TuneCase &which,
            const RecordIndex &index, Measurer *measurer,
            std::optional<runtime::Clock::time_point> until,
            std::function<void(const CaseResult &)> show)
      : options(options), which(which), index(index), measurer(measurer),
        until(until), show(std::move(show)) {}

  /// An error of code checkFailed is a miss where records are all there is. The
  /// result, as far as it came, is in `result` whatever is returned.
  Status run();
  CaseResult result;

private:
  class Taker;

  Status search();
  Status play(const std::vector<SearchTrial> &trials);
  Status perform(const std::vector<SearchTrial> &trials, Taker &taker);
  Status finish();
  void recall(size_t candidate);
  bool recallFinalists(const std::vector<size_t> &best);
  void judge();
  bool hasTime() const;
  bool isStatic() const { return options.stopAfter == StopAfter::compile; }
  void take(size_t candidate, const TuningRecord &record);
  Finalist fromTrial(size_t candidate) const;

  const TuneOptions &options;
  const TuneCase &which;
  const RecordIndex &index;
  Measurer *measurer;
  std::optional<runtime::Clock::time_point> until;
  std::function<void(const CaseResult &)> show;
  bool hasBaseline = false;
};

} // namespace headgate

#endif // HEADGATE_TOOLS_TUNE_CASETUNER_H
