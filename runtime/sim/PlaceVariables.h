// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The addresses of a kernel's variables and parameters.

#ifndef HEADGATE_RUNTIME_SIM_PLACEVARIABLES_H
#define HEADGATE_RUNTIME_SIM_PLACEVARIABLES_H

#include "runtime/sim/Program.h"

#include <map>

namespace headgate::runtime::sim {

struct Place {
  Space space;
  uint64_t address; ///< in its space
};

struct Places {
  std::map<std::string, Place> variables;
  uint32_t sharedBegin = 0;  ///< first address of shared memory
  uint32_t staticShared = 0; ///< bytes of shared variables with a size
  bool usesDynamicShared = false;
  uint32_t dynamicShared = 0; ///< address of dynamic shared memory
  uint32_t localBytes = 0;    ///< of each thread
};

/// Shared variables come first, those of the module that the kernel names in
/// the order of the text; dynamic ones share one address behind them. An error
/// if they take more than any GPU has.
Result<Places> placeVariables(const Module &module, const Kernel &kernel,
                              const DecodeOptions &options);

constexpr uint32_t alignUp(uint64_t value, uint64_t align) {
  return static_cast<uint32_t>((value + align - 1) / align * align);
}

} // namespace headgate::runtime::sim

#endif // HEADGATE_RUNTIME_SIM_PLACEVARIABLES_H
