// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/ProblemList.h"

#include <gtest/gtest.h>

using namespace headgate;

namespace {

const char *const example = R"({
 "format": "headgate.problems",
 "version": 1,
 "producer": {"headgate": "0.1.0", "llvm": "22.1.8"},
 "targets": ["host:x86-64-v3"],
 "entries": [
  {"name": "layer", "dims": {"B": [1, 65535], "S": [1, 1024], "P": [0, 1024]},
   "inputs": [{"name": "q", "dtype": "bf16"},
              {"name": "n", "dtype": "i32", "draw": "P+S..0"}],
   "steps": [{"kernel": "append", "with": {"N": "B*S"}},
             {"kernel": "attend", "with": {"q": "q", "d0": "B", "d1": "S", "d2": "P+S"}}]}],
 "kernels": [
  {"name": "append", "ir": "sha256:00", "why": "it is no attention and no projection"},
  {"name": "attend", "ir": "sha256:01",
   "problem": {"op": "attend", "dtype": "bf16", "D": 64, "Dv": 64, "heads": 8, "keyHeads": 2},
   "scalars": ["d0", "d1", "d2"], "sizes": {"B": "d0", "S": "d1", "T": "d2"}}]
})";

TEST(ProblemList, RoundTrips) {
  auto list = parseProblemList(example);
  ASSERT_TRUE(list) << list.error().message();
  EXPECT_EQ(list->kernels[0].why, "it is no attention and no projection");
  EXPECT_FALSE(list->kernels[0].problem);
  EXPECT_EQ(std::get<AttendProblem>(*list->kernels[1].problem).heads, 8);
  EXPECT_EQ(list->entries[0].draws, (InputDraws{{"n", "P+S..0"}}));
  std::string text = printProblemList(*list);
  auto again = parseProblemList(text);
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(printProblemList(*again), text);
}

// A kernel's sizes follow from the entry's dims, through the step that runs it.
TEST(ProblemList, SizesOfACall) {
  auto list = parseProblemList(example);
  ASSERT_TRUE(list);
  std::vector<int64_t> dims = {3, 5, 70};
  auto sizes = sizesOf(list->entries[0], list->kernels[1], dims);
  ASSERT_TRUE(sizes) << sizes.error().message();
  EXPECT_EQ(sizes->B, 3);
  EXPECT_EQ(sizes->S, 5);
  EXPECT_EQ(sizes->T, 75);
  ListedKernel other = list->kernels[1];
  other.name = "combine";
  auto none = sizesOf(list->entries[0], other, dims);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), ErrorCode::notFound);
}

std::string errorWith(std::string_view from, std::string_view to) {
  std::string text = example;
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
  auto list = parseProblemList(text);
  return list ? "" : list.error().message();
}

TEST(ProblemList, ErrorsNameThePlace) {
  EXPECT_NE(
      errorWith("\"T\": \"d2\"", "\"T\": \"d3\"").find("kernels[1].sizes.T"),
      std::string::npos);
  EXPECT_NE(errorWith("\"attend\", \"dtype\"", "\"conv\", \"dtype\"")
                .find("kernels[1].problem"),
            std::string::npos);
  EXPECT_NE(errorWith("[0, 1024]", "[0]").find("entries[0].dims.P"),
            std::string::npos);
  EXPECT_NE(errorWith("\"version\": 1", "\"version\": 2").find("version 2"),
            std::string::npos);
}

} // namespace
