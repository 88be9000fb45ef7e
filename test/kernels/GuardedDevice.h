// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The host, with memory between pages that nobody may touch: a kernel that
// reads or writes beside what it was given stops the program.

#ifndef HEADGATE_TEST_KERNELS_GUARDEDDEVICE_H
#define HEADGATE_TEST_KERNELS_GUARDEDDEVICE_H

#include "runtime/ForwardingDevice.h"

namespace headgate::kernels {

/// The side of a buffer on which the forbidden page follows at once. The other
/// side has one, too, behind what is left of a page.
enum class Guard { behind, before };

/// Runs what `inner`, a host device, runs. Its buffers hold bytes of 0xff, NaN
/// of every type, and have the alignment of their sizes only.
class GuardedDevice : public runtime::ForwardingDevice {
public:
  using ForwardingDevice::ForwardingDevice;

  /// Where the guards of buffers allocated from now on are.
  void place(Guard where) { guard = where; }

  Result<Buffer> allocate(int64_t bytes) override;

private:
  void free(void *data, int64_t bytes) override;

  Guard guard = Guard::behind;
};

/// From now on, a forbidden access prints `text` and ends the program with 1.
void describeAccesses(const std::string &text);

} // namespace headgate::kernels

#endif // HEADGATE_TEST_KERNELS_GUARDEDDEVICE_H
