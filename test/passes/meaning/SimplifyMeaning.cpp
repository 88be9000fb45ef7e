// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// simplify.mlir.in and projections.mlir.in against the reference: what
// headgate-simplify-routed rewrites means what it meant before.

#include "Meaning.h"

namespace headgate::test {
namespace {

using reference::Combine;
using reference::Sum;
using reference::Tensor;

class SimplifyMeaning : public Meaning {};
#ifdef HEADGATE_MEANING_F32_ONLY
INSTANTIATE_TEST_SUITE_P(, SimplifyMeaning, testing::Values(DType::f32),
                         nameOf);
#else
HEADGATE_MEANING_OF_ROWS(SimplifyMeaning);
#endif

TEST_P(SimplifyMeaning, TheChosenRowsTurn) {
  for (Setting at : settings(GetParam())) {
    Array q = at.rows({at.B, at.S, 2, 4, 7}),
          logits = at.weights({at.B, at.S, 2, 4}), cos = at.weights({17, 3}),
          sin = at.weights({17, 3}), positions = at.ints({at.B, at.S}, 0, 17);
    auto chosen = select(numbers(logits), {.k = 3});
    auto turned =
        rope(numbers(q), numbers(cos), numbers(sin), integers(positions));
    at.expectRows("simplify", "turn_chosen", {q, logits, positions, cos, sin},
                  {gather(turned, chosen.experts)});
  }
}

TEST_P(SimplifyMeaning, SumsOfChosenProjections) {
  for (Setting at : settings(GetParam())) {
    Array x = at.rows({at.B, at.S, 5}), w = at.rows({2, 4, 5, 3}),
          b = at.rows({2, 4, 3}), logits = at.weights({at.B, at.S, 2, 4});
    auto chosen =
        select(numbers(logits),
               {.k = 3, .activation = reference::Activation::sigmoid});
    auto bias = numbers(b);
    at.expectRows(
        "simplify", "sum_slots", {x, w, b, logits},
        {linear(numbers(x), numbers(w), chosen.experts,
                {.bias = bias, .weights = chosen.weights, .sum = Sum::slots})});
    Array group = at.rows({at.B, at.S, 1, 5}), turned = at.rows({1, 4, 3, 5}),
          few = at.weights({at.B, at.S, 1, 4});
    at.expectRows("simplify", "sum_plain", {group, turned, few},
                  {linear(numbers(group), numbers(turned),
                          select(numbers(few), {.k = 2}).experts,
                          {.transposed = true, .sum = Sum::all})});
  }
}

TEST_P(SimplifyMeaning, AllExpertsInTheirPlaces) {
  for (Setting at : settings(GetParam())) {
    Array q = at.rows({at.B, at.S, 1, 3, 8}), k = at.rows({at.B, at.T, 5, 8}),
          logits = at.weights({at.B, at.S, 1, 3});
    auto chosen = select(numbers(logits), {.k = 3});
    auto heads =
        attend(gather(numbers(q), chosen.experts), numbers(k), numbers(k),
               {.causal = true,
                .kvHead = [](auto, int64_t e) { return e + 2; },
                .experts = chosen.experts});
    at.expectAttention("simplify", "all_scattered", {q, k, logits},
                       {combine(Combine::scatter, heads.output,
                                {.experts = chosen.experts, .numExperts = 3})},
                       assumedMaxScore, /*values=*/1);
  }
}

TEST_P(SimplifyMeaning, AllExpertsSummed) {
  for (Setting at : settings(GetParam())) {
    Array rows = at.rows({at.B, at.S, 2, 3, 8}),
          logits = at.weights({at.B, at.S, 2, 3});
    auto chosen =
        select(numbers(logits), {.k = 3, .norm = reference::Norm::token});
    at.expectRows("simplify", "all_summed", {rows, logits},
                  {combine(Combine::sum, gather(numbers(rows), chosen.experts),
                           {.weights = chosen.weights})});
  }
}

// Where zeros meet infinite matrices the dense form gives NaN, which is said.
TEST_P(SimplifyMeaning, OutputProjectionOfSlots) {
  for (Setting at : settings(GetParam())) {
    if (at.special)
      continue;
    Array rows = at.rows({at.B, at.S, 2, 3, 6}), w = at.rows({2, 4, 6, 4}),
          turned = at.rows({2, 4, 4, 6}),
          experts = at.experts({at.B, at.S, 2, 3}, 4),
          weights = at.weights({at.B, at.S, 2, 3});
    auto e = integers(experts);
    auto g = numbers(weights);
    at.expectRows(
        "simplify", "spread", {rows, w, turned, experts, weights},
        {linear(numbers(rows), numbers(w), e, {.weights = g, .sum = Sum::all}),
         linear(numbers(rows), numbers(turned), e,
                {.transposed = true, .sum = Sum::all})});
  }
}

TEST(SimplifyProjections, OfTheOnlyToken) {
  for (Setting at : settings(DType::f32)) {
    Array x = at.rows({1, 1, 5}), w = at.rows({1, 64, 3, 5}),
          b = at.rows({1, 64, 3}), experts = at.experts({1, 1, 1, 1}, 64);
    auto bias = numbers(b);
    at.expectRows("projections", "project_chosen", {x, w, b, experts},
                  {linear(numbers(x), numbers(w), integers(experts),
                          {.transposed = true, .bias = bias})});
  }
}

/// x [B,S,in] times w [H,out,in], with b [H,out]: [B,S,H,out].
Tensor<double> project(const Array &x, const Array &w, const Array &b) {
  int64_t B = x.shape[0], S = x.shape[1], H = w.shape[0], out = w.shape[1];
  Tensor<int32_t> all({B, S, 1, H});
  for (int64_t i = 0; i < B * S * H; ++i)
    all.elements[i] = static_cast<int32_t>(i % H);
  Tensor<double> matrices({1, H, out, w.shape[2]}), bias({1, H, out});
  matrices.elements = numbers(w).elements;
  bias.elements = numbers(b).elements;
  Tensor<double> rows =
      linear(numbers(x), matrices, all, {.transposed = true, .bias = bias});
  Tensor<double> heads({B, S, H, out});
  heads.elements = rows.elements;
  return heads;
}

TEST(SimplifyProjections, MeanOfKeys) {
  for (Setting at : settings(DType::f32)) {
    if (at.special) // inf - inf in one order, not in the other
      continue;
    Array x = at.rows({at.B, at.S, 3}), w = at.rows({8, 4, 3}),
          b = at.rows({8, 4}), cos = at.weights({17, 2}),
          sin = at.weights({17, 2});
    at.expectRows(
        "projections", "mean_key", {x, w, b, cos, sin},
        {meanHeads(rope(project(x, w, b), numbers(cos), numbers(sin)))});
  }
}

} // namespace
} // namespace headgate::test
