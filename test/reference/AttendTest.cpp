// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attend on cases worked out by hand. Who sees whom is tested with scores of 0
// and values 2^t: then exp(lse) is the number of keys a row sees, and output
// times that number has a bit for each of them.

#include "TestTensors.h"

using namespace headgate::reference;
using namespace headgate::reference::test;

namespace {

double ln(double x) { return std::log(x); }

/// 2^t for each key, [B,T,1,1].
Tensor<double> powersOfTwo(int64_t B, int64_t T) {
  Tensor<double> value({B, T, 1, 1});
  for (int64_t b = 0; b < B; ++b)
    for (int64_t t = 0; t < T; ++t)
      value(b, t, 0, 0) = std::ldexp(1, static_cast<int>(t));
  return value;
}

/// The keys that each row saw, as bits. Every row that saw none must have
/// output 0.
Ints seenIn(const Attention &result) {
  Ints seen;
  for (size_t i = 0; i < result.lse.elements.size(); ++i) {
    double keys = std::exp(result.lse.elements[i]);
    double bits = result.output.elements[i] * keys;
    EXPECT_NEAR(bits, std::round(bits), 1e-9);
    if (keys == 0) {
      EXPECT_EQ(result.output.elements[i], 0);
    }
    seen.push_back(static_cast<int32_t>(std::round(bits)));
  }
  return seen;
}

/// Of S query rows over T keys, one head.
Ints seenBy(int64_t S, int64_t T, const AttendOptions &options, int64_t B = 1) {
  return seenIn(attend(Tensor<double>({B, S, 1, 1}),
                       Tensor<double>({B, T, 1, 1}), powersOfTwo(B, T),
                       options));
}

//===-- scores and averages ----------------------------------------------===//

TEST(Attend, IsSoftmaxTimesValues) {
  Attention result =
      attend(numbers({1, 1, 1, 1}, {2}), numbers({1, 2, 1, 1}, {0, ln(3) / 2}),
             numbers({1, 2, 1, 2}, {0, 8, 4, 0}), {.scale = 1});
  EXPECT_EQ(result.output.shape, (Shape{1, 1, 1, 2}));
  EXPECT_EQ(result.lse.shape, (Shape{1, 1, 1}));
  expectNear(result.output, {3, 2});
  expectNear(result.lse, {ln(4)});
}

TEST(Attend, ScalesByTheRootOfTheWidth) {
  Attention result = attend(numbers({1, 1, 1, 4}, {1, 1, 1, 1}),
                            numbers({1, 1, 1, 4}, {1, 2, 3, 4}),
                            numbers({1, 1, 1, 1}, {7}), {});
  expectNear(result.output, {7});
  expectNear(result.lse, {10 / 2.});
}

TEST(Attend, LargeScoresDoNotOverflow) {
  for (double q : {5000., -5000.}) {
    Attention result =
        attend(numbers({1, 1, 1, 1}, {q}), numbers({1, 2, 1, 1}, {1, 1}),
               numbers({1, 2, 1, 1}, {2, 4}), {});
    expectNear(result.output, {3});
    expectNear(result.lse, {q + ln(2)});
  }
}

//===-- who sees whom ----------------------------------------------------===//

TEST(Attend, SeesAllByDefault) {
  EXPECT_EQ(seenBy(2, 3, {}), (Ints{0b111, 0b111}));
}

TEST(Attend, CausalSeesThePast) {
  EXPECT_EQ(seenBy(3, 3, {.causal = true}), (Ints{0b001, 0b011, 0b111}));
}

// The last query sees the last key: behind a cache all but the newer tokens.
TEST(Attend, CausalIsBottomRight) {
  EXPECT_EQ(seenBy(2, 5, {.causal = true}), (Ints{0b01111, 0b11111}));
  EXPECT_EQ(seenBy(1, 5, {.causal = true}), (Ints{0b11111}));
}

// More queries than keys: the first rows see nothing.
TEST(Attend, CausalRowsInFrontOfAllKeysSeeNothing) {
  EXPECT_EQ(seenBy(4, 2, {.causal = true}), (Ints{0, 0, 0b01, 0b11}));
}

TEST(Attend, WindowBoundsThePast) {
  EXPECT_EQ(seenBy(4, 4, {.causal = true, .window = 2}),
            (Ints{0b0001, 0b0011, 0b0110, 0b1100}));
  EXPECT_EQ(seenBy(2, 4, {.causal = true, .window = 1}),
            (Ints{0b0100, 0b1000}));
}

// Each sequence has its own lengths, and its causal diagonal follows them.
TEST(Attend, KvLenMovesTheDiagonal) {
  Tensor<int32_t> kvLen = integers({2}, {4, 2});
  EXPECT_EQ(seenBy(2, 4, {.causal = true, .kvLen = kvLen}, 2),
            (Ints{0b0111, 0b1111, 0b0001, 0b0011}));
  EXPECT_EQ(seenBy(1, 4, {.kvLen = kvLen}, 2), (Ints{0b1111, 0b0011}));
}

// A right-padded prefill: q_len = kv_len < S has offset 0.
TEST(Attend, QLenEndsTheQueries) {
  Tensor<int32_t> three = integers({1}, {3}), one = integers({1}, {1});
  EXPECT_EQ(seenBy(4, 4, {.causal = true, .kvLen = three, .qLen = three}),
            (Ints{0b0001, 0b0011, 0b0111, 0}));
  EXPECT_EQ(seenBy(2, 4, {.causal = true, .kvLen = three, .qLen = one}),
            (Ints{0b0111, 0}));
}

TEST(Attend, KvStartHidesLeftPadding) {
  Tensor<int32_t> kvStart = integers({2}, {2, 0});
  EXPECT_EQ(seenBy(3, 3, {.causal = true, .kvStart = kvStart}, 2),
            (Ints{0, 0, 0b100, 0b001, 0b011, 0b111}));
}

TEST(Attend, NoKeysAtAll) {
  Tensor<int32_t> none = integers({1}, {0});
  EXPECT_EQ(seenBy(2, 3, {.kvLen = none}), (Ints{0, 0}));
  EXPECT_EQ(seenBy(2, 0, {}), (Ints{0, 0}));
}

TEST(Attend, MaskHidesPairs) {
  Tensor<uint8_t> mask = flags({2, 2, 2}, {1, 0, 0, 0, 0, 255, 1, 1});
  EXPECT_EQ(seenBy(2, 2, {.mask = mask}, 2), (Ints{0b01, 0, 0b10, 0b11}));
  // With a rule, both must hold.
  EXPECT_EQ(seenBy(2, 2, {.causal = true, .mask = mask}, 2),
            (Ints{0b01, 0, 0, 0b11}));
}

TEST(Attend, OneMaskMayServeAllSequences) {
  Tensor<uint8_t> mask = flags({1, 1, 2}, {0, 1});
  EXPECT_EQ(seenBy(1, 2, {.mask = mask}, 2), (Ints{0b10, 0b10}));
}

TEST(Attend, HolesSeeNothing) {
  Tensor<int32_t> experts = integers({1, 2, 1, 2}, {0, -1, -1, 1});
  Attention result =
      attend(Tensor<double>({1, 2, 1, 2, 1}), Tensor<double>({1, 2, 1, 1}),
             powersOfTwo(1, 2), {.experts = experts});
  EXPECT_EQ(seenIn(result), (Ints{0b11, 0, 0, 0b11}));
}

//===-- what is not seen -------------------------------------------------===//

/// One query row over four keys of which 0 and 3 are NaN, key and value.
Attention besidePoison(const AttendOptions &options) {
  return attend(numbers({1, 1, 1, 1}, {1}),
                numbers({1, 4, 1, 1}, {NaN, 0, 0, NaN}),
                numbers({1, 4, 1, 1}, {NaN, 2, 4, NaN}), options);
}

TEST(Attend, WhatIsNotSeenHasNoInfluence) {
  Tensor<int32_t> one = integers({1}, {1}), three = integers({1}, {3});
  Tensor<uint8_t> mask = flags({1, 1, 4}, {0, 1, 1, 0});
  for (const AttendOptions &options :
       {AttendOptions{.kvStart = one, .kvLen = three},
        AttendOptions{.mask = mask},
        AttendOptions{.causal = true, .window = 2, .kvLen = three}}) {
    Attention result = besidePoison(options);
    expectNear(result.output, {3});
    expectNear(result.lse, {ln(2)});
  }
}

// A key in the future is not multiplied by 0: that would be NaN.
TEST(Attend, NaNReachesTheRowsThatSeeIt) {
  Attention result =
      attend(Tensor<double>({1, 3, 1, 1}), Tensor<double>({1, 3, 1, 1}),
             numbers({1, 3, 1, 2}, {1, 1, NaN, 1, 1, inf}), {.causal = true});
  expectNear(result.output, {1, 1, NaN, 1, NaN, inf});
  expectNear(result.lse, {0, ln(2), ln(3)});
}

TEST(Attend, NaNScoresReachTheirRow) {
  Attention result =
      attend(numbers({1, 2, 1, 1}, {1, NaN}), Tensor<double>({1, 2, 1, 1}),
             Tensor<double>({1, 2, 1, 1}, 1), {});
  expectNear(result.output, {1, NaN});
  expectNear(result.lse, {ln(2), NaN});
}

TEST(Attend, InfiniteScores) {
  // +inf: the NaN of inf - inf. -inf: a key that is hidden with its value.
  Attention result =
      attend(numbers({1, 2, 1, 1}, {1, -1}), numbers({1, 2, 1, 1}, {0, inf}),
             numbers({1, 2, 1, 1}, {5, NaN}), {});
  expectNear(result.output, {NaN, 5});
  expectNear(result.lse, {NaN, 0});
}

TEST(Attend, AllScoresMinusInfinity) {
  Attention result =
      attend(numbers({1, 1, 1, 1}, {-1}), numbers({1, 2, 1, 1}, {inf, inf}),
             numbers({1, 2, 1, 1}, {5, NaN}), {});
  expectNear(result.output, {0});
  expectNear(result.lse, {-inf});
}

//===-- heads ------------------------------------------------------------===//

/// One key whose value names its head: 10 h.
Tensor<double> namedHeads(int64_t H) {
  Tensor<double> value({1, 1, H, 1});
  for (int64_t h = 0; h < H; ++h)
    value(0, 0, h, 0) = 10.0 * static_cast<double>(h);
  return value;
}

TEST(Attend, HeadsShareKeysInGroups) {
  Attention result = attend(Tensor<double>({1, 1, 6, 1}),
                            Tensor<double>({1, 1, 3, 1}), namedHeads(3), {});
  expectNear(result.output, {0, 0, 10, 10, 20, 20});
  Attention slots = attend(Tensor<double>({1, 1, 2, 3, 1}),
                           Tensor<double>({1, 1, 2, 1}), namedHeads(2), {});
  EXPECT_EQ(slots.lse.shape, (Shape{1, 1, 2, 3}));
  expectNear(slots.output, {0, 0, 0, 10, 10, 10});
}

// JetMoE: the key-value head is the head inside the expert.
TEST(Attend, KvHeadMayFollowAnyHeadIndex) {
  AttendOptions options;
  options.kvHead = [](std::span<const int64_t> head, int64_t expert) {
    EXPECT_EQ(head.size(), 3u);
    EXPECT_EQ(expert, -1);
    return head[2];
  };
  Attention result =
      attend(Tensor<double>({1, 1, 1, 2, 3, 1}), Tensor<double>({1, 1, 3, 1}),
             namedHeads(3), options);
  expectNear(result.output, {0, 10, 20, 0, 10, 20});
}

// MoH: it follows the chosen expert. Not asked for holes.
TEST(Attend, KvHeadMayFollowTheExpert) {
  Tensor<int32_t> experts = integers({1, 1, 2, 2}, {1, -1, 0, 2});
  AttendOptions options = {.experts = experts};
  options.kvHead = [](std::span<const int64_t>, int64_t expert) {
    EXPECT_GE(expert, 0);
    return expert + 1;
  };
  Attention result =
      attend(Tensor<double>({1, 1, 2, 2, 1}), Tensor<double>({1, 1, 4, 1}),
             namedHeads(4), options);
  expectNear(result.output, {20, 0, 10, 30});
  expectNear(result.lse, {0, -inf, 0, 0});
}

//===-- history ----------------------------------------------------------===//

// Three tokens choose two of three experts; keys live in slots, value 2^(2t+i).
struct RoutedHistory {
  Tensor<int32_t> experts = integers({1, 3, 1, 2}, {0, 1, 2, 0, 1, -1});
  Tensor<double> value = numbers({1, 3, 1, 2, 1}, {1, 2, 4, 8, 16, NaN});

  Attention attendCausal(int64_t u) const {
    return attend(Tensor<double>({1, 3, 1, 2, u, 1}),
                  Tensor<double>({1, 3, 1, 2, 1}), value,
                  {.causal = true, .experts = experts, .history = experts});
  }
};

TEST(Attend, HistoryHoldsTheKeysOfTheSameExpert) {
  // Token 0: expert 0 sees itself (1), expert 1 itself (2). Token 1: expert 2
  // only itself (4), expert 0 also token 0 (1 + 8). Token 2: expert 1 also
  // token 0 (2 + 16); the hole nothing.
  EXPECT_EQ(seenIn(RoutedHistory().attendCausal(1)),
            (Ints{1, 2, 4, 1 + 8, 2 + 16, 0}));
}

TEST(Attend, HeadsOfAnExpertShareItsHistory) {
  EXPECT_EQ(seenIn(RoutedHistory().attendCausal(2)),
            (Ints{1, 1, 2, 2, 4, 4, 1 + 8, 1 + 8, 2 + 16, 2 + 16, 0, 0}));
}

// A decode step: the query's experts and the cache's differ; a key of another
// group is another key.
TEST(Attend, HistoryOfEachGroup) {
  Tensor<int32_t> experts = integers({1, 1, 2, 1}, {1, 1});
  Tensor<int32_t> history = integers({1, 3, 2, 1}, {1, 0, 0, 1, 1, 1});
  Tensor<double> value = numbers({1, 3, 2, 1, 1}, {1, 2, 4, 8, 16, 32});
  Tensor<int32_t> kvLen = integers({1}, {2});
  AttendOptions options = {.causal = true, .experts = experts};
  options.history = history;
  Tensor<double> query({1, 1, 2, 1, 1}), key({1, 3, 2, 1, 1});
  EXPECT_EQ(seenIn(attend(query, key, value, options)), (Ints{17, 40}));
  options.kvLen = kvLen;
  EXPECT_EQ(seenIn(attend(query, key, value, options)), (Ints{1, 8}));
}

// A token may hold two keys of one expert; each counts.
TEST(Attend, HistoryCountsEverySlot) {
  Tensor<int32_t> experts = integers({1, 1, 1, 1}, {0});
  Tensor<int32_t> history = integers({1, 1, 1, 2}, {0, 0});
  EXPECT_EQ(seenIn(attend(Tensor<double>({1, 1, 1, 1, 1}),
                          Tensor<double>({1, 1, 1, 2, 1}),
                          numbers({1, 1, 1, 2, 1}, {1, 2}),
                          {.experts = experts, .history = history})),
            (Ints{3}));
}

//===-- score function ---------------------------------------------------===//

// It gets the scaled score and where the pair is, for seen pairs only.
TEST(Attend, ScoreFunctionSeesSeenPairs) {
  int calls = 0;
  AttendOptions options = {.causal = true, .scale = 0.5};
  options.score = [&](double score, const Pair &pair) {
    ++calls;
    EXPECT_LE(pair.t, pair.s);
    EXPECT_EQ(pair.head.size(), 2u);
    double q = 8.0 * static_cast<double>(pair.b) +
               4.0 * static_cast<double>(pair.s) +
               2.0 * static_cast<double>(pair.head[0]) +
               static_cast<double>(pair.head[1]);
    EXPECT_EQ(score, 0.5 * q);
    return 0.0;
  };
  attend(counting({2, 2, 2, 2, 1}), Tensor<double>({2, 2, 1, 1}, 1),
         Tensor<double>({2, 2, 1, 1}), options);
  EXPECT_EQ(calls, 2 * (1 + 2) * 4);
}

// A soft cap: cap tanh(a / cap).
TEST(Attend, ScoreFunctionReplacesTheScore) {
  AttendOptions options;
  options.score = [](double score, const Pair &) {
    return 2 * std::tanh(score / 2);
  };
  Attention result =
      attend(numbers({1, 1, 1, 1}, {1e6}), numbers({1, 2, 1, 1}, {1, -1}),
             numbers({1, 2, 1, 1}, {1, 0}), options);
  expectNear(result.output, {1 / (1 + std::exp(-4))});
  expectNear(result.lse, {ln(std::exp(2) + std::exp(-2))});
}

TEST(Attend, ScoreFunctionHidesKeys) {
  AttendOptions options;
  options.score = [](double score, const Pair &pair) {
    return pair.t == 1 ? -inf : score;
  };
  EXPECT_EQ(seenBy(1, 3, options), (Ints{0b101}));
}

} // namespace
