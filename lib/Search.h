// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which candidates of a space to measure next, and which of the measured ones
// wins. Pure functions of the space, the options and what has been measured so
// far: a search that was killed goes on from its records as if nothing had
// happened, and the same measurements give the same answer on any machine.
//
//   while (!(trials = nextTrials(space, options, outcomes)).empty())
//     for (const SearchTrial &trial : trials)
//       outcomes[trial.candidate] = measure(trial);

#ifndef HEADGATE_LIB_SEARCH_H
#define HEADGATE_LIB_SEARCH_H

#include "headgate/Result.h"
#include "lib/ScheduleSpace.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace headgate {

enum class Strategy : uint8_t {
  none,       ///< nothing: the default schedule stays
  exhaustive, ///< all, the best predicted first
  random,     ///< all, in an order of the seed
  /// At most max(24, 15 %): half by prediction, a sixth at random, then steps
  /// from the best.
  quick,
  /// All of a space of up to 256; of a larger one 64 by prediction and 32 at
  /// random, then steps from the best until none of them has a better one.
  full,
  local, ///< steps from the default schedule and the best predicted
  /// All with a ninth of the samples, the best third of them with a third, and
  /// the best third of those with all.
  halving,
};

/// "quick", ...; an error names those there are.
Result<Strategy> parseStrategy(std::string_view text);
std::string_view name(Strategy strategy);

struct SearchOptions {
  Strategy strategy = Strategy::quick;
  uint64_t seed = 1;
  int64_t maxTrials = 0; ///< candidates that have an outcome; 0: no limit
};

struct SearchTrial {
  size_t candidate = 0;
  double effort = 1; ///< share of a full measurement's samples

  bool operator==(const SearchTrial &) const = default;
};

/// What came of a candidate.
struct SearchOutcome {
  std::optional<double> ns; ///< absent: it failed
  double effort = 1;        ///< with which it was measured
};
using SearchOutcomes = std::map<size_t, SearchOutcome>;

/// The trials that come next, in order; none: the search is over. All of them
/// can be compiled at the same time. Ask again when each has an outcome.
std::vector<SearchTrial> nextTrials(const ScheduleSpace &space,
                                    const SearchOptions &options,
                                    const SearchOutcomes &outcomes);

/// Measured candidates, the fastest first; equal ones in canonical order. Those
/// of more effort come before those of less, whose times say less.
std::vector<size_t> bestOf(const SearchOutcomes &outcomes);

/// A candidate of the last round, measured in turns with the baseline: its time
/// over the baseline's, and bounds of that with 95 % confidence.
struct Finalist {
  size_t candidate = 0;
  double ratio = 1, low = 1, high = 1;

  /// "0.951 of the default's [0.946, 0.957]".
  std::string text() const;
};

/// The winner of the last round. Among those that tie with the best
/// (firstOfBest in lib/TuningChoice.h) it is the baseline if that is one of
/// them, else the first in canonical order: noise does not decide. Needs: at
/// least one finalist.
size_t chooseWinner(const std::vector<Finalist> &finalists, size_t baseline);

} // namespace headgate

#endif // HEADGATE_LIB_SEARCH_H
