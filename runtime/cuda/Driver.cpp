// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/cuda/Driver.h"

#include <dlfcn.h>

namespace headgate::runtime::cuda {

namespace {

/// The floor: what the youngest function of the table came with.
constexpr int oldestVersion = 12000;

std::string formatVersion(int version) {
  return std::to_string(version / 1000) + "." +
         std::to_string(version % 1000 / 10);
}

Error tooOld(const std::string &version, const std::string &lacks) {
  return Error(ErrorCode::unavailable,
               "the CUDA driver is too old: it is for CUDA " + version + lacks +
                   ", and " + formatVersion(oldestVersion) +
                   " or newer is needed");
}

ErrorCode errorCodeOf(CUresult code) {
  switch (code) {
  case CUDA_ERROR_OUT_OF_MEMORY:
    return ErrorCode::outOfMemory;
  case CUDA_ERROR_INVALID_IMAGE:
  case CUDA_ERROR_INVALID_PTX:
  case CUDA_ERROR_INVALID_SOURCE:
    return ErrorCode::corrupt;
  case CUDA_ERROR_NO_BINARY_FOR_GPU:
  case CUDA_ERROR_JIT_COMPILER_NOT_FOUND:
  case CUDA_ERROR_UNSUPPORTED_PTX_VERSION:
  case CUDA_ERROR_JIT_COMPILATION_DISABLED:
    return ErrorCode::unsupported;
  case CUDA_ERROR_NOT_FOUND:
    return ErrorCode::notFound;
  default:
    return isSticky(code) ? ErrorCode::deviceLost : ErrorCode::failed;
  }
}

} // namespace

bool isSticky(CUresult code) {
  switch (code) {
  // cuda.h 13.0 of each but the first three: "any further CUDA work will return
  // the same error". Of those: the memory, the link or the context is gone.
  case CUDA_ERROR_ECC_UNCORRECTABLE:
  case CUDA_ERROR_NVLINK_UNCORRECTABLE:
  case CUDA_ERROR_CONTEXT_IS_DESTROYED:
  case CUDA_ERROR_CONTAINED:
  case CUDA_ERROR_ILLEGAL_ADDRESS:
  case CUDA_ERROR_LAUNCH_TIMEOUT:
  case CUDA_ERROR_ASSERT:
  case CUDA_ERROR_HARDWARE_STACK_ERROR:
  case CUDA_ERROR_ILLEGAL_INSTRUCTION:
  case CUDA_ERROR_MISALIGNED_ADDRESS:
  case CUDA_ERROR_INVALID_ADDRESS_SPACE:
  case CUDA_ERROR_INVALID_PC:
  case CUDA_ERROR_LAUNCH_FAILED:
  case CUDA_ERROR_TENSOR_MEMORY_LEAK:
  case CUDA_ERROR_MPS_CLIENT_TERMINATED:
  case CUDA_ERROR_EXTERNAL_DEVICE:
    return true;
  default:
    return false;
  }
}

Result<std::shared_ptr<const Driver>> Driver::open(const std::string &library) {
  // Never unloaded: the driver keeps threads and handlers of its own.
  void *handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!handle)
    return Error(ErrorCode::unavailable,
                 std::string("no CUDA driver: ") + dlerror() +
                     "; the devices host and sim:sm_80 need none");
  std::shared_ptr<Driver> driver(new Driver());
  Status ready = driver->lookUp(handle);
  dlclose(handle);
  if (ready)
    ready = driver->start();
  if (!ready)
    return std::move(ready).error();
  return std::shared_ptr<const Driver>(std::move(driver));
}

/// Finds every function of the table.
Status Driver::lookUp(void *library) {
  std::string missing;
#define HEADGATE_LOOK_UP(name, symbol, parameters, arguments)                  \
  name.function =                                                              \
      reinterpret_cast<decltype(name.function)>(dlsym(library, #symbol));      \
  if (!name.function)                                                          \
    missing += (missing.empty() ? " and lacks " : ", ") + std::string(#symbol);
  HEADGATE_CUDA_API(HEADGATE_LOOK_UP)
#undef HEADGATE_LOOK_UP
  if (missing.empty())
    return Success{};
  int version = 0;
  if (!cuDriverGetVersion.function)
    return Error(ErrorCode::unavailable, "the library is no CUDA driver: it "
                                         "lacks cuDriverGetVersion");
  if (Outcome done = cuDriverGetVersion(&version); !done)
    return tooOld("an unknown version", missing);
  return tooOld(formatVersion(version), missing);
}

Status Driver::start() {
  // Whatever fails here, there is no device to be used on this machine.
  auto unavailable = [&](Outcome outcome) {
    return Error(ErrorCode::unavailable,
                 "the CUDA driver did not start: " + describe(outcome));
  };
  int version = 0;
  if (Outcome done = cuDriverGetVersion(&version); !done)
    return unavailable(done);
  version_ = formatVersion(version);
  if (version < oldestVersion)
    return tooOld(version_, "");
  if (Outcome done = cuInit(0); !done)
    return unavailable(done);
  if (Outcome done = cuDeviceGetCount(&deviceCount_); !done)
    return unavailable(done);
  return Success{};
}

std::string Driver::describe(Outcome outcome) const {
  // A code that the driver does not know leaves these null.
  const char *name = nullptr, *text = nullptr;
  cuGetErrorName(outcome.code, &name);
  cuGetErrorString(outcome.code, &text);
  return std::string(outcome.call) + ": " + (text ? text : "unknown error") +
         " (" + (name ? std::string(name) + ", " : "") +
         std::to_string(outcome.code) + ")";
}

Error Driver::error(Outcome outcome) const {
  return Error(errorCodeOf(outcome.code), describe(outcome));
}

Status Driver::check(Outcome outcome) const {
  if (outcome)
    return Success{};
  return error(outcome);
}

} // namespace headgate::runtime::cuda
