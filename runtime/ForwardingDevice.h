// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef HEADGATE_RUNTIME_FORWARDINGDEVICE_H
#define HEADGATE_RUNTIME_FORWARDINGDEVICE_H

#include "headgate/Device.h"

#include <memory>
#include <utility>

namespace headgate::runtime {

/// A device with the memory of its own that a subclass gives it: all else is
/// done by another one.
class ForwardingDevice : public Device {
public:
  explicit ForwardingDevice(std::shared_ptr<Device> inner)
      : inner(std::move(inner)) {}

  const DeviceInfo &info() const override { return inner->info(); }
  std::vector<std::string> imageKinds(std::string_view target) const override {
    return inner->imageKinds(target);
  }
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

protected:
  const std::shared_ptr<Device> inner;
};

} // namespace headgate::runtime

#endif // HEADGATE_RUNTIME_FORWARDINGDEVICE_H
