// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What headgate-run has to say on stdout, as text for people or as one JSON
// value for programs.

#ifndef HEADGATE_LIB_RUNREPORT_H
#define HEADGATE_LIB_RUNREPORT_H

#include "lib/Array.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace headgate {

struct RunReport {
  /// An output that the user asked for.
  struct Output {
    std::string name;
    Array array;
    std::string file;  ///< where it was written; "": it is printed
    bool full = false; ///< print every element of it
  };
  /// A check that the user asked for.
  struct Check {
    std::string output;
    std::string reference; ///< "": elements must have been written
    bool passed = true;
    std::string message; ///< what the user reads, passed or not
    int64_t elements = 0, differing = 0;
    std::vector<int64_t> worst; ///< index; of unwritten elements the first
  };

  std::string entry, device;
  std::vector<std::pair<std::string, int64_t>> dims;
  std::optional<double> timeNs; ///< nothing was run without it
  std::string plan;             ///< if it was asked for
  std::vector<Output> outputs;
  std::vector<Check> checks;

  bool passed() const;
};

/// Plan, printed outputs and passed checks; failed ones are errors and belong
/// on stderr.
std::string formatText(const RunReport &report);

/// One JSON object. Floats that JSON has no number for are the strings "nan",
/// "inf" and "-inf". Values of long outputs are left out unless asked for.
std::string formatJson(const RunReport &report);

} // namespace headgate

#endif // HEADGATE_LIB_RUNREPORT_H
