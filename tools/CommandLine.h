// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The command lines of headgate-run and headgate-bench, as plain structs. CLI11
// throws, so all of it stays behind this header and tools/ptx/PtxCommandLine.h:
// their two sources are the ones built with exceptions.

#ifndef HEADGATE_TOOLS_COMMANDLINE_H
#define HEADGATE_TOOLS_COMMANDLINE_H

#include "headgate/Device.h"
#include "lib/Dims.h"
#include "lib/InputDraw.h"
#include "lib/InputValue.h"
#include "tools/ExitCode.h"

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace headgate {

/// What is called: an entry of a bundle.
struct CallOptions {
  std::string bundle;
  std::string function; ///< "": the only entry
  std::vector<InputValue> inputs;
  std::map<std::string, std::string> variants; ///< kernel to variant id
  std::string image; ///< the only one whose code may run; "": any
  DeviceOptions drivers;
  std::string tuned; ///< "": the bundle's own; else a file, or "none"
  bool printPlan = false;
};

/// What headgate-run was asked to do.
struct RunOptions : CallOptions {
  std::string device = "host";
  std::vector<OutputTarget> outputs;
  std::vector<InputValue> expected;
  std::optional<double> atol, rtol;
  bool listDevices = false, dryRun = false;
  bool checkUnwritten = false, json = false, quiet = false, verbose = false;
};

/// What headgate-bench was asked to do.
struct BenchOptions : CallOptions {
  std::vector<std::string> devices; ///< at least one
  std::vector<NamedDims> sizes;     ///< none: those of the inputs
  uint64_t seed = 1;
  std::string routing; ///< of router logits and experts, lib/Routing
  InputDraws draws;    ///< of inputs of integers
  bool timeSteps = false;
  bool isWorker = false; ///< serve requests of headgate-tune
  /// The program's name and the flags of Google Benchmark, to be read by it.
  std::vector<std::string> benchmarkFlags;
};

/// The options, or the exit code to leave with: all that had to be said (help,
/// version, what is wrong) has been printed.
std::variant<RunOptions, int> parseRunCommandLine(int argc, char **argv);
std::variant<BenchOptions, int> parseBenchCommandLine(int argc, char **argv);

/// Says what is wrong with the command line of `tool`.
ExitCode usageError(const char *tool, const std::string &message);

} // namespace headgate

#endif // HEADGATE_TOOLS_COMMANDLINE_H
