// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The CUDA driver, opened at run time: its functions, and errors in its words.

#ifndef HEADGATE_RUNTIME_CUDA_DRIVER_H
#define HEADGATE_RUNTIME_CUDA_DRIVER_H

#include "headgate/Result.h"
#include "runtime/cuda/Api.h"

#include <memory>
#include <string>

namespace headgate::runtime::cuda {

/// What a call of the driver came to.
struct Outcome {
  const char *call;
  CUresult code;
  explicit operator bool() const { return code == CUDA_SUCCESS; }
};

/// A function of the driver that knows its name.
template <typename F> struct Call;
template <typename... Parameters> struct Call<CUresult(Parameters...)> {
  const char *name;
  CUresult (*function)(Parameters...) = nullptr;
  Outcome operator()(Parameters... arguments) const {
    return {name, function(arguments...)};
  }
};

struct Api {
#define HEADGATE_MEMBER(name, symbol, parameters, arguments)                   \
  Call<CUresult parameters> name = {#name};
  HEADGATE_CUDA_API(HEADGATE_MEMBER)
#undef HEADGATE_MEMBER
};

class Driver : public Api {
public:
  /// Opens the library, as dlopen finds it, and starts the driver. What a
  /// machine lacks is `unavailable`. Once open it stays in the process.
  static Result<std::shared_ptr<const Driver>> open(const std::string &library);

  /// "12.2": the CUDA version it is for
  const std::string &version() const { return version_; }
  /// How many GPUs it has.
  int deviceCount() const { return deviceCount_; }

  /// "cuMemAlloc: out of memory (CUDA_ERROR_OUT_OF_MEMORY, 2)"
  std::string describe(Outcome outcome) const;
  /// The same as an error, with the code that fits.
  Error error(Outcome outcome) const;
  /// Success, or the error.
  Status check(Outcome outcome) const;

private:
  Driver() = default;
  Status lookUp(void *library);
  Status start();

  std::string version_;
  int deviceCount_ = 0;
};

/// Whether no context of this process works any more after this code.
bool isSticky(CUresult code);

} // namespace headgate::runtime::cuda

#endif // HEADGATE_RUNTIME_CUDA_DRIVER_H
