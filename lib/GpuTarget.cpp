// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/GpuTarget.h"

namespace headgate {

std::span<const GpuTarget> gpuTargets() {
  static const GpuTarget known[] = {
      {.name = "sm_80", .isa = "7.0", .features = "+ptx70"},
  };
  return known;
}

Result<GpuTarget> findGpuTarget(std::string_view name) {
  std::string names;
  for (const GpuTarget &target : gpuTargets()) {
    if (target.name == name)
      return target;
    names += (names.empty() ? "" : ", ") + target.name;
  }
  return Error(ErrorCode::badInput,
               "no GPU target '" + std::string(name) + "'; there are " + names);
}

} // namespace headgate
