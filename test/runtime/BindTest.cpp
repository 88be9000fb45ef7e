// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What binds a name and what is only checked, on entries without kernels.

#include "runtime/Bind.h"

#include "lib/PlanText.h"

#include <gtest/gtest.h>

namespace headgate::test {
namespace {

using runtime::Binder;

using Extents = std::vector<int64_t>;

/// A plan of one entry, and the program that points into it.
struct Entry {
  explicit Entry(const std::string &entry)
      : plan(parse(entry)), program(runtime::buildProgram(plan)) {}

  static Plan parse(const std::string &entry) {
    auto plan = parsePlan(R"({"format": "headgate.plan", "version": 1,
      "images": [], "kernels": [], "entries": [)" +
                          entry + "]}");
    EXPECT_TRUE(plan) << plan.error().message();
    return *plan;
  }
  Binder binder() const { return Binder(program.entries[0], DeviceKind::host); }

  Plan plan;
  runtime::Program program;
};

/// A view of memory that is never touched.
TensorView view(const Extents &shape, const Extents &strides = {},
                uintptr_t address = 0x10000) {
  TensorView view = TensorView::contiguous(reinterpret_cast<void *>(address),
                                           DType::f32, shape);
  std::copy(strides.begin(), strides.end(), view.strides.begin());
  return view;
}

std::string messageOf(const Status &status) {
  return status ? "" : status.error().message();
}

/// Rows of `a` lie T apart, and only `b` says what T is.
const char *strideIsADim = R"({"name": "f",
  "dims": {"S": [0, 9], "N": [0, 9], "T": [0, 9]},
  "inputs": [{"name": "a", "dtype": "f32", "shape": ["S", "N"],
              "strides": ["T", 1]},
             {"name": "b", "dtype": "f32", "shape": ["T"]}],
  "outputs": [], "steps": []})";

TEST(Bind, ADimIsBoundByExtentsAlone) {
  Entry entry(strideIsADim);
  Binder binder = entry.binder();
  EXPECT_EQ(messageOf(binder.bindInputs(
                std::vector{view({2, 3}, {5, 1}), view({5})})),
            "");
  EXPECT_EQ(binder.values(), (Extents{2, 3, 5}));
  EXPECT_EQ(messageOf(binder.bindInputs(
                std::vector{view({2, 3}, {5, 1}), view({4})})),
            "input 'a' has stride 5 in dimension 0, but entry 'f' takes "
            "strides [T,1]: 4 there");
  // One row shows no stride, so it may not bind T either.
  EXPECT_EQ(messageOf(binder.bindInputs(
                std::vector{view({1, 3}, {3, 1}), view({7})})),
            "");
  EXPECT_EQ(binder.values(), (Extents{1, 3, 7}));
}

TEST(Bind, GivenDimsStayAsTheyWereGiven) {
  Entry entry(strideIsADim);
  Binder binder = entry.binder();
  EXPECT_EQ(messageOf(binder.bindDims(Extents{2, 3, 5})), "");
  EXPECT_EQ(binder.values(), (Extents{2, 3, 5}));
}

TEST(Bind, AStrideSymbolIsBoundOnceAndThenChecked) {
  Entry entry(R"({"name": "f", "dims": {"S": [0, 9]},
    "inputs": [{"name": "q", "dtype": "f32", "shape": ["S", 4],
                "strides": ["row", 1]},
               {"name": "k", "dtype": "f32", "shape": ["S", 4],
                "strides": ["row", 1]}],
    "outputs": [], "steps": []})");
  Binder binder = entry.binder();
  EXPECT_EQ(messageOf(binder.bindInputs(
                std::vector{view({3, 4}, {12, 1}), view({3, 4}, {12, 1})})),
            "");
  EXPECT_EQ(binder.values(), (Extents{3, 12}));
  EXPECT_EQ(messageOf(binder.bindInputs(
                std::vector{view({3, 4}, {12, 1}), view({3, 4})})),
            "input 'k' has stride 4 in dimension 0, but entry 'f' takes "
            "strides [row,1]: 12 there");
}

TEST(Bind, StridesOfEmptyTensorsSayNothing) {
  Entry entry(R"({"name": "f", "dims": {"B": [0, 9], "S": [0, 9]},
    "inputs": [{"name": "q", "dtype": "f32", "shape": ["B", "S", 4],
                "strides": ["S*row", "row", 1]}],
    "outputs": [], "steps": []})");
  Binder binder = entry.binder();
  EXPECT_EQ(messageOf(binder.bindInputs(
                std::vector{view({0, 5, 4}, {-7, INT64_MAX, 99})})),
            "");
  EXPECT_EQ(binder.values(), (Extents{0, 5, 4}));
}

// In place means the same elements at the same addresses: other strides over
// the same base would overwrite what is still to be read.
TEST(Bind, AnAliasHasTheStridesOfItsInput) {
  Entry entry(R"({"name": "f", "dims": {"C": [0, 9]},
    "inputs": [{"name": "cache", "dtype": "f32", "shape": ["C", 4],
                "strides": ["in", 1]}],
    "outputs": [{"name": "grown", "dtype": "f32", "shape": ["C", 4],
                 "strides": ["out", 1], "alias": "cache"}],
    "steps": []})");
  Binder binder = entry.binder();
  std::vector<TensorView> wide = {view({3, 4}, {8, 1})}, dense = {view({3, 4})};
  EXPECT_EQ(messageOf(binder.bindCall(wide, wide)), "");
  EXPECT_EQ(messageOf(binder.bindCall(wide, dense)),
            "output 'grown' shares memory with input 'cache': it may, but only "
            "from the same address on and with the same strides");
  std::vector<TensorView> oneWide = {view({1, 4}, {8, 1})},
                          oneRow = {view({1, 4})};
  EXPECT_EQ(messageOf(binder.bindCall(oneWide, oneRow)), "");
}

TEST(Bind, OutputsMayNotLieInEachOther) {
  Entry entry(R"({"name": "f", "dims": {"N": [0, 9]},
    "inputs": [{"name": "x", "dtype": "f32", "shape": ["N"]}],
    "outputs": [{"name": "y", "dtype": "f32", "shape": ["N"]},
                {"name": "z", "dtype": "f32", "shape": ["N"]}],
    "steps": []})");
  Binder binder = entry.binder();
  std::vector<TensorView> x = {view({4})};
  EXPECT_EQ(messageOf(binder.bindCall(x, std::vector{view({4}, {}, 0x20000),
                                                     view({4}, {}, 0x2000c)})),
            "output 'z' shares memory with output 'y': give it a buffer of its "
            "own");
  EXPECT_EQ(messageOf(binder.bindCall(x, std::vector{view({4}, {}, 0x20000),
                                                     view({4}, {}, 0x20010)})),
            "");
}

TEST(Bind, MemoryBeyondTheLastAddress) {
  Entry entry(R"({"name": "f", "dims": {"N": [0, 9]},
    "inputs": [{"name": "x", "dtype": "f32", "shape": ["N"], "strides": ["s"]}],
    "outputs": [], "steps": []})");
  Binder binder = entry.binder();
  EXPECT_EQ(messageOf(binder.bindCall(
                std::vector{view({4}, {}, UINTPTR_MAX - 7)}, {})),
            "input 'x' is [4], but entry 'f' takes [N]: it reaches out of "
            "memory");
  EXPECT_EQ(messageOf(binder.bindCall(std::vector{view({4}, {-9}, 0x40)}, {})),
            "input 'x' is [4], but entry 'f' takes [N]: it reaches out of "
            "memory");
}

TEST(Bind, ExtentsThatCannotBeEvaluated) {
  Entry entry(R"({"name": "f", "dims": {"N": [0, 9]},
    "inputs": [{"name": "x", "dtype": "f32", "shape": ["N"]}],
    "outputs": [{"name": "y", "dtype": "f32", "shape": ["8/N"]}],
    "requires": [{"that": "8 % N == 0", "else": "N divides 8"}],
    "steps": []})");
  Binder binder = entry.binder();
  int64_t elements = 0;
  EXPECT_EQ(messageOf(binder.bindInputs(std::vector{view({0})})),
            "requirement '8 % N == 0': division of 8 by 0");
  EXPECT_EQ(messageOf(binder.bindInputs(std::vector{view({4})})), "");
  auto output = binder.outputView(0, elements);
  ASSERT_TRUE(output) << output.error().message();
  EXPECT_EQ(output->shape[0], 2);
  EXPECT_EQ(messageOf(binder.bindInputs(std::vector{view({3})})),
            "entry 'f': N divides 8 (8 % N == 0 does not hold with N=3)");
}

TEST(Bind, AllocatesOutputsWithTheStridesOfInputs) {
  Entry entry(R"({"name": "f", "dims": {"S": [0, 9]},
    "inputs": [{"name": "x", "dtype": "f32", "shape": ["S", 4],
                "strides": ["row", 1]}],
    "outputs": [{"name": "y", "dtype": "f32", "shape": ["S", 4],
                 "strides": ["row", 1]}],
    "steps": []})");
  Binder binder = entry.binder();
  ASSERT_EQ(messageOf(binder.bindInputs(std::vector{view({3, 4}, {10, 1})})),
            "");
  int64_t elements = 0;
  auto output = binder.outputView(0, elements);
  ASSERT_TRUE(output) << output.error().message();
  EXPECT_EQ(output->strides[0], 10);
  EXPECT_EQ(elements, 24);
  ASSERT_EQ(messageOf(binder.bindInputs(std::vector{view({3, 4}, {-10, 1})})),
            "");
  output = binder.outputView(0, elements);
  ASSERT_FALSE(output);
  EXPECT_NE(output.error().message().find("pass an output of your own"),
            std::string::npos);
}

} // namespace
} // namespace headgate::test
