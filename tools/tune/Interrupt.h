// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ctrl-C, and being told to end: children are killed, records are kept, and the
// exit code says so.

#ifndef HEADGATE_TOOLS_TUNE_INTERRUPT_H
#define HEADGATE_TOOLS_TUNE_INTERRUPT_H

#include <csignal>

namespace headgate {

constexpr int exitInterrupted = 130;

inline volatile std::sig_atomic_t interruptSignal = 0;

inline bool isInterrupted() { return interruptSignal != 0; }

/// SIGINT and SIGTERM are noted and end what waits; a second one ends us. A
/// child that died is no reason to die when it is written to, nor is a full
/// disk.
inline void noteInterrupts() {
  struct sigaction action = {};
  action.sa_handler = [](int signal) { interruptSignal = signal; };
  action.sa_flags = int(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN); // a file may grow no further: write says so
}

} // namespace headgate

#endif // HEADGATE_TOOLS_TUNE_INTERRUPT_H
