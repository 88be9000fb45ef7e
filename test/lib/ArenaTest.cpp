// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/Arena.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace headgate {
namespace {

/// Every rule that a plan must keep, checked pair by pair.
void checkPlan(const std::vector<ArenaItem> &items, const ArenaPlan &plan) {
  ASSERT_EQ(plan.offsets.size(), items.size());
  EXPECT_EQ(plan.bytes % arenaAlign, 0);
  for (size_t i = 0; i < items.size(); ++i) {
    int64_t begin = plan.offsets[i], end = begin + items[i].bytes;
    EXPECT_EQ(begin % arenaAlign, 0);
    EXPECT_GE(begin, 0);
    EXPECT_LE(end, plan.bytes);
    for (size_t j = 0; j < i; ++j) {
      int64_t otherBegin = plan.offsets[j];
      int64_t otherEnd = otherBegin + items[j].bytes;
      bool together = false;
      for (int64_t step = items[i].first; step <= items[i].last; ++step)
        together |= items[j].first <= step && step <= items[j].last;
      bool overlap = std::max(begin, otherBegin) < std::min(end, otherEnd);
      EXPECT_FALSE(together && overlap)
          << items[i].name << " in " << items[j].name;
    }
  }
}

/// The most memory that is needed at one step: no plan can be smaller.
int64_t lowerBound(const std::vector<ArenaItem> &items, int64_t steps) {
  int64_t bound = 0;
  for (int64_t step = 0; step < steps; ++step) {
    int64_t bytes = 0;
    for (const ArenaItem &item : items)
      if (item.first <= step && step <= item.last)
        bytes += (item.bytes + arenaAlign - 1) / arenaAlign * arenaAlign;
    bound = std::max(bound, bytes);
  }
  return bound;
}

TEST(Arena, NothingNeedsNothing) {
  auto plan = planArena({});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->bytes, 0);
  std::vector<ArenaItem> empty = {{"a", 0, 0, 3}, {"b", 0, 1, 2}};
  plan = planArena(empty);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->bytes, 0);
}

TEST(Arena, SideBySideWhileBothLive) {
  std::vector<ArenaItem> items = {{"a", 100, 0, 1}, {"b", 300, 1, 2}};
  auto plan = planArena(items);
  ASSERT_TRUE(plan);
  checkPlan(items, *plan);
  EXPECT_EQ(plan->offsets, (std::vector<int64_t>{512, 0}));
  EXPECT_EQ(plan->bytes, 768);
}

TEST(Arena, InEachOthersPlaceOtherwise) {
  std::vector<ArenaItem> items = {{"a", 100, 0, 1}, {"b", 300, 2, 2}};
  auto plan = planArena(items);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->offsets, (std::vector<int64_t>{0, 0}));
  EXPECT_EQ(plan->bytes, 512);
}

// A gap between two neighbours is used where it is large enough.
TEST(Arena, FillsGaps) {
  std::vector<ArenaItem> items = {{"low", 4096, 0, 0},
                                  {"over", 2048, 0, 9},
                                  {"gap", 1024, 1, 9},
                                  {"large", 3584, 1, 9}};
  auto plan = planArena(items);
  ASSERT_TRUE(plan);
  checkPlan(items, *plan);
  EXPECT_EQ(plan->offsets, (std::vector<int64_t>{0, 4096, 6144, 0}));
  items[2].bytes = 512;
  plan = planArena(items);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->offsets[2], 3584);
}

TEST(Arena, OrderOfTheItemsDoesNotMatter) {
  std::vector<ArenaItem> items = {
      {"c", 512, 0, 2}, {"a", 512, 1, 3}, {"b", 512, 2, 4}, {"d", 700, 0, 4}};
  auto first = planArena(items);
  std::ranges::reverse(items);
  auto second = planArena(items);
  ASSERT_TRUE(first && second);
  std::ranges::reverse(second->offsets);
  EXPECT_EQ(first->offsets, second->offsets);
  EXPECT_EQ(first->bytes, second->bytes);
}

TEST(Arena, RandomItemsNeverOverlap) {
  std::mt19937 random(11);
  auto below = [&](int64_t n) { return int64_t(random() % uint64_t(n)); };
  int64_t bytes = 0, bound = 0;
  for (int round = 0; round < 2000; ++round) {
    int64_t steps = 1 + below(9);
    std::vector<ArenaItem> items;
    for (int64_t i = below(16); i > 0; --i) {
      int64_t first = below(steps), last = first + below(steps - first);
      items.push_back(
          {"t" + std::to_string(i), below(4) * below(2000), first, last});
    }
    auto plan = planArena(items);
    ASSERT_TRUE(plan);
    checkPlan(items, *plan);
    ASSERT_GE(plan->bytes, lowerBound(items, steps));
    bytes += plan->bytes;
    bound += lowerBound(items, steps);
  }
  // First fit is good, not only right: half a percent above the bound here.
  EXPECT_LE(double(bytes), 1.02 * double(bound));
}

TEST(Arena, TooMuchMemoryIsAnError) {
  constexpr int64_t half = int64_t(1) << 46;
  std::vector<ArenaItem> items = {{"a", half, 0, 1}, {"b", half, 0, 1}};
  auto plan = planArena(items);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->bytes, 2 * half);
  items.push_back({"c", 1, 1, 1});
  plan = planArena(items);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code(), ErrorCode::outOfMemory);
  items[2] = {"c", std::numeric_limits<int64_t>::max(), 5, 5};
  EXPECT_FALSE(planArena(items));
}

} // namespace
} // namespace headgate
