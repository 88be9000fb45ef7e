// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A machine that runs kernels: memory, code images, launches and timers. The
// host is one (threads play the grid); GPUs and the simulator are others.

#ifndef HEADGATE_DEVICE_H
#define HEADGATE_DEVICE_H

#include "headgate/Result.h"
#include "headgate/Tensor.h"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace headgate {

struct DeviceInfo {
  std::string uri;    ///< as opened, e.g. "host:threads=2"
  std::string name;   ///< of the hardware
  std::string target; ///< "host", "sm_80", ...
  int index = 0;      ///< which of the GPUs (TensorView::deviceIndex)
  int64_t memoryBytes = 0;
  int64_t sharedBytesPerBlock = 0;   ///< 0 on the host
  int64_t l2Bytes = 0;               ///< last-level cache, 0 if unknown
  int units = 1;                     ///< threads on the host, SMs on a GPU
  std::vector<std::string> features; ///< CPU feature words (PlanImage::needs)

  /// Whose memory its buffers are; a simulator's passes for a GPU's.
  DeviceKind kind() const {
    return target == "host" ? DeviceKind::host : DeviceKind::cuda;
  }
  /// A contiguous tensor in its memory.
  TensorView contiguous(void *data, DType dtype,
                        std::span<const int64_t> shape) const {
    TensorView view = TensorView::contiguous(data, dtype, shape);
    view.device = kind();
    view.deviceIndex = index;
    return view;
  }
};

/// An ordered queue of work. On CUDA any CUstream of the device's primary
/// context, such as PyTorch's, and null is the legacy default stream. Host and
/// simulator take only null.
struct Stream {
  void *handle = nullptr;
};

class Device;

/// Device memory that frees itself. Null at 0 bytes. Keeps its device alive.
class Buffer {
public:
  Buffer() = default;
  Buffer(std::shared_ptr<Device> device, void *data, int64_t bytes);
  Buffer(Buffer &&other) noexcept;
  Buffer &operator=(Buffer &&other) noexcept;
  ~Buffer();
  void *data() const { return data_; }
  int64_t bytes() const { return bytes_; }

private:
  std::shared_ptr<Device> device_;
  void *data_ = nullptr;
  int64_t bytes_ = 0;
};

/// Code to load: a file of a bundle whose checksum was verified.
struct ImageText {
  std::string id;    ///< for messages
  std::string kind;  ///< PlanForm::kind
  std::string path;  ///< absolute path of the file
  std::string bytes; ///< its contents; may be empty for "so"
};

/// A kernel of a loaded image. Lives as long as the image.
class Function {
public:
  virtual ~Function() = default;
};

/// A loaded image. Keeps its device alive.
class Image {
public:
  virtual ~Image() = default;
  /// The kernel named `symbol`; notFound if the image has none.
  virtual Result<const Function *> function(const std::string &symbol) = 0;
};

struct Launch {
  const Function *function = nullptr;
  std::array<uint32_t, 3> grid = {1, 1, 1};
  uint32_t block = 1, cluster = 1, sharedBytes = 0;
  int64_t scratchBytes = 0; ///< host: per thread, 64-aligned, uninitialised
  bool pdl = false;
  void **arguments = nullptr; ///< one pointer to each argument, as in CUDA
};

enum class CopyKind : uint8_t { hostToDevice, deviceToHost, deviceToDevice };

class Timer {
public:
  virtual ~Timer() = default;
  virtual Status start(Stream) = 0;
  virtual Status stop(Stream) = 0;
  /// Nanoseconds between start and stop; waits for stop to be reached.
  virtual Result<double> elapsedNs() = 0;
};

/// What kernels did, counted: numbers by name.
using Counters = std::map<std::string, double>;

/// Thread-safe, except that the caller orders what goes to one stream.
/// Everything made from a device keeps it alive.
class Device : public std::enable_shared_from_this<Device> {
public:
  virtual ~Device() = default;

  virtual const DeviceInfo &info() const = 0;
  /// Kinds of files (PlanForm::kind) in which this device takes code for
  /// `target`, best first; none where it runs no such code.
  virtual std::vector<std::string>
  imageKinds(std::string_view target) const = 0;
  /// 256-aligned, uninitialised memory; a null buffer at 0 bytes.
  virtual Result<Buffer> allocate(int64_t bytes) = 0;
  /// Behind what is on the stream. Copies from and to the host are done when it
  /// returns; others need not be.
  virtual Status copy(void *to, const void *from, int64_t bytes, CopyKind kind,
                      Stream stream) = 0;
  virtual Status fill(void *to, uint8_t value, int64_t bytes,
                      Stream stream) = 0;
  virtual Result<std::unique_ptr<Image>> load(const ImageText &image) = 0;
  /// Enqueues one kernel. A grid with a 0 does nothing. On CUDA what a kernel
  /// does wrong is told by a later call, and then by every one: `deviceLost`.
  virtual Status launch(const Launch &launch, Stream stream) = 0;
  virtual Status synchronize(Stream stream) = 0;
  virtual Result<std::unique_ptr<Timer>> timer() = 0;
  /// Of all launches that have ended; empty where nothing is counted, which is
  /// everywhere but on the simulator (runtime/sim/README.md).
  virtual Counters counters() const { return {}; }

private:
  friend class Buffer;
  virtual void free(void *data, int64_t bytes) = 0;
};

/// Where the drivers of devices are found.
struct DeviceOptions {
  std::string cudaDriver = "libcuda.so.1"; ///< as dlopen takes it
};

/// Opens
///   host          with "threads=N" and "level=LEVEL" behind a colon: a CPU
///   that
///                 runs no code above that level, e.g. x86-64-v3
///   cuda, cuda:N  a GPU of compute capability 8.0 or later; ",image=ptx" takes
///                 no cubins but has the driver compile PTX
///   sim:sm_80, sim:sm_90a  the PTX simulator, with options behind commas
///                 (runtime/sim/README.md)
/// A uri that is none of these is `badInput`; what is not on this machine is
/// `unavailable`.
Result<std::shared_ptr<Device>> openDevice(std::string_view uri,
                                           const DeviceOptions &options = {});

struct DeviceList {
  std::vector<std::string> uris;
  std::string whyNoGpu; ///< a sentence where no "cuda" is among them
};
/// The devices that can be opened here, for `--list_devices`.
DeviceList listDevices(const DeviceOptions &options = {});

} // namespace headgate

#endif // HEADGATE_DEVICE_H
