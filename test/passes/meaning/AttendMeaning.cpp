// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attend.mlir.in against reference::attend. With special numbers NaN and
// infinities lie anywhere in q, k and v: in pairs that are seen they must reach
// that row alone, elsewhere they must not matter.

#include "Meaning.h"

#include <cmath>
#include <limits>

namespace headgate::test {
namespace {

using reference::attend;
using reference::AttendOptions;
using reference::Attention;

class AttendMeaning : public Meaning {};
HEADGATE_MEANING_OF_ROWS(AttendMeaning);

/// Ragged bounds of B sequences and a mask.
struct Bounds {
  explicit Bounds(Setting &at)
      : kvStart(at.ints({at.B}, 0, at.T + 2)),
        kvLen(at.ints({at.B}, 0, at.T + 1)), qLen(at.ints({at.B}, 0, at.S + 1)),
        mask(at.mask({at.B, at.S, at.T})) {}
  Array kvStart, kvLen, qLen, mask;
};

TEST_P(AttendMeaning, PlainHeads) {
  for (Setting at : settings(GetParam())) {
    Array q = at.rows({at.B, at.S, 4, 8}), k = at.rows({at.B, at.T, 2, 8}),
          v = at.rows({at.B, at.T, 2, 6});
    Attention expected = attend(numbers(q), numbers(k), numbers(v), {});
    at.expectAttention("attend", "attend_plain", {q, k, v},
                       {expected.output, expected.lse});
  }
}

// Also where there are more queries than keys: the first rows see nothing.
TEST_P(AttendMeaning, CausalIsBottomRight) {
  for (Setting at : settings(GetParam())) {
    Array q = at.rows({at.B, at.S, 3, 5}), k = at.rows({at.B, at.T, 1, 5}),
          v = at.rows({at.B, at.T, 1, 5});
    Attention expected = attend(numbers(q), numbers(k), numbers(v),
                                {.causal = true, .scale = 0.25});
    at.expectAttention("attend", "attend_causal", {q, k, v},
                       {expected.output, expected.lse});
  }
}

TEST_P(AttendMeaning, OneMaskForAllSequences) {
  for (Setting at : settings(GetParam())) {
    Array q = at.rows({at.B, at.S, 2, 4}), k = at.rows({at.B, at.T, 2, 4}),
          v = at.rows({at.B, at.T, 2, 4}), mask = at.mask({1, at.S, at.T});
    auto keep = flags(mask);
    Attention expected =
        attend(numbers(q), numbers(k), numbers(v), {.mask = keep});
    at.expectAttention("attend", "attend_shared_mask", {q, k, v, mask},
                       {expected.output, expected.lse});
  }
}

TEST_P(AttendMeaning, AllBoundsAtOnce) {
  for (Setting at : settings(GetParam())) {
    Array q = at.rows({at.B, at.S, 2, 3, 4}), k = at.rows({at.B, at.T, 2, 4}),
          v = at.rows({at.B, at.T, 2, 3}),
          experts = at.experts({at.B, at.S, 2, 3}, 4);
    Bounds bounds(at);
    auto start = integers(bounds.kvStart), length = integers(bounds.kvLen),
         queries = integers(bounds.qLen), chosen = integers(experts);
    auto keep = flags(bounds.mask);
    AttendOptions options = {.causal = true,
                             .window = 3,
                             .kvHead = [](std::span<const int64_t> head,
                                          int64_t) { return head[0]; },
                             .kvStart = start,
                             .kvLen = length,
                             .qLen = queries,
                             .mask = keep,
                             .experts = chosen};
    Attention expected = attend(numbers(q), numbers(k), numbers(v), options);
    at.expectAttention("attend", "attend_bounds",
                       {q, k, v, experts, bounds.kvStart, bounds.kvLen,
                        bounds.qLen, bounds.mask},
                       {expected.output, expected.lse});
  }
}

TEST_P(AttendMeaning, TheKeyHeadMayDependOnTheExpert) {
  for (Setting at : settings(GetParam())) {
    Array q = at.rows({at.B, at.S, 1, 3, 4}), k = at.rows({at.B, at.T, 4, 4}),
          v = at.rows({at.B, at.T, 4, 5}),
          experts = at.experts({at.B, at.S, 1, 3}, 6),
          kvLen = at.ints({at.B}, 0, at.T + 1);
    auto chosen = integers(experts), length = integers(kvLen);
    AttendOptions options = {.causal = true,
                             .kvHead = [](std::span<const int64_t>,
                                          int64_t e) { return (e + 2) / 2; },
                             .kvLen = length,
                             .experts = chosen};
    Attention expected = attend(numbers(q), numbers(k), numbers(v), options);
    at.expectAttention("attend", "attend_by_expert", {q, k, v, experts, kvLen},
                       {expected.output, expected.lse});
  }
}

TEST_P(AttendMeaning, SlotsMayHaveHeads) {
  for (Setting at : settings(GetParam())) {
    Array q = at.rows({at.B, at.S, 1, 2, 3, 4}),
          k = at.rows({at.B, at.T, 3, 4}), v = at.rows({at.B, at.T, 3, 4});
    AttendOptions options = {.causal = true,
                             .kvHead = [](std::span<const int64_t> head,
                                          int64_t) { return 2 - head[2]; }};
    Attention expected = attend(numbers(q), numbers(k), numbers(v), options);
    at.expectAttention("attend", "attend_heads_of_slots", {q, k, v},
                       {expected.output, expected.lse});
  }
}

TEST_P(AttendMeaning, RoutedHistory) {
  for (Setting at : settings(GetParam())) {
    Array q = at.rows({at.B, at.S, 2, 2, 4}),
          k = at.rows({at.B, at.T, 2, 3, 4}),
          v = at.rows({at.B, at.T, 2, 3, 5}),
          experts = at.experts({at.B, at.S, 2, 2}, 5),
          history = at.experts({at.B, at.T, 2, 3}, 5);
    auto chosen = integers(experts), kept = integers(history);
    Attention expected =
        attend(numbers(q), numbers(k), numbers(v),
               {.causal = true, .experts = chosen, .history = kept});
    at.expectAttention("attend", "attend_history", {q, k, v, experts, history},
                       {expected.output, expected.lse});
  }
}

TEST_P(AttendMeaning, RoutedHistoryWithAllBounds) {
  for (Setting at : settings(GetParam())) {
    Array q = at.rows({at.B, at.S, 1, 2, 2, 4}),
          k = at.rows({at.B, at.T, 1, 2, 4}),
          v = at.rows({at.B, at.T, 1, 2, 4}),
          experts = at.experts({at.B, at.S, 1, 2}, 3),
          history = at.experts({at.B, at.T, 1, 2}, 3);
    Bounds bounds(at);
    auto start = integers(bounds.kvStart), length = integers(bounds.kvLen),
         queries = integers(bounds.qLen), chosen = integers(experts),
         kept = integers(history);
    auto keep = flags(bounds.mask);
    AttendOptions options = {.causal = true,
                             .window = 4,
                             .kvStart = start,
                             .kvLen = length,
                             .qLen = queries,
                             .mask = keep,
                             .experts = chosen,
                             .history = kept};
    Attention expected = attend(numbers(q), numbers(k), numbers(v), options);
    at.expectAttention("attend", "attend_history_bounds",
                       {q, k, v, experts, history, bounds.kvStart, bounds.kvLen,
                        bounds.qLen, bounds.mask},
                       {expected.output, expected.lse});
  }
}

TEST_P(AttendMeaning, ScoreRegion) {
  for (Setting at : settings(GetParam())) {
    Array q = at.rows({at.B, at.S, 2, 2, 4}), k = at.rows({at.B, at.T, 2, 4}),
          v = at.rows({at.B, at.T, 2, 4}), slopes = at.weights({2, 2});
    auto slope = numbers(slopes);
    AttendOptions options = {
        .causal = true,
        .kvHead = [](std::span<const int64_t> head,
                     int64_t) { return head[1]; },
        .score =
            [&](double a, const reference::Pair &pair) {
              int64_t distance = pair.s + at.T - at.S - pair.t + 1;
              if (distance % 3 == 0)
                return -std::numeric_limits<double>::infinity();
              double far = static_cast<double>(pair.s / distance + pair.b);
              return 2 * std::tanh(a / 2) +
                     slope(pair.head[0], pair.head[1]) * far;
            }};
    Attention expected = attend(numbers(q), numbers(k), numbers(v), options);
    at.expectAttention("attend", "attend_score", {q, k, v, slopes},
                       {expected.output, expected.lse});
  }
}

TEST_P(AttendMeaning, StaticExtents) {
  for (bool special : {false, true}) {
    Setting at(GetParam(), 2, 3, 5, special, 77);
    Array q = at.rows({2, 3, 2, 4}), k = at.rows({2, 5, 2, 4}),
          v = at.rows({2, 5, 2, 4});
    Attention expected =
        attend(numbers(q), numbers(k), numbers(v), {.causal = true});
    at.expectAttention("attend", "attend_static", {q, k, v},
                       {expected.output, expected.lse});
  }
}

// Scores of about 80 and more: exp of them is beyond f32.
TEST_P(AttendMeaning, LargeScores) {
  Setting at(GetParam(), 2, 5, 7, false, 78);
  Array q = at.rows({2, 5, 4, 8}), k = at.rows({2, 7, 2, 8}),
        v = at.rows({2, 7, 2, 6});
  for (int64_t i = 0; i < q.elements(); ++i)
    q.set(i, q.at(i) * 64);
  Attention expected = attend(numbers(q), numbers(k), numbers(v), {});
  EXPECT_GT(std::fabs(expected.lse(0, 0, 0)), 100);
  at.expectAttention("attend", "attend_plain", {q, k, v},
                     {expected.output, expected.lse}, 512);
}

} // namespace
} // namespace headgate::test
