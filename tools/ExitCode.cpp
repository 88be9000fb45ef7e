// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/ExitCode.h"

#include <cstdio>

namespace headgate {

void printError(const std::string &message) {
  std::fprintf(stderr, "error: %s\n", message.c_str());
}

ExitCode fail(const Error &error) {
  printError(error.message());
  switch (error.code()) {
  case ErrorCode::unavailable:
    return exitUnavailable;
  case ErrorCode::checkFailed:
    return exitCheckFailed;
  default:
    return exitError;
  }
}

ExitCode failToOpen(const Error &error) {
  ExitCode code = fail(error);
  return error.code() == ErrorCode::badInput ? exitUsage : code;
}

} // namespace headgate
