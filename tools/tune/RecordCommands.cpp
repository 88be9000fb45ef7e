// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/tune/RecordCommands.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace headgate {

namespace {
ExitCode run(const MergeOptions &options) { return runMerge(options); }
ExitCode run(const ShowOptions &options) { return runShow(options); }
ExitCode run(const DiffOptions &options) { return runDiff(options); }
ExitCode run(const ExportOptions &options) { return runExport(options); }
ExitCode run(const PruneOptions &options) { return runPrune(options); }
ExitCode run(const ReportOptions &options) { return runReport(options); }
} // namespace

ExitCode runRecordCommand(const RecordCommand &command) {
  return std::visit([](const auto &options) { return run(options); }, command);
}

Result<RecordSet> loadRecords(const std::vector<std::string> &paths) {
  Result<RecordSet> set = readRecords(paths);
  if (set)
    for (const std::string &note : set->notes)
      std::fprintf(stderr, "note: %s\n", note.c_str());
  return set;
}

Status writeWhole(const std::string &path, const std::string &text) {
  auto failed = [&](const char *what) {
    return Error(ErrorCode::failed, std::string("cannot ") + what + " " + path +
                                        ": " + std::strerror(errno));
  };
  bool toStdout = path == "-";
  std::string temporary = path + ".tmp-" + std::to_string(getpid());
  int file = toStdout ? STDOUT_FILENO
                      : open(temporary.c_str(),
                             O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0)
    return failed("write");
  Status status = Success{};
  for (size_t at = 0; at < text.size() && status;) {
    ssize_t written = write(file, text.data() + at, text.size() - at);
    if (written > 0)
      at += static_cast<size_t>(written);
    else if (written == 0 || errno != EINTR)
      status = failed("write");
  }
  if (toStdout)
    return status;
  if (status && fsync(file) != 0 && errno != EINVAL)
    status = failed("write");
  close(file);
  if (status && rename(temporary.c_str(), path.c_str()) != 0)
    status = failed("replace");
  if (!status)
    unlink(temporary.c_str());
  return status;
}

} // namespace headgate
