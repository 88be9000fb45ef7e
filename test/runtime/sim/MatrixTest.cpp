// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the elements of matrices lie that ldmatrix, stmatrix and movmatrix
// move: every lane and every element, from the sentences of the PTX ISA
// ("Warp-level matrix instructions"), not from the formulas that the simulator
// uses.

#include "test/runtime/sim/SimTest.h"

namespace headgate::test {
namespace {

/// Shared memory: 32 rows of 8 words of 16 bits, each telling where it is. Row
/// r of the matrices lies at 16 * slot(r).
uint32_t slotOf(uint32_t row) { return (5 * row + 3) % 32; }
uint16_t valueAt(uint32_t matrix, uint32_t row, uint32_t column) {
  return static_cast<uint16_t>(matrix << 8 | row << 4 | column | 0x8000);
}

/// Lanes load their row's address from `slots`; 128 words of shared memory are
/// filled from `in`, and written to `out` at the end, with four registers of
/// each lane before.
std::string matrixModule(const std::string &instruction,
                         const std::string &target) {
  return ".version 8.0\n.target " + target +
         "\n.address_size 64\n"
         ".visible .entry k(.param .u64 in, .param .u64 slots,"
         ".param .u64 out)\n{\n.reg .b32 %r<32>;\n.reg .b64 %rd<16>;\n"
         ".shared .align 16 .b8 rows[512];\n"
         "ld.param.u64 %rd1, [in];\nld.param.u64 %rd2, [slots];\n"
         "ld.param.u64 %rd3, [out];\nmov.u32 %r1, %tid.x;\n"
         "mul.wide.u32 %rd4, %r1, 16;\nmul.wide.u32 %rd5, %r1, 4;\n"
         "add.u64 %rd1, %rd1, %rd4;\nadd.u64 %rd2, %rd2, %rd5;\n"
         "mul.wide.u32 %rd6, %r1, 32;\nadd.u64 %rd3, %rd3, %rd6;\n"
         "mov.u32 %r2, rows;\nshl.b32 %r3, %r1, 4;\nadd.u32 %r3, %r3, %r2;\n"
         "ld.global.v4.u32 {%r4, %r5, %r6, %r7}, [%rd1];\n"
         "st.shared.v4.u32 [%r3], {%r4, %r5, %r6, %r7};\nbar.sync 0;\n"
         "ld.global.u32 %r8, [%rd2];\nadd.u32 %r8, %r8, %r2;\n"
         "mov.u32 %r10, 0;\nmov.u32 %r11, 0;\nmov.u32 %r12, 0;\n"
         "mov.u32 %r13, 0;\n" +
         instruction +
         "\nbar.sync 0;\nld.shared.v4.u32 {%r4, %r5, %r6, %r7}, [%r3];\n"
         "st.global.v4.u32 [%rd3], {%r10, %r11, %r12, %r13};\n"
         "st.global.v4.u32 [%rd3+16], {%r4, %r5, %r6, %r7};\nret;\n}\n";
}

/// Runs it; words 0 to 3 of a lane are its registers, 4 to 7 its 16 bytes of
/// shared memory at the end.
std::vector<std::array<uint32_t, 8>>
runMatrix(const std::string &instruction, const std::vector<uint16_t> &shared,
          const std::string &options) {
  Sim sim(matrixModule(instruction, options.substr(0, 5)), options);
  std::vector<uint32_t> slots(32);
  for (uint32_t row = 0; row < 32; ++row)
    slots[row] = 16 * slotOf(row);
  Buffer in = sim.upload(shared), at = sim.upload(slots),
         out = sim.allocate<std::array<uint32_t, 8>>(32);
  LaunchRecord record = sim.run("k", {1, 1, 1}, {32, 1, 1}, 0, in, at, out);
  EXPECT_TRUE(record.findings.empty()) << describe(record);
  return sim.download<std::array<uint32_t, 8>>(out);
}

std::string registers(int first, int count) {
  std::string text = "{";
  for (int i = 0; i < count; ++i)
    text += (i ? ", %r" : "%r") + std::to_string(first + i);
  return text + "}";
}

class Matrices : public testing::TestWithParam<const char *> {};

// "Threads 0-7, 8-15, 16-23 and 24-31 give the addresses of the rows of the
// first to fourth matrix. ... each thread receives a fragment of a row: thread
// 4 * r + c has elements 2c and 2c + 1 of row r. With .trans the matrix is
// loaded in column-major format."
TEST_P(Matrices, LdmatrixEveryElement) {
  std::vector<uint16_t> shared(256);
  for (uint32_t matrix = 0; matrix < 4; ++matrix)
    for (uint32_t row = 0; row < 8; ++row)
      for (uint32_t column = 0; column < 8; ++column)
        shared[8 * slotOf(8 * matrix + row) + column] =
            valueAt(matrix, row, column);
  for (int count : {1, 2, 4})
    for (bool transposed : {false, true}) {
      auto lanes =
          runMatrix("ldmatrix.sync.aligned.m8n8.x" + std::to_string(count) +
                        (transposed ? ".trans" : "") + ".shared.b16 " +
                        registers(10, count) + ", [%r8];",
                    shared, GetParam());
      for (uint32_t lane = 0; lane < 32; ++lane)
        for (uint32_t j = 0; j < 4; ++j) {
          uint32_t row = lane / 4, c = lane % 4;
          uint32_t want = 0;
          if (j < uint32_t(count) && !transposed)
            want = uint32_t(valueAt(j, row, 2 * c)) |
                   uint32_t(valueAt(j, row, 2 * c + 1)) << 16;
          else if (j < uint32_t(count))
            want = uint32_t(valueAt(j, 2 * c, row)) |
                   uint32_t(valueAt(j, 2 * c + 1, row)) << 16;
          ASSERT_EQ(lanes[lane][j], want)
              << "x" << count << " " << transposed << " lane " << lane
              << " register " << j;
        }
    }
}

TEST_P(Matrices, StmatrixEveryElement) {
  std::vector<uint16_t> shared(256, 0x1111);
  for (int count : {1, 2, 4})
    for (bool transposed : {false, true}) {
      // Register j of a lane holds {lane, j}, twice told apart.
      std::string fill;
      for (int j = 0; j < count; ++j)
        fill += "mul.lo.u32 %r14, %r1, 16;\nadd.u32 %r14, %r14, " +
                std::to_string(j * 2) + ";\nadd.u32 %r15, %r14, 1;\n" +
                "shl.b32 %r15, %r15, 16;\nor.b32 %r" + std::to_string(10 + j) +
                ", %r14, %r15;\n";
      auto lanes =
          runMatrix(fill + "stmatrix.sync.aligned.m8n8.x" +
                        std::to_string(count) + (transposed ? ".trans" : "") +
                        ".shared.b16 [%r8], " + registers(10, count) + ";",
                    shared, std::string("sm_90a") + (GetParam() + 5));
      for (uint32_t matrix = 0; matrix < 4; ++matrix)
        for (uint32_t row = 0; row < 8; ++row)
          for (uint32_t column = 0; column < 8; ++column) {
            uint32_t slot = slotOf(8 * matrix + row);
            uint32_t word = lanes[slot][4 + column / 2];
            uint32_t found = word >> (16 * (column % 2)) & 0xffff;
            uint32_t want = 0x1111;
            if (matrix < uint32_t(count)) {
              uint32_t r = transposed ? column : row,
                       c = transposed ? row : column;
              want = (4 * r + c / 2) * 16 + matrix * 2 + c % 2;
            }
            ASSERT_EQ(found, want) << "x" << count << " " << transposed << " "
                                   << matrix << " " << row << " " << column;
          }
    }
}

TEST_P(Matrices, MovmatrixTransposes) {
  auto lanes = runMatrix("mul.lo.u32 %r14, %r1, 2;\nadd.u32 %r15, %r14, 1;\n"
                         "shl.b32 %r15, %r15, 16;\nor.b32 %r14, %r14, %r15;\n"
                         "movmatrix.sync.aligned.m8n8.trans.b16 %r10, %r14;",
                         std::vector<uint16_t>(256, 0), GetParam());
  // Row r, column c of the source is 8r + c.
  for (uint32_t lane = 0; lane < 32; ++lane) {
    uint32_t row = lane / 4, column = 2 * (lane % 4);
    EXPECT_EQ(lanes[lane][0], (8 * column + row) | (8 * (column + 1) + row)
                                                       << 16);
  }
}

// Eight rows 128 bytes apart meet in the same four banks; moved as the 128-byte
// swizzle of the hardware moves them, in none twice. Table: 16-byte chunk c of
// row r lies at place swizzle[r][c] (LLVM, review of PR 65953).
TEST_P(Matrices, SwizzleSparesBankConflicts) {
  constexpr uint32_t swizzle[8][8] = {
      {0, 1, 2, 3, 4, 5, 6, 7}, {1, 0, 3, 2, 5, 4, 7, 6},
      {2, 3, 0, 1, 6, 7, 4, 5}, {3, 2, 1, 0, 7, 6, 5, 4},
      {4, 5, 6, 7, 0, 1, 2, 3}, {5, 4, 7, 6, 1, 0, 3, 2},
      {6, 7, 4, 5, 2, 3, 0, 1}, {7, 6, 5, 4, 3, 2, 1, 0}};
  std::string text = module80(
      ".visible .entry k(.param .u64 slots)\n{\n.reg .b32 %r<16>;\n"
      ".reg .b64 %rd<8>;\n.shared .align 128 .b8 rows[1024];\n"
      "ld.param.u64 %rd1, [slots];\nmov.u32 %r1, %tid.x;\n"
      "mul.wide.u32 %rd2, %r1, 4;\nadd.u64 %rd1, %rd1, %rd2;\n"
      "mov.u32 %r2, rows;\nshl.b32 %r3, %r1, 2;\nadd.u32 %r3, %r3, %r2;\n"
      "mov.u32 %r4, 0;\nFILL:\nst.shared.u32 [%r3], 0;\n"
      "add.u32 %r3, %r3, 128;\nadd.u32 %r4, %r4, 1;\n.reg .pred %p;\n"
      "setp.lt.u32 %p, %r4, 8;\n@%p bra FILL;\nbar.sync 0;\n"
      "ld.global.u32 %r5, [%rd1];\nadd.u32 %r5, %r5, %r2;\n"
      "ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r6}, [%r5];\nret;\n}\n");
  for (uint32_t chunk = 0; chunk < 8; ++chunk)
    for (bool swizzled : {false, true}) {
      std::vector<uint32_t> slots(32, 0);
      for (uint32_t row = 0; row < 8; ++row)
        slots[row] = 128 * row + 16 * (swizzled ? swizzle[row][chunk] : chunk);
      Sim sim(text, GetParam());
      Buffer in = sim.upload(slots);
      LaunchRecord record = sim.run("k", {1, 1, 1}, {32, 1, 1}, 0, in);
      EXPECT_TRUE(record.findings.empty()) << describe(record);
      uint64_t extra =
          record.counters.sharedWavefronts - record.counters.sharedIdeal;
      EXPECT_EQ(extra, swizzled ? 0u : 7u) << chunk;
    }
}

// 16 bytes a lane take a wavefront for each 8 lanes, whether or not all of them
// are active: gaps are no conflicts.
TEST_P(Matrices, GapsAreNoBankConflicts) {
  std::string text = module80(
      ".visible .entry k(.param .u32 active)\n{\n.reg .b32 %r<8>;\n"
      ".reg .pred %p;\n.shared .align 128 .b8 rows[512];\n"
      "ld.param.u32 %r1, [active];\nmov.u32 %r2, %tid.x;\n"
      "and.b32 %r3, %r2, 7;\nsetp.lt.u32 %p, %r3, %r1;\n"
      "mov.u32 %r4, rows;\nshl.b32 %r5, %r2, 4;\nadd.u32 %r4, %r4, %r5;\n"
      "@%p st.shared.v4.u32 [%r4], {%r1, %r1, %r1, %r1};\nret;\n}\n");
  for (uint32_t active : {1u, 4u, 7u, 8u}) {
    Sim sim(text, GetParam());
    LaunchRecord record = sim.run("k", {1, 1, 1}, {32, 1, 1}, 0, active);
    EXPECT_TRUE(record.findings.empty()) << describe(record);
    EXPECT_EQ(record.counters.sharedWavefronts, 4u) << active;
    EXPECT_EQ(record.counters.sharedIdeal, 4u) << active;
    EXPECT_EQ(record.counters.sharedBytes, 4 * 16 * active);
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, Matrices,
                         testing::Values("sm_80", "sm_80,lanes=v3",
                                         "sm_80,lanes=v2"));

} // namespace
} // namespace headgate::test
