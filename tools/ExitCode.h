// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How every tool ends, and how it says why.

#ifndef HEADGATE_TOOLS_EXITCODE_H
#define HEADGATE_TOOLS_EXITCODE_H

#include "headgate/Result.h"

namespace headgate {

enum ExitCode : int {
  exitDone = 0,
  exitError = 1,       ///< input, bundle, device or runtime error
  exitUsage = 2,       ///< the command line itself is wrong
  exitCheckFailed = 3, ///< it ran, but a check that was asked for failed
  exitUnavailable = 4, ///< the device or tool is not on this machine
};

/// Prints "error: ..." on stderr.
void printError(const std::string &message);

/// Prints the error and returns the exit code of its kind.
ExitCode fail(const Error &error);

/// The same for a device that does not open: a uri that is none is wrong usage.
ExitCode failToOpen(const Error &error);

} // namespace headgate

#endif // HEADGATE_TOOLS_EXITCODE_H
