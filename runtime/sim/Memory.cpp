// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/sim/Memory.h"

#include <cstring>
#include <mutex>
#include <sys/mman.h>
#include <unistd.h>

namespace headgate::runtime::sim {

namespace {
constexpr uint64_t align = 256, redZone = 256;
/// Addresses of one device: enough for every allocation to get fresh ones.
constexpr uint64_t rangeBytes = uint64_t(1) << 38;
constexpr uint64_t preferredBase = 0x7000'0000'0000;

void *reserve(uint64_t at, uint64_t bytes) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  if (at)
    flags |= MAP_FIXED_NOREPLACE;
  void *base = mmap(reinterpret_cast<void *>(at), bytes, PROT_READ | PROT_WRITE,
                    flags, -1, 0);
  if (base == MAP_FAILED)
    return nullptr;
  if (at && base != reinterpret_cast<void *>(at)) { // a kernel before 4.17
    munmap(base, bytes);
    return nullptr;
  }
  return base;
}
} // namespace

Result<std::unique_ptr<GlobalMemory>> GlobalMemory::create(int64_t bytes) {
  // Memory and the flags of its bytes, side by side.
  for (uint64_t range = rangeBytes; range >= uint64_t(1) << 30; range /= 2) {
    void *base = reserve(preferredBase, 2 * range);
    if (!base)
      base = reserve(0, 2 * range);
    if (base)
      return std::unique_ptr<GlobalMemory>(
          new GlobalMemory(static_cast<uint8_t *>(base), range, bytes));
  }
  return Error(ErrorCode::outOfMemory,
               "cannot reserve addresses for the memory of the simulator");
}

GlobalMemory::GlobalMemory(uint8_t *base, uint64_t reserved, int64_t limit)
    : base_(base), reserved_(reserved),
      next_(reinterpret_cast<uint64_t>(base) + redZone), flagsOffset_(reserved),
      limit_(limit) {}

GlobalMemory::~GlobalMemory() { munmap(base_, 2 * reserved_); }

Result<void *> GlobalMemory::allocate(int64_t bytes) {
  std::unique_lock lock(mutex_);
  Error full(ErrorCode::outOfMemory,
             "cannot allocate " + std::to_string(bytes) +
                 " bytes: " + std::to_string(used_) + " of " +
                 std::to_string(limit_) + " are in use");
  if (bytes > limit_ - used_)
    return full;
  uint64_t room = (uint64_t(bytes) + align - 1) / align * align + redZone;
  Allocation made;
  uint64_t end = reinterpret_cast<uint64_t>(base_) + reserved_;
  if (room <= end - next_) {
    made.begin = next_;
    next_ += room;
    made.reserved = next_;
  } else {
    for (const auto &[begin, old] : allocations_)
      if (!old.live && old.reserved - old.begin >= room) {
        made = old;
        break;
      }
    if (!made.begin)
      return full;
  }
  made.end = made.begin + uint64_t(bytes);
  made.live = true;
  allocations_[made.begin] = made;
  used_ += bytes;
  return reinterpret_cast<void *>(made.begin);
}

void GlobalMemory::free(void *data) {
  std::unique_lock lock(mutex_);
  auto found = allocations_.find(reinterpret_cast<uint64_t>(data));
  if (found == allocations_.end() || !found->second.live)
    return;
  Allocation &block = found->second;
  block.live = false;
  used_ -= static_cast<int64_t>(block.end - block.begin);
  std::memset(flagsOf(block.begin), 0, block.end - block.begin);
  // Whole pages go back to the system.
  auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  uint64_t begin = (block.begin + page - 1) / page * page,
           end = block.end / page * page;
  if (begin < end) {
    madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
    madvise(flagsOf(begin), end - begin, MADV_DONTNEED);
  }
}

bool GlobalMemory::find(uint64_t address, Allocation &found) const {
  std::shared_lock lock(mutex_);
  auto after = allocations_.upper_bound(address);
  if (after == allocations_.begin())
    return false;
  found = std::prev(after)->second;
  return true;
}

bool GlobalMemory::contains(const void *data, int64_t bytes) const {
  auto address = reinterpret_cast<uint64_t>(data);
  Allocation found;
  return find(address, found) && found.live && address <= found.end &&
         uint64_t(bytes) <= found.end - address;
}

void GlobalMemory::markInitialised(const void *data, int64_t bytes) {
  std::memset(flagsOf(reinterpret_cast<uint64_t>(data)), 1, size_t(bytes));
}

void GlobalMemory::copyFlags(void *to, const void *from, int64_t bytes) {
  std::memmove(flagsOf(reinterpret_cast<uint64_t>(to)),
               flagsOf(reinterpret_cast<uint64_t>(from)), size_t(bytes));
}

} // namespace headgate::runtime::sim
