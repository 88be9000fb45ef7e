// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/Search.h"

#include "lib/Random.h"
#include "lib/Spelling.h"
#include "lib/TuningChoice.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <numeric>
#include <tuple>
#include <utility>

namespace headgate {

namespace {

constexpr std::array<std::pair<std::string_view, Strategy>, 7> strategies = {{
    {"none", Strategy::none},
    {"exhaustive", Strategy::exhaustive},
    {"random", Strategy::random},
    {"quick", Strategy::quick},
    {"full", Strategy::full},
    {"local", Strategy::local},
    {"halving", Strategy::halving},
}};

constexpr size_t quickLeast = 24;
constexpr size_t fullMost = 256, fullPredicted = 64, fullRandom = 32;
/// From how many of the best steps are taken; and how many at a time where few
/// are left: the next ones then start from what these have found.
constexpr size_t quickBest = 3, fullBest = 8, fewSteps = 4;

std::vector<size_t> shuffled(size_t count, uint64_t seed) {
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t(0));
  Random(seed).shuffle(order);
  return order;
}

/// A list of candidates without repetition.
class Order {
public:
  void add(size_t candidate) {
    if (std::ranges::find(list, candidate) == list.end())
      list.push_back(candidate);
  }
  /// The first of `candidates` that are new, at most `count` of them.
  void addNew(const std::vector<size_t> &candidates, size_t count) {
    size_t size = list.size();
    for (size_t candidate : candidates)
      if (list.size() < size + count)
        add(candidate);
  }
  std::vector<size_t> list;
};

class Searcher {
public:
  Searcher(const ScheduleSpace &space, const SearchOptions &options,
           const SearchOutcomes &outcomes)
      : space(space), options(options), outcomes(outcomes) {}

  std::vector<SearchTrial> next() {
    switch (options.strategy) {
    case Strategy::none:
      return {};
    case Strategy::exhaustive:
      return unmeasured(space.byPrediction());
    case Strategy::random:
      return unmeasured(shuffled(space.size(), options.seed));
    case Strategy::quick:
      return quick();
    case Strategy::full:
      return full();
    case Strategy::local:
      return fromBest({space.baseline, space.byPrediction().front()}, fullBest,
                      space.size());
    case Strategy::halving:
      return halving();
    }
    return {};
  }

private:
  /// Trials of those that have no outcome.
  std::vector<SearchTrial> unmeasured(const std::vector<size_t> &candidates) {
    std::vector<SearchTrial> trials;
    for (size_t candidate : candidates)
      if (!outcomes.contains(candidate))
        trials.push_back({candidate, 1});
    return trials;
  }

  /// `first`, then the neighbours of the `best` fastest, the best predicted of
  /// each first, as long as there are fewer than `limit` outcomes.
  std::vector<SearchTrial> fromBest(const std::vector<size_t> &first,
                                    size_t best, size_t limit) {
    Order order;
    order.addNew(first, first.size());
    std::vector<SearchTrial> trials = unmeasured(order.list);
    if (trials.empty()) {
      Order steps;
      std::vector<size_t> fastest = bestOf(outcomes);
      fastest.resize(std::min(fastest.size(), best));
      for (size_t candidate : fastest) {
        std::vector<size_t> near = space.neighbours(candidate);
        std::ranges::stable_sort(
            near, {}, [&](size_t i) { return space.predictedNs[i]; });
        steps.addNew(near, near.size());
      }
      trials = unmeasured(steps.list);
      if (limit < space.size())
        trials.resize(std::min(trials.size(), fewSteps));
    }
    size_t left = limit - std::min(limit, outcomes.size());
    trials.resize(std::min(trials.size(), left));
    return trials;
  }

  std::vector<SearchTrial> quick() {
    size_t limit = std::max(quickLeast, size_t(0.15 * double(space.size())));
    return mixed(limit / 2, limit / 6, quickBest, limit);
  }

  std::vector<SearchTrial> full() {
    if (space.size() <= fullMost)
      return unmeasured(space.byPrediction());
    return mixed(fullPredicted, fullRandom, fullBest, space.size());
  }

  std::vector<SearchTrial> mixed(size_t predicted, size_t random, size_t best,
                                 size_t limit) {
    Order order;
    order.add(space.baseline);
    order.addNew(space.byPrediction(), predicted);
    order.addNew(shuffled(space.size(), options.seed), random);
    return fromBest(order.list, best, limit);
  }

  std::vector<SearchTrial> halving() {
    std::vector<size_t> rung = space.byPrediction();
    for (double effort : {1.0 / 9, 1.0 / 3, 1.0}) {
      std::vector<SearchTrial> trials;
      for (size_t candidate : rung) {
        auto found = outcomes.find(candidate);
        if (found == outcomes.end() ||
            (found->second.ns && found->second.effort < effort))
          trials.push_back({candidate, effort});
      }
      if (!trials.empty())
        return trials;
      rung = fastestThird(rung);
    }
    return {};
  }

  std::vector<size_t> fastestThird(const std::vector<size_t> &rung) {
    SearchOutcomes ofRung;
    for (size_t candidate : rung)
      ofRung[candidate] = {outcomes.at(candidate).ns, 1};
    std::vector<size_t> fastest = bestOf(ofRung);
    fastest.resize(std::min(fastest.size(), (rung.size() + 2) / 3));
    return fastest;
  }

  const ScheduleSpace &space;
  const SearchOptions &options;
  const SearchOutcomes &outcomes;
};

} // namespace

Result<Strategy> parseStrategy(std::string_view text) {
  std::vector<std::string> names;
  for (auto [known, strategy] : strategies) {
    if (known == text)
      return strategy;
    names.push_back(std::string(known));
  }
  return Error(ErrorCode::badInput, "unknown effort '" + std::string(text) +
                                        "'; known are " + listNames(names) +
                                        didYouMean(std::string(text), names));
}

std::string_view name(Strategy strategy) {
  for (auto [known, value] : strategies)
    if (value == strategy)
      return known;
  return "";
}

std::vector<SearchTrial> nextTrials(const ScheduleSpace &space,
                                    const SearchOptions &options,
                                    const SearchOutcomes &outcomes) {
  std::vector<SearchTrial> trials = Searcher(space, options, outcomes).next();
  if (options.maxTrials <= 0)
    return trials;
  // A second measurement of a candidate is no further one.
  size_t known = outcomes.size(), most = size_t(options.maxTrials);
  std::erase_if(trials, [&](const SearchTrial &trial) {
    return !outcomes.contains(trial.candidate) && ++known > most;
  });
  return trials;
}

std::vector<size_t> bestOf(const SearchOutcomes &outcomes) {
  std::vector<size_t> best;
  for (const auto &[candidate, outcome] : outcomes)
    if (outcome.ns)
      best.push_back(candidate);
  std::ranges::sort(best, {}, [&](size_t candidate) {
    const SearchOutcome &outcome = outcomes.at(candidate);
    return std::tuple(-outcome.effort, *outcome.ns, candidate);
  });
  return best;
}

std::string Finalist::text() const {
  char text[96];
  std::snprintf(text, sizeof(text), "%.3f of the default's [%.3f, %.3f]", ratio,
                low, high);
  return text;
}

size_t chooseWinner(const std::vector<Finalist> &finalists, size_t baseline) {
  std::vector<Interval> ratios;
  for (const Finalist &f : finalists)
    ratios.push_back({f.ratio, f.low, f.high});
  size_t winner = firstOfBest(ratios, [&](size_t a, size_t b) {
    auto rank = [&](const Finalist &f) {
      return std::pair(f.candidate != baseline, f.candidate);
    };
    return rank(finalists[a]) < rank(finalists[b]);
  });
  return finalists[winner].candidate;
}

} // namespace headgate
