// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/CodeTarget.h"

namespace headgate {

const std::string &nameOf(const CodeTarget &target) {
  return std::visit([](const auto &t) -> const std::string & { return t.name; },
                    target);
}

bool isGpu(const CodeTarget &target) {
  return std::holds_alternative<GpuTarget>(target);
}

Result<std::vector<CodeTarget>> parseCodeTargets(std::string_view text) {
  if (auto gpu = findGpuTarget(text))
    return std::vector<CodeTarget>{*std::move(gpu)};
  auto host = parseHostTargets(text);
  if (host)
    return std::vector<CodeTarget>(host->begin(), host->end());
  std::string names;
  for (const GpuTarget &gpu : gpuTargets())
    names += ", " + gpu.name;
  return Error(host.error().code(), host.error().message() + names);
}

} // namespace headgate
