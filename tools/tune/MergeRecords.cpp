// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// merge and prune: records to fewer records, none lost on the way.

#include "lib/RecordText.h"
#include "tools/tune/RecordCases.h"
#include "tools/tune/RecordCommands.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <set>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace headgate {

using Kind = TuningRecord::Kind;

//===-- merge ------------------------------------------------------------===//

namespace {

/// Starts whose session has no trial for them: the last of each, as many as
/// have none.
std::vector<const StoredRecord *> openStarts(const RecordSet &set) {
  std::map<std::pair<std::string, std::string>,
           std::vector<const StoredRecord *>>
      open;
  for (const StoredRecord &stored : set.records) {
    auto &list = open[{stored.id, stored.record.session}];
    if (stored.record.kind == Kind::start)
      list.push_back(&stored);
    else if (stored.record.kind == Kind::trial && !list.empty())
      list.pop_back();
  }
  std::vector<const StoredRecord *> result;
  for (auto &[key, list] : open)
    result.insert(result.end(), list.begin(), list.end());
  return result;
}

/// The lines of a merged file. The order is that of time, so that the same
/// records give the same file wherever they were read.
std::string mergedText(const RecordSet &set) {
  RecordIndex index(set);
  std::vector<const StoredRecord *> kept = openStarts(set);
  for (Kind kind : {Kind::trial, Kind::final})
    for (const StoredRecord *stored : index.all(kind))
      kept.push_back(stored);
  for (const StoredRecord &stored : set.records)
    if (stored.record.kind == Kind::session ||
        stored.record.kind == Kind::baseline)
      kept.push_back(&stored);
  std::ranges::sort(kept, inTime);
  std::string text;
  std::set<std::string_view> seen; // a file may have been copied
  for (const StoredRecord *stored : kept)
    if (seen.insert(stored->text).second)
      text += stored->text + "\n";
  for (const std::string &line : set.foreign)
    if (seen.insert(line).second)
      text += line + "\n";
  return text;
}

} // namespace

ExitCode runMerge(const MergeOptions &options) {
  Result<RecordSet> set = loadRecords(options.paths);
  if (!set)
    return fail(set.error());
  std::string text = mergedText(*set);
  if (Status written = writeWhole(options.output, text); !written)
    return fail(written.error());
  auto lines = std::ranges::count(text, '\n');
  std::fprintf(stderr, "%s: %td of %zu records\n", options.output.c_str(),
               lines, set->records.size() + set->foreign.size());
  return exitDone;
}

//===-- prune ------------------------------------------------------------===//

Result<std::string> parseOlder(std::string_view text, int64_t now) {
  Error wrong(ErrorCode::badInput, "'" + std::string(text) +
                                       "' is no age such as 30d or 12h, and no "
                                       "date such as 2026-01-31");
  std::string date = std::string(text) + "T00:00:00Z";
  if (text.size() == 10 && text[4] == '-' && text[7] == '-' &&
      std::ranges::count_if(text,
                            [](char c) { return c >= '0' && c <= '9'; }) == 8)
    return date;
  if (text.empty())
    return wrong;
  int64_t count = 0;
  const char *last = text.data() + text.size() - 1;
  auto [end, failure] = std::from_chars(text.data(), last, count);
  if (failure != std::errc() || end != last || count < 0 || count > 100000 ||
      (*last != 'd' && *last != 'h'))
    return wrong;
  return formatWhen(now - count * (*last == 'd' ? 86400 : 3600));
}

namespace {

/// A file whose writer has ended.
class UnusedFile {
public:
  explicit UnusedFile(const std::string &path)
      : file(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    isUnused = file >= 0 && flock(file, LOCK_EX | LOCK_NB) == 0;
  }
  ~UnusedFile() {
    if (file >= 0)
      close(file);
  }
  explicit operator bool() const { return isUnused; }

private:
  int file;
  bool isUnused;
};

/// What is left of a file; a file of which nothing is left goes.
Status removeLines(const std::string &path, const std::set<int64_t> &lines) {
  std::ifstream stream(path, std::ios::binary);
  std::string rest, line;
  for (int64_t i = 1; std::getline(stream, line); ++i)
    if (!lines.contains(i))
      rest += line + "\n";
  if (stream.bad() || !stream.eof())
    return Error(ErrorCode::failed, "cannot read all of " + path);
  if (!rest.empty())
    return writeWhole(path, rest);
  if (unlink(path.c_str()) != 0)
    return Error(ErrorCode::failed,
                 "cannot remove " + path + ": " + std::strerror(errno));
  return Success{};
}

} // namespace

ExitCode runPrune(const PruneOptions &options) {
  Result<RecordSet> set = loadRecords(options.paths);
  if (!set)
    return fail(set.error());
  std::map<std::string, std::set<int64_t>> old; // lines, by file
  for (const StoredRecord &stored : set->records)
    if (stored.record.when < options.before)
      old[stored.file].insert(stored.line);
  int64_t removed = 0;
  for (const auto &[path, lines] : old) {
    UnusedFile unused(path);
    if (!unused) {
      std::fprintf(stderr, "note: %s: left alone, a process is writing to it\n",
                   path.c_str());
      continue;
    }
    removed += static_cast<int64_t>(lines.size());
    if (options.dryRun)
      continue;
    if (Status done = removeLines(path, lines); !done)
      return fail(done.error());
  }
  std::printf("%lld of %zu records are older than %s%s\n",
              static_cast<long long>(removed), set->records.size(),
              options.before.c_str(), options.dryRun ? "" : ": removed");
  return exitDone;
}

} // namespace headgate
