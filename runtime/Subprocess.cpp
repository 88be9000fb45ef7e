// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/Subprocess.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

extern char **environ;

namespace headgate::runtime {

namespace {

std::string readAll(int descriptor) {
  std::string text;
  char chunk[4096];
  for (;;) {
    ssize_t count = read(descriptor, chunk, sizeof chunk);
    if (count > 0)
      text.append(chunk, static_cast<size_t>(count));
    else if (count == 0 || errno != EINTR)
      return text;
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
  int pipeEnds[2];
  if (pipe2(pipeEnds, O_CLOEXEC) != 0)
    return Error(ErrorCode::failed,
                 std::string("cannot open a pipe: ") + strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, pipeEnds[1], 2);

  std::vector<char *> arguments;
  for (const std::string &argument : argv)
    arguments.push_back(const_cast<char *>(argument.c_str()));
  arguments.push_back(nullptr);
  pid_t child = 0;
  int failure = posix_spawnp(&child, arguments[0], &actions, nullptr,
                             arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(pipeEnds[1]);
  if (failure) {
    close(pipeEnds[0]);
    return Error(failure == ENOENT ? ErrorCode::notFound : ErrorCode::failed,
                 "cannot run '" + argv[0] + "': " + strerror(failure));
  }
  ProcessResult result;
  result.errorText = readAll(pipeEnds[0]);
  close(pipeEnds[0]);
  Result<int> exitCode = waitFor(child);
  if (!exitCode)
    return std::move(exitCode).error().in("cannot tell how '" + argv[0] +
                                          "' ended");
  result.exitCode = *exitCode;
  return result;
}

} // namespace headgate::runtime
