// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Programs have no barrier and no wait that they can do without: where one is
// left out, the simulator finds a race or memory that nobody has written. It
// does not see races within a warp, so warps read rows that others wrote.

#include "test/passes/gpu/GpuProgram.h"
#include "test/passes/tile/AttentionKernel.h"

using namespace headgate;
using namespace headgate::test;

namespace {

void expectNeeded(GpuProgram &program, const std::vector<test::Buffer> &buffers,
                  size_t waits) {
  EXPECT_EQ(program.count("cp.async.wait_group"), waits);
  program.run(buffers);
  for (const char *instruction : {"bar.sync", "cp.async.wait_group"})
    for (size_t i = 0; i < program.count(instruction); ++i)
      EXPECT_NE(program.findingsWithout(instruction, i, buffers), 0u)
          << instruction << " " << i;
}

struct Case {
  int64_t width, valueWidth, stages;
  size_t waits;
};

// Outputs wider than queries lie where keys did, into which copies beyond the
// last turn may still write.
TEST(Barriers, ofAttentionAreNeeded) {
  for (const Case &c : {Case{16, 128, 2, 2},
                        {16, 128, 3, 2},
                        {16, 128, 1, 3},
                        {64, 64, 1, 3}}) {
    SCOPED_TRACE(text(c.width) + "," + text(c.valueWidth) + " in " +
                 text(c.stages) + " stages");
    GpuProgram program(attendKernel("bf16", c.width, c.valueWidth,
                                    "rows = 32, keys = 32, warps = 2, "
                                    "stages = " +
                                        text(c.stages)));
    int64_t S = 20, T = 170;
    Numbers q("bf16", {1, S, 2, 3, c.width}), e("i32", {1, S, 2, 1}),
        k("bf16", {1, T, 2, c.width}), v("bf16", {1, T, 2, c.valueWidth}),
        n("i32", {1}), o("bf16", {1, S, 2, 1, c.valueWidth}),
        l("f32", {1, S, 2, 1});
    n.set(0, T);
    expectNeeded(program,
                 {q.buffer(), e.buffer(), k.buffer(), v.buffer(), n.buffer(),
                  o.buffer(), l.buffer()},
                 c.waits);
  }
}

} // namespace
