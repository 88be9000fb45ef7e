// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Places the temporaries of a call in one block of memory: those that live at
// the same time side by side, others in each other's place.

#ifndef HEADGATE_LIB_ARENA_H
#define HEADGATE_LIB_ARENA_H

#include "headgate/Result.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace headgate {

/// Memory needed from step `first` to step `last`, inclusive.
struct ArenaItem {
  std::string name;
  int64_t bytes = 0;
  int64_t first = 0, last = 0;
};

struct ArenaPlan {
  std::vector<int64_t> offsets; ///< of each item, multiples of arenaAlign
  int64_t bytes = 0;            ///< of the whole, a multiple of arenaAlign
};

constexpr int64_t arenaAlign = 256;

/// First fit in order of size, the largest first, then of name. The same items
/// give the same places on any machine. An error if it needs more than 2^47
/// bytes.
Result<ArenaPlan> planArena(std::span<const ArenaItem> items);

/// "12 bytes", "1.5 KiB", "9.1 GiB"
std::string formatBytes(int64_t bytes);

} // namespace headgate

#endif // HEADGATE_LIB_ARENA_H
