// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/Target.h"

namespace headgate {

// Rates: measured on one core of an AMD Zen 4 at 3.7 GHz with DDR5, halved or
// quartered where registers are. Zen 4 does two f32 multiply-adds of 8 a cycle
// with any register width from AVX2 on.
std::span<const Target> targets() {
  static const Target known[] = {
      {.name = "host:x86-64-v2",
       .lanes = 4,
       .registers = 16,
       .cacheBytes = 256 << 10,
       .flopsPerNs = 29,
       .exp2PerNs = 1.5,
       .memoryBytesPerNs = 15,
       .sharedBytesPerNs = 50},
      {.name = "host:x86-64-v3",
       .lanes = 8,
       .registers = 16,
       .cacheBytes = 256 << 10,
       .flopsPerNs = 105,
       .exp2PerNs = 5,
       .memoryBytesPerNs = 20,
       .sharedBytesPerNs = 90},
      {.name = "host:x86-64-v4",
       .lanes = 16,
       .registers = 32,
       .cacheBytes = 1 << 20,
       .flopsPerNs = 112,
       .exp2PerNs = 7.6,
       .memoryBytesPerNs = 20,
       .sharedBytesPerNs = 99},
      {.name = "host:x86-64-v4+avx512bf16",
       .lanes = 16,
       .registers = 32,
       .hasDotBf16 = true,
       .cacheBytes = 1 << 20,
       .flopsPerNs = 112,
       .dotBf16Factor = 2,
       .exp2PerNs = 7.6,
       .memoryBytesPerNs = 20,
       .sharedBytesPerNs = 99},
      {.name = "host:aarch64",
       .lanes = 4,
       .registers = 32,
       .cacheBytes = 512 << 10,
       .flopsPerNs = 48,
       .exp2PerNs = 3,
       .memoryBytesPerNs = 15,
       .sharedBytesPerNs = 60},
      // Of an A100's 108 multiprocessors, from its data sheet: 312 and 19.5
      // TFLOPS, 1.56 TB/s; the second level cache as measured by others. Rows
      // times matrices of their own have no kernel here.
      {.name = "sm_80",
       .hasDotBf16 = true,
       .sharedBytes = 163 << 10,
       .flopsPerNs = 180,
       .dotBf16Factor = 16,
       .rowFlopsPerNs = 0.01,
       .exp2PerNs = 22,
       .memoryBytesPerNs = 14,
       .sharedBytesPerNs = 40},
  };
  return known;
}

Result<Target> findTarget(std::string_view name) {
  std::string names;
  for (const Target &target : targets()) {
    if (target.name == name)
      return target;
    names += (names.empty() ? "" : ", ") + target.name;
  }
  return Error(ErrorCode::badInput, "no target '" + std::string(name) +
                                        "'; schedules know " + names);
}

} // namespace headgate
