// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each finding by the smallest kernel that earns it, and its like that must
// stay silent.

#include "test/runtime/sim/SimTest.h"

namespace headgate::test {
namespace {

/// A kernel of these statements; `in` points to 64 words, %r1 is tid.x.
std::string kernel(const std::string &body) {
  return module80(".extern .shared .align 16 .b8 dynamic[];\n"
                  ".visible .entry k(.param .u64 in)\n{\n"
                  ".reg .pred %p<8>;\n.reg .b32 %r<32>;\n.reg .b64 %rd<16>;\n"
                  ".shared .align 16 .b8 buffer[1024];\n"
                  "ld.param.u64 %rd1, [in];\nmov.u32 %r1, %tid.x;\n"
                  "mul.wide.u32 %rd2, %r1, 4;\nadd.s64 %rd3, %rd1, %rd2;\n"
                  "shl.b32 %r2, %r1, 2;\nmov.u32 %r3, buffer;\n"
                  "add.u32 %r4, %r3, %r2;\n" +
                  body + "\nret;\n}\n");
}

LaunchRecord runKernel(const std::string &body, uint32_t threads = 64,
                       const std::string &options = "sm_80") {
  Sim sim(kernel(body), options);
  Buffer in = sim.upload(std::vector<uint32_t>(64, 7));
  return sim.run("k", {1, 1, 1}, {threads, 1, 1}, 0, in);
}

void expectOnly(const LaunchRecord &record, FindingKind kind) {
  ASSERT_FALSE(record.findings.empty());
  for (const Finding &finding : record.findings)
    EXPECT_EQ(finding.kind, kind) << describe(record);
}
void expectClean(const LaunchRecord &record) {
  EXPECT_TRUE(record.findings.empty()) << describe(record);
}

TEST(Findings, GlobalBounds) {
  expectClean(runKernel("ld.global.u32 %r5, [%rd3];"));
  LaunchRecord record = runKernel("ld.global.u32 %r5, [%rd3+4];");
  expectOnly(record, FindingKind::outOfBounds);
  EXPECT_EQ(record.findings[0].warp, 1u);
  EXPECT_EQ(record.findings[0].lane, 31);
  EXPECT_EQ(record.findings[0].site.origin.line, 18u);
  expectOnly(runKernel("st.global.u32 [%rd3+-4], %r1;"),
             FindingKind::outOfBounds);
}

TEST(Findings, Alignment) {
  expectOnly(runKernel("add.s64 %rd4, %rd1, 2;\nld.global.u32 %r5, [%rd4];"),
             FindingKind::misaligned);
  expectOnly(runKernel("ld.global.v4.u32 {%r5, %r6, %r7, %r8}, [%rd1+8];"),
             FindingKind::misaligned);
}

TEST(Findings, UseAfterFree) {
  Sim sim(kernel("ld.global.u32 %r5, [%rd3];"));
  uint64_t address = 0;
  {
    Buffer in = sim.upload(std::vector<uint32_t>(64, 7));
    address = reinterpret_cast<uint64_t>(in.data());
  }
  expectOnly(sim.run("k", {1, 1, 1}, {32, 1, 1}, 0, address),
             FindingKind::useAfterFree);
}

TEST(Findings, SharedBounds) {
  expectOnly(runKernel("st.shared.u32 [buffer+1024], %r1;"),
             FindingKind::outOfBounds);
  // Below the first address that a kernel gets.
  expectOnly(runKernel("mov.u32 %r5, 16;\nst.shared.u32 [%r5], %r1;"),
             FindingKind::outOfBounds);
}

TEST(Findings, UninitialisedMemory) {
  expectOnly(runKernel("ld.shared.u32 %r5, [%r4];"),
             FindingKind::uninitialisedShared);
  expectClean(
      runKernel("st.shared.u32 [%r4], %r1;\nld.shared.u32 %r5, [%r4];"));
  Sim sim(kernel("ld.global.u32 %r5, [%rd3];"));
  Buffer fresh = sim.allocate<uint32_t>(64);
  expectOnly(sim.run("k", {1, 1, 1}, {32, 1, 1}, 0, fresh),
             FindingKind::uninitialisedGlobal);
}

TEST(Findings, UninitialisedRegister) {
  expectOnly(runKernel("add.u32 %r6, %r5, 1;"),
             FindingKind::uninitialisedRegister);
  // Written by the lanes that read it, and only moved by the others.
  expectClean(runKernel("setp.lt.u32 %p1, %r1, 5;\n@%p1 mov.u32 %r5, 1;\n"
                        "mov.u32 %r6, %r5;\n@%p1 add.u32 %r7, %r6, 1;"));
  LaunchRecord record =
      runKernel("setp.lt.u32 %p1, %r1, 5;\n@%p1 mov.u32 %r5, 1;\n"
                "mov.u32 %r6, %r5;\nadd.u32 %r7, %r6, 1;");
  expectOnly(record, FindingKind::uninitialisedRegister);
  EXPECT_EQ(record.findings[0].lane, 5);
}

// Compilers leave halves of pairs open that nobody looks at.
TEST(Findings, HalfAPairMayBeOpen) {
  std::string head = ".reg .b16 %h<4>;\n";
  expectClean(runKernel(head + "mov.b16 %h1, 5;\nmov.b32 %r5, {%h2, %h1};\n"
                               "and.b32 %r6, %r5, 0xffff0000;"));
  expectClean(
      runKernel("prmt.b32 %r6, %r1, %r5, 0x3010;\nadd.u32 %r6, %r6, 1;"));
  expectOnly(runKernel(head + "mov.b32 %r5, {%h2, %h3};\n"
                              "and.b32 %r6, %r5, 0xffff0000;"),
             FindingKind::uninitialisedRegister);
}

TEST(Findings, RaceBetweenWarps) {
  // Each thread writes its word and reads that of the other warp.
  std::string access = "st.shared.u32 [%r4], %r1;\n%s\n"
                       "xor.b32 %r5, %r2, 128;\nadd.u32 %r5, %r3, %r5;\n"
                       "ld.shared.u32 %r6, [%r5];";
  auto with = [&](const std::string &between) {
    std::string text = access;
    return text.replace(text.find("%s"), 2, between);
  };
  LaunchRecord record = runKernel(with("bar.warp.sync -1;"));
  EXPECT_TRUE(finds(record, FindingKind::race) ||
              finds(record, FindingKind::uninitialisedShared))
      << describe(record);
  expectClean(runKernel(with("bar.sync 0;")));
  expectClean(runKernel(with("barrier.sync 3, 64;")));
  // A read that a write of another warp follows.
  record = runKernel(with("bar.sync 0;") + "\nst.shared.u32 [%r4], 0;");
  EXPECT_TRUE(finds(record, FindingKind::race)) << describe(record);
  ASSERT_TRUE(record.findings[0].hasOther);
  expectClean(runKernel(with("bar.sync 0;") +
                        "\nbar.sync 0;\nst.shared.u32 [%r4], 0;"));
}

// Neighbouring bytes of one granule belong to different warps: no race.
TEST(Findings, BytesAreExact) {
  expectClean(runKernel("shr.u32 %r5, %r1, 5;\nadd.u32 %r6, %r3, %r5;\n"
                        "st.shared.u8 [%r6], %r1;\nld.shared.u8 %r7, [%r6];"));
}

TEST(Findings, AtomicsDoNotRace) {
  expectClean(runKernel("st.shared.u32 [buffer], 0;", 1));
  expectClean(runKernel("setp.eq.u32 %p1, %r1, 0;\n"
                        "@%p1 st.shared.u32 [buffer], 0;\nbar.sync 0;\n"
                        "atom.shared.add.u32 %r5, [buffer], 1;"));
  LaunchRecord record =
      runKernel("setp.eq.u32 %p1, %r1, 0;\n@%p1 st.shared.u32 [buffer], 0;\n"
                "bar.sync 0;\natom.shared.add.u32 %r5, [buffer], 1;\n"
                "ld.shared.u32 %r6, [buffer];");
  EXPECT_TRUE(finds(record, FindingKind::race)) << describe(record);
}

// A flag with release and acquire orders what lies before and behind it.
TEST(Findings, ReleaseAndAcquireOrder) {
  auto message = [](const std::string &store, const std::string &load) {
    return "setp.lt.u32 %p1, %r1, 32;\nsetp.eq.u32 %p2, %r1, 0;\n"
           "@%p2 st.shared.u32 [buffer], 0;\nbar.sync 0;\n@!%p1 bra READER;\n"
           "@%p2 st.shared.u32 [buffer+64], 5;\n@%p2 " +
           store + " [buffer], 1;\nbra DONE;\nREADER:\n" + load +
           " %r5, [buffer];\nsetp.eq.u32 %p3, %r5, 0;\n@%p3 bra READER;\n"
           "ld.shared.u32 %r6, [buffer+64];\nDONE:";
  };
  expectClean(runKernel(
      message("st.release.cta.shared.u32", "ld.acquire.cta.shared.u32")));
  LaunchRecord record = runKernel(
      message("st.relaxed.cta.shared.u32", "ld.relaxed.cta.shared.u32"));
  EXPECT_TRUE(finds(record, FindingKind::race)) << describe(record);
}

TEST(Findings, CopiesInFlight) {
  std::string copy = "shl.b32 %r5, %r1, 4;\nadd.u32 %r6, %r3, %r5;\n"
                     "cp.async.ca.shared.global [%r6], [%rd1], 16;\n"
                     "cp.async.commit_group;\n";
  expectClean(
      runKernel(copy + "cp.async.wait_group 0;\nld.shared.u32 %r7, [%r6];"));
  expectClean(runKernel(copy + "cp.async.wait_all;\nbar.sync 0;\n"
                               "ld.shared.u32 %r7, [%r4];"));
  for (const char *wait : {"", "cp.async.wait_group 1;\n"})
    expectOnly(runKernel(copy + wait + "ld.shared.u32 %r7, [%r6];"),
               FindingKind::asyncRace);
  // Waited for, but by the other warp only.
  LaunchRecord record =
      runKernel(copy + "cp.async.wait_group 0;\nxor.b32 %r8, %r5, 512;\n"
                       "add.u32 %r8, %r8, %r3;\nld.shared.u32 %r7, [%r8];");
  EXPECT_FALSE(record.findings.empty());
}

TEST(Findings, CopiesOfNothingTouchNothing) {
  expectClean(runKernel("mov.u64 %rd4, 0;\nmov.u32 %r5, 0;\n"
                        "shl.b32 %r6, %r1, 4;\nadd.u32 %r6, %r6, %r3;\n"
                        "cp.async.cg.shared.global [%r6], [%rd4], 16, %r5;\n"
                        "cp.async.wait_all;\nld.shared.u32 %r7, [%r6];"));
}

TEST(Findings, BarrierMisuse) {
  expectOnly(runKernel("bar.sync 1, 48;"), FindingKind::barrierMisuse);
  expectOnly(runKernel("bar.sync 16;"), FindingKind::barrierMisuse);
  expectOnly(runKernel("bar.arrive 2, 96;"), FindingKind::barrierMisuse);
}

TEST(Findings, Divergence) {
  expectOnly(runKernel("setp.lt.u32 %p1, %r1, 7;\n@%p1 bra A;\nbar.sync 0;\n"
                       "bra B;\nA:\nbar.sync 0;\nB:",
                       32),
             FindingKind::divergence);
  // Lanes that have exited are not waited for.
  expectClean(runKernel("setp.lt.u32 %p1, %r1, 7;\n@%p1 exit;\nbar.sync 0;"));
}

TEST(Findings, Deadlock) {
  LaunchRecord record = runKernel(
      "setp.lt.u32 %p1, %r1, 32;\n@%p1 bra A;\nbar.sync 1, 64;\nbra B;\n"
      "A:\nbar.sync 2, 64;\nB:");
  expectOnly(record, FindingKind::deadlock);
  EXPECT_NE(record.findings[0].detail.find("warp 1"), std::string::npos);
  EXPECT_NE(record.findings[0].detail.find("barrier 2 (32 of 64"),
            std::string::npos)
      << record.findings[0].detail;
}

TEST(Findings, EndlessLoop) {
  expectOnly(runKernel("A:\nbra A;", 64, "sm_80,steps=100000"),
             FindingKind::tooLong);
}

TEST(Findings, LaneExchange) {
  expectOnly(runKernel("mov.u32 %r5, 0xffff;\n"
                       "shfl.sync.bfly.b32 %r6, %r1, 1, 31, %r5;"),
             FindingKind::laneExchange);
  // Half of the lanes alone, reading each other.
  expectClean(runKernel("setp.lt.u32 %p1, %r1, 16;\n"
                        "@%p1 shfl.sync.bfly.b32 %r6, %r1, 1, 31, 0xffff;",
                        32));
  expectOnly(runKernel("setp.lt.u32 %p1, %r1, 16;\n"
                       "@%p1 shfl.sync.bfly.b32 %r6, %r1, 16, 31, 0xffff;",
                       32),
             FindingKind::laneExchange);
}

// Lanes that come on different ways meet at the instruction.
TEST(Findings, LanesWaitForEachOther) {
  expectClean(
      runKernel("setp.lt.u32 %p1, %r1, 5;\nmov.u32 %r5, 1;\n@%p1 bra A;\n"
                "bar.warp.sync -1;\nbra B;\nA:\nmov.u32 %r5, 2;\n"
                "bar.warp.sync -1;\nB:\n"
                "shfl.sync.idx.b32 %r6, %r5, 0, 31, -1;"));
}

TEST(Findings, Trap) { expectOnly(runKernel("trap;"), FindingKind::trap); }

TEST(Findings, AreJson) {
  LaunchRecord record = runKernel("trap;");
  std::string json = runtime::sim::formatJson(record.findings, record.counters,
                                              record.files, record.replay);
  EXPECT_NE(json.find("\"kind\": \"trap\""), std::string::npos) << json;
  EXPECT_NE(json.find("\"line\": 18"), std::string::npos) << json;
}

// Through the runtime's own interface a finding is an error.
TEST(Findings, FailTheLaunch) {
  Sim sim(kernel("trap;"));
  uint64_t zero = 0;
  void *arguments[] = {&zero};
  Launch launch;
  auto function = sim.image->function("k");
  launch.function = *function;
  launch.block = 32;
  launch.arguments = arguments;
  Status done = sim.device->launch(launch, {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), ErrorCode::checkFailed);
  EXPECT_NE(done.error().message().find("line 18"), std::string::npos);
}

} // namespace
} // namespace headgate::test
