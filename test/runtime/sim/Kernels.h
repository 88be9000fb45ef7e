// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The whole kernels of ptx/, each with inputs, a launch and an independent
// reference, for the tests that run them as they are, under many schedules and
// with their synchronisation cut.

#ifndef HEADGATE_TEST_RUNTIME_SIM_KERNELS_H
#define HEADGATE_TEST_RUNTIME_SIM_KERNELS_H

#include "test/runtime/sim/SimTest.h"

#include <functional>

namespace headgate::test {

struct Trial {
  LaunchRecord record;
  std::vector<uint8_t> out; ///< all that the kernel wrote
};

struct WholeKernel {
  const char *name;
  const char *file; ///< in ptx/
  /// Runs the kernel of this PTX on a device with these options.
  std::function<Trial(const std::string &ptx, const std::string &options)> run;
  /// Compares with the reference, as GoogleTest expectations.
  std::function<void(const Trial &)> expectRight;
};

struct Fa2;
struct Fa2Outcome {
  LaunchRecord record;
  std::vector<float> out, lse;
};
/// Runs the kernel of ptx/fa2-sm80.ptx, or a variant of its text.
Fa2Outcome runFa2(const std::string &ptx, const Fa2 &problem,
                  const std::string &options);
/// The rows of an attention kernel that rounds P to bf16.
void expectAttention(const Fa2 &problem, const std::vector<float> &out);

const std::vector<WholeKernel> &wholeKernels();
const WholeKernel &kernelNamed(const std::string &name);

} // namespace headgate::test

#endif // HEADGATE_TEST_RUNTIME_SIM_KERNELS_H
