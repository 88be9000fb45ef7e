// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The host, with memory between pages that nobody may touch: a kernel that
// reads or writes beside what it was given stops the program.

#ifndef HEADGATE_TEST_KERNELS_GUARDEDDEVICE_H
#define HEADGATE_TEST_KERNELS_GUARDEDDEVICE_H

#include "headgate/Device.h"

namespace headgate::kernels {

/// The side of a buffer on which the forbidden page follows at once. The other
/// side has one, too, behind what is left of a page.
enum class Guard { behind, before };

/// Runs what `inner`, a host device, runs. Its buffers hold bytes of 0xff, NaN
/// of every type, and have the alignment of their sizes only.
class GuardedDevice : public Device {
public:
  explicit GuardedDevice(std::shared_ptr<Device> inner)
      : inner(std::move(inner)) {}

  /// Where the guards of buffers allocated from now on are.
  void place(Guard where) { guard = where; }

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

private:
  void free(void *data, int64_t bytes) override;

  std::shared_ptr<Device> inner;
  Guard guard = Guard::behind;
};

/// From now on, a forbidden access prints `text` and ends the program with 1.
void describeAccesses(const std::string &text);

} // namespace headgate::kernels

#endif // HEADGATE_TEST_KERNELS_GUARDEDDEVICE_H
