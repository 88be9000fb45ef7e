// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Correct kernels with one part of their synchronisation cut, moved or
// weakened: each mutant must be found, in the default schedule and in random
// ones. KernelsTest shows that the kernels themselves are clean.

#include "test/runtime/sim/Kernels.h"

namespace headgate::test {
namespace {

struct Mutation {
  const char *name, *kernel;
  const char *from, *to; ///< a text of the PTX and what it becomes
  int n = 0;             ///< which occurrence of `from`
  /// Warps that run one after the other, as they do by default, never show it.
  bool needsMixing = false;
};

const Mutation mutations[] = {
    // Blocks that fill shared memory and read it.
    {"fa2FirstBarrier", "fa2", "bar.sync", "// ", 0},
    {"fa2LoopBarrier", "fa2", "bar.sync", "// ", 1},
    {"fa2FirstWait", "fa2", "cp.async.wait_group 0;", "", 0},
    {"fa2LoopWait", "fa2", "cp.async.wait_group 0;", "", 1},
    {"fa2WeakerFirstWait", "fa2", "wait_group 0;", "wait_group 1;", 0},
    {"fa2WeakerLoopWait", "fa2", "wait_group 0;", "wait_group 1;", 1},
    {"fa2FirstCommit", "fa2", "cp.async.commit_group;", "", 0},
    {"fa2LoopCommit", "fa2", "cp.async.commit_group;", "", 1},
    {"tritonFirstBarrier", "tritonAttention", "bar.sync", "// ", 0},
    {"tritonFirstWait", "tritonAttention", "cp.async.wait_group", "// ", 0},
    {"tritonWeakerFirstWait", "tritonAttention", "wait_group \t0",
     "wait_group \t2", 0},
    {"tritonLoopWait", "tritonAttention", "cp.async.wait_group", "// ", 1},
    {"tritonReuse", "tritonAttention", "bar.sync", "// ", 1},
    {"tritonEpilogue", "tritonAttention", "bar.sync", "// ", 3},
    {"tritonMatmulFill", "tritonMatmul", "bar.sync", "// ", 0},
    {"tritonMatmulReuse", "tritonMatmul", "bar.sync", "// ", 1},
    {"reduceBarrier", "reduce", "bar.sync", "// ", 0},
    {"transposeBarrier", "transpose", "bar.sync", "// ", 1},
    {"sgemmFill", "sgemm", "bar.sync", "// ", 2},
    {"sgemmReuse", "sgemm", "bar.sync", "// ", 3},
    {"histogramClear", "histogram", "bar.sync", "// ", 4},
    {"histogramCount", "histogram", "bar.sync", "// ", 5},
    {"softmaxFill", "softmax", "bar.sync", "// ", 0},
    {"softmaxReuse", "softmax", "bar.sync", "// ", 1},
    {"softmaxSecondFill", "softmax", "bar.sync", "// ", 2},
    // A ring of stages with named barriers.
    {"pipelineFull", "pipeline", "bar.sync %r8, 128;               // full",
     "// full", 0},
    {"pipelineEmpty", "pipeline", "bar.sync %r8, 128;               // empty",
     "// empty", 0},
    {"pipelineNoFullArrival", "pipeline", "bar.arrive %r10, 128;            //",
     "//", 0},
    {"pipelineNoEmptyArrival", "pipeline", "bar.arrive %r14, 128;", "", 0},
    {"pipelineWrongCount", "pipeline", "bar.arrive %r14, 128;",
     "bar.arrive %r14, 96;", 0},
    {"pipelineEarlyArrival", "pipeline",
     "bar.sync %r8, 128;               // full[s]",
     "bar.sync %r8, 128; add.u32 %r14, %r7, 5; bar.arrive %r14, 128; "
     "//",
     0},
    {"pipelineWeakerWait", "pipeline", "wait_group 1;", "wait_group 2;", 0},
    {"pipelineNoWait", "pipeline", "cp.async.wait_group 1;", "", 0},
    {"pipelineNoLastWait", "pipeline", "cp.async.wait_group 0;", "", 0},
    {"pipelineNoCommit", "pipeline", "cp.async.commit_group;", "", 0},
    {"pipelineStageSwapped", "pipeline",
     "and.b32 %r7, %r5, 3;             // the stage",
     "and.b32 %r7, %r5, 3; xor.b32 %r7, %r7, 1;", 0},
    {"pipelineStageTooFew", "pipeline", "shl.b32 %r9, %r7, 10;",
     "and.b32 %r9, %r7, 1; shl.b32 %r9, %r9, 10;", 0},
    {"pipelineEmptyTooLate", "pipeline", "setp.lt.u32 %p3, %r5, 4;",
     "setp.lt.u32 %p3, %r5, 5;", 0},
    // Flags.
    {"handshakeStart", "handshake", "bar.sync 0;", "", 0, true},
    {"handshakeNoAcquire", "handshake", "fence.acq_rel.cta;", "", 0},
    {"handshakeNoRelease", "handshake", "fence.acq_rel.cta;", "", 1},
    {"handshakeFlagFirst", "handshake",
     "fence.acq_rel.cta;               // release\n  bar.warp.sync -1;\n"
     "  @%p1 st.relaxed.cta.shared.u32 [%r8], 1;",
     "@%p1 st.relaxed.cta.shared.u32 [%r8], 1; fence.acq_rel.cta;", 0},
    {"handshakeDoesNotWait", "handshake", "@%p3 bra WAIT;", "", 0},
    {"handshakePlainFlag", "handshake", "ld.relaxed.cta.shared.u32 %r11",
     "ld.shared.u32 %r11", 0},
};

std::string mutate(std::string text, const Mutation &mutation) {
  size_t at = text.find(mutation.from);
  for (int n = mutation.n; n > 0 && at != text.npos; --n)
    at = text.find(mutation.from, at + 1);
  EXPECT_NE(at, text.npos) << mutation.from;
  return at == text.npos
             ? text
             : text.replace(at, std::strlen(mutation.from), mutation.to);
}

class Mutants : public testing::TestWithParam<Mutation> {};

TEST_P(Mutants, IsFound) {
  const WholeKernel &kernel = kernelNamed(GetParam().kernel);
  std::string ptx = mutate(readPtx(kernel.file), GetParam());
  for (std::string options :
       {"sm_80,steps=10000000",
        "sm_80,sched=random,async=random,seed=3,steps=10000000",
        "sm_80,sched=random,async=random,seed=4,steps=10000000"}) {
    if (GetParam().needsMixing && options.find("random") == options.npos)
      continue;
    Trial trial = kernel.run(ptx, options);
    bool found = false;
    for (FindingKind kind : {FindingKind::race, FindingKind::asyncRace,
                             FindingKind::uninitialisedShared,
                             FindingKind::barrierMisuse, FindingKind::deadlock})
      found |= finds(trial.record, kind);
    EXPECT_TRUE(found) << options << "\n" << describe(trial.record);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Mutants, testing::ValuesIn(mutations),
                         [](const auto &info) {
                           return std::string(info.param.name);
                         });

} // namespace
} // namespace headgate::test
