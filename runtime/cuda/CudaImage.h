// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Modules and kernels on a GPU.

#ifndef HEADGATE_RUNTIME_CUDA_CUDAIMAGE_H
#define HEADGATE_RUNTIME_CUDA_CUDAIMAGE_H

#include "headgate/Device.h"
#include "runtime/cuda/Context.h"

#include <map>
#include <mutex>

namespace headgate::runtime::cuda {

/// A kernel, and what a launch of it must fit.
class CudaFunction : public Function {
public:
  /// `limits`: of the device.
  static Result<std::unique_ptr<CudaFunction>> find(Context &context,
                                                    CUmodule module,
                                                    const std::string &symbol,
                                                    const DeviceInfo &limits);

  const std::string &name() const { return *name_; }
  /// That the kernel can be launched so; asks no driver.
  Status check(const Launch &launch) const;
  /// Enqueues it. The context must be current.
  Status launch(Context &context, const CUlaunchConfig &config,
                void **arguments) const;

private:
  Status allowShared(Context &context, int bytes) const;

  CUfunction handle_ = nullptr;
  const std::string *name_ = nullptr;
  int maxThreads_ = 0;
  int staticShared_ = 0, sharedLimit_ = 0;
  mutable std::mutex mutex_;
  /// What blocks may have beyond static memory: 48 KiB unless more is allowed.
  mutable int allowedShared_ = 0;
};

class CudaImage : public Image {
public:
  /// `device` keeps `context`.
  static Result<std::unique_ptr<Image>> load(std::shared_ptr<Device> device,
                                             Context &context,
                                             const ImageText &image);
  ~CudaImage() override;
  Result<const Function *> function(const std::string &symbol) override;

private:
  CudaImage(std::shared_ptr<Device> device, Context &context, std::string id)
      : device_(std::move(device)), context_(context), id_(std::move(id)) {}
  Status loadModule(const ImageText &image);

  std::shared_ptr<Device> device_;
  Context &context_;
  std::string id_;
  CUmodule module_ = nullptr;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<CudaFunction>> functions_;
};

} // namespace headgate::runtime::cuda

#endif // HEADGATE_RUNTIME_CUDA_CUDAIMAGE_H
