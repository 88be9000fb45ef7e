// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How far a long run is, on standard error: one line that changes on a
// terminal, else a line every 10 seconds.

#ifndef HEADGATE_TOOLS_TUNE_PROGRESSLINE_H
#define HEADGATE_TOOLS_TUNE_PROGRESSLINE_H

#include <chrono>
#include <cstdio>
#include <string>
#include <unistd.h>

namespace headgate {

class ProgressLine {
public:
  explicit ProgressLine(bool quiet)
      : quiet(quiet), isTerminal(isatty(STDERR_FILENO)) {}
  ~ProgressLine() { clear(); }

  void show(const std::string &text) {
    auto now = std::chrono::steady_clock::now();
    if (quiet)
      return;
    if (isTerminal) {
      std::fprintf(stderr, "\r\033[K%s", text.c_str());
      isShown = true;
    } else if (now - last >= std::chrono::seconds(10)) {
      std::fprintf(stderr, "%s\n", text.c_str());
      last = now;
    }
  }

  /// Before anything else is written.
  void clear() {
    if (isShown)
      std::fputs("\r\033[K", stderr);
    isShown = false;
  }

private:
  bool quiet, isTerminal, isShown = false;
  std::chrono::steady_clock::time_point last = std::chrono::steady_clock::now();
};

} // namespace headgate

#endif // HEADGATE_TOOLS_TUNE_PROGRESSLINE_H
