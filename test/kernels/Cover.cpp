// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Greedy: of some random legal choices, the one that covers most of what is not
// covered yet; what random choices do not meet is aimed at one by one. What no
// legal choice has is given up after many tries.

#include "Cover.h"

#include <optional>
#include <random>
#include <set>
#include <tuple>

namespace headgate::kernels {

namespace {

/// Values of one axis (b < 0) or of two.
struct Goal {
  int a, valueA, b, valueB;
  bool operator<(const Goal &other) const {
    return std::tie(a, valueA, b, valueB) <
           std::tie(other.a, other.valueA, other.b, other.valueB);
  }
};

class Search {
public:
  Search(std::span<const int> extents, uint64_t seed, const Legalize &legalize)
      : extents(extents), random(seed), legalize(legalize) {}

  std::vector<Choice> run(int strength, size_t atLeast) {
    addGoals(strength);
    std::vector<Choice> result;
    while (!goals.empty()) {
      std::optional<Choice> best = bestOf(candidates, nullptr);
      if (!best || gainOf(*best) == 0) {
        Goal aim = *goals.begin();
        best = bestOf(1, &aim);
        if (!best) { // nothing legal has it
          goals.erase(aim);
          continue;
        }
      }
      take(*best, result);
    }
    while (result.size() < atLeast)
      if (std::optional<Choice> more = draw(nullptr))
        result.push_back(*more);
    return result;
  }

private:
  static constexpr int candidates = 40, tries = 20000;

  void addGoals(int strength) {
    int n = static_cast<int>(extents.size());
    for (int a = 0; a < n; ++a)
      for (int x = 0; x < extents[a]; ++x) {
        if (strength == 1)
          goals.insert({a, x, -1, 0});
        for (int b = a + 1; strength == 2 && b < n; ++b)
          for (int y = 0; y < extents[b]; ++y)
            goals.insert({a, x, b, y});
      }
  }

  int below(int extent) {
    return static_cast<int>(random() % static_cast<uint64_t>(extent));
  }

  std::optional<Choice> draw(const Goal *aim) {
    Choice choice(extents.size());
    for (int i = 0; i < tries; ++i) {
      for (size_t axis = 0; axis < extents.size(); ++axis)
        choice[axis] = below(extents[axis]);
      if (aim) {
        choice[static_cast<size_t>(aim->a)] = aim->valueA;
        if (aim->b >= 0)
          choice[static_cast<size_t>(aim->b)] = aim->valueB;
      }
      if (legalize(choice) && (!aim || meets(choice, *aim)))
        return choice;
    }
    return {};
  }

  size_t gainOf(const Choice &choice) const {
    size_t gain = 0;
    for (const Goal &goal : goals)
      gain += meets(choice, goal);
    return gain;
  }

  static bool meets(const Choice &choice, const Goal &goal) {
    return choice[static_cast<size_t>(goal.a)] == goal.valueA &&
           (goal.b < 0 || choice[static_cast<size_t>(goal.b)] == goal.valueB);
  }

  std::optional<Choice> bestOf(int count, const Goal *aim) {
    std::optional<Choice> best;
    size_t bestGain = 0;
    for (int i = 0; i < count; ++i) {
      std::optional<Choice> choice = draw(aim);
      if (!choice)
        return best;
      size_t gain = gainOf(*choice);
      if (!best || gain > bestGain) {
        best = choice;
        bestGain = gain;
      }
    }
    return best;
  }

  void take(const Choice &choice, std::vector<Choice> &result) {
    std::erase_if(goals, [&](const Goal &goal) { return meets(choice, goal); });
    result.push_back(choice);
  }

  std::span<const int> extents;
  std::mt19937_64 random; // the same sequence everywhere, unlike distributions
  const Legalize &legalize;
  std::set<Goal> goals;
};

} // namespace

std::vector<Choice> cover(std::span<const int> extents, int strength,
                          uint64_t seed, const Legalize &legalize,
                          size_t atLeast) {
  return Search(extents, seed, legalize).run(strength, atLeast);
}

} // namespace headgate::kernels
