// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/tune/RecordStore.h"

#include "lib/RecordText.h"

#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <set>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace headgate::test {
namespace {

namespace fs = std::filesystem;
using Kind = TuningRecord::Kind;

TuningRecord trialOf(int64_t rows, double median = 1000, int64_t n = 20) {
  TuningRecord record;
  record.key.ir = "sha256:0";
  record.key.kernel = "attend";
  record.key.dims = {{"S", 64}};
  record.key.target = "host:x86-64-v3";
  record.key.schedule = {.rows = rows, .keys = 128};
  record.timeNs = TuningTimes{median, median, median, n};
  return record;
}

TuningRecord startOf(int64_t rows) {
  TuningRecord record = trialOf(rows);
  record.kind = Kind::start;
  record.timeNs.reset();
  return record;
}

class RecordStore : public ::testing::Test {
protected:
  void SetUp() override {
    std::string text = (fs::temp_directory_path() / "records-XXXXXX").string();
    ASSERT_TRUE(mkdtemp(text.data()));
    directory = text;
  }
  void TearDown() override { fs::remove_all(directory); }

  RecordWriter writer() {
    auto made = RecordWriter::create(directory, {}, RecordSync::never);
    if (!made) {
      ADD_FAILURE() << made.error().message();
      std::abort();
    }
    return *std::move(made);
  }
  RecordSet read() {
    std::string path = directory.string();
    auto set = readRecords({&path, 1});
    EXPECT_TRUE(set) << set.error().message();
    return set ? *std::move(set) : RecordSet{};
  }
  void write(const char *file, const std::string &text) {
    std::ofstream(directory / file, std::ios::binary) << text;
  }
  static std::string line(TuningRecord record) {
    record.session = "s";
    if (record.when.empty())
      record.when = "2026-01-01T00:00:00Z";
    return printRecord(record) + "\n";
  }

  fs::path directory;
};

TEST_F(RecordStore, WhatIsWrittenIsRead) {
  directory /= "made/here";
  RecordWriter a = writer();
  TuningRecord session;
  session.command = "headgate-tune gqe.mlir";
  auto b = RecordWriter::create(directory, session); // to the disk
  ASSERT_TRUE(b) << b.error().message();
  EXPECT_NE(a.path(), b->path());
  EXPECT_NE(a.session(), b->session());
  ASSERT_TRUE(a.append(startOf(2)));
  ASSERT_TRUE(a.append(trialOf(2)));
  ASSERT_TRUE(b->append(trialOf(4)));
  RecordSet set = read();
  EXPECT_TRUE(set.notes.empty());
  ASSERT_EQ(set.records.size(), 5u);
  std::set<std::string> commands;
  for (const StoredRecord &stored : set.records)
    if (stored.record.kind == Kind::session)
      commands.insert(stored.record.command);
  EXPECT_EQ(commands, (std::set<std::string>{"", session.command}));
  RecordIndex index(set);
  ASSERT_EQ(index.all(Kind::trial).size(), 2u);
  const StoredRecord *found = index.find(Kind::trial, recordId(trialOf(4).key));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->record.key, trialOf(4).key);
  EXPECT_EQ(found->record.session, b->session());
  EXPECT_EQ(found->line, 2);
}

// A file of an earlier process with the same id may end in a torn line.
TEST_F(RecordStore, NobodyElsesFileIsTouched) {
  fs::path path = writer().path();
  std::ofstream(path, std::ios::app) << "{\"torn";
  auto size = fs::file_size(path);
  RecordWriter second = writer();
  EXPECT_NE(second.path(), path);
  ASSERT_TRUE(second.append(trialOf(2)));
  EXPECT_EQ(fs::file_size(path), size);
  EXPECT_EQ(read().records.size(), 3u);
}

TEST_F(RecordStore, PlacesThatCannotBeWrittenTo) {
  auto made = RecordWriter::create("/proc/self", {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message().find("cannot write records to /proc/self: "),
            0u);
  write("file", "");
  auto below = RecordWriter::create(directory / "file" / "records", {});
  ASSERT_FALSE(below);
  EXPECT_NE(below.error().message().find("cannot make the records directory"),
            std::string::npos);
}

/// Files of this process can have so many bytes; as on a full disk, the end of
/// a write is not taken, and then nothing.
class FileLimit {
public:
  explicit FileLimit(rlim_t bytes) {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    rlimit limit{bytes, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileLimit() { setrlimit(RLIMIT_FSIZE, &before); }

private:
  rlimit before{};
};

TEST_F(RecordStore, AFullDiskIsFoundBeforeAnythingIsMeasured) {
  for (rlim_t bytes : {0, 20}) {
    FileLimit limit(bytes);
    auto made = RecordWriter::create(directory, {});
    ASSERT_FALSE(made);
    EXPECT_NE(made.error().message().find("cannot write to"),
              std::string::npos);
  }
  EXPECT_TRUE(fs::is_empty(directory));
}

TEST_F(RecordStore, AShortWriteLeavesNoPiece) {
  RecordWriter made = writer();
  ASSERT_TRUE(made.append(trialOf(2)));
  auto size = fs::file_size(made.path());
  {
    FileLimit limit(size + 20);
    Status status = made.append(trialOf(4));
    ASSERT_FALSE(status);
    EXPECT_NE(status.error().message().find("the disk took 20 of "),
              std::string::npos);
    EXPECT_EQ(fs::file_size(made.path()), size);
  }
  ASSERT_TRUE(made.append(trialOf(8))); // there is room again
  RecordSet set = read();
  EXPECT_TRUE(set.notes.empty());
  EXPECT_EQ(set.records.size(), 3u);
}

TEST_F(RecordStore, WhatCouldNotBeReadIsNotWritten) {
  RecordWriter made = writer();
  TuningRecord record = trialOf(2);
  record.timeNs->median = -1;
  Status status = made.append(record);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message().find("timeNs.median"), std::string::npos);
  EXPECT_EQ(read().records.size(), 1u);
}

// Whatever was acknowledged is there, whenever the process is killed.
TEST_F(RecordStore, KilledAtAnyMoment) {
  std::set<int64_t> acknowledged;
  for (int round = 0; round < 20; ++round) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto made = RecordWriter::create(directory, {}, RecordSync::never);
      for (int64_t i = 1; made; ++i) {
        int64_t rows = round * 1000000 + i;
        if (!made->append(trialOf(rows)) ||
            ::write(ends[1], &rows, sizeof rows) != sizeof rows)
          break;
      }
      _exit(1);
    }
    close(ends[1]);
    int64_t rows = 0;
    for (int i = 0; i <= 3 * round; ++i)
      if (::read(ends[0], &rows, sizeof rows) == sizeof rows)
        acknowledged.insert(rows);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    while (::read(ends[0], &rows, sizeof rows) == sizeof rows)
      acknowledged.insert(rows);
    close(ends[0]);
  }
  RecordSet set = read();
  for (const StoredRecord &stored : set.records)
    acknowledged.erase(stored.record.key.schedule.rows);
  EXPECT_TRUE(acknowledged.empty());
  EXPECT_TRUE(set.notes.empty()) << set.notes.front();
}

TEST_F(RecordStore, LinesThatAreNoRecordsAreNoted) {
  write("a.jsonl", line(trialOf(2)) + "{\"record\": 7}\n\n{\"record\": 9}\n" +
                       "{\"record\": 7, \"new\": 1}\nhello\n{\"record\": 1}\n" +
                       line(trialOf(4)).substr(0, 100));
  write("b.jsonl", line(trialOf(8)).substr(0, line(trialOf(8)).size() - 1));
  write("c.txt", "not looked at");
  RecordSet set = read();
  ASSERT_EQ(set.records.size(), 2u); // only the line feed of b was torn off
  EXPECT_EQ(set.foreign,
            (std::vector<std::string>{"{\"record\": 7}", "{\"record\": 9}",
                                      "{\"record\": 7, \"new\": 1}"}));
  std::string a = (directory / "a.jsonl").string() + ": ";
  ASSERT_EQ(set.notes.size(), 4u);
  EXPECT_EQ(set.notes[0], a + "2 lines of record version 7, left aside");
  EXPECT_EQ(set.notes[1], a + "1 line of record version 9, left aside");
  EXPECT_EQ(set.notes[2], a + "the last line is torn, as by a crash; left "
                              "aside");
  EXPECT_EQ(set.notes[3].find(a + "2 lines are no record; the first, line 6: "),
            0u);
}

TEST_F(RecordStore, FilesAndDirectoriesAreReadOnce) {
  write("a.jsonl", line(trialOf(2)));
  std::vector<std::string> paths = {(directory / "a.jsonl").string(),
                                    directory.string()};
  auto set = readRecords(paths);
  ASSERT_TRUE(set);
  EXPECT_EQ(set->records.size(), 1u);
  paths = {(directory / "none").string()};
  set = readRecords(paths);
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().code(), ErrorCode::notFound);
}

TEST_F(RecordStore, TheLatestCountsThenTheOneOfMoreSamples) {
  TuningRecord early = trialOf(2, 1, 90), late = trialOf(2, 2, 20),
               longer = trialOf(2, 3, 30);
  early.when = "2026-01-01T00:00:00Z";
  late.when = longer.when = "2026-01-02T00:00:00Z";
  std::string files[] = {line(early), line(late), line(longer)};
  for (auto order : {"012", "021", "102", "120", "201", "210"}) {
    for (int i = 0; i < 3; ++i)
      write((std::string(1, char('a' + i)) + ".jsonl").c_str(),
            files[order[i] - '0']);
    RecordSet set = read();
    RecordIndex index(set);
    const StoredRecord *best =
        index.find(Kind::trial, recordId(trialOf(2).key));
    ASSERT_TRUE(best);
    EXPECT_EQ(best->record.timeNs->median, 3) << order;
  }
}

TEST_F(RecordStore, StartsWithoutAResult) {
  std::string id = recordId(trialOf(2).key);
  auto count = [&] { return RecordIndex(read()).unfinishedStarts(id); };
  EXPECT_EQ(count(), 0);
  ASSERT_TRUE(writer().append(trialOf(2))); // refused before it began
  RecordWriter a = writer(), b = writer();
  ASSERT_TRUE(a.append(startOf(2)));
  EXPECT_EQ(count(), 1);
  ASSERT_TRUE(b.append(startOf(2)));
  EXPECT_EQ(count(), 2);
  ASSERT_TRUE(b.append(trialOf(2)));
  EXPECT_EQ(count(), 1);
}

} // namespace
} // namespace headgate::test
