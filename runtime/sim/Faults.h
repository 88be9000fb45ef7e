// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What running instructions call when something is not as it should be, or is
// too rare to be fast. Nothing here is inline: lane operations of all CPU
// levels share it.

#ifndef HEADGATE_RUNTIME_SIM_FAULTS_H
#define HEADGATE_RUNTIME_SIM_FAULTS_H

#include "runtime/sim/Machine.h"
#include "runtime/sim/Report.h"

namespace headgate::runtime::sim {

enum class Access : uint8_t {
  read,
  write,
  relaxedRead,  ///< volatile or .relaxed: no race with atomics
  relaxedWrite, ///< the same
  atomic,
};
constexpr bool writes(Access access) {
  return access == Access::write || access == Access::relaxedWrite ||
         access == Access::atomic;
}
constexpr bool reads(Access access) {
  return access == Access::read || access == Access::relaxedRead ||
         access == Access::atomic;
}
constexpr bool isStrong(Access access) {
  return access != Access::read && access != Access::write;
}

/// A finding at `op`; `lane` is -1 where it concerns the warp.
void report(const Warp &warp, const Op &op, FindingKind kind, int lane,
            std::string detail);

/// The lanes of `mask` whose access of `bytes` lies in shared memory and is
/// aligned; the others are reported. Addresses are offsets in the window.
uint32_t checkShared(Warp &warp, const Op &op, uint32_t mask, uint32_t bytes,
                     uint32_t align, const uint64_t *address);
/// The same for global memory. Fills the cache of the op with the allocation
/// of the last lane.
uint32_t checkGlobal(Warp &warp, const Op &op, uint32_t mask, uint32_t bytes,
                     uint32_t align, Access access, const uint64_t *address);
void reportLocal(const Warp &warp, const Op &op, int lane, uint64_t address,
                 uint32_t bytes, bool inside);
void reportParameter(const Warp &warp, const Op &op, int lane, uint64_t address,
                     uint32_t bytes, bool inside, bool write);
/// Initialisation of global memory: checks what is read, notes what is written.
/// All accesses lie in live allocations.
void touchGlobal(Warp &warp, const Op &op, uint32_t mask, uint32_t bytes,
                 Access access, const uint64_t *address);

/// Byte records for a granule that was uniform, and back.
void splitGranule(Block &block, Granule &granule);
void joinGranule(Block &block, Granule &granule);
/// Accesses to `bytes` (one bit each) of a granule are not ordered.
void reportRace(const Warp &warp, const Op &op, const Granule &granule,
                uint32_t bytes, Access access);
void reportUninitialised(const Warp &warp, const Op &op, const Granule &granule,
                         uint32_t bytes);

/// Edges of happens-before at an address (generic or in the shared window).
void synchroniseAt(Warp &warp, uint64_t address, Order order, bool writes);

/// A new record of copies in flight, empty.
AsyncCopy &issueCopy(Warp &warp, const Op &op);
/// Moves the bytes of the lanes of `mask` that have not been moved.
void moveCopy(Warp &warp, AsyncCopy &copy, uint32_t mask);
/// cp.async.commit_group, and wait_group with `pending` groups left.
void commitCopies(Warp &warp, uint32_t mask);
void waitForCopies(Warp &warp, uint32_t mask, int64_t pending);
/// cp.async.wait_all
void waitForAllCopies(Warp &warp, uint32_t mask);
/// membar and fence.
void fence(Warp &warp);

/// Marks the warp's clock: later accesses are told from earlier ones.
void tick(Warp &warp);
/// Raises clock and ceiling of `warp` to those of `other`.
void acquireClocks(Warp &warp, const std::array<uint32_t, maxWarps> &other);

/// Lanes of `members` are not all here: true if they need not be waited for
/// (what is wrong has been reported), false if the lanes of `mask` wait now.
bool waitForLanes(Warp &warp, const Op &op, uint32_t mask, uint32_t members);
/// A shuffle reads a lane that does not take part.
void reportAbsentSource(const Warp &warp, const Op &op, uint32_t mask,
                        const uint32_t *source);
/// %clock: what the warp has executed.
uint64_t clockOf(const Warp &warp);
/// An .aligned instruction with less than the live lanes: reports.
void reportDivergence(const Warp &warp, const Op &op, uint32_t mask);

/// wavefronts of 32-bit words in banks, slow and exact.
uint32_t countWavefronts(uint32_t mask, uint32_t bytes,
                         const uint64_t *address);
uint32_t countSectors(uint32_t mask, uint32_t bytes, const uint64_t *address);

} // namespace headgate::runtime::sim

#endif // HEADGATE_RUNTIME_SIM_FAULTS_H
