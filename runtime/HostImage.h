// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Host code images: shared objects opened by the dynamic linker.

#ifndef HEADGATE_RUNTIME_HOSTIMAGE_H
#define HEADGATE_RUNTIME_HOSTIMAGE_H

#include "headgate/Device.h"
#include "headgate/HostKernel.h"

namespace headgate::runtime {

/// Opens the shared object at `image.path`. What it calls of libm is there;
/// its own symbols stay private to it.
Result<std::unique_ptr<Image>> loadHostImage(std::shared_ptr<Device> device,
                                             const ImageText &image);

/// The code behind a function of an image of loadHostImage.
HgHostKernel hostKernel(const Function &function);

} // namespace headgate::runtime

#endif // HEADGATE_RUNTIME_HOSTIMAGE_H
