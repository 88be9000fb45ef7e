// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs tile programs on a simulated sm_80: compiles the text of a module with
// launch functions on tiles (or kernels with a schedule) to PTX, in this
// process, and launches it. Any finding of the simulator fails the test.
//
// TileProgram of test/passes/tile is implemented with it here, so that its test
// cases run on this machine as well; its only level is "sm_80".

#ifndef HEADGATE_TEST_PASSES_GPU_GPUPROGRAM_H
#define HEADGATE_TEST_PASSES_GPU_GPUPROGRAM_H

#include "passes/KernelAbi.h"
#include "runtime/sim/SimDevice.h"
#include "test/passes/tile/TileEntry.h"

namespace headgate::test {

class GpuProgram {
public:
  /// Fails the running test, with the diagnostics, if a pass refuses.
  explicit GpuProgram(const std::string &text);

  /// Runs all launches, in order, on `buffers`, which are copied there and
  /// back. What is not asked for stays as it is.
  void run(const std::vector<Buffer> &buffers);

  /// How often the code has `instruction`, such as "bar.sync".
  size_t count(std::string_view instruction) const;
  /// How much the simulator finds in a run without one of these.
  size_t findingsWithout(std::string_view instruction, size_t number,
                         const std::vector<Buffer> &buffers);

  /// Of all launches of the last run.
  runtime::sim::LaunchCounters counters;

private:
  struct Kernel {
    Entry entry;
    passes::KernelAbi abi;
    std::vector<int64_t> elementBytes; ///< of each buffer
    std::string ptx;
    uint32_t threads, sharedBytes;
  };
  void compile(const std::string &text);
  void launch(const Kernel &kernel, const std::vector<Buffer> &buffers);
  /// Runs `ptx` as the kernel's code.
  void launch(const Kernel &kernel, const std::string &ptx,
              const std::vector<Buffer> &buffers,
              std::vector<runtime::sim::Finding> &findings);

  std::vector<Kernel> kernels;
};

} // namespace headgate::test

#endif // HEADGATE_TEST_PASSES_GPU_GPUPROGRAM_H
