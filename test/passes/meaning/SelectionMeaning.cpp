// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// selection.mlir.in against the reference. Logits are multiples of 1/2, so that
// each row has ties; rows of zeros of both signs, of -inf, and large ones come
// in between. Experts must be equal, not close.

#include "Meaning.h"

#include <limits>

namespace headgate::test {
namespace {

using reference::Activation;
using reference::Norm;
using reference::Order;
using reference::Selection;
using reference::SelectOptions;
using reference::SelectTokensOptions;

constexpr double infinity = std::numeric_limits<double>::infinity();

class SelectionMeaning : public Meaning {};
HEADGATE_MEANING_OF_ROWS(SelectionMeaning);

/// [B,S,R,M] with ties inside every group.
Array logits(Setting &at, std::vector<int64_t> shape) {
  Array array = at.rows(shape);
  int64_t group = shape.back();
  for (int64_t i = 0; i < array.elements(); ++i) {
    double tied = static_cast<double>(at.below(8)) / 2 - 2;
    switch ((i / group) % 5) {
    case 1:
      array.set(i, i % 2 ? 0.0 : -0.0);
      break;
    case 2:
      array.set(i, at.special ? -infinity : 40 * tied);
      break;
    case 3:
      break; // no ties; NaN and infinities if special
    default:
      array.set(i, tied);
    }
  }
  return array;
}

void expectSelect(Setting &at, const char *entry,
                  const std::vector<Array> &inputs,
                  const SelectOptions &options) {
  Selection expected = select(numbers(inputs[0]), options);
  at.expectRows("selection", entry, inputs,
                {expected.experts, expected.weights, expected.probs});
}

TEST_P(SelectionMeaning, RankOrderNormalisedOverTheToken) {
  for (Setting at : settings(GetParam()))
    expectSelect(at, "select_rank", {logits(at, {at.B, at.S, 2, 4})},
                 {.k = 2, .norm = Norm::token, .scale = 0.5});
}

TEST_P(SelectionMeaning, IndexOrderAndALargeEps) {
  for (Setting at : settings(GetParam()))
    expectSelect(
        at, "select_index", {logits(at, {at.B, at.S, 1, 5})},
        {.k = 3, .norm = Norm::group, .eps = 0.75, .order = Order::index});
}

TEST_P(SelectionMeaning, SoftmaxOfTheChosen) {
  for (Setting at : settings(GetParam()))
    expectSelect(
        at, "select_topk", {logits(at, {at.B, at.S, 3, 4})},
        {.k = 2, .activation = Activation::softmaxTopk, .norm = Norm::token});
}

TEST_P(SelectionMeaning, BiasAndPadding) {
  for (Setting at : settings(GetParam())) {
    Array bias = at.weights({2, 4}), valid = at.mask({at.B, at.S});
    auto added = numbers(bias);
    auto live = flags(valid);
    expectSelect(at, "select_bias",
                 {logits(at, {at.B, at.S, 2, 4}), bias, valid},
                 {.k = 3,
                  .activation = Activation::sigmoid,
                  .bias = added,
                  .valid = live});
  }
}

// Probabilities tie where logits do not; the bias decides then.
TEST_P(SelectionMeaning, BiasOnProbabilities) {
  for (Setting at : settings(GetParam())) {
    Array bias = at.weights({1, 4});
    auto added = numbers(bias);
    expectSelect(at, "select_softmax_bias",
                 {logits(at, {at.B, at.S, 1, 4}), bias},
                 {.k = 2, .order = Order::index, .bias = added});
  }
}

TEST_P(SelectionMeaning, AllExpertsInRankOrder) {
  for (Setting at : settings(GetParam())) {
    Array valid = at.mask({at.B, at.S});
    auto live = flags(valid);
    expectSelect(at, "select_ones", {logits(at, {at.B, at.S, 1, 3}), valid},
                 {.k = 3, .activation = Activation::ones, .valid = live});
  }
}

TEST_P(SelectionMeaning, StaticExtents) {
  Setting at(GetParam(), 2, 3, 0, false, 79);
  expectSelect(at, "select_static", {logits(at, {2, 3, 1, 4})}, {.k = 1});
}

Array scalar(int32_t x) { return Array::of({}, std::span(&x, 1)); }

TEST_P(SelectionMeaning, TokensOfEachExpert) {
  for (Setting at : settings(GetParam()))
    for (int64_t capacity : {int64_t(0), int64_t(1), int64_t(2), at.S + 3}) {
      Array l = logits(at, {at.B, at.S, 2, 3});
      Selection expected =
          selectTokens(numbers(l), SelectTokensOptions{.capacity = capacity});
      at.expectRows("selection", "select_tokens",
                    {l, scalar(static_cast<int32_t>(capacity))},
                    {expected.experts, expected.weights, expected.probs});
    }
}

TEST_P(SelectionMeaning, TheFirstTokenFirst) {
  for (Setting at : settings(GetParam()))
    for (int64_t capacity : {int64_t(0), int64_t(1), int64_t(3), at.S}) {
      Array l = logits(at, {at.B, at.S, 1, 4}), valid = at.mask({at.B, at.S});
      auto live = flags(valid);
      Selection expected = selectTokens(
          numbers(l), SelectTokensOptions{.capacity = capacity,
                                          .activation = Activation::sigmoid,
                                          .includeFirst = true,
                                          .valid = live});
      at.expectRows("selection", "select_tokens_first",
                    {l, scalar(static_cast<int32_t>(capacity)), valid},
                    {expected.experts, expected.weights, expected.probs});
    }
}

// Experts have one element type, so the rest runs once.

TEST(DispatchMeaning, SortsSlots) {
  for (Setting at : settings(DType::f32)) {
    Array experts = at.experts({at.B, at.S, 2, 3}, 5);
    auto expected = reference::dispatch(integers(experts), 5);
    at.expectRows("selection", "dispatch", {experts},
                  {expected.rows, expected.offsets, expected.rank});
  }
}

TEST(DispatchMeaning, StaticExtents) {
  Setting at(DType::f32, 2, 4, 0, false, 80);
  Array experts = at.experts({2, 4, 1, 2}, 3);
  auto expected = reference::dispatch(integers(experts), 3);
  at.expectRows("selection", "dispatch_static", {experts},
                {expected.rows, expected.offsets, expected.rank});
}

// Without a live token, as where B or S is 0: NaN.
TEST(BalanceLossMeaning, AgreesWithTheReference) {
  for (Setting at : settings(DType::f32)) {
    Array probs = at.weights({at.B, at.S, 2, 4}),
          experts = at.experts({at.B, at.S, 2, 3}, 4);
    auto p = numbers(probs);
    auto e = integers(experts);
    at.expectRows("selection", "balance_loss", {probs, experts},
                  {reference::balanceLoss(p, e),
                   reference::balanceLoss(p, e, /*normalized=*/true)});
  }
}

} // namespace
} // namespace headgate::test
