// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A device whose allocations lie between guards, memory that nobody may write:
// a kernel that goes past the end of its outputs, or before their begin,
// damages those instead of its neighbours, and is found out.
//
//     | guard |  what was asked for  | guard |

#ifndef HEADGATE_TOOLS_GUARDEDDEVICE_H
#define HEADGATE_TOOLS_GUARDEDDEVICE_H

#include "runtime/ForwardingDevice.h"

#include <map>
#include <mutex>
#include <vector>

namespace headgate {

/// A guard that is not what it was, beside the allocation at `data`.
struct Damage {
  const void *data = nullptr;
  /// Of the written byte that is nearest: 0 is the first one behind the
  /// allocation, -1 the last one before it.
  int64_t offset = 0;
  int64_t count = 0; ///< of bytes that differ, in the guard of that side
};

/// Passes all else on to another device. Guards hold random bytes, of which
/// those that happen to be written once more go unnoticed.
class GuardedDevice : public runtime::ForwardingDevice {
public:
  using ForwardingDevice::ForwardingDevice;

  /// The damage of all allocations that live, in the order of their addresses.
  /// Waits for nothing: synchronize first.
  Result<std::vector<Damage>> findDamage();

  Result<Buffer> allocate(int64_t bytes) override;

private:
  struct Allocation {
    Buffer whole;
    int64_t bytes = 0; ///< between the guards
    uint64_t seed = 0; ///< of what they hold
  };

  void free(void *data, int64_t bytes) override;

  std::mutex mutex;
  std::map<const void *, Allocation> allocations; ///< by what was handed out
  uint64_t lastSeed = 0;
};

} // namespace headgate

#endif // HEADGATE_TOOLS_GUARDEDDEVICE_H
