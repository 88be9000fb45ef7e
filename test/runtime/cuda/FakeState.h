// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the fake driver remembers.

#ifndef HEADGATE_TEST_RUNTIME_CUDA_FAKESTATE_H
#define HEADGATE_TEST_RUNTIME_CUDA_FAKESTATE_H

#include "runtime/cuda/Api.h"
#include "runtime/sim/SimDevice.h"
#include "test/runtime/cuda/FakeCuda.h"

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>

namespace headgate::test {

using namespace runtime::cuda;

/// Codes that the fake gives by itself.
constexpr CUresult invalidValue = 1, notInitialized = 3, noDevice = 100,
                   invalidDevice = 101, invalidContext = 201,
                   invalidHandle = 400, notReady = 600, notSupported = 801,
                   captureUnsupported = 900;

/// Work that was enqueued. What it returns, if not success, ends the context.
using Work = std::function<CUresult()>;

struct FakeFunction {
  std::string name;
  const Function *code = nullptr;
  int allowedShared = 48 << 10;
};
struct FakeModule {
  std::unique_ptr<Image> image;
  std::map<std::string, FakeFunction> functions;
};
struct FakeEvent {
  bool isRecorded = false;
  std::optional<std::chrono::steady_clock::time_point> time; ///< once reached
};
struct FakeStream {
  bool isCapturing = false;
  std::vector<Work> captured;
};
/// A graph, or one made ready to be launched.
struct FakeGraph {
  std::vector<Work> work;
};
/// Objects by their handles.
template <typename T> using Pool = std::map<const void *, std::shared_ptr<T>>;

/// The object of a handle, or null.
template <typename T> T *find(const Pool<T> &pool, const void *handle) {
  auto found = pool.find(handle);
  return found == pool.end() ? nullptr : found->second.get();
}

/// A primary context.
struct FakeContext {
  int retained = 0;
  std::shared_ptr<runtime::sim::SimDevice> gpu;
  std::map<CUdeviceptr, Buffer> memory;
  Pool<FakeModule> modules;
  Pool<FakeEvent> events;
  Pool<FakeStream> streams;
  Pool<FakeGraph> graphs, execs;
  std::deque<Work> queue; ///< of all streams: one order is as good as another
  CUresult ended = CUDA_SUCCESS; ///< the code that every call answers
};

/// What the words of settings say.
struct FakeSettings {
  int devices = 1, capability = 80, version = 12040, ptx = 84;
  int64_t memory = int64_t(16) << 30;
  std::map<std::string, CUresult> fail;
  std::map<size_t, CUresult> at; ///< by the number of the call
  CUresult trap = CUDA_SUCCESS;
};

class FakeDriver : public FakeCuda {
public:
  static FakeDriver &get();
  ~FakeDriver() override;

  void reset(const std::string &settings) override;
  void add(const std::string &settings) override;
  std::vector<std::string> calls() const override;
  FakeObjects alive() const override;
  FakeLaunch lastLaunch() const override;
  std::vector<std::string> misuses() const override;

  /// Notes a call of `name` and runs `body`, unless the call is to fail.
  CUresult call(const char *name, const std::function<CUresult()> &body);

#define HEADGATE_DECLARE(name, symbol, parameters, arguments)                  \
  CUresult name parameters;
  HEADGATE_CUDA_API(HEADGATE_DECLARE)
#undef HEADGATE_DECLARE

private:
  FakeDriver();
  template <typename Handle, typename T>
  CUresult make(Pool<T> FakeContext::*pool, Handle *handle,
                std::shared_ptr<T> made) {
    *handle = reinterpret_cast<Handle>(made.get());
    (current()->*pool)[made.get()] = std::move(made);
    return CUDA_SUCCESS;
  }
  CUresult failureOf(const char *name);
  void leaveContexts(); ///< those of the calling thread
  CUresult misuse(const std::string &what, CUresult code);
  /// The context of the calling thread, which must have one.
  FakeContext *current();
  template <typename T>
  CUresult destroy(Pool<T> FakeContext::*pool, const void *handle,
                   const char *what);
  CUresult enqueue(FakeContext &context, CUstream stream, Work work);
  CUresult enqueueCopy(CUdeviceptr to, CUdeviceptr from, size_t bytes,
                       CopyKind kind, CUstream stream);
  CUresult drain(FakeContext &context);
  void end(FakeContext &context);
  void record(const CUlaunchConfig &config, const FakeFunction &function);

  mutable std::recursive_mutex mutex_;
  FakeSettings settings_;
  std::vector<std::string> calls_, misuses_;
  std::map<CUdevice, FakeContext> contexts_;
  bool isStarted_ = false;
  FakeLaunch lastLaunch_;
};

} // namespace headgate::test

#endif // HEADGATE_TEST_RUNTIME_CUDA_FAKESTATE_H
