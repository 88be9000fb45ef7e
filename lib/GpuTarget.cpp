// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/GpuTarget.h"

#include <charconv>

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

int capabilityOf(std::string_view target) {
  int capability = 0;
  if (target.starts_with("sm_"))
    std::from_chars(target.data() + 3, target.data() + target.size(),
                    capability);
  return capability;
}

bool isSpecific(std::string_view target) {
  return capabilityOf(target) > 0 && target.back() >= 'a';
}

bool runsCode(std::string_view device, std::string_view code) {
  int wanted = capabilityOf(code);
  return isSpecific(code) ? code == device
                          : wanted > 0 && wanted <= capabilityOf(device);
}

bool runsBinary(std::string_view device, std::string_view code) {
  return runsCode(device, code) &&
         capabilityOf(device) / 10 == capabilityOf(code) / 10;
}

} // namespace headgate
