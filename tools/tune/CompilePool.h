// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Candidates compiled by headgate-compile, several at a time, each in a process
// that is killed if it takes too long or too much memory.

#ifndef HEADGATE_TOOLS_TUNE_COMPILEPOOL_H
#define HEADGATE_TOOLS_TUNE_COMPILEPOOL_H

#include "headgate/TuningRecord.h"
#include "runtime/ChildProcess.h"
#include "tools/tune/TuneCommandLine.h"

#include <functional>
#include <string>
#include <vector>

namespace headgate {

/// What is to be compiled.
struct CompileJob {
  std::string bundle;             ///< to be written
  std::vector<std::string> flags; ///< --target and what makes it a candidate
};

struct CompileOutcome {
  TuningResult result = TuningResult::correct; ///< or compile, timeout
  std::string why;                             ///< its last words
  double ms = 0;
};

/// A command line that a shell takes.
std::string shellText(const std::vector<std::string> &argv);

class CompilePool {
public:
  explicit CompilePool(const TuneOptions &options);

  std::vector<std::string> commandOf(const CompileJob &job) const;
  /// Compiles all jobs; `done` is called with the number of each that has an
  /// outcome. False if it was interrupted, or `done` said so: what runs is
  /// killed.
  Result<bool>
  compile(const std::vector<CompileJob> &jobs,
          const std::function<bool(size_t, CompileOutcome)> &done) const;
  /// Runs the compiler for what it writes to standard output.
  Result<std::string> ask(const std::vector<std::string> &flags) const;

private:
  const TuneOptions &options;
};

} // namespace headgate

#endif // HEADGATE_TOOLS_TUNE_COMPILEPOOL_H
