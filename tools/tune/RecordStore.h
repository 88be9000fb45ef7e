// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Records on disk: a directory in which every process appends to a file of its
// own, so that machines that share it need no lock. A record is written whole
// or not at all, and what was written survives the process. Reading is the
// union of all files.

#ifndef HEADGATE_TOOLS_TUNE_RECORDSTORE_H
#define HEADGATE_TOOLS_TUNE_RECORDSTORE_H

#include "headgate/Result.h"
#include "headgate/TuningRecord.h"

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace headgate {

/// When a record reaches the disk, and not only the system's memory: that a
/// process is killed loses nothing either way, that a machine goes down may.
enum class RecordSync {
  each, ///< before append returns: what was under way is known afterwards
  never,
};

/// Appends records to a file of this process. Not for two threads at once.
class RecordWriter {
public:
  /// Makes `directory` if it is not there, in it a file `HOST-PID.jsonl` (with
  /// a number behind it if that is somebody's), and writes `session` to it with
  /// its `session` and `when` filled in. A directory that cannot be written to
  /// and a full disk are errors here, before anything was measured.
  static Result<RecordWriter> create(const std::filesystem::path &directory,
                                     TuningRecord session,
                                     RecordSync sync = RecordSync::each);
  RecordWriter(RecordWriter &&other) noexcept
      : file(std::exchange(other.file, -1)), bytes(other.bytes),
        sync(other.sync), path_(std::move(other.path_)),
        session_(std::move(other.session_)) {}
  ~RecordWriter();

  /// Writes a line, with its `session` and, if that is empty, `when` filled in.
  /// After an error the file ends as it did before.
  Status append(TuningRecord record);

  const std::filesystem::path &path() const { return path_; }
  const std::string &session() const { return session_; }

private:
  RecordWriter() = default;

  int file = -1;
  int64_t bytes = 0; ///< written so far
  RecordSync sync = RecordSync::each;
  std::filesystem::path path_;
  std::string session_;
};

/// A record and where it was read. The text is kept: it may have keys of
/// others ("x-...").
struct StoredRecord {
  TuningRecord record;
  std::string id; ///< "" of a session
  std::string text;
  std::string file;
  int64_t line = 0; ///< from 1
};

/// What several files hold.
struct RecordSet {
  std::vector<StoredRecord> records; ///< in the order of files and lines
  std::vector<std::string> foreign;  ///< lines of other versions, as they were
  /// What was skipped and why, in words; each is worth a line to the user.
  std::vector<std::string> notes;
};

/// Reads files, and of directories all `*.jsonl` in the order of their names.
/// A line that is no record is skipped with a note, be it torn by a crash or
/// made by another version; what cannot be opened is an error.
Result<RecordSet> readRecords(std::span<const std::string> paths);

/// Of two records with one id the one that counts: the later, then the one of
/// more samples, then an order that is the same on every machine.
bool countsBefore(const StoredRecord &a, const StoredRecord &b);

/// Which of a set's records count. Refers to the set.
class RecordIndex {
public:
  explicit RecordIndex(const RecordSet &set);

  /// The record of that kind (trial, baseline or final) that counts, or null.
  const StoredRecord *find(TuningRecord::Kind kind,
                           const std::string &id) const;
  /// All that `find` can return, in the order of kinds and ids.
  std::vector<const StoredRecord *> all(TuningRecord::Kind kind) const;
  /// How often a trial has been started without coming to a result: 2 or more
  /// are a schedule that takes the machine down.
  int unfinishedStarts(const std::string &id) const;

private:
  std::map<std::pair<TuningRecord::Kind, std::string>, const StoredRecord *>
      counting;
  std::map<std::string, int> starts;
};

} // namespace headgate

#endif // HEADGATE_TOOLS_TUNE_RECORDSTORE_H
