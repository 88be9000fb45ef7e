// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// gather, linear, combine, rope, meanHeads and append by hand.

#include "TestTensors.h"

using namespace headgate::reference;
using namespace headgate::reference::test;

namespace {

//===-- gather -----------------------------------------------------------===//

TEST(Gather, TakesRowsOfExperts) {
  // source[0, s, r, m, d] = 12 s + 6 r + 2 m + d, M = 3.
  Tensor<double> result =
      gather(counting({1, 2, 2, 3, 2}), integers({1, 2, 2, 1}, {2, 0, -1, 1}));
  EXPECT_EQ(result.shape, (Shape{1, 2, 2, 1, 2}));
  expectNear(result, {4, 5, 6, 7, 0, 0, 20, 21});
}

TEST(Gather, TakesAnyRowsBehindTheExpert) {
  Tensor<int32_t> experts = integers({1, 1, 1, 2}, {1, 0});
  expectNear(gather(counting({1, 1, 1, 2}), experts), {1, 0});
  Tensor<double> wide = gather(counting({1, 1, 1, 2, 2, 1}), experts);
  EXPECT_EQ(wide.shape, (Shape{1, 1, 1, 2, 2, 1}));
  expectNear(wide, {2, 3, 0, 1});
}

// A hole does not read, and NaN elsewhere does not matter.
TEST(Gather, HoleIsZero) {
  expectNear(
      gather(numbers({1, 1, 1, 2}, {NaN, 3}), integers({1, 1, 1, 2}, {-1, 1})),
      {0, 3});
}

//===-- linear -----------------------------------------------------------===//

/// matrices [R, M, in, out] = [1, 2, 2, 3].
const Tensor<double> matrices =
    numbers({1, 2, 2, 3}, {1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60});
const Tensor<int32_t> bothExperts = integers({1, 1, 1, 2}, {1, 0});

TEST(Linear, ProjectsTheTokensRow) {
  Tensor<double> result =
      linear(numbers({1, 1, 2}, {1, -1}), matrices, bothExperts, {});
  EXPECT_EQ(result.shape, (Shape{1, 1, 1, 2, 3}));
  expectNear(result, {-30, -30, -30, -3, -3, -3});
}

TEST(Linear, ProjectsTheGroupsRow) {
  Tensor<double> weights = numbers({2, 1, 1, 1}, {5, 7});
  Tensor<double> result = linear(numbers({1, 1, 2, 1}, {2, 3}), weights,
                                 integers({1, 1, 2, 1}, {0, 0}), {});
  expectNear(result, {10, 21});
}

TEST(Linear, ProjectsTheSlotsRow) {
  Tensor<double> result =
      linear(numbers({1, 1, 1, 2, 2}, {1, 0, 0, 1}), matrices, bothExperts, {});
  expectNear(result, {10, 20, 30, 4, 5, 6});
}

TEST(Linear, TransposedMatricesAreOutByIn) {
  Tensor<double> transposed =
      numbers({1, 2, 3, 2}, {1, 4, 2, 5, 3, 6, 10, 40, 20, 50, 30, 60});
  Tensor<double> x = numbers({1, 1, 2}, {1, -1});
  EXPECT_EQ(linear(x, transposed, bothExperts, {.transposed = true}).elements,
            linear(x, matrices, bothExperts, {}).elements);
}

TEST(Linear, AddsTheBiasOfTheExpert) {
  Tensor<double> bias = numbers({1, 2, 3}, {1, 2, 3, 100, 200, 300});
  expectNear(
      linear(Tensor<double>({1, 1, 2}), matrices, bothExperts, {.bias = bias}),
      {100, 200, 300, 1, 2, 3});
}

TEST(Linear, SumsSlots) {
  Tensor<double> weights = numbers({2, 1, 1, 1}, {5, 7});
  Tensor<int32_t> experts({1, 2, 2, 2}, 0);
  Tensor<double> w = numbers({1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  Tensor<double> x = numbers({1, 2, 1}, {1, 10});
  Tensor<double> slots =
      linear(x, weights, experts, {.weights = w, .sum = Sum::slots});
  EXPECT_EQ(slots.shape, (Shape{1, 2, 2, 1}));
  expectNear(slots, {15, 49, 550, 1050});
  Tensor<double> all =
      linear(x, weights, experts, {.weights = w, .sum = Sum::all});
  EXPECT_EQ(all.shape, (Shape{1, 2, 1}));
  expectNear(all, {64, 1600});
  expectNear(linear(x, weights, experts, {.sum = Sum::all}), {24, 240});
}

// The weight of a slot applies to its bias too.
TEST(Linear, WeighsTheBias) {
  Tensor<double> bias = numbers({1, 2, 3}, {1, 2, 3, 100, 200, 300});
  Tensor<double> w = numbers({1, 1, 1, 2}, {2, 10});
  expectNear(linear(Tensor<double>({1, 1, 2}), matrices, bothExperts,
                    {.bias = bias, .weights = w, .sum = Sum::slots}),
             {210, 420, 630});
}

TEST(Linear, HolesAddNothing) {
  Tensor<int32_t> experts = integers({1, 1, 1, 2}, {-1, 0});
  Tensor<double> x = numbers({1, 1, 1, 2, 2}, {NaN, NaN, 0, 1});
  Tensor<double> w = numbers({1, 1, 1, 2}, {NaN, 2});
  Tensor<double> bias({1, 2, 3}, 1);
  expectNear(linear(x, matrices, experts, {.bias = bias}), {0, 0, 0, 5, 6, 7});
  expectNear(linear(x, matrices, experts, {.weights = w, .sum = Sum::all}),
             {8, 10, 12});
}

//===-- combine ----------------------------------------------------------===//

TEST(Combine, ConcatFlattens) {
  Tensor<double> source = counting({1, 2, 2, 2, 2});
  Tensor<double> result = combine(Combine::concat, source);
  EXPECT_EQ(result.shape, (Shape{1, 2, 8}));
  EXPECT_EQ(result.elements, source.elements);
}

// Weights have a prefix of the heads: here slots of two heads each.
TEST(Combine, ConcatWeighs) {
  Tensor<double> weights = numbers({1, 1, 1, 2}, {10, 100});
  expectNear(combine(Combine::concat, counting({1, 1, 1, 2, 2, 1}),
                     {.weights = weights}),
             {0, 10, 200, 300});
}

TEST(Combine, SumsOverTheHeadsOfTheWeights) {
  Tensor<double> source = counting({1, 1, 2, 2, 3});
  Tensor<double> slots = numbers({1, 1, 2, 2}, {1, 10, 100, 1000});
  Tensor<double> all = combine(Combine::sum, source, {.weights = slots});
  EXPECT_EQ(all.shape, (Shape{1, 1, 3}));
  expectNear(all, {9630, 10741, 11852});
  // Over groups alone: the slots stay.
  Tensor<double> groups = numbers({1, 1, 2}, {1, 10});
  expectNear(combine(Combine::sum, source, {.weights = groups}),
             {60, 71, 82, 93, 104, 115});
}

TEST(Combine, ScatterPutsHeadsAtTheirExperts) {
  Tensor<int32_t> experts = integers({1, 1, 2, 2}, {2, 0, 1, -1});
  Tensor<double> weights = numbers({1, 1, 2, 2}, {1, 10, 100, NaN});
  Tensor<double> source = numbers({1, 1, 2, 2, 1}, {1, 2, 3, NaN});
  Tensor<double> result =
      combine(Combine::scatter, source,
              {.weights = weights, .experts = experts, .numExperts = 3});
  EXPECT_EQ(result.shape, (Shape{1, 1, 6}));
  expectNear(result, {20, 0, 1, 0, 300, 0});
}

// Two slots of one expert add up; heads of an expert stay side by side.
TEST(Combine, ScatterAddsAndKeepsHeadsOfAnExpert) {
  Tensor<int32_t> experts = integers({1, 1, 1, 2}, {1, 1});
  expectNear(combine(Combine::scatter, counting({1, 1, 1, 2, 2, 2}),
                     {.experts = experts, .numExperts = 2}),
             {0, 0, 0, 0, 4, 6, 8, 10});
}

//===-- rope -------------------------------------------------------------===//

/// Position p turns the first pair by p quarter turns and the second by none.
const Tensor<double> cosines = numbers({3, 2}, {1, 1, 0, 1, -1, 1});
const Tensor<double> sines = numbers({3, 2}, {0, 0, 1, 0, 0, 0});

TEST(Rope, TurnsPairsHalfAHeadApart) {
  Tensor<double> result = rope(
      numbers({1, 3, 4}, {1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4}), cosines, sines);
  expectNear(result, {1, 2, 3, 4, -3, 2, 1, 4, -1, 2, -3, 4});
}

TEST(Rope, LeavesTheRestOfAWiderRow) {
  Tensor<double> positions = numbers({1, 1, 1, 6}, {1, 2, 3, 4, 5, 6});
  expectNear(rope(positions, cosines, sines, integers({1, 1}, {1})),
             {-3, 2, 1, 4, 5, 6});
}

// Of a token, and of a slot: what heads inside it share.
TEST(Rope, PositionsAreAPrefixOfTheSource) {
  Tensor<double> source({1, 2, 1, 2, 2, 2}, 1);
  Tensor<double> cos = numbers({3, 1}, {1, 0, -1}), sin({3, 1});
  expectNear(rope(source, cos, sin, integers({1, 2}, {2, 0})),
             {-1, -1, -1, -1, -1, -1, -1, -1, 1, 1, 1, 1, 1, 1, 1, 1});
  expectNear(rope(source, cos, sin, integers({1, 2, 1, 2}, {0, 2, 2, 1})),
             {1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0});
}

TEST(Rope, HoleReadsRowZero) {
  Tensor<double> cos = numbers({2, 1}, {5, 7}), sin({2, 1});
  expectNear(rope(Tensor<double>({1, 1, 1, 2, 2}, 1), cos, sin,
                  integers({1, 1, 1, 2}, {-1, 1})),
             {5, 5, 7, 7});
}

//===-- meanHeads, append ------------------------------------------------===//

TEST(MeanHeads, AveragesOverHeads) {
  Tensor<double> result = meanHeads(counting({1, 2, 3, 2}));
  EXPECT_EQ(result.shape, (Shape{1, 2, 1, 2}));
  expectNear(result, {2, 3, 8, 9});
}

TEST(Append, WritesBehindWhatIsThere) {
  Tensor<double> cache({2, 4, 1}, -1);
  Tensor<double> result =
      append(numbers({2, 2, 1}, {1, 2, 3, 4}), cache, integers({2}, {0, 2}));
  EXPECT_EQ(result.shape, (Shape{2, 4, 1}));
  expectNear(result, {1, 2, -1, -1, -1, -1, 3, 4});
  expectNear(cache, std::vector<double>(8, -1));
}

TEST(Append, DropsRowsOutsideTheCache) {
  Tensor<double> cache({3, 2, 1}, -1), rows({3, 2, 1}, 5);
  expectNear(append(rows, cache, integers({3}, {1, 2, -1})),
             {-1, 5, -1, -1, 5, -1});
}

TEST(Append, KeepsIntegers) {
  EXPECT_EQ(append(integers({1, 1, 1, 2}, {1, 2}),
                   Tensor<int32_t>({1, 2, 1, 2}, -1), integers({1}, {1}))
                .elements,
            (Ints{-1, -1, 1, 2}));
}

} // namespace
