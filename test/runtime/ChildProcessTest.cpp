// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/ChildProcess.h"

#include <gtest/gtest.h>

#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <thread>
#include <unistd.h>

namespace headgate::test {
namespace {

using runtime::ChildOptions;
using runtime::ChildProcess;
using runtime::Clock;
using Event = ChildProcess::Event;
using std::chrono::milliseconds;
using std::chrono::seconds;

ChildProcess startShell(const std::string &script, bool hasInput = false) {
  auto child =
      ChildProcess::start({.argv = {"sh", "-c", script}, .hasInput = hasInput});
  EXPECT_TRUE(child) << child.error().message();
  return std::move(*child);
}

Clock::time_point in(milliseconds time) { return Clock::now() + time; }

/// Whether a process is there and not only waited for.
bool runs(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string number, name, state;
  file >> number >> name >> state;
  return file && state != "Z";
}

TEST(ChildProcess, TalksInLines) {
  ChildProcess child =
      startShell("while read line; do echo \"got $line\"; done; exit 3", true);
  for (const char *word : {"one", "two"}) {
    ASSERT_TRUE(child.send(word));
    ASSERT_EQ(child.wait(in(seconds(20))), Event::line);
    EXPECT_EQ(child.takeLine(), std::string("got ") + word);
  }
  EXPECT_EQ(child.wait(in(milliseconds(30))), Event::deadline);
  EXPECT_FALSE(child.hasEnded());
}

TEST(ChildProcess, EndsWithCodeAndWords) {
  ChildProcess child = startShell(
      "echo a; echo b; for i in 1 2 3; do echo $i >&2; done; exit 3");
  ASSERT_EQ(child.wait(in(seconds(20))), Event::line);
  EXPECT_EQ(child.takeLine(), "a");
  ASSERT_EQ(child.wait(in(seconds(20))), Event::line);
  EXPECT_EQ(child.takeLine(), "b");
  ASSERT_EQ(child.wait(in(seconds(20))), Event::ended);
  EXPECT_EQ(child.exitCode(), 3);
  EXPECT_EQ(child.errorTail(2), "2\n3");
  EXPECT_EQ(child.errorTail(9), "1\n2\n3");
  EXPECT_EQ(child.takeLine(), "");
}

TEST(ChildProcess, TellsASignal) {
  ChildProcess child = startShell("kill -SEGV $$");
  ASSERT_EQ(child.wait(in(seconds(20))), Event::ended);
  EXPECT_EQ(child.exitCode(), -SIGSEGV);
}

// A program that closes its outputs and goes on has not ended.
TEST(ChildProcess, SilenceIsNoEnd) {
  ChildProcess child = startShell("exec >&- 2>&-; sleep 1000");
  EXPECT_EQ(child.wait(in(milliseconds(100))), Event::deadline);
}

TEST(ChildProcess, KillEndsWhatItStarted) {
  ChildProcess child = startShell("sleep 1000 & echo $!; wait");
  ASSERT_EQ(child.wait(in(seconds(20))), Event::line);
  pid_t grandchild = std::stoi(child.takeLine());
  EXPECT_TRUE(runs(grandchild));
  child.kill();
  EXPECT_TRUE(child.hasEnded());
  EXPECT_EQ(child.exitCode(), -SIGKILL);
  for (int i = 0; i < 200 && runs(grandchild); ++i)
    std::this_thread::sleep_for(milliseconds(10));
  EXPECT_FALSE(runs(grandchild));
}

// One that ends leaves nobody who holds its pipes.
TEST(ChildProcess, EndsAlthoughAnotherHoldsItsPipes) {
  ChildProcess child = startShell("sleep 1000 & echo x; exit 4");
  ASSERT_EQ(child.wait(in(seconds(20))), Event::line);
  EXPECT_EQ(child.takeLine(), "x");
  ASSERT_EQ(child.wait(in(seconds(20))), Event::ended);
  EXPECT_EQ(child.exitCode(), 4);
}

TEST(ChildProcess, WaitsForAnyOfSeveral) {
  ChildProcess slow = startShell("sleep 1000");
  ChildProcess fast = startShell("echo much; exit 0");
  ChildProcess *both[] = {&slow, &fast};
  ASSERT_EQ(ChildProcess::waitAny(both, in(seconds(20))), Event::ended);
  EXPECT_TRUE(fast.hasEnded());
  EXPECT_FALSE(slow.hasEnded());
  EXPECT_EQ(fast.output(), "much\n");
  ChildProcess *one[] = {&slow};
  EXPECT_EQ(ChildProcess::waitAny(one, in(milliseconds(20))), Event::deadline);
}

TEST(ChildProcess, NamesWhatIsNotThere) {
  auto child = ChildProcess::start({.argv = {"/nowhere/program"}});
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().code(), ErrorCode::notFound);
  EXPECT_NE(child.error().message().find("/nowhere/program"),
            std::string::npos);
}

TEST(ChildProcess, LimitsMemory) {
  auto child = ChildProcess::start(
      {.argv = {"sh", "-c", "ulimit -v"}, .memoryBytes = int64_t(1) << 30});
  ASSERT_TRUE(child);
  ASSERT_EQ(child->wait(in(seconds(20))), Event::line);
  EXPECT_EQ(child->takeLine(), std::to_string(1 << 20));
}

} // namespace
} // namespace headgate::test
