// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Programs compiled by LLVM: for NVPTX to text, for this machine to code.

#ifndef HEADGATE_TEST_RUNTIME_SIM_DIFFERENTIAL_COMPILE_H
#define HEADGATE_TEST_RUNTIME_SIM_DIFFERENTIAL_COMPILE_H

#include "test/runtime/sim/differential/EmitProgram.h"

#include <llvm/ExecutionEngine/Orc/LLJIT.h>

#include <memory>
#include <span>

namespace headgate::test {

/// How a batch of programs is compiled for NVPTX.
struct GpuBuild {
  std::string processor, features; ///< "sm_80", "+ptx71"
  bool optimise = true;            ///< -O2, or not at all
  bool generic = false;            ///< pointers in the generic space
};

/// Kernel k0, k1, ... of the programs as PTX.
std::string compileForGpu(std::span<const RandomProgram> programs,
                          const GpuBuild &build);
/// The LLVM IR that is compiled for the GPU, before the optimiser.
std::string irForGpu(const RandomProgram &program, const GpuBuild &build);

/// Whether this machine converts f16 by instructions; without it the host's
/// half would need a library.
bool hostHasHalf();

class HostPrograms {
public:
  explicit HostPrograms(std::span<const RandomProgram> programs);
  using Function = void (*)(const uint8_t *in, uint8_t *out, uint32_t thread);
  Function function(size_t program) const;

private:
  std::unique_ptr<llvm::orc::LLJIT> jit_;
};

} // namespace headgate::test

#endif // HEADGATE_TEST_RUNTIME_SIM_DIFFERENTIAL_COMPILE_H
