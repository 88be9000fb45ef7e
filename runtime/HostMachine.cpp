// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/HostMachine.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sched.h>
#include <sstream>
#include <sys/utsname.h>
#include <unistd.h>

namespace headgate::runtime {

namespace {

/// The contents of a small system file, "" if it cannot be read.
std::string readSystemFile(const char *path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

} // namespace

std::vector<std::string> cpuFeatures() {
  std::vector<std::string> features;
#if defined(__x86_64__)
  // Each answer includes whether the operating system saves the registers. The
  // builtin takes only a literal, hence one line a word.
  __builtin_cpu_init();
#define HEADGATE_CPU_FEATURE(word)                                             \
  if (__builtin_cpu_supports(word))                                            \
    features.push_back(word);
  HEADGATE_CPU_FEATURE("sse4.2")
  HEADGATE_CPU_FEATURE("avx")
  HEADGATE_CPU_FEATURE("avx2")
  HEADGATE_CPU_FEATURE("fma")
  HEADGATE_CPU_FEATURE("f16c")
  HEADGATE_CPU_FEATURE("avx512f")
  HEADGATE_CPU_FEATURE("avx512bw")
  HEADGATE_CPU_FEATURE("avx512dq")
  HEADGATE_CPU_FEATURE("avx512vl")
  HEADGATE_CPU_FEATURE("avx512bf16")
#undef HEADGATE_CPU_FEATURE
#elif defined(__aarch64__)
  features.push_back("neon"); // a part of the architecture on Linux
#endif
  return features;
}

std::string cpuName() {
  std::istringstream lines(readSystemFile("/proc/cpuinfo"));
  for (std::string line; std::getline(lines, line);)
    if (size_t colon = line.find(": ");
        colon != line.npos && line.starts_with("model name"))
      return line.substr(colon + 2);
  utsname system;
  return uname(&system) == 0 ? system.machine : "host";
}

int64_t parseQuota(std::string_view text, int64_t *second) {
  int64_t first = -1;
  const char *end = text.data() + text.size();
  auto [rest, failure] = std::from_chars(text.data(), end, first);
  if (failure != std::errc())
    first = -1;
  if (second) {
    *second = -1;
    if (failure == std::errc() && rest != end && *rest == ' ')
      std::from_chars(rest + 1, end, *second);
  }
  return first;
}

int usableCpus() {
  int cpus = 1;
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof mask, &mask) == 0)
    cpus = CPU_COUNT(&mask);
  else if (long online = sysconf(_SC_NPROCESSORS_ONLN); online > 0)
    cpus = static_cast<int>(online);
  // A container with a quota of 2 CPUs on a machine of 64 must not start 64
  // threads: the scheduler would stop all of them for most of each period.
  int64_t period = -1;
  int64_t quota = parseQuota(readSystemFile("/sys/fs/cgroup/cpu.max"), &period);
  if (quota > 0 && period > 0)
    cpus = static_cast<int>(
        std::min<int64_t>(cpus, (quota + period - 1) / period));
  return std::max(cpus, 1);
}

int64_t usableMemoryBytes() {
  int64_t bytes = 0;
  long pages = sysconf(_SC_PHYS_PAGES), pageBytes = sysconf(_SC_PAGESIZE);
  if (pages > 0 && pageBytes > 0)
    bytes = int64_t(pages) * pageBytes;
  int64_t quota = parseQuota(readSystemFile("/sys/fs/cgroup/memory.max"));
  if (quota > 0 && (bytes == 0 || quota < bytes))
    bytes = quota;
  return bytes;
}

int64_t lastLevelCacheBytes() {
#ifdef _SC_LEVEL3_CACHE_SIZE
  for (int level : {_SC_LEVEL3_CACHE_SIZE, _SC_LEVEL2_CACHE_SIZE})
    if (long bytes = sysconf(level); bytes > 0)
      return bytes;
#endif
  return 0;
}

} // namespace headgate::runtime
