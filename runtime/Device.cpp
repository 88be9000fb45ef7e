// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What all devices share: memory that frees itself, and the one place where a
// uri becomes a device.

#include "headgate/Device.h"

#include "runtime/HostDevice.h"
#include "runtime/sim/SimDevice.h"

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

Result<std::shared_ptr<Device>> openHost(std::string_view uri,
                                         std::string_view options) {
  int threads = 0;
  if (!options.empty()) {
    constexpr std::string_view key = "threads=";
    if (!options.starts_with(key))
      return badUri(uri, "unknown option '" + std::string(options) +
                             "'; the host takes threads=N");
    std::string_view digits = options.substr(key.size());
    auto [end, failure] =
        std::from_chars(digits.data(), digits.data() + digits.size(), threads);
    if (failure != std::errc() || end != digits.data() + digits.size() ||
        threads < 1 || threads > maxThreads)
      return badUri(uri, "threads must be a number from 1 to " +
                             std::to_string(maxThreads));
  }
  return runtime::openHostDevice(std::string(uri), threads);
}

} // namespace

Result<std::shared_ptr<Device>> openDevice(std::string_view uri) {
  size_t colon = uri.find(':');
  std::string_view kind = uri.substr(0, colon);
  std::string_view options =
      colon == uri.npos ? std::string_view() : uri.substr(colon + 1);
  if (kind == "host") {
    if (colon != uri.npos && options.empty())
      return badUri(uri, "nothing follows the colon; the host takes threads=N");
    return openHost(uri, options);
  }
  if (kind == "cuda")
    return Error(ErrorCode::unavailable,
                 "device '" + std::string(uri) +
                     "': this build has no CUDA device yet; use host");
  if (kind == "sim") {
    auto simulator = runtime::sim::openSimDevice(options);
    if (!simulator)
      return std::move(simulator).error();
    return std::shared_ptr<Device>(*std::move(simulator));
  }
  return badUri(uri, "unknown kind; known are host, host:threads=N, sim:sm_80 "
                     "and sim:sm_90a (and, in later versions, cuda)");
}

std::vector<std::string> listDevices() {
  return {"host", "sim:sm_80", "sim:sm_90a"};
}

} // namespace headgate
