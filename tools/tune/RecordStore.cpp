// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Covered by test/tools/tune/RecordStoreTest.cpp.

#include "tools/tune/RecordStore.h"

#include "lib/RecordText.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <fstream>
#include <set>
#include <sys/file.h>
#include <unistd.h>

namespace headgate {

namespace fs = std::filesystem;
using Kind = TuningRecord::Kind;

namespace {

/// Longer than any record that we write.
constexpr size_t maxLineBytes = size_t(1) << 20;

std::string hostName() {
  std::array<char, 256> text{};
  if (gethostname(text.data(), text.size() - 1) != 0 || !text[0])
    return "host";
  std::string name = text.data();
  for (char &c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '_')
      c = '-';
  return name;
}

Error systemError(const std::string &what) {
  return {ErrorCode::failed, what + ": " + std::strerror(errno)};
}

/// A file that nobody else has: process ids come again, and machines in
/// containers share names.
int createFile(const fs::path &directory, const std::string &stem,
               fs::path &path) {
  for (int i = 1; i < 10000; ++i) {
    path =
        directory / (stem + (i > 1 ? "-" + std::to_string(i) : "") + ".jsonl");
    int file = open(path.c_str(),
                    O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file >= 0 || errno != EEXIST)
      return file;
  }
  return -1;
}

} // namespace

//===-- writing ----------------------------------------------------------===//

Result<RecordWriter> RecordWriter::create(const fs::path &directory,
                                          TuningRecord session,
                                          RecordSync sync) {
  std::error_code failure;
  fs::create_directories(directory, failure);
  if (failure)
    return Error(ErrorCode::failed, "cannot make the records directory " +
                                        directory.string() + ": " +
                                        failure.message());
  std::string stem = hostName() + "-" + std::to_string(getpid());
  RecordWriter writer;
  writer.file = createFile(directory, stem, writer.path_);
  if (writer.file < 0)
    return systemError("cannot write records to " + directory.string());
  // Says that the file is in use, where the file system can: prune asks.
  flock(writer.file, LOCK_SH | LOCK_NB);
  writer.sync = sync;
  writer.session_ =
      writer.path_.stem().string() + "-" + std::to_string(std::time(nullptr));
  session.kind = Kind::session;
  if (Status written = writer.append(std::move(session)); !written) {
    unlink(writer.path_.c_str());
    return std::move(written).error();
  }
  // The name of the new file is in the directory's own data.
  int entry = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (entry >= 0 && sync == RecordSync::each)
    fsync(entry);
  if (entry >= 0)
    close(entry);
  return writer;
}

RecordWriter::~RecordWriter() {
  if (file >= 0)
    close(file);
}

Status RecordWriter::append(TuningRecord record) {
  record.session = session_;
  if (record.when.empty())
    record.when = formatWhen(std::time(nullptr));
  std::string line = printRecord(record);
  if (Result<TuningRecord> read = parseRecord(line); !read)
    return std::move(read).error().in("a record that could not be read again");
  line += '\n';
  ssize_t written = -1;
  do
    written = write(file, line.data(), line.size());
  while (written < 0 && errno == EINTR);
  if (written == static_cast<ssize_t>(line.size())) {
    bytes += written;
    if (sync == RecordSync::each && fdatasync(file) != 0 && errno != EINVAL)
      return systemError("cannot bring " + path_.string() + " to the disk");
    return Success{};
  }
  Error error =
      written < 0 ? systemError("cannot write to " + path_.string())
                  : Error(ErrorCode::failed,
                          "cannot write to " + path_.string() +
                              ": the disk took " + std::to_string(written) +
                              " of " + std::to_string(line.size()) + " bytes");
  // A piece of a line would run into the next one. If it has to stay, the next
  // reader says so.
  if (written > 0 && ftruncate(file, bytes) != 0)
    return std::move(error).in("a torn line stays");
  return error;
}

//===-- reading ----------------------------------------------------------===//

namespace {

/// Reads one file into a set.
class FileReader {
public:
  FileReader(std::string path, RecordSet &set)
      : path(std::move(path)), set(set) {}

  Status run() {
    std::error_code failure;
    if (!fs::is_regular_file(path, failure))
      return Error(ErrorCode::notFound,
                   "cannot read records from " + path + ": it is no file");
    std::ifstream stream(path, std::ios::binary);
    if (!stream)
      return Error(ErrorCode::failed, "cannot read records from " + path);
    std::string line;
    while (std::getline(stream, line)) {
      ++number;
      bool isTorn = stream.eof(); // it has no line feed
      if (!line.empty())
        take(std::move(line), isTorn);
      line.clear();
    }
    if (stream.bad())
      return Error(ErrorCode::failed, "cannot read all of " + path);
    for (auto &[version, count] : foreign)
      note(std::to_string(count) + (count == 1 ? " line of " : " lines of ") +
           version + ", left aside");
    if (torn)
      note("the last line is torn, as by a crash; left aside");
    if (damaged)
      note(std::to_string(damaged) +
           (damaged == 1 ? " line is" : " lines are") +
           " no record; the first, line " + firstDamage);
    return Success{};
  }

private:
  void note(const std::string &text) {
    set.notes.push_back(path + ": " + text);
  }

  void take(std::string line, bool isLast) {
    Result<TuningRecord> record =
        line.size() > maxLineBytes
            ? Error(ErrorCode::corrupt, "longer than any record")
            : parseRecord(line);
    if (record) {
      std::string id =
          record->kind == Kind::session ? "" : recordId(record->key);
      set.records.push_back(
          {*std::move(record), std::move(id), std::move(line), path, number});
    } else if (record.error().code() == ErrorCode::unsupported) {
      const std::string &message = record.error().message();
      ++foreign[message.substr(0, message.find(';'))];
      set.foreign.push_back(std::move(line));
    } else if (isLast) {
      torn = true;
    } else if (damaged++ == 0) {
      firstDamage = std::to_string(number) + ": " + record.error().message();
    }
  }

  std::string path;
  RecordSet &set;
  int64_t number = 0, damaged = 0;
  bool torn = false;
  std::string firstDamage;
  std::map<std::string, int64_t> foreign; ///< by version
};

/// The record files in `directory`, by name.
Result<std::vector<std::string>> filesIn(const std::string &directory) {
  std::vector<std::string> files;
  std::error_code failure;
  fs::directory_iterator entry(directory, failure), end;
  while (!failure && entry != end) {
    std::error_code ignored;
    if (entry->path().extension() == ".jsonl" &&
        entry->is_regular_file(ignored))
      files.push_back(entry->path().string());
    entry.increment(failure);
  }
  if (failure)
    return Error(ErrorCode::failed, "cannot read the records directory " +
                                        directory + ": " + failure.message());
  std::ranges::sort(files);
  return files;
}

} // namespace

Result<RecordSet> readRecords(std::span<const std::string> paths) {
  RecordSet set;
  std::set<std::string> seen; // a file and its directory may both be named
  for (const std::string &path : paths) {
    std::error_code failure;
    std::vector<std::string> files = {path};
    if (fs::is_directory(path, failure)) {
      Result<std::vector<std::string>> found = filesIn(path);
      if (!found)
        return std::move(found).error();
      files = *std::move(found);
    }
    for (const std::string &file : files) {
      fs::path real = fs::weakly_canonical(file, failure);
      if (!seen.insert(real.string()).second)
        continue;
      if (Status read = FileReader(file, set).run(); !read)
        return std::move(read).error();
    }
  }
  return set;
}

//===-- which count ------------------------------------------------------===//

bool countsBefore(const StoredRecord &a, const StoredRecord &b) {
  auto samples = [](const StoredRecord &stored) {
    return stored.record.timeNs ? stored.record.timeNs->n : 0;
  };
  if (a.record.when != b.record.when)
    return a.record.when > b.record.when;
  if (samples(a) != samples(b))
    return samples(a) > samples(b);
  return a.text < b.text;
}

RecordIndex::RecordIndex(const RecordSet &set) {
  std::map<std::pair<std::string, std::string>, int> open; // by id and session
  for (const StoredRecord &stored : set.records) {
    Kind kind = stored.record.kind;
    if (kind == Kind::session)
      continue;
    int &started = open[{stored.id, stored.record.session}];
    if (kind == Kind::start) {
      ++started;
      continue;
    }
    if (kind == Kind::trial) // what was refused unseen had no start
      started = std::max(started - 1, 0);
    const StoredRecord *&best = counting[{kind, stored.id}];
    if (!best || countsBefore(stored, *best))
      best = &stored;
  }
  for (auto &[key, count] : open)
    starts[key.first] += count;
}

const StoredRecord *RecordIndex::find(Kind kind, const std::string &id) const {
  auto found = counting.find({kind, id});
  return found == counting.end() ? nullptr : found->second;
}

std::vector<const StoredRecord *> RecordIndex::all(Kind kind) const {
  std::vector<const StoredRecord *> result;
  for (auto &[key, stored] : counting)
    if (key.first == kind)
      result.push_back(stored);
  return result;
}

int RecordIndex::unfinishedStarts(const std::string &id) const {
  auto found = starts.find(id);
  return found == starts.end() ? 0 : found->second;
}

} // namespace headgate
