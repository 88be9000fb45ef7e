// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/Dims.h"

#include <gtest/gtest.h>

using namespace headgate;

namespace {

PlanEntry layer() {
  PlanEntry entry;
  entry.name = "layer";
  entry.dims = {{"B", {0, 8}}, {"S", {1, 100}}};
  return entry;
}

TEST(Dims, ReadsNamesAndNumbers) {
  Result<NamedDims> dims = parseDims("B=1,S=2048,past.len=0");
  ASSERT_TRUE(dims) << dims.error().message();
  EXPECT_EQ(*dims, (NamedDims{{"B", 1}, {"S", 2048}, {"past.len", 0}}));
  EXPECT_EQ(formatDims(*dims), "B=1,S=2048,past.len=0");
}

TEST(Dims, RefusesEverythingElse) {
  for (const char *text :
       {"", ",", "B", "B=", "=1", "B=1,", "B=1,,S=2", "B=x", "B=1x", "B= 1",
        "1=1", "B=1,B=1", "B=99999999999999999999"}) {
    Result<NamedDims> dims = parseDims(text);
    ASSERT_FALSE(dims) << text;
    EXPECT_TRUE(dims.error().message().starts_with("'" + std::string(text)));
  }
}

TEST(Dims, AreThoseOfAnEntry) {
  Result<std::vector<int64_t>> values =
      dimsOf(layer(), {{"S", 7}, {"T", 3}, {"B", 2}});
  ASSERT_TRUE(values);
  EXPECT_EQ(*values, (std::vector<int64_t>{2, 7}));
  EXPECT_FALSE(dimsOf(layer(), {{"S", 7}}));
  EXPECT_FALSE(dimsOf(layer(), {{"S", 0}, {"B", 2}}));
  EXPECT_FALSE(dimsOf(layer(), {{"S", 101}, {"B", 2}}));
}

TEST(Dims, MakeShapes) {
  PlanTensor tensor;
  tensor.name = "x";
  tensor.shape = {"B", "S+3", 64};
  std::vector<int64_t> dims = {2, 7};
  auto shape = shapeOf(layer(), tensor, dims);
  ASSERT_TRUE(shape) << shape.error().message();
  EXPECT_EQ(*shape, (std::vector<int64_t>{2, 10, 64}));
  tensor.shape = {"B-S"};
  auto negative = shapeOf(layer(), tensor, dims);
  ASSERT_FALSE(negative);
  EXPECT_EQ(negative.error().message(), "extent B-S of 'x': it is -5");
}

} // namespace
