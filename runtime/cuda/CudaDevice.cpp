// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/cuda/CudaDevice.h"

#include "lib/GpuTarget.h"
#include "runtime/cuda/CudaImage.h"

#include <charconv>

namespace headgate::runtime::cuda {

namespace {

/// The first capability with launches that overlap the end of the one before.
constexpr int pdlCapability = 90;

Error badUri(const std::string &uri, const std::string &why) {
  return Error(ErrorCode::badInput, "device '" + uri + "': " + why);
}

/// What follows "cuda" in a uri.
struct CudaOptions {
  int ordinal = 0;
  bool onlyPtx = false;
};

Result<CudaOptions> parseOptions(const std::string &uri,
                                 std::string_view text) {
  constexpr const char *known = "cuda takes a number, and image=ptx";
  CudaOptions options;
  if (text.empty())
    return options;
  text.remove_prefix(1); // the colon
  if (text.ends_with(','))
    return badUri(uri, std::string("nothing follows the comma; ") + known);
  for (bool first = true; first || !text.empty(); first = false) {
    std::string_view option = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), option.size() + 1));
    const char *end = option.data() + option.size();
    auto [stop, failure] = std::from_chars(option.data(), end, options.ordinal);
    bool isNumber = failure == std::errc() && stop == end;
    if (option == "image=ptx")
      options.onlyPtx = true;
    else if (!first || !isNumber || options.ordinal < 0)
      return badUri(uri,
                    "unknown option '" + std::string(option) + "'; " + known);
  }
  return options;
}

/// Two events around what is timed.
class CudaTimer : public Timer {
public:
  CudaTimer(std::shared_ptr<Device> device, Context &context)
      : device_(std::move(device)), context_(context), api_(context.driver()) {}

  Status create() {
    return context_.run([&] {
      // The default flags: with a clock, and waiting by spinning.
      Status made = context_.check(api_.cuEventCreate(&start_, 0));
      if (made)
        made = context_.check(api_.cuEventCreate(&stop_, 0));
      return made;
    });
  }
  ~CudaTimer() override {
    for (CUevent event : {start_, stop_})
      if (event)
        context_.release([&] { return api_.cuEventDestroy(event); });
  }

  Status start(Stream stream) override {
    state_ = State::idle;
    Status done = record(start_, stream);
    if (done)
      state_ = State::started;
    return done;
  }
  Status stop(Stream stream) override {
    if (state_ == State::idle)
      return Error(ErrorCode::badInput, "the timer was not started");
    Status done = record(stop_, stream);
    if (done)
      state_ = State::stopped;
    return done;
  }
  Result<double> elapsedNs() override {
    if (state_ != State::stopped)
      return Error(ErrorCode::badInput, "the timer was not stopped");
    float milliseconds = 0;
    Status done = context_.run([&] {
      Status reached = context_.check(api_.cuEventSynchronize(stop_));
      if (reached)
        reached = context_.check(
            api_.cuEventElapsedTime(&milliseconds, start_, stop_));
      return reached;
    });
    if (!done)
      return std::move(done).error();
    return double(milliseconds) * 1e6;
  }

private:
  Status record(CUevent event, Stream stream) {
    return context_.run([&] {
      return context_.check(
          api_.cuEventRecord(event, static_cast<CUstream>(stream.handle)));
    });
  }

  std::shared_ptr<Device> device_;
  Context &context_;
  const Driver &api_;
  enum class State : uint8_t { idle, started, stopped };
  CUevent start_ = nullptr, stop_ = nullptr;
  State state_ = State::idle;
};

class CudaDevice : public Device {
public:
  CudaDevice(DeviceInfo info, bool onlyPtx, int capability,
             std::unique_ptr<Context> context)
      : info_(std::move(info)), onlyPtx_(onlyPtx), capability_(capability),
        context_(std::move(context)), api_(context_->driver()) {}

  const DeviceInfo &info() const override { return info_; }
  std::vector<std::string> imageKinds(std::string_view target) const override;
  Result<Buffer> allocate(int64_t bytes) override;
  Status copy(void *to, const void *from, int64_t bytes, CopyKind kind,
              Stream stream) override;
  Status fill(void *to, uint8_t value, int64_t bytes, Stream stream) override;
  Result<std::unique_ptr<Image>> load(const ImageText &image) override {
    return CudaImage::load(shared_from_this(), *context_, image);
  }
  Status launch(const Launch &launch, Stream stream) override;
  Status synchronize(Stream stream) override;
  Result<std::unique_ptr<Timer>> timer() override;

private:
  void free(void *data, int64_t) override {
    context_->release([&] { return api_.cuMemFree(addressOf(data)); });
  }
  Status enqueueCopy(void *to, const void *from, size_t bytes, CopyKind kind,
                     CUstream stream);
  Status canWait(CUstream stream);

  static CUdeviceptr addressOf(const void *data) {
    return reinterpret_cast<CUdeviceptr>(data);
  }
  static CUstream queueOf(Stream stream) {
    return static_cast<CUstream>(stream.handle);
  }
  static Status checkSize(int64_t bytes) {
    if (bytes < 0)
      return Error(ErrorCode::badInput,
                   "a size of " + std::to_string(bytes) + " bytes");
    return Success{};
  }

  DeviceInfo info_;
  bool onlyPtx_;
  int capability_;
  std::unique_ptr<Context> context_;
  const Driver &api_;
};

std::vector<std::string> CudaDevice::imageKinds(std::string_view target) const {
  if (!runsCode(info_.target, target))
    return {};
  if (!onlyPtx_ && runsBinary(info_.target, target))
    return {"cubin", "ptx"};
  return {"ptx"};
}

/// Not from a pool on a stream: a buffer is freed by whoever holds it, who does
/// not know which streams still use it. cuMemFree waits for all of them.
Result<Buffer> CudaDevice::allocate(int64_t bytes) {
  if (Status valid = checkSize(bytes); !valid)
    return std::move(valid).error();
  if (bytes == 0)
    return Buffer();
  CUdeviceptr address = 0; // 256-aligned (CUDA C++ programming guide)
  Status done = context_->run([&] {
    return context_->check(api_.cuMemAlloc(&address, size_t(bytes)));
  });
  if (!done) {
    // It may be there although the context was not left.
    if (address)
      free(reinterpret_cast<void *>(address), bytes);
    return std::move(done).error().in(
        "cannot allocate " + std::to_string(bytes) + " bytes on '" + info_.uri +
        "', which has " + std::to_string(info_.memoryBytes));
  }
  return Buffer(shared_from_this(), reinterpret_cast<void *>(address), bytes);
}

Status CudaDevice::enqueueCopy(void *to, const void *from, size_t bytes,
                               CopyKind kind, CUstream stream) {
  switch (kind) {
  case CopyKind::hostToDevice:
    return context_->check(
        api_.cuMemcpyHtoDAsync(addressOf(to), from, bytes, stream));
  case CopyKind::deviceToHost:
    return context_->check(
        api_.cuMemcpyDtoHAsync(to, addressOf(from), bytes, stream));
  case CopyKind::deviceToDevice:
    break;
  }
  return context_->check(
      api_.cuMemcpyDtoDAsync(addressOf(to), addressOf(from), bytes, stream));
}

/// With the host it waits. The driver does not where host memory is pinned, and
/// then the caller's array would still be in use.
Status CudaDevice::copy(void *to, const void *from, int64_t bytes,
                        CopyKind kind, Stream stream) {
  if (Status valid = checkSize(bytes); !valid)
    return valid;
  if (bytes == 0)
    return Success{};
  return context_->run([&]() -> Status {
    CUstream queue = queueOf(stream);
    if (kind == CopyKind::deviceToDevice)
      return enqueueCopy(to, from, size_t(bytes), kind, queue);
    if (Status can = canWait(queue); !can)
      return can;
    if (Status done = enqueueCopy(to, from, size_t(bytes), kind, queue); !done)
      return done;
    return context_->check(api_.cuStreamSynchronize(queue));
  });
}

Status CudaDevice::fill(void *to, uint8_t value, int64_t bytes, Stream stream) {
  if (Status valid = checkSize(bytes); !valid)
    return valid;
  if (bytes == 0)
    return Success{};
  return context_->run([&] {
    return context_->check(api_.cuMemsetD8Async(
        addressOf(to), value, size_t(bytes), queueOf(stream)));
  });
}

Status CudaDevice::launch(const Launch &launch, Stream stream) {
  if (!launch.function)
    return Error(ErrorCode::badInput, "a launch without a kernel");
  const auto &function = static_cast<const CudaFunction &>(*launch.function);
  if (Status valid = function.check(launch); !valid)
    return valid;
  auto [x, y, z] = launch.grid;
  if (x == 0 || y == 0 || z == 0)
    return Success{};
  CUlaunchConfig config = {};
  config.gridDimX = x;
  config.gridDimY = y;
  config.gridDimZ = z;
  config.blockDimX = launch.block;
  config.blockDimY = config.blockDimZ = 1;
  config.sharedMemBytes = launch.sharedBytes;
  config.hStream = queueOf(stream);
  CUlaunchAttribute overlap = {};
  if (launch.pdl && capability_ >= pdlCapability) {
    overlap.id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
    overlap.value.programmaticStreamSerializationAllowed = 1;
    config.attrs = &overlap;
    config.numAttrs = 1;
  }
  return context_->run(
      [&] { return function.launch(*context_, config, launch.arguments); });
}

/// That the stream is not being captured. The context is current.
Status CudaDevice::canWait(CUstream stream) {
  CUstreamCaptureStatus capture = CU_STREAM_CAPTURE_STATUS_NONE;
  Status asked = context_->check(api_.cuStreamIsCapturing(stream, &capture));
  if (!asked || capture == CU_STREAM_CAPTURE_STATUS_NONE)
    return asked;
  return Error(ErrorCode::unsupported,
               "the stream is being captured into a graph, so that nothing can "
               "be waited for; reserve() before the capture makes room for "
               "temporaries");
}

Status CudaDevice::synchronize(Stream stream) {
  CUstream queue = queueOf(stream);
  Status done = context_->run([&]() -> Status {
    if (Status can = canWait(queue); !can)
      return can;
    return context_->check(api_.cuStreamSynchronize(queue));
  });
  Status released = context_->takeReleaseError();
  return done ? std::move(released) : std::move(done);
}

Result<std::unique_ptr<Timer>> CudaDevice::timer() {
  auto timer = std::make_unique<CudaTimer>(shared_from_this(), *context_);
  if (Status made = timer->create(); !made)
    return std::move(made).error();
  return std::unique_ptr<Timer>(std::move(timer));
}

/// "sm_90a": the features of one capability alone exist from 9.0 on.
std::string targetOf(int capability) {
  return "sm_" + std::to_string(capability) + (capability >= 90 ? "a" : "");
}

/// What the driver says about the device.
Status describeDevice(const Driver &api, CUdevice device, DeviceInfo &info,
                      int &capability) {
  Status done = Success{};
  auto ask = [&](CUdevice_attribute attribute) {
    int value = 0;
    if (done)
      done = api.check(api.cuDeviceGetAttribute(&value, attribute, device));
    return value;
  };
  capability = 10 * ask(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
  capability += ask(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  info.target = targetOf(capability);
  info.sharedBytesPerBlock =
      ask(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
  info.l2Bytes = ask(CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE);
  info.units = ask(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
  char name[256] = {};
  if (done)
    done = api.check(api.cuDeviceGetName(name, sizeof name - 1, device));
  info.name = name;
  size_t bytes = 0;
  if (done)
    done = api.check(api.cuDeviceTotalMem(&bytes, device));
  info.memoryBytes = static_cast<int64_t>(bytes);
  return done;
}

std::string uriOf(int ordinal) { return "cuda:" + std::to_string(ordinal); }

Result<std::shared_ptr<Device>> open(const std::string &uri,
                                     const CudaOptions &options,
                                     std::shared_ptr<const Driver> driver) {
  int count = driver->deviceCount();
  if (options.ordinal >= count)
    return Error(ErrorCode::unavailable,
                 count == 0
                     ? "the CUDA driver finds no GPU"
                     : "the CUDA driver has no such GPU, only " + uriOf(0) +
                           (count > 1 ? " to " + uriOf(count - 1) : ""));
  DeviceInfo info;
  info.uri = uri;
  info.index = options.ordinal;
  int capability = 0;
  CUdevice device = 0;
  Status found = driver->check(driver->cuDeviceGet(&device, options.ordinal));
  if (found)
    found = describeDevice(*driver, device, info, capability);
  if (!found)
    return std::move(found).error();
  auto context = Context::retain(std::move(driver), device, uri);
  if (!context)
    return std::move(context).error();
  return std::shared_ptr<Device>(std::make_shared<CudaDevice>(
      std::move(info), options.onlyPtx, capability, *std::move(context)));
}

} // namespace

Result<std::shared_ptr<Device>> openCudaDevice(std::string_view text,
                                               const std::string &library) {
  std::string uri = "cuda" + std::string(text);
  Result<CudaOptions> options = parseOptions(uri, text);
  if (!options)
    return std::move(options).error();
  auto driver = Driver::open(library);
  auto device =
      driver ? open(uri, *options, *std::move(driver))
             : Result<std::shared_ptr<Device>>(std::move(driver).error());
  return device ? std::move(device)
                : std::move(device).error().in("device '" + uri + "'");
}

Result<std::vector<std::string>> listCudaDevices(const std::string &library) {
  auto driver = Driver::open(library);
  if (!driver)
    return std::move(driver).error();
  std::vector<std::string> uris;
  for (int i = 0; i < (*driver)->deviceCount(); ++i)
    uris.push_back(uriOf(i));
  return uris;
}

} // namespace headgate::runtime::cuda
