// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/Search.h"

#include "lib/Random.h"
#include "lib/Target.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>

using namespace headgate;

namespace {

ScheduleSpace someSpace(int64_t S = 1024) {
  AttendProblem gqa{.heads = 16, .keyHeads = 8, .causal = true};
  return scheduleSpace(gqa, *findTarget("host:x86-64-v4"), {1, S, S}, 2);
}

/// A machine on which the model is off by up to a half, by what the schedule
/// is; one in 16 fails.
SearchOutcome pretend(const ScheduleSpace &space, const SearchTrial &trial) {
  uint64_t noise = Random(trial.candidate).next();
  if (noise % 16 == 0 && trial.candidate != space.baseline)
    return {std::nullopt, trial.effort};
  double factor = 1 + double(noise >> 40) / double(1 << 25);
  return {space.predictedNs[trial.candidate] * factor, trial.effort};
}

struct Searched {
  std::vector<SearchTrial> trials; ///< in order
  std::vector<size_t> asked;       ///< how many were known at each question
  SearchOutcomes outcomes;
};

Searched search(const ScheduleSpace &space, const SearchOptions &options,
                SearchOutcomes outcomes = {}) {
  Searched done;
  done.outcomes = std::move(outcomes);
  for (;;) {
    std::vector<SearchTrial> next = nextTrials(space, options, done.outcomes);
    if (next.empty())
      return done;
    done.asked.push_back(done.trials.size());
    for (const SearchTrial &trial : next) {
      done.trials.push_back(trial);
      done.outcomes[trial.candidate] = pretend(space, trial);
    }
    EXPECT_LE(done.trials.size(), 4 * space.size()) << "it does not end";
    if (done.trials.size() > 4 * space.size())
      return done;
  }
}

SearchOptions with(Strategy strategy, uint64_t seed = 1, int64_t most = 0) {
  return {strategy, seed, most};
}

TEST(Search, Names) {
  for (const char *text :
       {"none", "exhaustive", "random", "quick", "full", "local", "halving"})
    EXPECT_EQ(name(*parseStrategy(text)), text);
  auto unknown = parseStrategy("quik");
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message().find("did you mean 'quick'"),
            std::string::npos);
}

TEST(Search, ExhaustiveAndRandomMeasureAllOnce) {
  ScheduleSpace space = someSpace();
  for (Strategy strategy : {Strategy::exhaustive, Strategy::random}) {
    Searched done = search(space, with(strategy));
    EXPECT_EQ(done.trials.size(), space.size());
    EXPECT_EQ(done.outcomes.size(), space.size());
  }
  EXPECT_EQ(search(space, with(Strategy::exhaustive)).trials[0].candidate,
            space.byPrediction().front());
  EXPECT_NE(search(space, with(Strategy::random, 1)).trials,
            search(space, with(Strategy::random, 2)).trials);
  EXPECT_TRUE(search(space, with(Strategy::none)).trials.empty());
}

// Quick keeps to its bound, has the default, and what it finds is good.
TEST(Search, QuickIsBounded) {
  for (int64_t S : {1, 64, 1024, 4096}) {
    ScheduleSpace space = someSpace(S);
    Searched all = search(space, with(Strategy::exhaustive));
    Searched quick = search(space, with(Strategy::quick));
    size_t most = std::max<size_t>(24, size_t(0.15 * double(space.size())));
    EXPECT_LE(quick.outcomes.size(), most);
    EXPECT_TRUE(quick.outcomes.contains(space.baseline));
    double best = *all.outcomes.at(bestOf(all.outcomes).front()).ns;
    double found = *quick.outcomes.at(bestOf(quick.outcomes).front()).ns;
    EXPECT_LE(found, 1.25 * best) << S;
  }
}

TEST(Search, LocalEndsWhereNoStepIsBetter) {
  ScheduleSpace space = someSpace();
  Searched done = search(space, with(Strategy::local));
  size_t best = bestOf(done.outcomes).front();
  for (size_t n : space.neighbours(best))
    EXPECT_TRUE(done.outcomes.contains(n));
}

// Each rung has a third of the one before, with three times the effort.
TEST(Search, Halving) {
  ScheduleSpace space = someSpace();
  Searched done = search(space, with(Strategy::halving));
  std::map<double, size_t> rungs;
  for (const SearchTrial &trial : done.trials)
    ++rungs[trial.effort];
  ASSERT_EQ(rungs.size(), 3u);
  EXPECT_EQ(rungs[1.0 / 9], space.size());
  EXPECT_LE(rungs[1.0 / 3], (space.size() + 2) / 3);
  EXPECT_LE(rungs[1.0], (rungs[1.0 / 3] + 2) / 3);
  EXPECT_GT(rungs[1.0], 0u);
  EXPECT_EQ(done.outcomes.at(bestOf(done.outcomes).front()).effort, 1);
}

/// The search that goes on after the first `kept` trials of another one.
Searched goOn(const ScheduleSpace &space, const SearchOptions &options,
              const Searched &whole, size_t kept) {
  SearchOutcomes known;
  for (size_t i = 0; i < kept; ++i)
    known[whole.trials[i].candidate] = pretend(space, whole.trials[i]);
  return search(space, options, known);
}

// What was measured before a kill is not measured again, wherever it came.
TEST(Search, GoesOnFromAnyPoint) {
  ScheduleSpace space = someSpace();
  for (Strategy strategy :
       {Strategy::exhaustive, Strategy::random, Strategy::quick, Strategy::full,
        Strategy::local, Strategy::halving}) {
    SearchOptions options = with(strategy, 3);
    Searched whole = search(space, options);
    for (size_t kept = 0; kept < whole.trials.size(); kept += 5) {
      Searched rest = goOn(space, options, whole, kept);
      std::set<std::pair<size_t, double>> known;
      for (size_t i = 0; i < kept; ++i)
        known.insert({whole.trials[i].candidate, whole.trials[i].effort});
      for (const SearchTrial &trial : rest.trials)
        EXPECT_FALSE(known.contains({trial.candidate, trial.effort}));
      if (strategy == Strategy::quick)
        EXPECT_LE(rest.outcomes.size(), whole.outcomes.size());
    }
    // Between two questions nothing at all is different.
    for (size_t kept : whole.asked) {
      Searched rest = goOn(space, options, whole, kept);
      EXPECT_EQ(kept + rest.trials.size(), whole.trials.size())
          << name(strategy) << " " << kept;
      EXPECT_EQ(bestOf(rest.outcomes), bestOf(whole.outcomes));
    }
  }
}

TEST(Search, MaxTrialsBoundsCandidates) {
  ScheduleSpace space = someSpace();
  for (Strategy strategy :
       {Strategy::exhaustive, Strategy::quick, Strategy::halving})
    EXPECT_EQ(search(space, with(strategy, 1, 7)).outcomes.size(), 7u)
        << name(strategy);
}

//===-- winners ----------------------------------------------------------===//

TEST(Winner, IsTheFastest) {
  EXPECT_EQ(chooseWinner({{4, 1, 1, 1}, {9, 0.8, 0.79, 0.81}}, 4), 9u);
}

// Within 2 % the default stays; without it the first in canonical order.
TEST(Winner, TiesGoToTheDefaultThenInOrder) {
  EXPECT_EQ(chooseWinner({{4, 1, 1, 1}, {9, 0.985, 0.98, 0.99}}, 4), 4u);
  EXPECT_EQ(chooseWinner({{4, 1, 1, 1},
                          {9, 0.800, 0.79, 0.81},
                          {7, 0.805, 0.79, 0.82},
                          {2, 0.810, 0.80, 0.82}},
                         4),
            2u);
}

// Overlapping intervals tie up to 3 %, and not beyond: noise is no excuse for a
// slow schedule.
TEST(Winner, WideIntervals) {
  EXPECT_EQ(chooseWinner({{4, 1, 1, 1}, {9, .8, .7, .9}, {2, .82, .7, .9}}, 4),
            2u);
  EXPECT_EQ(chooseWinner({{4, 1, 1, 1}, {9, .8, .7, .9}, {2, .83, .7, .9}}, 4),
            9u);
}

TEST(Winner, OrderOfFinalistsDoesNotMatter) {
  std::vector<Finalist> finalists = {
      {4, 1, 1, 1}, {9, .8, .7, .9}, {2, .82, .7, .9}, {3, .81, .8, .82}};
  std::ranges::sort(finalists, {}, &Finalist::candidate);
  size_t winner = chooseWinner(finalists, 4);
  do
    EXPECT_EQ(chooseWinner(finalists, 4), winner);
  while (
      std::ranges::next_permutation(finalists, {}, &Finalist::candidate).found);
}

} // namespace
