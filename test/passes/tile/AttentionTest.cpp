// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention of the chosen experts' queries through tiles to code: both ways to
// read keys and values, head widths that fill nothing, ends of sequences.

#include "test/passes/tile/AttentionKernel.h"

using namespace headgate;
using namespace headgate::test;

namespace {

class Attention : public testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Levels, Attention, testing::ValuesIn(levels()),
                         [](const auto &info) {
                           std::string name = info.param;
                           for (char &c : name)
                             c = isalnum(c) ? c : '_';
                           return name;
                         });

// Every width, from one row to many, with sequences that end anywhere.
TEST_P(Attention, ofEveryTypeAndWidth) {
  struct Case {
    const char *type;
    int64_t width, valueWidth, rows, keys;
  } cases[] = {{"f32", 64, 64, 12, 64},   {"f32", 24, 40, 5, 32},
               {"f32", 76, 100, 13, 128}, {"bf16", 64, 64, 12, 64},
               {"bf16", 72, 24, 7, 96},   {"bf16", 128, 128, 14, 64},
               {"f16", 16, 72, 6, 64},    {"f16", 100, 64, 2, 32}};
  for (const Case &c : cases)
    for (bool isPacked : {false, true}) {
      TileProgram compiled(attendKernel(c.type, c.width, c.valueWidth,
                                        "rows = " + text(c.rows) +
                                            ", keys = " + text(c.keys) +
                                            ", stages = " + text(isPacked)),
                           GetParam());
      for (Sizes sizes : {Sizes{1, 1}, {40, 40}, {5, 201}, {67, 67}, {9, 3}}) {
        std::string what = std::string(c.type) + " " + text(c.width) + "," +
                           text(c.valueWidth) + (isPacked ? " packed " : " ") +
                           text(sizes.queries) + "x" + text(sizes.keys);
        expectAttention(compiled, c.type, c.width, c.valueWidth, sizes, what);
        if (HasFatalFailure())
          return;
      }
    }
}

} // namespace
