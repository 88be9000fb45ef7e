// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs another program and waits for it.

#ifndef HEADGATE_RUNTIME_SUBPROCESS_H
#define HEADGATE_RUNTIME_SUBPROCESS_H

#include "headgate/Result.h"

#include <string>
#include <vector>

namespace headgate::runtime {

struct ProcessResult {
  int exitCode = 0;       ///< -signal if it died of one
  std::string outputText; ///< what it wrote to stdout
  std::string errorText;  ///< what it wrote to stderr
};

/// Runs `argv` (argv[0] is looked up on PATH unless it has a '/') with no
/// input. notFound if it does not exist.
Result<ProcessResult> runProcess(const std::vector<std::string> &argv);

} // namespace headgate::runtime

#endif // HEADGATE_RUNTIME_SUBPROCESS_H
