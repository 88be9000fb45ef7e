// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/InputDraw.h"

#include <gtest/gtest.h>

#include <set>

using namespace headgate;

namespace {

PlanEntry entry() {
  PlanEntry made{.name = "decode", .dims = {{"S", {0, 99}}, {"T", {0, 99}}}};
  made.inputs = {{.name = "q"},
                 {.name = "kv_len", .dtype = DType::i32, .shape = {"B"}}};
  return made;
}

TEST(InputDraw, Texts) {
  EXPECT_EQ(parseInputDraw("experts:8")->experts, 8);
  auto range = parseInputDraw("T-S..0");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->first, "T-S");
  EXPECT_EQ(range->other, "0");
  for (const char *text : {"", "8", "experts", "experts:", "experts:0",
                           "experts:8x", "..", "T..", "..T", "normal"})
    EXPECT_FALSE(parseInputDraw(text)) << text;
  EXPECT_EQ(parseNamedDraw("n=T..0")->second, "T..0");
  EXPECT_FALSE(parseNamedDraw("T..0"));
  EXPECT_FALSE(parseNamedDraw("=T..0"));
}

TEST(InputDraw, ChecksNameTheInput) {
  EXPECT_TRUE(checkDraws(entry(), {{"kv_len", "T..0"}}));
  auto message = [](const InputDraws &draws) {
    Status checked = checkDraws(entry(), draws);
    return checked ? "" : checked.error().message();
  };
  EXPECT_EQ(message({{"q", "T..0"}}),
            "entry 'decode' has no input of integers 'q'; it has kv_len");
  EXPECT_NE(message({{"kv_len", "U..0"}}).find("input 'kv_len': "),
            std::string::npos);
}

// The first is the first end; all values between the ends come, both included.
TEST(InputDraw, Ranges) {
  std::vector<int64_t> dims = {2, 5}, shape = {200};
  InputDraw draw = *parseInputDraw("T-S..0");
  auto drawn = drawRange(draw, entry(), dims, DType::i32, shape, 7);
  ASSERT_TRUE(drawn) << drawn.error().message();
  EXPECT_EQ(drawn->integerAt(0), 3);
  std::set<int64_t> seen;
  for (int64_t i = 0; i < 200; ++i)
    seen.insert(drawn->integerAt(i));
  EXPECT_EQ(seen, (std::set<int64_t>{0, 1, 2, 3}));
  draw = *parseInputDraw("300..0");
  EXPECT_FALSE(drawRange(draw, entry(), dims, DType::i8, shape, 7));
  draw = *parseInputDraw("T/0..0");
  EXPECT_FALSE(drawRange(draw, entry(), dims, DType::i32, shape, 7));
}

TEST(InputDraw, LargestAreDistinct) {
  Array logits = Array::of({2, 3}, std::vector<double>{1, 3, 2, 5, 5, 0});
  std::vector<int64_t> shape = {2, 2};
  auto chosen = largestOf(logits, DType::i32, shape);
  ASSERT_TRUE(chosen);
  std::vector<int64_t> found;
  for (int64_t i = 0; i < 4; ++i)
    found.push_back(chosen->integerAt(i));
  EXPECT_EQ(found, (std::vector<int64_t>{1, 2, 0, 1}));
  shape = {2, 4};
  EXPECT_FALSE(largestOf(logits, DType::i32, shape));
}

} // namespace
