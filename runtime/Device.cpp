// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What all devices share: memory that frees itself, and the one place where a
// uri becomes a device.

#include "headgate/Device.h"

#include "lib/HostTarget.h"
#include "runtime/HostDevice.h"
#include "runtime/HostMachine.h"
#include "runtime/cuda/CudaDevice.h"
#include "runtime/sim/SimDevice.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace headgate {

Buffer::Buffer(std::shared_ptr<Device> device, void *data, int64_t bytes)
    : device_(std::move(device)), data_(data), bytes_(bytes) {}

Buffer::Buffer(Buffer &&other) noexcept
    : device_(std::move(other.device_)),
      data_(std::exchange(other.data_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)) {}

Buffer &Buffer::operator=(Buffer &&other) noexcept {
  std::swap(device_, other.device_);
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Buffer::~Buffer() {
  if (data_)
    device_->free(data_, bytes_);
}

namespace {

constexpr int maxThreads = 4096;

Error badUri(std::string_view uri, const std::string &why) {
  return Error(ErrorCode::badInput,
               "device '" + std::string(uri) + "': " + why);
}

/// "x86-64-v3" of "host:x86-64-v3"
std::string levelOf(const HostTarget &target) {
  return target.name.substr(target.name.find(':') + 1);
}

constexpr const char *hostOptions = "the host takes threads=N and level=LEVEL";

/// This CPU without what only levels above `level` need.
Result<std::vector<std::string>> featuresOf(std::string_view uri,
                                            std::string_view level) {
  std::span<const HostTarget> levels = hostTargets();
  std::string known;
  for (const HostTarget &target : levels)
    known += (known.empty() ? "" : ", ") + levelOf(target);
  auto found = std::ranges::find(levels, level, levelOf);
  if (found == levels.end())
    return badUri(uri, "level must be one of " + known);
  std::vector<std::string> features = runtime::cpuFeatures();
  for (const std::string &word : found->needs)
    if (std::ranges::find(features, word) == features.end())
      return Error(ErrorCode::unavailable,
                   "device '" + std::string(uri) + "': this CPU lacks " + word);
  for (auto above = found + 1; above != levels.end(); ++above)
    for (const std::string &word : above->needs)
      if (std::ranges::find(found->needs, word) == found->needs.end())
        std::erase(features, word);
  return features;
}

Result<std::shared_ptr<Device>> openHost(std::string_view uri,
                                         std::string_view options) {
  int threads = 0;
  std::vector<std::string> features = runtime::cpuFeatures();
  while (!options.empty()) {
    std::string_view option = options.substr(0, options.find(','));
    options.remove_prefix(std::min(options.size(), option.size() + 1));
    std::string_view key = option.substr(0, option.find('=') + 1),
                     value = option.substr(key.size());
    if (key == "threads=") {
      auto [end, failure] =
          std::from_chars(value.data(), value.data() + value.size(), threads);
      if (failure != std::errc() || end != value.data() + value.size() ||
          threads < 1 || threads > maxThreads)
        return badUri(uri, "threads must be a number from 1 to " +
                               std::to_string(maxThreads));
    } else if (key == "level=") {
      Result<std::vector<std::string>> known = featuresOf(uri, value);
      if (!known)
        return std::move(known).error();
      features = *std::move(known);
    } else {
      return badUri(uri, "unknown option '" + std::string(option) + "'; " +
                             hostOptions);
    }
  }
  return runtime::openHostDevice(std::string(uri), threads,
                                 std::move(features));
}

} // namespace

Result<std::shared_ptr<Device>> openDevice(std::string_view uri,
                                           const DeviceOptions &drivers) {
  size_t colon = uri.find(':');
  std::string_view kind = uri.substr(0, colon);
  std::string_view options =
      colon == uri.npos ? std::string_view() : uri.substr(colon + 1);
  if (kind == "host") {
    if (colon != uri.npos && options.empty())
      return badUri(uri,
                    std::string("nothing follows the colon; ") + hostOptions);
    return openHost(uri, options);
  }
  if (kind == "cuda")
    return runtime::cuda::openCudaDevice(uri.substr(kind.size()),
                                         drivers.cudaDriver);
  if (kind == "sim") {
    auto simulator = runtime::sim::openSimDevice(options);
    if (!simulator)
      return std::move(simulator).error();
    return std::shared_ptr<Device>(*std::move(simulator));
  }
  return badUri(uri,
                "unknown kind; known are host, cuda, sim:sm_80 and sim:sm_90a");
}

DeviceList listDevices(const DeviceOptions &drivers) {
  DeviceList list;
  list.uris = {"host", "sim:sm_80", "sim:sm_90a"};
  auto gpus = runtime::cuda::listCudaDevices(drivers.cudaDriver);
  if (!gpus)
    list.whyNoGpu = gpus.error().message();
  else if (gpus->empty())
    list.whyNoGpu = "the CUDA driver finds no GPU";
  else
    list.uris.insert(list.uris.end(), gpus->begin(), gpus->end());
  return list;
}

} // namespace headgate
