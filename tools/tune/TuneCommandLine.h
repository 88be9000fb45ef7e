// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The command line of headgate-tune, as a plain struct. Its source is one of
// those that are built with exceptions, as CLI11 throws.

#ifndef HEADGATE_TOOLS_TUNE_TUNECOMMANDLINE_H
#define HEADGATE_TOOLS_TUNE_TUNECOMMANDLINE_H

#include "lib/Dims.h"
#include "lib/InputDraw.h"
#include "lib/Search.h"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace headgate {

/// How far to go.
enum class StopAfter : uint8_t { candidates, compile, measure, never };

struct TuneOptions {
  std::string input; ///< INPUT.mlir, or what --emit=problems wrote (.json)
  std::string target = "host:native";
  std::string device = "host";
  std::vector<NamedDims> sizes;
  std::string routing = "uniform";
  InputDraws draws;                 ///< of inputs of integers
  std::vector<std::string> kernels; ///< none: all
  std::string records;              ///< a directory
  std::string replay;               ///< records that stand for measurements
  std::string report;               ///< a page to write at the end; "": none
  SearchOptions search;
  StopAfter stopAfter = StopAfter::never;
  double budgetSeconds = 0; ///< 0: no limit
  /// Candidates of a case that are simulated where nothing is measured.
  int64_t simulate = 64;
  int jobs = 0; ///< compilers at a time; 0: one for each CPU
  int64_t shard = 1, shards = 1;
  bool finish = false, assertHit = false, retryFailed = false;
  bool explain = false, json = false, quiet = false, cold = false;
  double compileSeconds = 120; ///< after which a compiler is killed
  double runSeconds = 0;  ///< after which a worker is; 0: from the baseline
  std::string cudaDriver; ///< for the worker; "": as it finds it
  std::string compiler, bench; ///< programs; "": those beside this one
  std::vector<std::string> compileFlags; ///< passed on
  std::string commandText;               ///< as it was written, for records
};

/// The options, or the exit code to leave with.
std::variant<TuneOptions, int> parseTuneCommandLine(int argc, char **argv);

} // namespace headgate

#endif // HEADGATE_TOOLS_TUNE_TUNECOMMANDLINE_H
