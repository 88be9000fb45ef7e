// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The state of a running block (CTA): warps with their registers and splits,
// shared memory, barriers. One host thread runs one block at a time.
//
// The lane operations (lanes/) see these structs, too, and are compiled for
// several CPU levels. They may read and write plain fields and call functions
// that are not inline; they must not instantiate code of the standard library,
// because the linker could keep the copy that needs AVX-512 for everyone.

#ifndef HEADGATE_RUNTIME_SIM_MACHINE_H
#define HEADGATE_RUNTIME_SIM_MACHINE_H

#include "runtime/sim/Op.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <unordered_map>
#include <vector>

namespace headgate::runtime::sim {

struct Block;
struct Program;
struct LaunchContext;
class Reporter;

constexpr uint32_t maxWarps = 32;
constexpr uint32_t allLanes = ~0u;

/// Generic addresses: global memory is where the host has it; the other windows
/// are 2^32 bytes from these on. The low 32 bits are the address in the window.
constexpr uint64_t sharedWindow = uint64_t(0x0100) << 48;
constexpr uint64_t localWindow = uint64_t(0x0200) << 48;
constexpr uint64_t paramWindow = uint64_t(0x0300) << 48;
constexpr uint64_t windowMask = ~uint64_t(UINT32_MAX);

/// Lanes of a warp that are at the same place.
struct Split {
  enum class Wait : uint8_t { nothing, barrier, lanes, warpSync };
  const Op *next = nullptr;
  uint32_t mask = 0;
  Wait wait = Wait::nothing;
  uint32_t members = 0; ///< lanes or warpSync: who must come
  uint32_t barrier = 0; ///< barrier: which
};

/// Copies of cp.async that one instruction of a warp has issued.
struct AsyncCopy {
  uint32_t pending = 0; ///< lanes whose copy is not complete
  uint32_t unmoved = 0; ///< lanes whose bytes have not been moved
  uint32_t bytes = 0;   ///< written to shared memory by each lane
  const Op *op = nullptr;
  uint32_t group[32];       ///< commit group of each lane
  uint32_t destination[32]; ///< offset in shared memory
  uint32_t sourceBytes[32]; ///< the rest is zero
  uint64_t source[32];
};

/// A clock value and a site in one word, as the shadow keeps them for readers.
constexpr uint32_t siteBits = 12, maxSite = (1u << siteBits) - 1;
constexpr uint32_t maxClock = (1u << (32 - siteBits)) - 1;

struct alignas(64) Warp {
  uint8_t *registers = nullptr;
  const Op *next = nullptr;
  /// The next op at or behind this needs attention: another split waits there,
  /// or (nullptr) a handler has set `event`.
  const Op *limit = nullptr;
  uint32_t active = 0;        ///< lanes of the current split
  uint32_t live = 0;          ///< lanes that have not exited
  uint32_t carry = 0;         ///< CC.CF of each lane
  uint32_t index = 0;         ///< in its block
  uint32_t fuel = 0;          ///< backward branches until others get their turn
  uint64_t *counts = nullptr; ///< executions, by op
  Block *block = nullptr;
  /// What the shadow packs into the readers' word: clock << siteBits.
  uint32_t packedClock = 0;

  /// clock[w]: up to which of its own clock values warp w's accesses are
  /// ordered before this warp's next access. ceiling[w] is the same packed, all
  /// ones below, to compare readers' words with.
  std::array<uint32_t, maxWarps> clock{}, ceiling{};

  enum class Event : uint8_t { none, blocked, exited, yield, stop };
  Event event = Event::none;
  bool blocked = false;      ///< no split can run
  std::vector<Split> splits; ///< those that are not current
  std::deque<AsyncCopy> copies;
  std::array<uint32_t, 32> committed{}; ///< commit groups of each lane
  /// Clocks that a later release or acquire fence applies to.
  std::array<uint32_t, maxWarps> fenced{}, seen{};
  bool hasFenced = false, hasSeen = false;
};

/// Where an allocation that an op used lies; found again without a search.
struct AllocationCache {
  uint64_t begin = 1, end = 0;
  bool initialised = false; ///< every byte
};

/// One record of the shadow: what is known of 16 bytes of shared memory. Behind
/// it lie the readers' words, one for each warp (see Shadow.h).
struct Granule {
  uint32_t writeClock;
  uint16_t initialised; ///< one bit for each byte
  uint8_t writer;
  uint8_t atomic;
  uint32_t writeOp;
  uint32_t split; ///< number of the byte records, if writeClock is splitClock
};
constexpr uint32_t inFlightClock = UINT32_MAX, splitClock = UINT32_MAX - 1;

/// What a split granule knows of each of its bytes. Behind it lie 16 readers'
/// words for each warp.
struct ByteRecords {
  uint32_t writeClock[16];
  uint32_t writeOp[16];
  uint8_t writer[16];
  uint8_t atomic[16];
};

struct Barrier {
  uint32_t expected = 0;                  ///< threads; 0: all that are live
  bool open = false;                      ///< a generation has begun
  bool counted = false;                   ///< `expected` was given
  uint32_t arrived = 0;                   ///< threads
  uint32_t reduced = 0;                   ///< .red: number of true predicates
  uint32_t combined = 0;                  ///< .red: threads that gave one
  std::array<uint32_t, maxWarps> lanes{}; ///< of each warp that have arrived
  std::array<uint32_t, maxWarps> lines{}; ///< op index of the arrival
  std::array<uint32_t, maxWarps> clock{};
};
constexpr uint32_t namedBarriers = 16;

struct MemoryCounters {
  uint64_t requests = 0, wavefronts = 0, ideal = 0, bytes = 0;
};

struct Block {
  const Program *program = nullptr;
  const LaunchContext *launch = nullptr;
  uint8_t *shared = nullptr; ///< address 0 of the window; sharedBegin is valid
  uint32_t sharedBegin = 0, sharedEnd = 0;
  uint8_t *shadow =
      nullptr; ///< granule records from sharedBegin on; may be null
  uint32_t granuleStride = 0, readerWords = 0;
  uint8_t *splits = nullptr; ///< byte records, by Granule::split
  uint32_t splitStride = 0;
  uint8_t *local = nullptr; ///< of all threads; localBytes each
  uint32_t localBytes = 0;
  const uint8_t *parameters = nullptr;
  uint32_t parameterBytes = 0;
  AllocationCache *allocations = nullptr; ///< by op
  MemoryCounters *memory = nullptr;       ///< by op
  bool exactMma = false, checkGlobal = false;
  bool earlyCopies = false; ///< async=early
  uint32_t threads = 0, warpCount = 0, liveThreads = 0;
  std::array<uint32_t, 3> id{};

  bool stopped = false; ///< a trap, a deadlock or too many steps
  uint64_t steps = 0;
  std::array<Barrier, namedBarriers> barriers;
  std::vector<Warp> warps;
  std::mt19937_64 random;
  std::vector<uint8_t> registerMemory, sharedMemory, shadowMemory, localMemory;
  std::vector<uint8_t> splitMemory; ///< byte records of the shadow
  std::vector<uint32_t> freeSplits;
  /// Clocks released at an address by atomics and flags.
  std::unordered_map<uint64_t, std::array<uint32_t, maxWarps>> released;
};

} // namespace headgate::runtime::sim

#endif // HEADGATE_RUNTIME_SIM_MACHINE_H
