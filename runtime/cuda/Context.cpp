// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/cuda/Context.h"

namespace headgate::runtime::cuda {

Result<std::unique_ptr<Context>>
Context::retain(std::shared_ptr<const Driver> driver, CUdevice device,
                std::string uri) {
  std::unique_ptr<Context> context(
      new Context(std::move(driver), device, std::move(uri)));
  const Driver &api = context->driver();
  CUcontext retained = nullptr;
  Status done = api.check(api.cuDevicePrimaryCtxRetain(&retained, device));
  if (!done)
    return std::move(done).error();
  context->context_ = retained;
  return context;
}

Context::~Context() {
  if (context_)
    driver_->cuDevicePrimaryCtxRelease(device_);
}

Status Context::enter() {
  if (isLost_) {
    std::lock_guard lock(mutex_);
    return Error(*lost_);
  }
  return check(driver_->cuCtxPushCurrent(context_));
}

Status Context::leave() {
  CUcontext popped = nullptr;
  return check(driver_->cuCtxPopCurrent(&popped));
}

Status Context::check(Outcome outcome) {
  if (outcome)
    return Success{};
  if (!isSticky(outcome.code))
    return driver_->error(outcome);
  std::lock_guard lock(mutex_);
  if (!lost_) {
    const std::string *kernel = lastKernel_;
    lost_.emplace(
        ErrorCode::deviceLost,
        "device '" + uri_ + "' is lost: " + driver_->describe(outcome) +
            (kernel ? "; the last kernel launched was '" + *kernel + "'" : "") +
            ". Nothing in this process can use it any more; a simulator "
            "(sim:sm_80) says which access of a kernel is wrong");
    isLost_ = true;
  }
  return Error(*lost_);
}

void Context::keepReleaseError(Error error) {
  // A lost context answers for itself.
  if (error.code() == ErrorCode::deviceLost)
    return;
  std::lock_guard lock(mutex_);
  if (!releaseError_)
    releaseError_.emplace(std::move(error));
}

Status Context::takeReleaseError() {
  std::lock_guard lock(mutex_);
  if (!releaseError_)
    return Success{};
  Error error = *std::move(releaseError_);
  releaseError_.reset();
  return error;
}

const std::string *Context::keepName(const std::string &name) {
  std::lock_guard lock(mutex_);
  return &*names_.insert(name).first;
}

} // namespace headgate::runtime::cuda
