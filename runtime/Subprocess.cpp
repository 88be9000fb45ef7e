// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/Subprocess.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

extern char **environ;

namespace headgate::runtime {

namespace {

/// A pipe whose ends no other child of ours inherits.
struct Pipe {
  int ends[2] = {-1, -1};

  Pipe() = default;
  Pipe(const Pipe &) = delete;
  ~Pipe() {
    closeEnd(0);
    closeEnd(1);
  }
  bool open() { return pipe2(ends, O_CLOEXEC) == 0; }
  void closeEnd(int which) {
    if (ends[which] >= 0)
      close(ends[which]);
    ends[which] = -1;
  }
};

/// Reads from each pipe until nobody writes to it any more; at the same time,
/// as a program that fills one of them waits for its reader.
void readAll(Pipe &first, std::string &firstText, Pipe &second,
             std::string &secondText) {
  pollfd polled[2] = {{first.ends[0], POLLIN, 0}, {second.ends[0], POLLIN, 0}};
  std::string *texts[2] = {&firstText, &secondText};
  while (polled[0].fd >= 0 || polled[1].fd >= 0) {
    if (poll(polled, 2, -1) < 0 && errno != EINTR)
      return;
    for (int i : {0, 1}) {
      if (polled[i].fd < 0 || !polled[i].revents)
        continue;
      char chunk[4096];
      ssize_t count = read(polled[i].fd, chunk, sizeof chunk);
      if (count > 0)
        texts[i]->append(chunk, static_cast<size_t>(count));
      else if (count == 0 || errno != EINTR)
        polled[i].fd = -1;
    }
  }
}

/// Fails where the process ignores SIGCHLD: the system then forgets how its
/// children ended.
Result<int> waitFor(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR)
      return Error(ErrorCode::failed, strerror(errno));
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

} // namespace

Result<ProcessResult> runProcess(const std::vector<std::string> &argv) {
  Pipe output, errors;
  if (!output.open() || !errors.open())
    return Error(ErrorCode::failed,
                 std::string("cannot open a pipe: ") + strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output.ends[1], 1);
  posix_spawn_file_actions_adddup2(&actions, errors.ends[1], 2);

  std::vector<char *> arguments;
  for (const std::string &argument : argv)
    arguments.push_back(const_cast<char *>(argument.c_str()));
  arguments.push_back(nullptr);
  pid_t child = 0;
  int failure = posix_spawnp(&child, arguments[0], &actions, nullptr,
                             arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  output.closeEnd(1);
  errors.closeEnd(1);
  if (failure)
    return Error(failure == ENOENT ? ErrorCode::notFound : ErrorCode::failed,
                 "cannot run '" + argv[0] + "': " + strerror(failure));
  ProcessResult result;
  readAll(output, result.outputText, errors, result.errorText);
  Result<int> exitCode = waitFor(child);
  if (!exitCode)
    return std::move(exitCode).error().in("cannot tell how '" + argv[0] +
                                          "' ended");
  result.exitCode = *exitCode;
  return result;
}

} // namespace headgate::runtime
