// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/Subprocess.h"

#include <gtest/gtest.h>

#include <csignal>

namespace headgate::test {
namespace {

using runtime::runProcess;

TEST(Subprocess, GivesExitCodeAndTexts) {
  auto done = runProcess({"sh", "-c", "echo out; echo err >&2; exit 7"});
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(done->exitCode, 7);
  EXPECT_EQ(done->outputText, "out\n");
  EXPECT_EQ(done->errorText, "err\n");
}

TEST(Subprocess, HasNoInput) {
  auto done = runProcess({"sh", "-c", "read line || echo none >&2"});
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(done->errorText, "none\n");
}

// More than a pipe holds, on both.
TEST(Subprocess, TakesLongTexts) {
  auto done = runProcess({"sh", "-c",
                          "i=0; while [ $i -lt 3000 ]; do "
                          "echo 0123456789012345678901234567890123456789 >&2; "
                          "echo 012345678901234567890123456789; "
                          "i=$((i+1)); done"});
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(done->errorText.size(), 3000u * 41);
  EXPECT_EQ(done->outputText.size(), 3000u * 31);
}

TEST(Subprocess, TellsASignal) {
  auto done = runProcess({"sh", "-c", "kill -9 $$"});
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(done->exitCode, -SIGKILL);
}

TEST(Subprocess, NamesAProgramThatIsNotThere) {
  auto done = runProcess({"headgate-no-such-program"});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), ErrorCode::notFound);
  EXPECT_NE(done.error().message().find("'headgate-no-such-program'"),
            std::string::npos);
}

// A program that ignores SIGCHLD never learns how its children ended; that
// must not pass for success.
TEST(Subprocess, AnUnknownEndIsAnError) {
  auto before = signal(SIGCHLD, SIG_IGN);
  auto done = runProcess({"sh", "-c", "exit 7"});
  signal(SIGCHLD, before);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message().find("cannot tell how 'sh' ended"),
            std::string::npos)
      << done.error().message();
}

} // namespace
} // namespace headgate::test
