// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/CodeFacts.h"

#include <array>
#include <cstdio>

namespace headgate {

namespace {

using Fact = std::optional<double>;

Fact number(std::optional<int64_t> value) {
  return value ? Fact(static_cast<double>(*value)) : Fact();
}

Fact counter(const TuningRecord &record, const char *name) {
  auto found = record.counters.find(name);
  return found == record.counters.end() ? Fact() : Fact(found->second);
}

/// What was done beyond the least that the same bytes need.
Fact excess(const TuningRecord &record, const char *done, const char *ideal) {
  Fact a = counter(record, done), b = counter(record, ideal);
  return a && b ? Fact(*a - *b) : Fact();
}

using Of = const TuningRecord &;
constexpr CodeFact facts[] = {
    {"registers", [](Of record) { return number(record.resources.registers); }},
    {"bytes spilled",
     [](Of record) { return number(record.resources.spillBytes); }},
    {"bytes shared",
     [](Of record) { return number(record.resources.sharedBytes); }},
    {"bytes of stack",
     [](Of record) { return number(record.resources.stackBytes); }},
    {"instructions", [](Of record) { return counter(record, "instructions"); }},
    {"mma MACs", [](Of record) { return counter(record, "mmaMacs"); }},
    {"shared wavefronts",
     [](Of record) { return counter(record, "sharedWavefronts"); }},
    {"bank conflicts",
     [](Of record) {
       return excess(record, "sharedWavefronts", "sharedIdealWavefronts");
     }},
    {"global sectors",
     [](Of record) { return counter(record, "globalSectors"); }},
    {"extra sectors",
     [](Of record) {
       return excess(record, "globalSectors", "globalIdealSectors");
     }},
};

} // namespace

std::span<const CodeFact> codeFacts() { return facts; }

std::string formatCodeFacts(const TuningRecord &record, const char *separator) {
  std::string text;
  for (const CodeFact &fact : facts)
    if (Fact value = fact.of(record)) {
      std::array<char, 32> digits{};
      std::snprintf(digits.data(), digits.size(), "%.0f ", *value);
      text += (text.empty() ? "" : separator) + std::string(digits.data()) +
              fact.what;
    }
  return text;
}

std::string formatCountedAt(const TuningRecord &record) {
  std::string text;
  for (const auto &[dim, extent] : record.countedAt)
    text += (text.empty() ? "" : ",") + dim + "=" + std::to_string(extent);
  return text;
}

} // namespace headgate
