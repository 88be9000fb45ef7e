// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention of the chosen experts' queries through tiles to PTX: widths of
// heads, shapes of blocks, stages, ends of sequences.

#include "test/passes/gpu/GpuProgram.h"
#include "test/passes/tile/AttentionKernel.h"

using namespace headgate;
using namespace headgate::test;

namespace {

struct Case {
  const char *type;
  int64_t width, valueWidth, rows, keys, warps, stages;
};

std::string describe(const Case &c) {
  return std::string(c.type) + " " + text(c.width) + "," + text(c.valueWidth) +
         " " + text(c.rows) + "x" + text(c.keys) + " on " + text(c.warps) +
         " warps, " + text(c.stages) + " stages";
}

void expectGood(const Case &c, const std::vector<Sizes> &all) {
  GpuProgram compiled(attendKernel(
      c.type, c.width, c.valueWidth,
      "rows = " + text(c.rows) + ", keys = " + text(c.keys) +
          ", warps = " + text(c.warps) + ", stages = " + text(c.stages)));
  for (Sizes sizes : all) {
    std::string what =
        describe(c) + ", " + text(sizes.queries) + "x" + text(sizes.keys);
    expectAttention(compiled, c.type, c.width, c.valueWidth, sizes, what);
    // No bank is asked twice.
    EXPECT_EQ(compiled.counters.sharedWavefronts, compiled.counters.sharedIdeal)
        << what;
  }
}

TEST(Attend, ofEveryLength) {
  expectGood({"bf16", 64, 64, 128, 64, 4, 2},
             {{1, 1}, {40, 40}, {5, 201}, {67, 67}, {9, 3}, {130, 300}});
}

TEST(Attend, ofEveryTypeAndWidth) {
  for (const Case &c : {Case{"f16", 64, 64, 64, 64, 4, 2},
                        {"bf16", 72, 24, 64, 32, 4, 1},
                        {"bf16", 128, 128, 64, 64, 4, 2},
                        {"f16", 16, 72, 32, 48, 2, 3},
                        {"f16", 100, 76, 64, 64, 4, 2},
                        {"bf16", 40, 80, 64, 80, 2, 2},
                        {"bf16", 256, 256, 64, 32, 4, 1},
                        {"bf16", 64, 64, 16, 64, 1, 2}})
    expectGood(c, {{67, 67}, {9, 130}});
}

} // namespace
