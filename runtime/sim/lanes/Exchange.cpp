// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Instructions in which the lanes of a warp see each other (PTX ISA 9.7.9.6,
// 9.7.13). Each waits until all live lanes of its mask have come.

#include "runtime/sim/lanes/Rows.h"

namespace headgate::runtime::sim::HEADGATE_LANES {

namespace {

/// The member mask at `word`, if all its live lanes are here; else these lanes
/// wait, or have been reported, and 0 comes back.
HEADGATE_INLINE uint32_t gather(Warp &w, const Op &op, uint32_t mask,
                                uint32_t word) {
  const auto *members = lanesAt<const uint32_t>(w, op.at[word]);
  uint32_t wanted = members[__builtin_ctz(mask)];
  bool complete = (wanted & w.live & ~mask) == 0 && (mask & ~wanted) == 0;
  if (complete) [[likely]]
    return wanted;
  return waitForLanes(w, op, mask, wanted) ? wanted : 0;
}

enum class Way { up, down, butterfly, index };

template <Way way> void shuffle(Warp &w, const Op &op, uint32_t mask) {
  if (!gather(w, op, mask, 5))
    return;
  const auto *from = lanesAt<const uint32_t>(w, op.at[2]),
             *b = lanesAt<const uint32_t>(w, op.at[3]),
             *c = lanesAt<const uint32_t>(w, op.at[4]);
  uint32_t source[32], values[32];
  uint32_t inside = 0, used = 0;
  for (uint32_t lane = 0; lane < 32; ++lane) {
    uint32_t n = b[lane] & 31, clamp = c[lane] & 31,
             segment = c[lane] >> 8 & 31;
    uint32_t last = (lane & segment) | (clamp & ~segment);
    uint32_t j = way == Way::up          ? lane - n
                 : way == Way::down      ? lane + n
                 : way == Way::butterfly ? lane ^ n
                                         : (lane & segment) | (n & ~segment);
    bool within = way == Way::up
                      ? static_cast<int32_t>(j) >= static_cast<int32_t>(last)
                      : j <= last;
    source[lane] = (within ? j : lane) & 31;
    inside |= uint32_t(within) << lane;
  }
  for (int lane = 0; lane < 32; ++lane) {
    values[lane] = from[source[lane]];
    used |= (mask >> lane & 1) << source[lane];
  }
  if (used & ~mask) [[unlikely]]
    reportAbsentSource(w, op, mask, source);
  forLanes(lanesAt<uint32_t>(w, op.at[0]), mask,
           [&](int i) HEADGATE_INLINE_LAMBDA { return values[i]; });
  assign(predicateAt(w, op.at[1]), mask, inside);
}

enum class Vote { all, any, uniform, ballot };
template <Vote vote> void takeVote(Warp &w, const Op &op, uint32_t mask) {
  if (!gather(w, op, mask, 3))
    return;
  uint32_t bits = (predicateAt(w, op.at[1]) ^ op.at[2]) & mask;
  if constexpr (vote == Vote::ballot) {
    forLanes(lanesAt<uint32_t>(w, op.at[0]), mask,
             [&](int) HEADGATE_INLINE_LAMBDA { return bits; });
  } else {
    bool holds = vote == Vote::all   ? bits == mask
                 : vote == Vote::any ? bits != 0
                                     : bits == mask || bits == 0;
    assign(predicateAt(w, op.at[0]), mask, holds ? allLanes : 0);
  }
}

/// match.any: lanes with my value. match.all: all lanes, if they agree.
template <typename T, bool all>
void match(Warp &w, const Op &op, uint32_t mask) {
  constexpr uint32_t first = all ? 2 : 1;
  if (!gather(w, op, mask, first + 1))
    return;
  const T *values = lanesAt<const T>(w, op.at[first]);
  uint32_t equal[32];
  for (int i = 0; i < 32; ++i)
    equal[i] = ballot([&](int j) HEADGATE_INLINE_LAMBDA {
                 return values[i] == values[j];
               }) &
               mask;
  if constexpr (all) {
    bool agree = equal[__builtin_ctz(mask)] == mask;
    forLanes(lanesAt<uint32_t>(w, op.at[0]), mask,
             [&](int) HEADGATE_INLINE_LAMBDA { return agree ? mask : 0; });
    assign(predicateAt(w, op.at[1]), mask, agree ? allLanes : 0);
  } else {
    forLanes(lanesAt<uint32_t>(w, op.at[0]), mask,
             [&](int i) HEADGATE_INLINE_LAMBDA { return equal[i]; });
  }
}

template <typename T, auto combine>
void reduce(Warp &w, const Op &op, uint32_t mask) {
  if (!gather(w, op, mask, 2))
    return;
  const T *values = lanesAt<const T>(w, op.at[1]);
  T total = values[__builtin_ctz(mask)];
  for (uint32_t rest = mask & (mask - 1); rest; rest &= rest - 1)
    total = combine(total, values[__builtin_ctz(rest)]);
  forLanes(lanesAt<T>(w, op.at[0]), mask,
           [&](int) HEADGATE_INLINE_LAMBDA { return total; });
}

void activeMask(Warp &w, const Op &op, uint32_t mask) {
  forLanes(lanesAt<uint32_t>(w, op.at[0]), mask,
           [&](int) HEADGATE_INLINE_LAMBDA { return mask; });
}

/// Counts up with the warp's steps: a clock that only moves forward.
template <typename T> void readClock(Warp &w, const Op &op, uint32_t mask) {
  auto now = static_cast<T>(clockOf(w));
  forLanes(lanesAt<T>(w, op.at[0]), mask,
           [&](int) HEADGATE_INLINE_LAMBDA { return now; });
}

using Kind = OperandSpec::Kind;
constexpr OperandSpec result32 = {Kind::result, 32},
                      source32 = {Kind::source, 32},
                      source64 = {Kind::source, 64};
constexpr OpRow shuffleRow(const char *pattern, Handler run) {
  return {pattern,
          {{Kind::resultAnd, 32}, source32, source32, source32, source32},
          5,
          OpClass::exchange,
          run};
}
constexpr OpRow voteRow(const char *pattern, uint8_t bits, Handler run) {
  return {pattern,
          {{Kind::result, bits}, {Kind::predicate, 1}, source32},
          3,
          OpClass::exchange,
          run};
}
template <typename T, auto combine>
constexpr OpRow reduceRow(const char *pattern) {
  return {pattern,
          {result32, source32, source32},
          3,
          OpClass::exchange,
          &reduce<T, combine>};
}

constexpr OpRow rows[] = {
    shuffleRow("shfl.sync.up.b32", &shuffle<Way::up>),
    shuffleRow("shfl.sync.down.b32", &shuffle<Way::down>),
    shuffleRow("shfl.sync.bfly.b32", &shuffle<Way::butterfly>),
    shuffleRow("shfl.sync.idx.b32", &shuffle<Way::index>),
    voteRow("vote.sync.all.pred", 1, &takeVote<Vote::all>),
    voteRow("vote.sync.any.pred", 1, &takeVote<Vote::any>),
    voteRow("vote.sync.uni.pred", 1, &takeVote<Vote::uniform>),
    voteRow("vote.sync.ballot.b32", 32, &takeVote<Vote::ballot>),
    {"match.any.sync.b32",
     {result32, source32, source32},
     3,
     OpClass::exchange,
     &match<uint32_t, false>},
    {"match.any.sync.b64",
     {result32, source64, source32},
     3,
     OpClass::exchange,
     &match<uint64_t, false>},
    {"match.all.sync.b32",
     {{Kind::resultAnd, 32}, source32, source32},
     3,
     OpClass::exchange,
     &match<uint32_t, true>},
    {"match.all.sync.b64",
     {{Kind::resultAnd, 32}, source64, source32},
     3,
     OpClass::exchange,
     &match<uint64_t, true>},
    reduceRow<uint32_t, [](uint32_t a, uint32_t b) { return a + b; }>(
        "redux.sync.add{.u32|.s32}"),
    reduceRow<uint32_t, [](uint32_t a, uint32_t b) { return a < b ? a : b; }>(
        "redux.sync.min.u32"),
    reduceRow<uint32_t, [](uint32_t a, uint32_t b) { return a < b ? b : a; }>(
        "redux.sync.max.u32"),
    reduceRow<int32_t, [](int32_t a, int32_t b) { return a < b ? a : b; }>(
        "redux.sync.min.s32"),
    reduceRow<int32_t, [](int32_t a, int32_t b) { return a < b ? b : a; }>(
        "redux.sync.max.s32"),
    reduceRow<uint32_t, [](uint32_t a, uint32_t b) { return a & b; }>(
        "redux.sync.and.b32"),
    reduceRow<uint32_t, [](uint32_t a, uint32_t b) { return a | b; }>(
        "redux.sync.or.b32"),
    reduceRow<uint32_t, [](uint32_t a, uint32_t b) { return a ^ b; }>(
        "redux.sync.xor.b32"),
    {"activemask.b32", {result32}, 1, OpClass::exchange, &activeMask},
    {"mov.u32",
     {result32, {Kind::name, 32}},
     2,
     OpClass::move,
     &readClock<uint32_t>},
    {"mov.b32",
     {result32, {Kind::name, 32}},
     2,
     OpClass::move,
     &readClock<uint32_t>},
    {"mov.u64",
     {{Kind::result, 64}, {Kind::name, 64}},
     2,
     OpClass::move,
     &readClock<uint64_t>},
    {"mov.b64",
     {{Kind::result, 64}, {Kind::name, 64}},
     2,
     OpClass::move,
     &readClock<uint64_t>},
};

} // namespace

RowSpan exchangeRows() { return rows; }

} // namespace headgate::runtime::sim::HEADGATE_LANES
