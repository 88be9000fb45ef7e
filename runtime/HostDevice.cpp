// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/HostDevice.h"

#include "headgate/HostKernel.h"
#include "lib/CheckPlan.h"
#include "runtime/HostImage.h"
#include "runtime/HostMachine.h"

#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>

namespace headgate::runtime {

namespace {

constexpr int64_t memoryAlign = 256, scratchAlign = 64;
/// More than any memory, less than any overflow.
constexpr int64_t maxBytes = int64_t(1) << 47;

struct FreeMemory {
  void operator()(void *data) const { std::free(data); }
};
using Memory = std::unique_ptr<void, FreeMemory>;

int64_t roundUp(int64_t bytes, int64_t to) {
  return (bytes + to - 1) / to * to;
}

/// Scratch memory between launches. Each launch takes one block for all of its
/// workers and gives it back, so that launches of several threads never share,
/// and a launch like the last one finds what it needs.
class ScratchPool {
public:
  struct Block {
    Memory memory;
    int64_t bytes = 0;
  };

  /// A block of at least `bytes`; a null one if memory is short.
  Block take(int64_t bytes) {
    {
      std::lock_guard lock(mutex_);
      for (Block &block : blocks_)
        if (block.bytes >= bytes) {
          std::swap(block, blocks_.back());
          return pop();
        }
      if (!blocks_.empty())
        pop(); // Too small: replaced rather than kept beside the larger one.
    }
    Block block;
    block.memory.reset(std::aligned_alloc(scratchAlign, bytes));
    block.bytes = bytes;
    return block;
  }

  void giveBack(Block block) {
    std::lock_guard lock(mutex_);
    blocks_.push_back(std::move(block));
  }

private:
  Block pop() {
    Block block = std::move(blocks_.back());
    blocks_.pop_back();
    return block;
  }

  std::mutex mutex_;
  std::vector<Block> blocks_;
};

class HostTimer : public Timer {
public:
  Status start(Stream) override {
    start_ = Clock::now();
    stop_ = start_;
    state_ = State::started;
    return Success{};
  }
  Status stop(Stream) override {
    if (state_ == State::idle)
      return Error(ErrorCode::badInput, "the timer was not started");
    stop_ = Clock::now();
    state_ = State::stopped;
    return Success{};
  }
  Result<double> elapsedNs() override {
    if (state_ != State::stopped)
      return Error(ErrorCode::badInput, "the timer was not stopped");
    return std::chrono::duration<double, std::nano>(stop_ - start_).count();
  }

private:
  using Clock = std::chrono::steady_clock;
  enum class State : uint8_t { idle, started, stopped };
  Clock::time_point start_, stop_;
  State state_ = State::idle;
};

class HostDevice : public Device {
public:
  HostDevice(std::string uri, int threads, std::vector<std::string> features)
      : threads_(threads > 0 ? threads : usableCpus()), arena_(threads_) {
    // oneTBB starts no more threads than there are CPUs unless it is told to.
    if (threads_ > tbb::info::default_concurrency())
      moreThreads_.emplace(tbb::global_control::max_allowed_parallelism,
                           threads_);
    info_.uri = std::move(uri);
    info_.name = cpuName();
    info_.target = "host";
    info_.memoryBytes = usableMemoryBytes();
    info_.l2Bytes = lastLevelCacheBytes();
    info_.units = threads_;
    info_.features = std::move(features);
  }

  const DeviceInfo &info() const override { return info_; }
  std::vector<std::string> imageKinds(std::string_view target) const override {
    // Which level of CPUs it is for is what PlanImage::needs says.
    if (targetFamily(target) != "host")
      return {};
    return {"so"};
  }
  Result<Buffer> allocate(int64_t bytes) override;
  Status copy(void *to, const void *from, int64_t bytes, CopyKind,
              Stream stream) override;
  Status fill(void *to, uint8_t value, int64_t bytes, Stream stream) override;
  Result<std::unique_ptr<Image>> load(const ImageText &image) override {
    return loadHostImage(shared_from_this(), image);
  }
  Status launch(const Launch &launch, Stream stream) override;
  Status synchronize(Stream stream) override { return check(stream, 0); }
  Result<std::unique_ptr<Timer>> timer() override {
    return std::unique_ptr<Timer>(std::make_unique<HostTimer>());
  }

private:
  void free(void *data, int64_t) override { std::free(data); }
  /// That `stream` is the null stream and `bytes` is a size.
  static Status check(Stream stream, int64_t bytes);
  void play(HgHostKernel kernel, const Launch &launch, uint64_t blocks,
            int workers, char *scratch, int64_t scratchStride);

  DeviceInfo info_;
  int threads_;
  std::optional<tbb::global_control> moreThreads_;
  tbb::task_arena arena_;
  ScratchPool scratch_;
};

Status HostDevice::check(Stream stream, int64_t bytes) {
  if (stream.handle)
    return Error(ErrorCode::badInput,
                 "the host device takes only the null stream");
  if (bytes < 0)
    return Error(ErrorCode::badInput,
                 "a size of " + std::to_string(bytes) + " bytes");
  return Success{};
}

Result<Buffer> HostDevice::allocate(int64_t bytes) {
  if (Status valid = check({}, bytes); !valid)
    return std::move(valid).error();
  if (bytes == 0)
    return Buffer();
  // Asked before the system is: Linux promises memory that is not there.
  void *data = nullptr;
  if (bytes <= (info_.memoryBytes ? info_.memoryBytes : maxBytes))
    data = std::aligned_alloc(memoryAlign, roundUp(bytes, memoryAlign));
  if (!data)
    return Error(ErrorCode::outOfMemory,
                 "cannot allocate " + std::to_string(bytes) + " bytes on '" +
                     info_.uri + "', which has " +
                     std::to_string(info_.memoryBytes));
  return Buffer(shared_from_this(), data, bytes);
}

Status HostDevice::copy(void *to, const void *from, int64_t bytes, CopyKind,
                        Stream stream) {
  Status valid = check(stream, bytes);
  if (valid && bytes > 0)
    std::memmove(to, from, static_cast<size_t>(bytes));
  return valid;
}

Status HostDevice::fill(void *to, uint8_t value, int64_t bytes, Stream stream) {
  Status valid = check(stream, bytes);
  if (valid && bytes > 0)
    std::memset(to, value, static_cast<size_t>(bytes));
  return valid;
}

/// The number of blocks of a grid, or an error if 63 bits cannot count them.
Result<uint64_t> countBlocks(const std::array<uint32_t, 3> &grid) {
  uint64_t plane = uint64_t(grid[0]) * grid[1], blocks = 0;
  if (__builtin_mul_overflow(plane, uint64_t(grid[2]), &blocks) || blocks >> 63)
    return Error(ErrorCode::badInput, "a grid of " + std::to_string(grid[0]) +
                                          "x" + std::to_string(grid[1]) + "x" +
                                          std::to_string(grid[2]) +
                                          " has too many blocks");
  return blocks;
}

Status HostDevice::launch(const Launch &launch, Stream stream) {
  if (Status valid = check(stream, launch.scratchBytes); !valid)
    return valid;
  if (!launch.function)
    return Error(ErrorCode::badInput, "a launch without a kernel");
  if (launch.block != 1 || launch.cluster != 1 || launch.sharedBytes != 0 ||
      launch.pdl)
    return Error(ErrorCode::unsupported,
                 "a host launch has no block size, cluster, shared memory or "
                 "programmatic dependence");
  Result<uint64_t> blocks = countBlocks(launch.grid);
  if (!blocks)
    return std::move(blocks).error();
  if (*blocks == 0)
    return Success{};

  int workers = *blocks < uint64_t(threads_) ? int(*blocks) : threads_;
  ScratchPool::Block scratch;
  int64_t stride = 0;
  if (launch.scratchBytes > 0) {
    if (launch.scratchBytes <= maxBytes / workers) {
      stride = roundUp(launch.scratchBytes, scratchAlign);
      scratch = scratch_.take(stride * workers);
    }
    if (!scratch.memory)
      return Error(ErrorCode::outOfMemory,
                   "cannot allocate " + std::to_string(launch.scratchBytes) +
                       " bytes of scratch for each of " +
                       std::to_string(workers) + " threads");
  }
  play(hostKernel(*launch.function), launch, *blocks, workers,
       static_cast<char *>(scratch.memory.get()), stride);
  if (scratch.memory)
    scratch_.giveBack(std::move(scratch));
  return Success{};
}

void HostDevice::play(HgHostKernel kernel, const Launch &launch,
                      uint64_t blocks, int workers, char *scratch,
                      int64_t scratchStride) {
  const auto [x, y, z] = launch.grid;
  const void *const *arguments = launch.arguments;
  // Whoever is free claims the next block. A worker that never gets a thread
  // leaves its share to the others.
  std::atomic<uint64_t> next = 0;
  auto work = [&](int worker) {
    HgBlock block = {{0, 0, 0}, {x, y, z}, nullptr};
    if (scratch)
      block.scratch = scratch + worker * scratchStride;
    for (uint64_t i;
         (i = next.fetch_add(1, std::memory_order_relaxed)) < blocks;) {
      block.block[0] = static_cast<uint32_t>(i % x);
      block.block[1] = static_cast<uint32_t>(i / x % y);
      block.block[2] = static_cast<uint32_t>(i / x / y);
      kernel(&block, arguments);
    }
  };
  if (workers == 1)
    return work(0);
  arena_.execute(
      [&] { tbb::parallel_for(0, workers, work, tbb::simple_partitioner()); });
}

} // namespace

std::shared_ptr<Device> openHostDevice(std::string uri, int threads,
                                       std::vector<std::string> features) {
  return std::make_shared<HostDevice>(std::move(uri), threads,
                                      std::move(features));
}

} // namespace headgate::runtime
