// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The simulator as a device of the runtime. A launch has run to completion when
// it returns; findings make it `checkFailed`, with the report as the message.

#ifndef HEADGATE_RUNTIME_SIM_SIMDEVICE_H
#define HEADGATE_RUNTIME_SIM_SIMDEVICE_H

#include "headgate/Device.h"
#include "runtime/sim/Report.h"

#include <array>

namespace headgate::runtime::sim {

/// What the last launch of a function did; for tools and tests.
struct LaunchRecord {
  std::vector<Finding> findings;
  LaunchCounters counters;
  std::map<uint32_t, std::string> files; ///< of .file, for the findings
  std::string replay;                    ///< uri that gives the same schedule
};

/// A launch with block dimensions, which headgate::Launch has not.
struct SimLaunch {
  const Function *function = nullptr;
  std::array<uint32_t, 3> grid = {1, 1, 1}, block = {1, 1, 1};
  uint32_t sharedBytes = 0; ///< dynamic
  void **arguments = nullptr;
};

class SimDevice : public Device {
public:
  /// Runs a kernel and says what it did, findings included; an error means
  /// that it could not be started.
  virtual Result<LaunchRecord> record(const SimLaunch &launch) = 0;
};

/// Bytes of each parameter of a kernel that a SimDevice loaded, in order.
std::vector<uint32_t> parameterBytes(const Function &function);
/// Names of the kernels of an image that a SimDevice loaded.
std::vector<std::string> kernelNames(const Image &image);

/// Opens "sim:" + `options`; see SimOptions.h.
Result<std::shared_ptr<SimDevice>> openSimDevice(std::string_view options);

} // namespace headgate::runtime::sim

#endif // HEADGATE_RUNTIME_SIM_SIMDEVICE_H
