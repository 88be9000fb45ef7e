// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/cuda/CudaImage.h"

#include <array>
#include <cstring>

namespace headgate::runtime::cuda {

namespace {

/// Of the text that the driver's compiler writes when it refuses PTX.
constexpr size_t logBytes = 16 << 10;
/// Dynamic shared memory that needs no permission (CUDA C++ programming guide,
/// shared memory of compute capability 8.x).
constexpr int freeShared = 48 << 10;

/// "8.3" of ".version 8.3"; "?" if there is none.
std::string versionOf(const std::string &ptx) {
  constexpr std::string_view word = ".version";
  size_t at = ptx.find(word);
  if (at == ptx.npos)
    return "?";
  size_t begin = ptx.find_first_not_of(" \t", at + word.size());
  size_t end = ptx.find_first_not_of("0123456789.", begin);
  return begin == ptx.npos ? "?" : ptx.substr(begin, end - begin);
}

} // namespace

Result<std::unique_ptr<Image>> CudaImage::load(std::shared_ptr<Device> device,
                                               Context &context,
                                               const ImageText &image) {
  std::string what = "image '" + image.id + "' (" + image.path + ")";
  if (image.kind != "ptx" && image.kind != "cubin")
    return Error(ErrorCode::unsupported,
                 what +
                     ": a GPU takes images of kind 'ptx' and 'cubin', not '" +
                     image.kind + "'");
  if (image.bytes.empty())
    return Error(ErrorCode::corrupt, what + ": it is empty");
  std::unique_ptr<CudaImage> loaded(
      new CudaImage(std::move(device), context, image.id));
  if (Status done = loaded->loadModule(image); !done)
    return std::move(done).error().in(what);
  return std::unique_ptr<Image>(std::move(loaded));
}

Status CudaImage::loadModule(const ImageText &image) {
  const Driver &api = context_.driver();
  // All zeros, so that what the driver writes ends somewhere.
  std::string log(logBytes, '\0');
  std::array options = {CU_JIT_ERROR_LOG_BUFFER,
                        CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
  // The driver takes small values in place of pointers to them.
  std::array<void *, 2> values = {log.data(),
                                  reinterpret_cast<void *>(log.size() - 1)};
  return context_.run([&]() -> Status {
    Outcome outcome =
        api.cuModuleLoadDataEx(&module_, image.bytes.c_str(), options.size(),
                               options.data(), values.data());
    Status loaded = context_.check(outcome);
    if (loaded)
      return loaded;
    Error error = std::move(loaded).error();
    std::string why = error.message();
    if (outcome.code == CUDA_ERROR_UNSUPPORTED_PTX_VERSION)
      why = "the driver is for CUDA " + api.version() +
            " and cannot read PTX " + versionOf(image.bytes) +
            ": update it, or compile where ptxas is, which makes a cubin (" +
            why + ")";
    else if (image.kind == "cubin")
      why += "; a device opened with image=ptx compiles the PTX instead";
    if (std::string text = log.c_str(); !text.empty())
      why += "\n" + text;
    return Error(error.code(), why);
  });
}

CudaImage::~CudaImage() {
  if (module_)
    context_.release([&] { return context_.driver().cuModuleUnload(module_); });
}

Result<const Function *> CudaImage::function(const std::string &symbol) {
  std::lock_guard lock(mutex_);
  std::unique_ptr<CudaFunction> &function = functions_[symbol];
  if (!function) {
    auto found = CudaFunction::find(context_, module_, symbol, device_->info());
    if (!found)
      return std::move(found).error().in("image '" + id_ + "', kernel '" +
                                         symbol + "'");
    function = *std::move(found);
  }
  return static_cast<const Function *>(function.get());
}

Result<std::unique_ptr<CudaFunction>>
CudaFunction::find(Context &context, CUmodule module, const std::string &symbol,
                   const DeviceInfo &limits) {
  const Driver &api = context.driver();
  auto function = std::make_unique<CudaFunction>();
  function->name_ = context.keepName(symbol);
  function->sharedLimit_ = static_cast<int>(limits.sharedBytesPerBlock);
  Status done = context.run([&] {
    Status found = context.check(
        api.cuModuleGetFunction(&function->handle_, module, symbol.c_str()));
    if (found)
      found = context.check(api.cuFuncGetAttribute(
          &function->maxThreads_, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK,
          function->handle_));
    if (found)
      found = context.check(api.cuFuncGetAttribute(
          &function->staticShared_, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES,
          function->handle_));
    return found;
  });
  if (!done)
    return std::move(done).error();
  function->allowedShared_ = freeShared - function->staticShared_;
  return function;
}

Status CudaFunction::check(const Launch &launch) const {
  auto refuse = [&](ErrorCode code, const std::string &why) {
    return Error(code, "kernel '" + name() + "': " + why);
  };
  if (launch.scratchBytes)
    return refuse(ErrorCode::badInput,
                  "a GPU has no scratch memory; workspace is an argument");
  if (launch.cluster != 1)
    return refuse(ErrorCode::unsupported,
                  "clusters of blocks are not available on this device");
  auto [x, y, z] = launch.grid;
  if (x > INT32_MAX || y > 65535 || z > 65535)
    return refuse(ErrorCode::badInput,
                  "a grid of " + std::to_string(x) + "x" + std::to_string(y) +
                      "x" + std::to_string(z) +
                      " is more than 2147483647x65535x65535");
  if (launch.block < 1 || launch.block > uint32_t(maxThreads_))
    return refuse(ErrorCode::badInput,
                  "a block of " + std::to_string(launch.block) +
                      " threads; 1 to " + std::to_string(maxThreads_) +
                      " are possible");
  int64_t shared = int64_t(launch.sharedBytes) + staticShared_;
  if (shared > sharedLimit_)
    return refuse(ErrorCode::badInput,
                  "takes " + std::to_string(shared) +
                      " bytes of shared memory; a block has " +
                      std::to_string(sharedLimit_));
  return Success{};
}

/// Blocks get more dynamic shared memory than is free to all only by name.
Status CudaFunction::allowShared(Context &context, int bytes) const {
  std::lock_guard lock(mutex_);
  if (bytes <= allowedShared_)
    return Success{};
  Status done = context.check(context.driver().cuFuncSetAttribute(
      handle_, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, bytes));
  if (done)
    allowedShared_ = bytes;
  return done;
}

Status CudaFunction::launch(Context &context, const CUlaunchConfig &config,
                            void **arguments) const {
  if (Status allowed =
          allowShared(context, static_cast<int>(config.sharedMemBytes));
      !allowed)
    return allowed;
  context.launches(name_);
  return context.check(
      context.driver().cuLaunchKernelEx(&config, handle_, arguments, nullptr));
}

} // namespace headgate::runtime::cuda
