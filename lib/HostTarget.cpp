// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/HostTarget.h"

namespace headgate {

namespace {

constexpr const char *x86 = "x86_64-unknown-linux-gnu";
constexpr const char *arm = "aarch64-unknown-linux-gnu";
#if defined(__aarch64__)
constexpr std::string_view here = arm;
#else
constexpr std::string_view here = x86;
#endif

const HostTarget levels[] = {
    {"host:x86-64-v2", "host-v2", x86, "x86-64-v2", "", {"sse4.2"}},
    {"host:x86-64-v3",
     "host-v3",
     x86,
     "x86-64-v3",
     "",
     {"avx2", "fma", "f16c"}},
    {"host:x86-64-v4",
     "host-v4",
     x86,
     "x86-64-v4",
     "",
     {"avx512f", "avx512bw", "avx512dq", "avx512vl"}},
    {"host:x86-64-v4+avx512bf16",
     "host-v4-bf16",
     x86,
     "x86-64-v4",
     "+avx512bf16",
     {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512bf16"}},
    // Armv8.0-A: all that runs Linux has its vectors.
    {"host:aarch64", "host-aarch64", arm, "generic", "", {"neon"}},
};
constexpr size_t weakest = 0, firstStandard = 1, v4 = 2, v4Bf16 = 3,
                 aarch64 = 4;

/// The best level this process may use.
const HostTarget &native() {
#if defined(__aarch64__)
  return levels[aarch64];
#elif defined(__x86_64__)
  __builtin_cpu_init();
  bool hasV4 =
      __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (hasV4 && __builtin_cpu_supports("avx512bf16"))
    return levels[v4Bf16];
  if (hasV4)
    return levels[v4];
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("f16c"))
    return levels[firstStandard];
#endif
  return levels[weakest];
}

/// What "host" stands for.
std::span<const HostTarget> standard() {
  std::span<const HostTarget> all = levels;
  return here == arm ? all.subspan(aarch64)
                     : all.subspan(firstStandard, aarch64 - firstStandard);
}

} // namespace

bool HostTarget::isOfThisArchitecture() const { return triple == here; }

std::span<const HostTarget> hostTargets() { return levels; }

Result<std::vector<HostTarget>> parseHostTargets(std::string_view text) {
  using Targets = std::vector<HostTarget>;
  if (text == "host")
    return Targets(standard().begin(), standard().end());
  if (text == "host:native")
    return Targets{native()};
  std::string known = "host, host:native";
  for (const HostTarget &level : levels) {
    if (level.name == text)
      return Targets{level};
    known += ", " + level.name;
  }
  if (text == "sm_90a")
      return Error(ErrorCode::unsupported,
                   "target '" + std::string(text) +
                       "' is not available in this version; it has " + known);
  return Error(ErrorCode::badInput, "unknown target '" + std::string(text) +
                                        "'; this version has " + known);
}

bool differOnlyInBf16(const HostTarget &a, const HostTarget &b) {
  auto rest = [](const HostTarget &target) {
    return target.features == "+avx512bf16" ? "" : target.features;
  };
  return a.triple == b.triple && a.cpu == b.cpu && rest(a) == rest(b);
}

} // namespace headgate
