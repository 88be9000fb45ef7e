// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/HostTarget.h"

namespace headgate {

namespace {

const HostTarget levels[] = {
    {"host:x86-64-v2", "host-v2", "x86-64-v2", "", {"sse4.2"}},
    {"host:x86-64-v3", "host-v3", "x86-64-v3", "", {"avx2", "fma", "f16c"}},
    {"host:x86-64-v4",
     "host-v4",
     "x86-64-v4",
     "",
     {"avx512f", "avx512bw", "avx512dq", "avx512vl"}},
    {"host:x86-64-v4+avx512bf16",
     "host-v4-bf16",
     "x86-64-v4",
     "+avx512bf16",
     {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512bf16"}},
};
constexpr size_t firstStandard = 1;

/// The best level this process may use; the weakest elsewhere than on x86.
const HostTarget &native() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  bool v4 =
      __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (v4 && __builtin_cpu_supports("avx512bf16"))
    return levels[3];
  if (v4)
    return levels[2];
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("f16c"))
    return levels[1];
#endif
  return levels[0];
}

} // namespace

std::span<const HostTarget> hostTargets() { return levels; }

Result<std::vector<HostTarget>> parseHostTargets(std::string_view text) {
  using Targets = std::vector<HostTarget>;
  if (text == "host")
    return Targets(std::begin(levels) + firstStandard, std::end(levels));
  if (text == "host:native")
    return Targets{native()};
  std::string known = "host, host:native";
  for (const HostTarget &level : levels) {
    if (level.name == text)
      return Targets{level};
    known += ", " + level.name;
  }
  for (std::string_view later : {"sm_80", "sm_90a"})
    if (text == later)
      return Error(ErrorCode::unsupported,
                   "target '" + std::string(text) +
                       "' is not available in this version; it has " + known);
  return Error(ErrorCode::badInput, "unknown target '" + std::string(text) +
                                        "'; this version has " + known);
}

} // namespace headgate
