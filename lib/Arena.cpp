// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/Arena.h"

#include <algorithm>
#include <cassert>
#include <cstdio>
#include <numeric>
#include <tuple>

namespace headgate {

namespace {

constexpr int64_t maxBytes = int64_t(1) << 47;

int64_t aligned(int64_t bytes) {
  return (bytes + arenaAlign - 1) / arenaAlign * arenaAlign;
}

bool liveTogether(const ArenaItem &a, const ArenaItem &b) {
  return a.first <= b.last && b.first <= a.last;
}

struct Range {
  int64_t begin, end;
  auto operator<=>(const Range &) const = default;
};

} // namespace

Result<ArenaPlan> planArena(std::span<const ArenaItem> items) {
  std::vector<size_t> order(items.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::ranges::sort(order, [&](size_t a, size_t b) {
    return std::tie(items[b].bytes, items[a].name, a) <
           std::tie(items[a].bytes, items[b].name, b);
  });
  ArenaPlan plan;
  plan.offsets.resize(items.size());
  std::vector<size_t> placed;
  for (size_t index : order) {
    const ArenaItem &item = items[index];
    assert(item.bytes >= 0 && item.first <= item.last && "no such memory");
    if (item.bytes == 0)
      continue;
    std::vector<Range> taken;
    for (size_t other : placed)
      if (liveTogether(item, items[other]))
        taken.push_back({plan.offsets[other],
                         plan.offsets[other] + aligned(items[other].bytes)});
    std::ranges::sort(taken);
    int64_t offset = 0;
    for (const Range &range : taken) {
      if (range.begin - offset >= item.bytes)
        break;
      offset = std::max(offset, range.end);
    }
    // Both are at most maxBytes, so the sum fits.
    if (item.bytes > maxBytes - offset)
      return Error(ErrorCode::outOfMemory,
                   "needs more than 2^47 bytes of temporaries");
    plan.offsets[index] = offset;
    plan.bytes = std::max(plan.bytes, offset + aligned(item.bytes));
    placed.push_back(index);
  }
  return plan;
}

std::string formatBytes(int64_t bytes) {
  constexpr const char *units[] = {"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024)
    return std::to_string(bytes) + " bytes";
  double value = static_cast<double>(bytes) / 1024;
  int unit = 0;
  for (; value >= 1024 && unit < 3; ++unit)
    value /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %s", value, units[unit]);
  return text;
}

} // namespace headgate
