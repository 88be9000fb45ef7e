// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A GPU's primary context and what became of it. Each use makes it current and
// gives the caller's context back. Once an error has made it useless, every use
// answers with that first cause.

#ifndef HEADGATE_RUNTIME_CUDA_CONTEXT_H
#define HEADGATE_RUNTIME_CUDA_CONTEXT_H

#include "runtime/cuda/Driver.h"

#include <atomic>
#include <mutex>
#include <optional>
#include <set>

namespace headgate::runtime::cuda {

/// Thread-safe.
class Context {
public:
  /// `uri`: of the device, for messages.
  static Result<std::unique_ptr<Context>>
  retain(std::shared_ptr<const Driver> driver, CUdevice device,
         std::string uri);
  ~Context();
  Context(const Context &) = delete;
  Context &operator=(const Context &) = delete;

  const Driver &driver() const { return *driver_; }

  /// Runs `body`, a Status(), in the context.
  template <typename F> Status run(F body) {
    if (Status entered = enter(); !entered)
      return entered;
    Status done = body();
    Status left = leave();
    return done ? std::move(left) : std::move(done);
  }
  /// Success, or the error; notes one that ends the context.
  Status check(Outcome outcome);

  /// Runs `body`, an Outcome() that gives something back. A failure has nobody
  /// to hear of it: `takeReleaseError` tells.
  template <typename F> void release(F body) {
    Status done = run([&] { return check(body()); });
    if (!done)
      keepReleaseError(std::move(done).error());
  }
  /// Success, or the first failure of `release` since the last time.
  Status takeReleaseError();

  /// `name` for as long as the context lives.
  const std::string *keepName(const std::string &name);
  /// Says which kernel is launched, for the text of errors that come later.
  void launches(const std::string *kernel) {
    lastKernel_.store(kernel, std::memory_order_relaxed);
  }

private:
  Context(std::shared_ptr<const Driver> driver, CUdevice device,
          std::string uri)
      : driver_(std::move(driver)), device_(device), uri_(std::move(uri)) {}
  Status enter();
  Status leave();
  void keepReleaseError(Error error);

  std::shared_ptr<const Driver> driver_;
  CUdevice device_;
  std::string uri_;
  CUcontext context_ = nullptr;

  std::atomic<const std::string *> lastKernel_ = nullptr;
  std::atomic<bool> isLost_ = false;
  std::mutex mutex_; ///< of what follows
  std::optional<Error> lost_, releaseError_;
  std::set<std::string> names_;
};

} // namespace headgate::runtime::cuda

#endif // HEADGATE_RUNTIME_CUDA_CONTEXT_H
