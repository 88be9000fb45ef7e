// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes a case of any size: seeded random inputs, what the reference gives for
// them, and the case.json that describes both. The same options and seed give
// the same files on every machine.
//
// Numbers have deviation 1, products of matrices too. In a case for bf16 all
// floats but the RoPE tables are bf16 numbers, so that no program rounds them.
// Logits of the chosen experts and of the first one that is not are at least
// 1e-4 apart, which no f32 program mistakes: rows that are not are drawn again.

#ifndef HEADGATE_TEST_REFERENCE_MAKECASE_H
#define HEADGATE_TEST_REFERENCE_MAKECASE_H

#include "headgate/Result.h"

#include <cstdint>
#include <string>

namespace headgate::reference {

/// Which case to make. An extent of -1 takes a default that suits the system.
struct MakeOptions {
  std::string system = "gqe";
  std::string variant = "gqe";
  std::string level; ///< "": core for moh-dit, else layer
  bool bf16 = false;
  uint64_t seed = 0;
  int64_t batch = 2, tokens = 17, past = 0;
  int64_t groups = 2, experts = 4, topk = 2, headDim = 16, dim = 24;
  int64_t shared = -1;        ///< gqe: 1 with variant gqe; moh-dit: 2
  int64_t headsPerExpert = 2; ///< llama-moe-v2
  int64_t rotate = -1;        ///< switchhead: half of a head
  bool mask = false, kvStart = false, rope = false, bias = false;
};

/// Writes case.json, in.*.npy and out.*.npy; makes the directory if need be.
Status makeCase(const MakeOptions &options, const std::string &directory);

} // namespace headgate::reference

#endif // HEADGATE_TEST_REFERENCE_MAKECASE_H
