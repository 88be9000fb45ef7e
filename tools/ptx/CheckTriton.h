// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whether Triton loads a PTX file: what its readers of PTX match, what its
// launcher passes, what its ptxas assembles. docs/triton.md lists the rules.

#ifndef HEADGATE_TOOLS_PTX_CHECKTRITON_H
#define HEADGATE_TOOLS_PTX_CHECKTRITON_H

#include "runtime/sim/Ptx.h"

#include <optional>

namespace headgate {

/// A rule that a file breaks, and where.
struct TritonFault {
  uint32_t line = 1;
  std::string message;
  /// It keeps triton.compile from taking the file, but not CompiledKernel.
  bool onlyCompile = false;

  auto operator<=>(const TritonFault &) const = default;
};

/// A version of PTX, 8.8 as 88; nothing for what is none.
std::optional<int> parsePtxVersion(std::string_view text);

/// The latest PTX that the ptxas in Triton 3.9's wheel takes for `target`.
int tritonPtxVersion(std::string_view target);

/// All that keeps Triton from loading `module`, in the order of its text.
/// `latest` is the version of PTX that ptxas takes.
std::vector<TritonFault> checkTriton(const runtime::sim::Module &module,
                                     int latest);

} // namespace headgate

#endif // HEADGATE_TOOLS_PTX_CHECKTRITON_H
