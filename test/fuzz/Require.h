// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every fuzz target is a function of bytes that must return: libFuzzer calls it
// in a build for fuzzing, ReplayCorpus in every other build.

#ifndef HEADGATE_TEST_FUZZ_REQUIRE_H
#define HEADGATE_TEST_FUZZ_REQUIRE_H

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

namespace headgate::test {

/// What must hold for any input; a crash that the fuzzer sees.
inline void require(bool holds, const char *what) {
  if (holds)
    return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

} // namespace headgate::test

#endif // HEADGATE_TEST_FUZZ_REQUIRE_H
