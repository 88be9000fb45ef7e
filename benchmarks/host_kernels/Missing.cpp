// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiled for any CPU, unlike its neighbours: it says whether they may run.

#include "benchmarks/host_kernels/Handwritten.h"

const char *handwrittenMissing() {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx512f") ||
      !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512dq") ||
      !__builtin_cpu_supports("avx512vl"))
    return "the handwritten kernels need AVX-512 (F, BW, DQ, VL)";
  if (!__builtin_cpu_supports("avx512bf16"))
    return "the handwritten kernels need AVX512-BF16";
  return nullptr;
}
