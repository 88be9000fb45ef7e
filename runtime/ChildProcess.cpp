// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/ChildProcess.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace headgate::runtime {

namespace {

/// A child that has closed its pipes is asked at this interval whether it has
/// ended.
constexpr int endPollMs = 5;
/// What is kept of an error output.
constexpr size_t maxErrorBytes = 64 << 10;

struct Descriptor {
  int number = -1;
  Descriptor() = default;
  Descriptor(const Descriptor &) = delete;
  ~Descriptor() { reset(); }
  void reset() {
    if (number >= 0)
      close(number);
    number = -1;
  }
};

Error systemError(const std::string &what) {
  return Error(ErrorCode::failed, what + ": " + strerror(errno));
}

bool openPipe(Descriptor &readEnd, Descriptor &writeEnd) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return false;
  readEnd.number = ends[0];
  writeEnd.number = ends[1];
  return true;
}

struct ChildEnds {
  int input, output, errors, failure;
};

/// In the child, between fork and exec: only what may be called there.
[[noreturn]] void becomeProgram(char *const *argv, int64_t memoryBytes,
                                pid_t parent, const ChildEnds &ends) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) // it died before that
    _exit(127);
  if (memoryBytes > 0) {
    rlimit limit{rlim_t(memoryBytes), rlim_t(memoryBytes)};
    setrlimit(RLIMIT_AS, &limit);
  }
  signal(SIGPIPE, SIG_DFL);
  signal(SIGINT, SIG_DFL);
  signal(SIGXFSZ, SIG_DFL);
  dup2(ends.input, 0);
  dup2(ends.output, 1);
  dup2(ends.errors, 2);
  execvp(argv[0], argv);
  int why = errno;
  [[maybe_unused]] ssize_t told = write(ends.failure, &why, sizeof(why));
  _exit(127);
}

} // namespace

struct ChildProcess::State {
  pid_t pid = 0;
  bool hasEnded = false;
  int exitCode = 0;
  Descriptor input, output, errors;
  std::string outputText, errorText;

  ~State() { kill(); }

  void kill() {
    if (hasEnded || pid == 0)
      return;
    ::kill(-pid, SIGKILL);
    ::kill(pid, SIGKILL); // before it made its group
    reap(0);
  }

  void reap(int flags) {
    int status = 0;
    pid_t done;
    while ((done = waitpid(pid, &status, flags)) < 0 && errno == EINTR)
      ;
    if (done == 0)
      return;
    hasEnded = true;
    exitCode = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
    ::kill(-pid, SIGKILL); // what it started and left
    for (auto [from, text] :
         {std::pair(&output, &outputText), {&errors, &errorText}})
      while (from->number >= 0)
        drain(*from, *text);
  }

  bool hasLine() const { return outputText.find('\n') != std::string::npos; }
  bool isSilent() const { return output.number < 0 && errors.number < 0; }

  /// Reads what is there; closes what has ended.
  static void drain(Descriptor &from, std::string &text) {
    char chunk[4096];
    ssize_t count = read(from.number, chunk, sizeof(chunk));
    if (count > 0)
      text.append(chunk, size_t(count));
    else if (count == 0 || (errno != EINTR && errno != EAGAIN))
      from.reset();
  }

  /// Takes what poll found; at its timeout looks whether the child ended and
  /// left its pipes to programs that it had started.
  void drain(short outputEvents, short errorEvents) {
    if (outputEvents)
      drain(output, outputText);
    if (errorEvents)
      drain(errors, errorText);
    if (errorText.size() > 2 * maxErrorBytes)
      errorText.erase(0, errorText.size() - maxErrorBytes);
    if (isSilent() || !(outputEvents || errorEvents))
      reap(WNOHANG);
  }
};

ChildProcess::ChildProcess(std::unique_ptr<State> state)
    : state(std::move(state)) {}
ChildProcess::ChildProcess(ChildProcess &&) noexcept = default;
ChildProcess &ChildProcess::operator=(ChildProcess &&) noexcept = default;
ChildProcess::~ChildProcess() = default;

Result<ChildProcess> ChildProcess::start(const ChildOptions &options) {
  auto state = std::make_unique<State>();
  Descriptor input, output, errors, failure, failed;
  if (!openPipe(input, state->input) || !openPipe(state->output, output) ||
      !openPipe(state->errors, errors) || !openPipe(failed, failure))
    return systemError("cannot open a pipe");
  if (!options.hasInput)
    state->input.reset();
  std::vector<char *> argv;
  for (const std::string &argument : options.argv)
    argv.push_back(const_cast<char *>(argument.c_str()));
  argv.push_back(nullptr);

  pid_t parent = getpid();
  state->pid = fork();
  if (state->pid < 0) {
    state->pid = 0;
    return systemError("cannot start a process");
  }
  if (state->pid == 0)
    becomeProgram(argv.data(), options.memoryBytes, parent,
                  {input.number, output.number, errors.number, failure.number});
  setpgid(state->pid, state->pid); // so that it has it before we kill it
  failure.reset();
  int why = 0;
  ssize_t count;
  while ((count = read(failed.number, &why, sizeof(why))) < 0 && errno == EINTR)
    ;
  if (count > 0)
    return Error(why == ENOENT ? ErrorCode::notFound : ErrorCode::failed,
                 "cannot run '" + options.argv[0] + "': " + strerror(why));
  return ChildProcess(std::move(state));
}

Status ChildProcess::send(std::string_view line) {
  std::string text = std::string(line) + "\n";
  for (size_t done = 0; done < text.size();) {
    ssize_t count =
        write(state->input.number, text.data() + done, text.size() - done);
    if (count < 0 && errno != EINTR)
      return systemError("cannot write to it");
    if (count > 0)
      done += size_t(count);
  }
  return Success{};
}

namespace {

/// Milliseconds until `deadline`, at most `most`, as poll takes them.
int pollTime(Clock::time_point deadline, int most) {
  auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  return int(std::clamp<int64_t>(left.count(), 0, most));
}

} // namespace

ChildProcess::Event
ChildProcess::waitFor(std::span<ChildProcess *const> children,
                      Clock::time_point deadline, bool forLines) {
  for (;;) {
    std::vector<pollfd> polled;
    bool anySilent = false;
    for (ChildProcess *child : children) {
      State &state = *child->state;
      if (forLines && state.hasLine())
        return Event::line;
      if (state.hasEnded)
        return Event::ended;
      anySilent |= state.isSilent();
      polled.push_back({state.output.number, POLLIN, 0});
      polled.push_back({state.errors.number, POLLIN, 0});
    }
    if (Clock::now() >= deadline)
      return Event::deadline;
    int most = anySilent ? endPollMs : 1000;
    int count = poll(polled.data(), polled.size(), pollTime(deadline, most));
    if (count < 0 && errno == EINTR)
      return Event::interrupted;
    for (size_t i = 0; i < children.size(); ++i)
      children[i]->state->drain(polled[2 * i].revents,
                                polled[2 * i + 1].revents);
  }
}

ChildProcess::Event
ChildProcess::waitAny(std::span<ChildProcess *const> children,
                      Clock::time_point deadline) {
  return waitFor(children, deadline, /*forLines=*/false);
}

ChildProcess::Event ChildProcess::wait(Clock::time_point deadline) {
  ChildProcess *const self[] = {this};
  return waitFor(self, deadline, /*forLines=*/true);
}

bool ChildProcess::hasEnded() const { return state->hasEnded; }
int ChildProcess::exitCode() const { return state->exitCode; }
const std::string &ChildProcess::output() const { return state->outputText; }

std::string ChildProcess::takeLine() {
  std::string &text = state->outputText;
  size_t end = text.find('\n');
  if (end == std::string::npos)
    return "";
  std::string line = text.substr(0, end);
  text.erase(0, end + 1);
  return line;
}

std::string ChildProcess::errorTail(size_t lines) const {
  std::string_view text = state->errorText;
  while (text.ends_with('\n'))
    text.remove_suffix(1);
  size_t begin = text.size();
  for (; lines > 0 && begin != std::string_view::npos && begin > 0; --lines)
    begin = text.rfind('\n', begin - 1);
  if (begin == std::string_view::npos)
    begin = 0;
  else if (begin < text.size() && text[begin] == '\n')
    ++begin;
  return std::string(text.substr(begin));
}

void ChildProcess::kill() { state->kill(); }

} // namespace headgate::runtime
