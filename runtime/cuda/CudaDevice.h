// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A CUDA GPU as a device of the runtime. It works in the primary context, so
// that its pointers are those of PyTorch and of the CUDA runtime, and leaves
// the caller's current context as it found it. Launches only enqueue; copies to
// and from the host are done when they return.

#ifndef HEADGATE_RUNTIME_CUDA_CUDADEVICE_H
#define HEADGATE_RUNTIME_CUDA_CUDADEVICE_H

#include "headgate/Device.h"

namespace headgate::runtime::cuda {

/// Opens "cuda" + `options`: "", ":1", ":1,image=ptx" or ":image=ptx" (which
/// ignores cubins). `library`: the driver.
Result<std::shared_ptr<Device>> openCudaDevice(std::string_view options,
                                               const std::string &library);

/// "cuda:0", ... of the GPUs that the driver has.
Result<std::vector<std::string>> listCudaDevices(const std::string &library);

} // namespace headgate::runtime::cuda

#endif // HEADGATE_RUNTIME_CUDA_CUDADEVICE_H
