// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// select, selectTokens, dispatch and balanceLoss on cases worked out by hand.
// Logits are logarithms, so that probabilities are fractions.

#include "TestTensors.h"

using namespace headgate::reference;
using namespace headgate::reference::test;

namespace {

double ln(double x) { return std::log(x); }

/// One token with one group.
Selection selectRow(const std::vector<double> &logits, SelectOptions options) {
  return select(numbers({1, 1, 1, std::ssize(logits)}, logits), options);
}

//===-- select -----------------------------------------------------------===//

TEST(Select, RanksBySoftmax) {
  Selection chosen = selectRow({ln(1), ln(5), ln(2)}, {.k = 2});
  EXPECT_EQ(chosen.experts.shape, (Shape{1, 1, 1, 2}));
  EXPECT_EQ(chosen.experts.elements, (Ints{1, 2}));
  expectNear(chosen.weights, {5. / 8, 2. / 8});
  expectNear(chosen.probs, {1. / 8, 5. / 8, 2. / 8});
}

TEST(Select, OrderIndexSortsTheChosen) {
  Selection chosen =
      selectRow({ln(1), ln(2), ln(5)}, {.k = 2, .order = Order::index});
  EXPECT_EQ(chosen.experts.elements, (Ints{1, 2}));
  expectNear(chosen.weights, {2. / 8, 5. / 8});
}

TEST(Select, NormalisesOverTheGroup) {
  Selection chosen = selectRow({ln(1), ln(5), ln(2)},
                               {.k = 2, .norm = Norm::group, .scale = 3});
  expectNear(chosen.weights, {3 * 5. / 7, 3 * 2. / 7});
  expectNear(chosen.probs, {1. / 8, 5. / 8, 2. / 8});
}

// Groups of a token share one sum; tokens do not.
TEST(Select, NormalisesOverTheToken) {
  Selection chosen =
      select(numbers({1, 2, 2, 2}, {ln(1), ln(3), ln(1), ln(1), //
                                    ln(4), ln(1), ln(1), ln(4)}),
             {.k = 1, .norm = Norm::token, .scale = 2});
  EXPECT_EQ(chosen.experts.elements, (Ints{1, 0, 0, 1}));
  double sum = 3. / 4 + 1. / 2;
  expectNear(chosen.weights, {2 * (3. / 4) / sum, 2 * (1. / 2) / sum, 1, 1});
}

// A sum below eps does not blow weights up.
TEST(Select, DividesByAtLeastEps) {
  Selection chosen =
      selectRow({-ln(1e6), -ln(2e6)}, {.k = 2,
                                       .activation = Activation::sigmoid,
                                       .norm = Norm::group,
                                       .eps = 1e-3});
  expectNear(chosen.weights, {1e3 / (1e6 + 1), 1e3 / (2e6 + 1)});
}

TEST(Select, TiesGoToTheLowerIndex) {
  EXPECT_EQ(selectRow({1, 1, 1, 1}, {.k = 3}).experts.elements,
            (Ints{0, 1, 2}));
  EXPECT_EQ(selectRow({0, 2, 1, 2, 1}, {.k = 4}).experts.elements,
            (Ints{1, 3, 2, 4}));
}

TEST(Select, MinusZeroEqualsZero) {
  EXPECT_EQ(selectRow({-0.0, 0.0, 1}, {.k = 2}).experts.elements, (Ints{2, 0}));
  EXPECT_EQ(selectRow({0.0, -0.0, -1}, {.k = 2}).experts.elements,
            (Ints{0, 1}));
}

// All but one probability are 0 in double, but the logits still have an order.
TEST(Select, ComparesLogitsNotProbabilities) {
  Selection chosen = selectRow({-3000, -2000, 0}, {.k = 2});
  EXPECT_EQ(chosen.experts.elements, (Ints{2, 1}));
  expectNear(chosen.weights, {1, 0});
}

// What f32 cannot tell apart is a tie.
TEST(Select, ComparesInF32) {
  EXPECT_EQ(selectRow({1, 1 + 1e-12}, {.k = 1}).experts.elements, (Ints{0}));
  EXPECT_EQ(selectRow({1, 1 + 1e-6}, {.k = 1}).experts.elements, (Ints{1}));
}

TEST(Select, RowOfMinusInfinity) {
  for (Norm norm : {Norm::none, Norm::group, Norm::token}) {
    Selection chosen = selectRow({-inf, -inf, -inf}, {.k = 2, .norm = norm});
    EXPECT_EQ(chosen.experts.elements, (Ints{0, 1}));
    expectNear(chosen.weights, {0, 0});
    expectNear(chosen.probs, {0, 0, 0});
  }
  Selection topk =
      selectRow({-inf, -inf}, {.k = 1, .activation = Activation::softmaxTopk});
  expectNear(topk.weights, {0});
}

// Masked experts lose to all others and fill what is left, lowest index first.
TEST(Select, MaskedExpertsFillUp) {
  Selection chosen =
      selectRow({-inf, -inf, 7, -inf}, {.k = 3, .norm = Norm::group});
  EXPECT_EQ(chosen.experts.elements, (Ints{2, 0, 1}));
  expectNear(chosen.weights, {1, 0, 0});
  expectNear(chosen.probs, {0, 0, 1, 0});
}

// NaN must not be chosen before a number, and must not be hidden.
TEST(Select, NaNLosesAndPropagates) {
  for (Norm norm : {Norm::none, Norm::group, Norm::token}) {
    Selection chosen = selectRow({NaN, 1, 2}, {.k = 2, .norm = norm});
    EXPECT_EQ(chosen.experts.elements, (Ints{2, 1}));
    expectNear(chosen.weights, {NaN, NaN});
    expectNear(chosen.probs, {NaN, NaN, NaN});
  }
  // It counts as -inf: a tie with the masked expert.
  EXPECT_EQ(selectRow({-inf, NaN, 0}, {.k = 3}).experts.elements,
            (Ints{2, 0, 1}));
}

// Whoever shares a sum with a NaN is NaN.
TEST(Select, NaNSumMakesAllWeightsNaN) {
  Selection chosen = selectRow(
      {0, NaN},
      {.k = 2, .activation = Activation::sigmoid, .norm = Norm::group});
  EXPECT_EQ(chosen.experts.elements, (Ints{0, 1}));
  expectNear(chosen.weights, {NaN, NaN});
  expectNear(chosen.probs, {1. / 2, NaN});
}

TEST(Select, NaNOfATokenStaysInIt) {
  Selection chosen = select(numbers({1, 2, 1, 2}, {NaN, 1, ln(3), ln(1)}),
                            {.k = 1, .norm = Norm::token});
  expectNear(chosen.weights, {NaN, 1});
}

TEST(Select, InfinityGivesNaN) {
  Selection chosen = selectRow({0, inf}, {.k = 1});
  EXPECT_EQ(chosen.experts.elements, (Ints{1}));
  expectNear(chosen.probs, {NaN, NaN});
}

TEST(Select, SigmoidTakesLogitsOneByOne) {
  Selection chosen = selectRow({0, NaN, ln(3), -inf, inf},
                               {.k = 3, .activation = Activation::sigmoid});
  EXPECT_EQ(chosen.experts.elements, (Ints{4, 2, 0}));
  expectNear(chosen.weights, {1, 3. / 4, 1. / 2});
  expectNear(chosen.probs, {1. / 2, NaN, 3. / 4, 0, 1});
}

TEST(Select, OnesStillChooseByLogits) {
  Selection chosen =
      selectRow({1, 3, 2}, {.k = 2, .activation = Activation::ones});
  EXPECT_EQ(chosen.experts.elements, (Ints{1, 2}));
  expectNear(chosen.weights, {1, 1});
  expectNear(chosen.probs, {1, 1, 1});
}

TEST(Select, SoftmaxTopkIsOverTheChosen) {
  Selection chosen = selectRow({ln(1), ln(5), ln(2)},
                               {.k = 2, .activation = Activation::softmaxTopk});
  expectNear(chosen.weights, {5. / 7, 2. / 7});
  expectNear(chosen.probs, {1. / 8, 5. / 8, 2. / 8});
}

// The bias of its group is added to probabilities, for the choice alone.
TEST(Select, BiasSteersTheChoiceOnly) {
  Tensor<double> bias = numbers({2, 2}, {0, 0, 0.6, 0});
  Selection chosen = select(numbers({1, 1, 2, 2}, {ln(1), ln(3), ln(1), ln(3)}),
                            {.k = 1, .bias = bias});
  EXPECT_EQ(chosen.experts.elements, (Ints{1, 0}));
  expectNear(chosen.weights, {3. / 4, 1. / 4});
  expectNear(chosen.probs, {1. / 4, 3. / 4, 1. / 4, 3. / 4});
}

TEST(Select, PaddingTokensChooseNothing) {
  Tensor<uint8_t> valid = flags({2, 2}, {1, 0, 0, 2});
  Selection chosen =
      select(numbers({2, 2, 1, 2}, {0, 1, NaN, 1, 1, 0, ln(3), ln(1)}),
             {.k = 1, .norm = Norm::token, .valid = valid});
  EXPECT_EQ(chosen.experts.elements, (Ints{1, -1, -1, 0}));
  expectNear(chosen.weights, {1, 0, 0, 1});
  double e = std::exp(1);
  expectNear(chosen.probs,
             {1 / (1 + e), e / (1 + e), 0, 0, 0, 0, 3. / 4, 1. / 4});
}

//===-- selectTokens -----------------------------------------------------===//

/// One expert, sigmoid.
Selection selectColumn(const std::vector<double> &logits,
                       SelectTokensOptions options) {
  options.activation = Activation::sigmoid;
  return selectTokens(numbers({1, std::ssize(logits), 1, 1}, logits), options);
}

TEST(SelectTokens, TakesTheLargestOfEachExpert) {
  Selection chosen = selectTokens(
      numbers({1, 3, 1, 2}, {ln(1), ln(3), ln(2), ln(2), ln(4), ln(1)}),
      {.capacity = 2});
  EXPECT_EQ(chosen.experts.elements, (Ints{-1, 1, 0, 1, 0, -1}));
  expectNear(chosen.weights, {0, 3. / 4, 1. / 2, 1. / 2, 4. / 5, 0});
  expectNear(chosen.probs, {1. / 4, 3. / 4, 1. / 2, 1. / 2, 4. / 5, 1. / 5});
}

TEST(SelectTokens, TiesGoToTheEarlierToken) {
  EXPECT_EQ(selectColumn({0, 5, 5, -0.0, 5}, {.capacity = 2}).experts.elements,
            (Ints{-1, 0, 0, -1, -1}));
  EXPECT_EQ(selectColumn({-0.0, 0, -1}, {.capacity = 1}).experts.elements,
            (Ints{0, -1, -1}));
}

TEST(SelectTokens, CapacityMayBeNothingOrMoreThanThereIs) {
  EXPECT_EQ(selectColumn({1, 2}, {.capacity = 0}).experts.elements,
            (Ints{-1, -1}));
  EXPECT_EQ(selectColumn({1, 2}, {.capacity = 9}).experts.elements,
            (Ints{0, 0}));
}

TEST(SelectTokens, NaNIsTakenLast) {
  Selection chosen = selectColumn({NaN, 0, -5}, {.capacity = 2});
  EXPECT_EQ(chosen.experts.elements, (Ints{-1, 0, 0}));
  expectNear(chosen.probs, {NaN, 1. / 2, 1 / (1 + std::exp(5))});
}

TEST(SelectTokens, FirstTokenIsTakenFirst) {
  EXPECT_EQ(selectColumn({-9, 1, inf}, {.capacity = 1, .includeFirst = true})
                .experts.elements,
            (Ints{0, -1, -1}));
}

// Padding is not taken, even where capacity is left or the first is wanted.
TEST(SelectTokens, PaddingIsNotTaken) {
  Tensor<uint8_t> valid = flags({1, 3}, {0, 1, 0});
  Selection chosen = selectColumn(
      {9, ln(3), 9}, {.capacity = 2, .includeFirst = true, .valid = valid});
  EXPECT_EQ(chosen.experts.elements, (Ints{-1, 0, -1}));
  expectNear(chosen.weights, {0, 3. / 4, 0});
  expectNear(chosen.probs, {0, 3. / 4, 0});
}

TEST(SelectTokens, SequencesAndGroupsAreApart) {
  Selection chosen = selectTokens(
      numbers({2, 2, 2, 1}, {1, 2, 2, 1, 2, 1, 1, 2}), {.capacity = 1});
  EXPECT_EQ(chosen.experts.elements, (Ints{-1, 0, 0, -1, 0, -1, -1, 0}));
}

//===-- dispatch ---------------------------------------------------------===//

// [B,S,R,k] = [1,3,1,2] of 3 experts; slots are numbered 2 s + j.
TEST(Dispatch, SortsByExpertThenToken) {
  Dispatch sorted = dispatch(integers({1, 3, 1, 2}, {2, 0, 0, -1, 0, 2}), 3);
  EXPECT_EQ(sorted.rows.elements, (Ints{1, 2, 4, 0, 5, -1}));
  EXPECT_EQ(sorted.offsets.elements, (Ints{0, 3, 3, 5}));
  EXPECT_EQ(sorted.rank.elements, (Ints{0, 0, 1, -1, 2, 1}));
}

// Segments are (b, r, e), and an expert of another group is another one.
TEST(Dispatch, SegmentsAreOfSequenceAndGroup) {
  Dispatch sorted =
      dispatch(integers({2, 2, 2, 1}, {1, 0, 1, 1, 0, -1, -1, 0}), 2);
  EXPECT_EQ(sorted.offsets.elements, (Ints{0, 0, 2, 3, 4, 5, 5, 6, 6}));
  EXPECT_EQ(sorted.rows.elements, (Ints{0, 2, 1, 3, 4, 7, -1, -1}));
  EXPECT_EQ(sorted.rank.elements, (Ints{0, 0, 1, 0, 0, -1, -1, 0}));
}

TEST(Dispatch, NothingToSort) {
  Dispatch sorted = dispatch(Tensor<int32_t>({1, 0, 1, 2}), 2);
  EXPECT_TRUE(sorted.rows.elements.empty());
  EXPECT_EQ(sorted.offsets.elements, (Ints{0, 0, 0}));
}

//===-- balanceLoss ------------------------------------------------------===//

// Two tokens, one group: f = (2/2, 1/2, 1/2), P = (.5, .3, .2).
TEST(BalanceLoss, IsMTimesSumOfUseAndProbability) {
  Tensor<double> probs = numbers({1, 2, 1, 3}, {.6, .2, .2, .4, .4, .2});
  Tensor<int32_t> experts = integers({1, 2, 1, 2}, {0, 1, 2, 0});
  EXPECT_NEAR(balanceLoss(probs, experts), 3 * (.5 + .15 + .1), 1e-15);
  EXPECT_NEAR(balanceLoss(probs, experts, true), 3 * (.5 + .15 + .1) / 2,
              1e-15);
}

TEST(BalanceLoss, IsTheMeanOverGroups) {
  Tensor<double> probs = numbers({1, 1, 2, 2}, {.75, .25, .5, .5});
  Tensor<int32_t> experts = integers({1, 1, 2, 1}, {0, 1});
  EXPECT_NEAR(balanceLoss(probs, experts), (2 * .75 + 2 * .5) / 2, 1e-15);
}

// Even use gives k, whatever M: the least there is.
TEST(BalanceLoss, EvenUseGivesK) {
  Tensor<double> probs({2, 2, 1, 4}, 0.25);
  Tensor<int32_t> experts = integers({2, 2, 1, 2}, {0, 1, 2, 3, 1, 0, 3, 2});
  EXPECT_NEAR(balanceLoss(probs, experts), 2, 1e-15);
}

// Padding has probs 0 and experts -1; it is not counted.
TEST(BalanceLoss, LeavesPaddingOut) {
  Tensor<double> probs = numbers({1, 2, 1, 2}, {.75, .25, 0, 0});
  Tensor<int32_t> experts = integers({1, 2, 1, 1}, {0, -1});
  EXPECT_NEAR(balanceLoss(probs, experts), 2 * .75, 1e-15);
}

TEST(BalanceLoss, OfNothingIsNaN) {
  EXPECT_TRUE(std::isnan(balanceLoss(Tensor<double>({1, 2, 1, 2}),
                                     Tensor<int32_t>({1, 2, 1, 1}, -1))));
}

} // namespace
