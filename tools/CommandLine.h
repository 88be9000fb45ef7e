// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The command lines of the tools that know no LLVM, as plain structs. CLI11
// throws, so all of it stays behind this header: CommandLine.cpp is the one
// source built with exceptions.

#ifndef HEADGATE_TOOLS_COMMANDLINE_H
#define HEADGATE_TOOLS_COMMANDLINE_H

#include "lib/InputValue.h"
#include "tools/PtxArgument.h"

#include <array>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace headgate {

/// Exit codes of every tool.
enum ExitCode : int {
  exitDone = 0,
  exitError = 1,       ///< input, bundle, device or runtime error
  exitUsage = 2,       ///< the command line itself is wrong
  exitCheckFailed = 3, ///< it ran, but a check that was asked for failed
  exitUnavailable = 4, ///< the device or tool is not on this machine
};

/// What headgate-run was asked to do.
struct RunOptions {
  std::string bundle;
  std::string function; ///< "": the only entry
  std::string device = "host";
  std::vector<InputValue> inputs;
  std::vector<OutputTarget> outputs;
  std::vector<InputValue> expected;
  std::optional<double> atol, rtol;
  std::map<std::string, std::string> variants; ///< kernel to variant id
  std::string tuned; ///< "": the bundle's own; else a file, or "none"
  bool listDevices = false, printPlan = false, dryRun = false;
  bool checkUnwritten = false, json = false, quiet = false, verbose = false;
};

/// What headgate-ptx run was asked to do.
struct PtxRunOptions {
  std::string file;
  std::string entry; ///< "": the only one
  std::string device = "sim:sm_80";
  std::array<uint32_t, 3> grid = {1, 1, 1}, block = {1, 1, 1};
  uint32_t sharedBytes = 0;
  std::vector<PtxArgument> arguments;
  bool json = false, counters = false;
};

/// The options, or the exit code to leave with: all that had to be said (help,
/// version, what is wrong) has been printed.
std::variant<RunOptions, int> parseRunCommandLine(int argc, char **argv);
std::variant<PtxRunOptions, int> parsePtxCommandLine(int argc, char **argv);

} // namespace headgate

#endif // HEADGATE_TOOLS_COMMANDLINE_H
