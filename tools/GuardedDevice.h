// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A device whose allocations lie between guards, memory that nobody may write:
// a kernel that goes past the end of its outputs, or before their begin,
// damages those instead of its neighbours, and is found out.
//
//     | guard |  what was asked for  | guard |

#ifndef HEADGATE_TOOLS_GUARDEDDEVICE_H
#define HEADGATE_TOOLS_GUARDEDDEVICE_H

#include "headgate/Device.h"

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
class GuardedDevice : public Device {
public:
  explicit GuardedDevice(std::shared_ptr<Device> inner);

  /// The damage of all allocations that live, in the order of their addresses.
  /// Waits for nothing: synchronize first.
  Result<std::vector<Damage>> findDamage();

  const DeviceInfo &info() const override { return inner->info(); }
  std::vector<std::string> imageKinds(std::string_view target) const override {
    return inner->imageKinds(target);
  }
  Result<Buffer> allocate(int64_t bytes) override;
  Status copy(void *to, const void *from, int64_t bytes, CopyKind kind,
              Stream stream) override {
    return inner->copy(to, from, bytes, kind, stream);
  }
  Status fill(void *to, uint8_t value, int64_t bytes, Stream stream) override {
    return inner->fill(to, value, bytes, stream);
  }
  Result<std::unique_ptr<Image>> load(const ImageText &image) override {
    return inner->load(image);
  }
  Status launch(const Launch &launch, Stream stream) override {
    return inner->launch(launch, stream);
  }
  Status synchronize(Stream stream) override {
    return inner->synchronize(stream);
  }
  Result<std::unique_ptr<Timer>> timer() override { return inner->timer(); }
  Counters counters() const override { return inner->counters(); }

private:
  struct Allocation {
    Buffer whole;
    int64_t bytes = 0; ///< between the guards
    uint64_t seed = 0; ///< of what they hold
  };

  void free(void *data, int64_t bytes) override;

  std::shared_ptr<Device> inner;
  std::mutex mutex;
  std::map<const void *, Allocation> allocations; ///< by what was handed out
  uint64_t lastSeed = 0;
};

} // namespace headgate

#endif // HEADGATE_TOOLS_GUARDEDDEVICE_H
