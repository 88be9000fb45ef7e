// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Global memory: one reserved range of host addresses, at a fixed place if that
// is free so that runs repeat to the address. Each allocation has 256 bytes of
// nobody's memory behind it; freed ones stay known until the range is used up.

#ifndef HEADGATE_RUNTIME_SIM_MEMORY_H
#define HEADGATE_RUNTIME_SIM_MEMORY_H

#include "headgate/Result.h"

#include <cstdint>
#include <map>
#include <memory>
#include <shared_mutex>

namespace headgate::runtime::sim {

struct Allocation {
  uint64_t begin = 0, end = 0;
  uint64_t reserved = 0; ///< end of what a later allocation may take
  bool live = true;
};

/// Thread-safe.
class GlobalMemory {
public:
  /// `bytes`: how much may be allocated at a time.
  static Result<std::unique_ptr<GlobalMemory>> create(int64_t bytes);
  ~GlobalMemory();

  Result<void *> allocate(int64_t bytes);
  void free(void *data);

  /// The allocation at `address`, also a freed one, or the nearest below that
  /// (to say how far off the address is); false if there is none.
  bool find(uint64_t address, Allocation &found) const;
  /// Whether all of these bytes are in one live allocation.
  bool contains(const void *data, int64_t bytes) const;

  /// One byte for each byte of memory: 1 if it has been written.
  uint8_t *flagsOf(uint64_t address) const {
    return reinterpret_cast<uint8_t *>(address + flagsOffset_);
  }
  void markInitialised(const void *data, int64_t bytes);
  void copyFlags(void *to, const void *from, int64_t bytes);

private:
  GlobalMemory(uint8_t *base, uint64_t reserved, int64_t limit);

  mutable std::shared_mutex mutex_;
  uint8_t *base_;
  uint64_t reserved_, next_;
  uint64_t flagsOffset_;
  int64_t limit_, used_ = 0;
  std::map<uint64_t, Allocation> allocations_; ///< by begin
};

} // namespace headgate::runtime::sim

#endif // HEADGATE_RUNTIME_SIM_MEMORY_H
