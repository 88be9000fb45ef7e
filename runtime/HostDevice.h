// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The host as a device: kernels come from shared objects and a thread pool
// plays the grid. A launch has run to completion when it returns, and blocks
// start in grid order, so a kernel that puts its longest blocks first is
// balanced as its author meant.

#ifndef HEADGATE_RUNTIME_HOSTDEVICE_H
#define HEADGATE_RUNTIME_HOSTDEVICE_H

#include "headgate/Device.h"

namespace headgate::runtime {

/// A host device with `threads` workers; 0 takes one for each CPU this process
/// may use. `uri` is kept for messages.
/// `features`: what code may ask for, feature words of a plan's `needs`.
std::shared_ptr<Device> openHostDevice(std::string uri, int threads,
                                       std::vector<std::string> features);

} // namespace headgate::runtime

#endif // HEADGATE_RUNTIME_HOSTDEVICE_H
