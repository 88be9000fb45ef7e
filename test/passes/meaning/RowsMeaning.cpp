// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// rows.mlir.in against the reference: gather, linear, combine, rope, mean_heads
// and append.

#include "Meaning.h"

#include <cmath>

namespace headgate::test {
namespace {

using reference::Combine;
using reference::Sum;

class RowsMeaning : public Meaning {};
HEADGATE_MEANING_OF_ROWS(RowsMeaning);

TEST_P(RowsMeaning, Gather) {
  for (Setting at : settings(GetParam())) {
    Array rows = at.rows({at.B, at.S, 2, 4, 3}),
          experts = at.experts({at.B, at.S, 2, 3}, 4);
    at.expectRows("rows", "gather", {rows, experts},
                  {gather(numbers(rows), integers(experts))});
    Array scalars = at.rows({at.B, at.S, 1, 4}),
          few = at.experts({at.B, at.S, 1, 3}, 4);
    at.expectRows("rows", "gather_scalars", {scalars, few},
                  {gather(numbers(scalars), integers(few))});
    Array heads = at.rows({at.B, at.S, 2, 4, 3, 5});
    at.expectRows("rows", "gather_heads", {heads, experts},
                  {gather(numbers(heads), integers(experts))});
  }
}

//===-- linear -----------------------------------------------------------===//

/// What the entries of linear take: R = 2, M = 4, k = 3, 5 to 3 components.
struct Linear {
  explicit Linear(Setting &at)
      : token(at.rows({at.B, at.S, 5})), group(at.rows({at.B, at.S, 2, 5})),
        slot(at.rows({at.B, at.S, 2, 3, 5})), matrices(at.rows({2, 4, 5, 3})),
        turned(at.rows({2, 4, 3, 5})), bias(at.rows({2, 4, 3})),
        experts(at.experts({at.B, at.S, 2, 3}, 4)),
        weights(at.weights({at.B, at.S, 2, 3})) {
    // A hole adds nothing, whatever its weight.
    for (int64_t i = 0; at.special && i < experts.elements(); ++i)
      if (experts.integerAt(i) < 0)
        weights.set(i, std::nan(""));
    b = numbers(bias);
    w = numbers(weights);
  }
  Array token, group, slot, matrices, turned, bias, experts, weights;
  reference::Tensor<double> b, w;
};

TEST_P(RowsMeaning, LinearOfTokenGroupOrSlot) {
  for (Setting at : settings(GetParam())) {
    Linear in(at);
    auto experts = integers(in.experts);
    at.expectRows(
        "rows", "linear_token", {in.token, in.matrices, in.experts},
        {linear(numbers(in.token), numbers(in.matrices), experts, {})});
    at.expectRows("rows", "linear_group",
                  {in.group, in.turned, in.experts, in.bias},
                  {linear(numbers(in.group), numbers(in.turned), experts,
                          {.transposed = true, .bias = in.b})});
    at.expectRows("rows", "linear_sum_slots",
                  {in.slot, in.matrices, in.experts, in.weights},
                  {linear(numbers(in.slot), numbers(in.matrices), experts,
                          {.weights = in.w, .sum = Sum::slots})});
  }
}

TEST_P(RowsMeaning, LinearSummedOverAllSlots) {
  for (Setting at : settings(GetParam())) {
    Linear in(at);
    auto experts = integers(in.experts);
    at.expectRows("rows", "linear_sum_all",
                  {in.slot, in.turned, in.experts, in.bias, in.weights},
                  {linear(numbers(in.slot), numbers(in.turned), experts,
                          {.transposed = true,
                           .bias = in.b,
                           .weights = in.w,
                           .sum = Sum::all})});
    at.expectRows("rows", "linear_sum_plain",
                  {in.token, in.matrices, in.experts, in.bias},
                  {linear(numbers(in.token), numbers(in.matrices), experts,
                          {.bias = in.b, .sum = Sum::all})});
  }
}

//===-- combine ----------------------------------------------------------===//

TEST_P(RowsMeaning, Concat) {
  for (Setting at : settings(GetParam())) {
    Array slots = at.rows({at.B, at.S, 2, 3, 4}),
          heads = at.rows({at.B, at.S, 2, 3, 5, 4}),
          weights = at.weights({at.B, at.S, 2, 3});
    auto w = numbers(weights);
    at.expectRows("rows", "concat", {slots},
                  {combine(Combine::concat, numbers(slots))});
    at.expectRows("rows", "concat_weighted", {heads, weights},
                  {combine(Combine::concat, numbers(heads), {.weights = w})});
  }
}

TEST_P(RowsMeaning, SumOverAnyPrefixOfTheHeads) {
  for (Setting at : settings(GetParam())) {
    Array plain = at.rows({at.B, at.S, 3, 4}),
          plainWeights = at.weights({at.B, at.S, 3}),
          slots = at.rows({at.B, at.S, 2, 3, 4}),
          groupWeights = at.weights({at.B, at.S, 2}),
          heads = at.rows({at.B, at.S, 2, 3, 5, 4}),
          slotWeights = at.weights({at.B, at.S, 2, 3});
    auto w = numbers(plainWeights);
    at.expectRows("rows", "sum_heads", {plain, plainWeights},
                  {combine(Combine::sum, numbers(plain), {.weights = w})});
    w = numbers(groupWeights);
    at.expectRows("rows", "sum_groups", {slots, groupWeights},
                  {combine(Combine::sum, numbers(slots), {.weights = w})});
    w = numbers(slotWeights);
    at.expectRows("rows", "sum_slots", {heads, slotWeights},
                  {combine(Combine::sum, numbers(heads), {.weights = w})});
  }
}

// An expert may be chosen twice; its rows are added.
TEST_P(RowsMeaning, Scatter) {
  for (Setting at : settings(GetParam())) {
    Array slots = at.rows({at.B, at.S, 2, 3, 4}),
          weights = at.weights({at.B, at.S, 2, 3}),
          experts = at.experts({at.B, at.S, 2, 3}, 4);
    auto w = numbers(weights);
    auto e = integers(experts);
    at.expectRows("rows", "scatter", {slots, experts, weights},
                  {combine(Combine::scatter, numbers(slots),
                           {.weights = w, .experts = e, .numExperts = 4})});
    Array heads = at.rows({at.B, at.S, 1, 2, 3, 4}),
          few = at.experts({at.B, at.S, 1, 2}, 5);
    e = integers(few);
    at.expectRows("rows", "scatter_heads", {heads, few},
                  {combine(Combine::scatter, numbers(heads),
                           {.experts = e, .numExperts = 5})});
  }
}

//===-- rope, mean_heads, append -----------------------------------------===//

TEST_P(RowsMeaning, RopeByToken) {
  for (Setting at : settings(GetParam())) {
    Array rows = at.rows({at.B, at.S, 2, 6}), cos = at.weights({at.S + 2, 3}),
          sin = at.weights({at.S + 2, 3});
    at.expectRows("rows", "rope", {rows, cos, sin},
                  {rope(numbers(rows), numbers(cos), numbers(sin))});
  }
}

// A hole, -1, reads row 0.
TEST_P(RowsMeaning, RopeByPosition) {
  for (Setting at : settings(GetParam())) {
    int64_t P = 7;
    Array rows = at.rows({at.B, at.S, 7}), cos = at.weights({P, 1}),
          sin = at.weights({P, 1}), tokens = at.experts({at.B, at.S}, P);
    auto positions = integers(tokens);
    at.expectRows("rows", "rope_tokens", {rows, cos, sin, tokens},
                  {rope(numbers(rows), numbers(cos), numbers(sin), positions)});
    Array slotRows = at.rows({at.B, at.S, 2, 3, 5}), cos2 = at.weights({P, 2}),
          sin2 = at.weights({P, 2}), slots = at.experts({at.B, at.S, 2, 3}, P);
    positions = integers(slots);
    at.expectRows(
        "rows", "rope_slots", {slotRows, cos2, sin2, slots},
        {rope(numbers(slotRows), numbers(cos2), numbers(sin2), positions)});
  }
}

TEST_P(RowsMeaning, MeanHeads) {
  for (Setting at : settings(GetParam())) {
    Array rows = at.rows({at.B, at.T, 3, 4});
    at.expectRows("rows", "mean_heads", {rows}, {meanHeads(numbers(rows))});
  }
}

// Positions before and behind the cache drop rows on either side.
TEST_P(RowsMeaning, Append) {
  for (Setting at : settings(GetParam())) {
    Array rows = at.rows({at.B, at.S, 2, 3}),
          cache = at.rows({at.B, at.T, 2, 3}),
          position = at.ints({at.B}, -2, at.T + 2);
    at.expectRows("rows", "append", {rows, cache, position},
                  {append(numbers(rows), numbers(cache), integers(position))});
    Array experts = at.experts({at.B, at.S, 2}, 9),
          kept = at.experts({at.B, at.T, 2}, 9);
    at.expectRows(
        "rows", "append_experts", {experts, kept, position},
        {append(integers(experts), integers(kept), integers(position))});
  }
}

} // namespace
} // namespace headgate::test
