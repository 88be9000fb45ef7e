// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs another program beside us: it may hang, crash or start programs of its
// own, and is ended with all of them. runProcess (runtime/Subprocess.h) is for
// programs that can be trusted to end.
//
// A child leads a process group of its own, so that Ctrl-C on a terminal does
// not reach it, and dies with us, even if we are killed.

#ifndef HEADGATE_RUNTIME_CHILDPROCESS_H
#define HEADGATE_RUNTIME_CHILDPROCESS_H

#include "headgate/Result.h"

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace headgate::runtime {

using Clock = std::chrono::steady_clock;

struct ChildOptions {
  std::vector<std::string> argv; ///< argv[0] is looked up on PATH
  int64_t memoryBytes = 0;       ///< of its address space; 0: no limit
  bool hasInput = false;         ///< else its input is empty
};

class ChildProcess {
public:
  static Result<ChildProcess> start(const ChildOptions &options);
  ChildProcess(ChildProcess &&) noexcept;
  ChildProcess &operator=(ChildProcess &&) noexcept;
  /// Kills the group unless the child has ended.
  ~ChildProcess();

  /// Writes a line to its input; an error if nobody reads there.
  Status send(std::string_view line);

  enum class Event {
    line,        ///< takeLine has one
    ended,       ///< exitCode is known and all it wrote has been read
    deadline,    ///< neither, until then
    interrupted, ///< a signal came for us
  };
  /// Waits for a line on its output, or its end.
  Event wait(Clock::time_point deadline);
  /// Waits until one of several has ended; lines are kept.
  static Event waitAny(std::span<ChildProcess *const> children,
                       Clock::time_point deadline);

  bool hasEnded() const;
  int exitCode() const; ///< -signal if it died of one
  /// The first line of its output that was not taken yet; "" if there is none.
  std::string takeLine();
  /// What it wrote to its output and was not taken as a line.
  const std::string &output() const;
  /// The last `lines` lines of what it wrote to its error output.
  std::string errorTail(size_t lines) const;
  /// Ends the child and all that it started, and waits for it.
  void kill();

private:
  struct State;
  static Event waitFor(std::span<ChildProcess *const> children,
                       Clock::time_point deadline, bool forLines);
  explicit ChildProcess(std::unique_ptr<State> state);
  std::unique_ptr<State> state;
};

} // namespace headgate::runtime

#endif // HEADGATE_RUNTIME_CHILDPROCESS_H
