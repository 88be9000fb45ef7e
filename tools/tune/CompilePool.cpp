// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/tune/CompilePool.h"

#include "runtime/HostMachine.h"
#include "tools/tune/Interrupt.h"

#include <algorithm>
#include <cstring>
#include <optional>

namespace headgate {

using namespace runtime;

namespace {

/// Of a compiler's address space. A module takes some hundred MB, most of it
/// the libraries.
constexpr int64_t compilerBytes = int64_t(8) << 30;
constexpr size_t lastLines = 20;

struct Running {
  size_t job;
  ChildProcess child;
  Clock::time_point begin;

  double ms() const {
    return std::chrono::duration<double, std::milli>(Clock::now() - begin)
        .count();
  }
};

Clock::duration seconds(double count) {
  return std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(count));
}

CompileOutcome outcomeOf(const Running &running) {
  const ChildProcess &child = running.child;
  if (child.exitCode() == 0)
    return {TuningResult::correct, "", running.ms()};
  std::string why = child.errorTail(lastLines);
  if (child.exitCode() < 0)
    why = std::string("killed by a signal: ") + strsignal(-child.exitCode()) +
          (why.empty() ? "" : "\n") + why;
  if (why.empty())
    why = "exit code " + std::to_string(child.exitCode());
  return {TuningResult::compile, why, running.ms()};
}

} // namespace

std::string shellText(const std::vector<std::string> &argv) {
  std::string text;
  for (const std::string &word : argv) {
    bool isPlain = !word.empty() &&
                   word.find_first_not_of(
                       "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                       "0123456789_-+=./:,@%") == std::string::npos;
    text += text.empty() ? "" : " ";
    if (isPlain) {
      text += word;
      continue;
    }
    text += '\'';
    for (char c : word)
      text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    text += '\'';
  }
  return text;
}

CompilePool::CompilePool(const TuneOptions &options) : options(options) {}

std::vector<std::string> CompilePool::commandOf(const CompileJob &job) const {
  std::vector<std::string> argv = {options.compiler, options.input, "-o",
                                   job.bundle};
  argv.insert(argv.end(), job.flags.begin(), job.flags.end());
  argv.insert(argv.end(), options.compileFlags.begin(),
              options.compileFlags.end());
  return argv;
}

Result<bool> CompilePool::compile(
    const std::vector<CompileJob> &jobs,
    const std::function<bool(size_t, CompileOutcome)> &done) const {
  size_t most = size_t(options.jobs > 0 ? options.jobs : usableCpus());
  std::vector<Running> running;
  for (size_t next = 0; next < jobs.size() || !running.empty();) {
    if (isInterrupted())
      return false;
    if (next < jobs.size() && running.size() < most) {
      Result<ChildProcess> child = ChildProcess::start(
          {.argv = commandOf(jobs[next]), .memoryBytes = compilerBytes});
      if (!child)
        return std::move(child).error();
      running.push_back({next++, std::move(*child), Clock::now()});
      continue;
    }
    std::vector<ChildProcess *> children;
    for (Running &r : running)
      children.push_back(&r.child);
    Clock::time_point first =
        running.front().begin + seconds(options.compileSeconds);
    ChildProcess::Event event = ChildProcess::waitAny(children, first);
    for (size_t i = 0; i < running.size();) {
      Running &r = running[i];
      bool late = event == ChildProcess::Event::deadline && i == 0;
      if (!r.child.hasEnded() && !late) {
        ++i;
        continue;
      }
      CompileOutcome outcome =
          late ? CompileOutcome{TuningResult::timeout,
                                "the compiler was killed after " +
                                    std::to_string(int(r.ms() / 1000)) + " s",
                                r.ms()}
               : outcomeOf(r);
      size_t job = r.job;
      running.erase(running.begin() + ptrdiff_t(i));
      if (!done(job, std::move(outcome)))
        return false;
    }
  }
  return true;
}

Result<std::string>
CompilePool::ask(const std::vector<std::string> &flags) const {
  CompileJob job{"-", flags};
  Result<ChildProcess> child = ChildProcess::start(
      {.argv = commandOf(job), .memoryBytes = compilerBytes});
  if (!child)
    return std::move(child).error();
  ChildProcess *children[] = {&*child};
  ChildProcess::Event event = ChildProcess::waitAny(
      children, Clock::now() + seconds(options.compileSeconds));
  if (event == ChildProcess::Event::deadline)
    return Error(ErrorCode::timeout, "headgate-compile does not end");
  if (event == ChildProcess::Event::interrupted)
    return Error(ErrorCode::failed, "interrupted");
  if (child->exitCode() != 0)
    return Error(child->exitCode() == 4 ? ErrorCode::unavailable
                                        : ErrorCode::badInput,
                 "headgate-compile says: " + child->errorTail(lastLines));
  return child->output();
}

} // namespace headgate
