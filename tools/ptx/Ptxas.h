// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// NVIDIA's assembler, where it is installed: PTX text to a cubin, and what the
// cubin uses of the machine.

#ifndef HEADGATE_TOOLS_PTX_PTXAS_H
#define HEADGATE_TOOLS_PTX_PTXAS_H

#include "headgate/Result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace headgate {

/// What ptxas says of one kernel.
struct KernelUse {
  std::string name;
  int64_t registers = 0;                              ///< of each thread
  int64_t spillStores = 0, spillLoads = 0, stack = 0; ///< bytes of each thread
  int64_t staticShared = 0;                           ///< bytes of a block
  int64_t barriers = 0;
};

struct PtxasReport {
  std::vector<KernelUse> kernels; ///< in the order of their names
  std::vector<std::string> notes; ///< warnings and performance advice
};

/// The ptxas to run: `asked` (--ptxas) if it is not empty; else the first there
/// is of $TRITON_PTXAS_PATH, $CUDA_HOME/bin/ptxas, and those on PATH.
/// unavailable if there is none, with a sentence that says what to do.
Result<std::string> findPtxas(const std::string &asked);

/// Assembles the text in `ptxFile` for `arch` ("sm_80") into `cubinFile`.
/// badInput with what ptxas says where it refuses the text.
Result<PtxasReport> runPtxas(const std::string &ptxas,
                             const std::string &ptxFile,
                             const std::string &arch,
                             const std::string &cubinFile);

/// Reads what `ptxas -v` writes on standard error.
PtxasReport parsePtxasOutput(std::string_view text);

} // namespace headgate

#endif // HEADGATE_TOOLS_PTX_PTXAS_H
