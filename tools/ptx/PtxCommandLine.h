// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The command lines of headgate-ptx, as plain structs; one for each subcommand.

#ifndef HEADGATE_TOOLS_PTX_PTXCOMMANDLINE_H
#define HEADGATE_TOOLS_PTX_PTXCOMMANDLINE_H

#include "tools/ptx/PtxArgument.h"

#include <array>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace headgate {

struct PtxRunOptions {
  std::string file;
  std::string entry; ///< "": the only one
  std::string device = "sim:sm_80";
  std::array<uint32_t, 3> grid = {1, 1, 1}, block = {1, 1, 1};
  uint32_t sharedBytes = 0;
  std::vector<PtxArgument> arguments;
  bool json = false, counters = false;
};

struct PtxInfoOptions {
  std::vector<std::string> files;
  bool json = false;
};

struct PtxDiffOptions {
  std::string before, after;
};

struct PtxCheckOptions {
  std::vector<std::string> files;
  std::optional<int> ptxVersion; ///< 88 is 8.8; none: of Triton's own ptxas
  bool json = false;
};

struct PtxRegsOptions {
  std::vector<std::string> files;
  std::string ptxas; ///< "": the one that is found
  std::string arch;  ///< "": the .target of each file
  bool json = false;
};

struct PtxTritonOptions {
  std::string bundle, directory;
  std::string ptxas; ///< "": the one that is found, if any
};

using PtxCommand =
    std::variant<PtxRunOptions, PtxInfoOptions, PtxDiffOptions, PtxCheckOptions,
                 PtxRegsOptions, PtxTritonOptions>;

/// What was asked for, or the exit code to leave with: all that had to be said
/// has been printed.
std::variant<PtxCommand, int> parsePtxCommandLine(int argc, char **argv);

} // namespace headgate

#endif // HEADGATE_TOOLS_PTX_PTXCOMMANDLINE_H
