// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// NVIDIA's assembler, where the machine has it: PTX to a cubin, and what it
// says about registers. Nothing of ours needs it: drivers assemble PTX.

#ifndef HEADGATE_TOOLS_PTXAS_H
#define HEADGATE_TOOLS_PTXAS_H

#include "headgate/Result.h"

#include <string>
#include <string_view>
#include <vector>

namespace headgate {

/// What ptxas says of the only kernel of a file.
struct PtxasReport {
  int64_t registers = 0;  ///< of a thread
  int64_t spillBytes = 0; ///< stored to memory for want of registers
};

/// All that ptxas says of one of the kernels of a file.
struct KernelUse {
  std::string name;
  int64_t registers = 0;                              ///< of a thread
  int64_t spillStores = 0, spillLoads = 0, stack = 0; ///< bytes of a thread
  int64_t staticShared = 0;                           ///< bytes of a block
  int64_t barriers = 0;
};

struct PtxasListing {
  std::vector<KernelUse> kernels; ///< in the order of their names
  std::vector<std::string> notes; ///< warnings and advice, as written
};

class Ptxas {
public:
  /// Looks in this order: `given` (--ptxas), TRITON_PTXAS_PATH, bin/ptxas below
  /// CUDA_HOME, PATH. What the first two name must be there: notFound says
  /// which is not. `unavailable`: there is none in any of these places.
  static Result<Ptxas> find(const std::string &given);

  const std::string &path() const { return program; }
  /// "13.0.88"
  Result<std::string> version() const;
  /// Assembles `ptx`, a file with one kernel, for `target` ("sm_80").
  Result<PtxasReport> assemble(const std::string &ptx,
                               const std::string &target,
                               const std::string &cubin) const;
  /// The same for any number of kernels; the cubin is not kept.
  Result<PtxasListing> list(const std::string &ptx,
                            const std::string &target) const;

private:
  Result<std::string> run(const std::string &ptx, const std::string &target,
                          const std::string &cubin) const;
  explicit Ptxas(std::string program) : program(std::move(program)) {}
  std::string program;
};

/// Reads what `ptxas -v` writes on standard error.
PtxasListing readPtxasListing(std::string_view text);
/// The same; an error if it is not about exactly one kernel.
Result<PtxasReport> readPtxasReport(const std::string &text);

} // namespace headgate

#endif // HEADGATE_TOOLS_PTXAS_H
