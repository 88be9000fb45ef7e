// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where ptxas is looked for, and what is read of its words, with programs that
// this test writes: no machine needs the real one.

#include "tools/Ptxas.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace headgate::test {
namespace {

namespace fs = std::filesystem;

class PtxasTest : public testing::Test {
protected:
  PtxasTest() : folder(fs::path(testing::TempDir()) / name()) {
    fs::create_directories(folder / "cuda/bin");
    fs::create_directories(folder / "path");
    setenv("PATH", ("/nowhere::" + (folder / "path").string()).c_str(), 1);
    unsetenv("CUDA_HOME");
    unsetenv("TRITON_PTXAS_PATH");
  }
  ~PtxasTest() override {
    setenv("PATH", oldPath.c_str(), 1);
    fs::remove_all(folder);
  }

  /// A ptxas that runs this shell text.
  std::string write(const fs::path &place, const std::string &text = "exit 0") {
    fs::path file = folder / place;
    std::ofstream(file) << "#!/bin/sh\n" << text << "\n";
    fs::permissions(file, fs::perms::owner_all);
    return file.string();
  }
  static std::string found(const std::string &given = "") {
    auto ptxas = Ptxas::find(given);
    return ptxas ? ptxas->path() : ptxas.error().message();
  }

private:
  static std::string name() {
    return "ptxas-" + std::to_string(getpid()) + "-" +
           testing::UnitTest::GetInstance()->current_test_info()->name();
  }
  std::string oldPath = getenv("PATH");

protected:
  fs::path folder;
};

TEST_F(PtxasTest, IsLookedForInOrder) {
  auto none = Ptxas::find("");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), ErrorCode::unavailable);

  std::string onPath = write("path/ptxas");
  EXPECT_EQ(found(), onPath);
  std::string ofToolkit = write("cuda/bin/ptxas");
  setenv("CUDA_HOME", (folder / "cuda").c_str(), 1);
  EXPECT_EQ(found(), ofToolkit);
  std::string ofTriton = write("tritons");
  setenv("TRITON_PTXAS_PATH", ofTriton.c_str(), 1);
  EXPECT_EQ(found(), ofTriton);
  std::string given = write("given");
  EXPECT_EQ(found(given), given);
}

// Who names a program means that one and no other.
TEST_F(PtxasTest, WhatIsNamedMustBeThere) {
  write("path/ptxas");
  EXPECT_EQ(found("/nowhere/ptxas"),
            "--ptxas names '/nowhere/ptxas', which cannot be run");
  setenv("TRITON_PTXAS_PATH", "/nowhere/tritons", 1);
  EXPECT_EQ(found(),
            "TRITON_PTXAS_PATH names '/nowhere/tritons', which cannot be run");
}

TEST_F(PtxasTest, AToolkitMayHaveNone) {
  std::string onPath = write("path/ptxas");
  setenv("CUDA_HOME", (folder / "cuda").c_str(), 1);
  EXPECT_EQ(found(), onPath);
}

constexpr const char *words =
    "ptxas info    : 0 bytes gmem\n"
    "ptxas info    : Compiling entry function 'hg_a' for 'sm_80'\n"
    "ptxas info    : Function properties for hg_a\n"
    "    40 bytes stack frame, 36 bytes spill stores, 52 bytes spill loads\n"
    "ptxas info    : Used 255 registers, used 1 barriers, 368 bytes cmem[0]\n";

TEST_F(PtxasTest, SaysRegistersAndSpills) {
  std::string program =
      write("ptxas", "printf '%s %s' $2 $3 > $5; PATH=/bin cat >&2 <<END\n" +
                         std::string(words) + "END");
  auto ptxas = Ptxas::find(program);
  ASSERT_TRUE(ptxas) << ptxas.error().message();
  std::string cubin = (folder / "a.cubin").string();
  auto report = ptxas->assemble("a.ptx", "sm_80", cubin);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->registers, 255);
  EXPECT_EQ(report->spillBytes, 36);
  std::ifstream file(cubin);
  std::string called{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(called, "-arch=sm_80 a.ptx");
}

TEST_F(PtxasTest, AFailureIsInItsWords) {
  auto ptxas = Ptxas::find(write("ptxas", "echo 'line 7: no' >&2; exit 255"));
  ASSERT_TRUE(ptxas) << ptxas.error().message();
  auto report = ptxas->assemble("a.ptx", "sm_80", "a.cubin");
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().message().find("exit code 255:\nline 7: no"),
            std::string::npos)
      << report.error().message();
}

TEST_F(PtxasTest, TwoKernelsAreNotOne) {
  EXPECT_FALSE(readPtxasReport(std::string(words) + words));
  EXPECT_FALSE(readPtxasReport(""));
}

TEST_F(PtxasTest, SaysItsVersion) {
  auto ptxas = Ptxas::find(
      write("ptxas", "echo 'Cuda compilation tools, release 13.0, V13.0.88'"));
  ASSERT_TRUE(ptxas) << ptxas.error().message();
  auto version = ptxas->version();
  ASSERT_TRUE(version) << version.error().message();
  EXPECT_EQ(*version, "13.0.88");
}

} // namespace
} // namespace headgate::test
