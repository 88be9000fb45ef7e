// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the elements of fragments lie: mma of each shape, every lane and every
// element. The tables are the sentences of the PTX ISA ("Warp-level matrix
// instructions"), case by case as they stand there, not the formulas that the
// simulator uses.

#include "lib/Float16.h"
#include "test/runtime/sim/SimTest.h"

#include <random>

namespace headgate::test {
namespace {

struct Place {
  int row, column;
};
enum class Kind { f16, bf16, tf32, s8, u8 };

/// One mma.m16n8k*: how many elements a lane holds of A and B, and where.
struct Shape {
  const char *opcode;
  int k;
  Kind a;
  bool halfResult; ///< C and D are f16
  int aElements, bElements;
  Place (*aAt)(int lane, int i);
  Place (*bAt)(int lane, int i);
};

// groupID = %laneid >> 2, threadID_in_group = %laneid % 4
int groupID(int lane) { return lane >> 2; }
int threadID(int lane) { return lane % 4; }

/// C and D of every shape m16n8: "row = groupID for ci where i < 2, groupID + 8
/// for ci where i >= 2; col = (threadID_in_group * 2) + (i & 0x1)".
Place accumulatorAt(int lane, int i) {
  return {i < 2 ? groupID(lane) : groupID(lane) + 8,
          threadID(lane) * 2 + (i & 1)};
}

// .m16n8k16 with .f16 or .bf16
Place a16k16(int lane, int i) {
  int row = (0 <= i && i < 2) || (4 <= i && i < 6) ? groupID(lane)
                                                   : groupID(lane) + 8;
  int column =
      i < 4 ? threadID(lane) * 2 + (i & 1) : threadID(lane) * 2 + (i & 1) + 8;
  return {row, column};
}
Place b16k16(int lane, int i) {
  int row =
      i < 2 ? threadID(lane) * 2 + (i & 1) : threadID(lane) * 2 + (i & 1) + 8;
  return {row, groupID(lane)};
}
// .m16n8k8 with .f16 or .bf16
Place a16k8(int lane, int i) {
  return {i < 2 ? groupID(lane) : groupID(lane) + 8,
          threadID(lane) * 2 + (i & 1)};
}
Place b16k8(int lane, int i) { return {threadID(lane) * 2 + i, groupID(lane)}; }
// .m16n8k8 with .tf32: row = groupID for a0 and a2, groupID + 8 for a1 and a3;
// col = threadID_in_group for a0 and a1, threadID_in_group + 4 for a2 and a3
Place aTf32k8(int lane, int i) {
  return {i == 0 || i == 2 ? groupID(lane) : groupID(lane) + 8,
          i == 0 || i == 1 ? threadID(lane) : threadID(lane) + 4};
}
Place bTf32k8(int lane, int i) {
  return {i == 0 ? threadID(lane) : threadID(lane) + 4, groupID(lane)};
}
// .m16n8k4 with .tf32
Place aTf32k4(int lane, int i) {
  return {i == 0 ? groupID(lane) : groupID(lane) + 8, threadID(lane)};
}
Place bTf32k4(int lane, int) { return {threadID(lane), groupID(lane)}; }
// .m16n8k16 with .s8 or .u8
Place a8k16(int lane, int i) {
  return {i < 4 ? groupID(lane) : groupID(lane) + 8,
          threadID(lane) * 4 + (i & 3)};
}
Place b8k16(int lane, int i) {
  return {threadID(lane) * 4 + (i & 3), groupID(lane)};
}
// .m16n8k32 with .s8 or .u8
Place a8k32(int lane, int i) {
  int row = (0 <= i && i < 4) || (8 <= i && i < 12) ? groupID(lane)
                                                    : groupID(lane) + 8;
  int column =
      i < 8 ? threadID(lane) * 4 + (i & 3) : threadID(lane) * 4 + (i & 3) + 16;
  return {row, column};
}
Place b8k32(int lane, int i) {
  int row =
      i < 4 ? threadID(lane) * 4 + (i & 3) : threadID(lane) * 4 + (i & 3) + 16;
  return {row, groupID(lane)};
}

const Shape shapes[] = {
    {"m16n8k16.row.col.f32.f16.f16.f32", 16, Kind::f16, false, 8, 4, a16k16,
     b16k16},
    {"m16n8k16.row.col.f32.bf16.bf16.f32", 16, Kind::bf16, false, 8, 4, a16k16,
     b16k16},
    {"m16n8k16.row.col.f16.f16.f16.f16", 16, Kind::f16, true, 8, 4, a16k16,
     b16k16},
    {"m16n8k8.row.col.f32.f16.f16.f32", 8, Kind::f16, false, 4, 2, a16k8,
     b16k8},
    {"m16n8k8.row.col.f32.bf16.bf16.f32", 8, Kind::bf16, false, 4, 2, a16k8,
     b16k8},
    {"m16n8k8.row.col.f16.f16.f16.f16", 8, Kind::f16, true, 4, 2, a16k8, b16k8},
    {"m16n8k8.row.col.f32.tf32.tf32.f32", 8, Kind::tf32, false, 4, 2, aTf32k8,
     bTf32k8},
    {"m16n8k4.row.col.f32.tf32.tf32.f32", 4, Kind::tf32, false, 2, 1, aTf32k4,
     bTf32k4},
    {"m16n8k16.row.col.s32.s8.s8.s32", 16, Kind::s8, false, 8, 4, a8k16, b8k16},
    {"m16n8k16.row.col.s32.u8.u8.s32", 16, Kind::u8, false, 8, 4, a8k16, b8k16},
    {"m16n8k32.row.col.s32.s8.s8.s32", 32, Kind::s8, false, 16, 8, a8k32,
     b8k32},
    {"m16n8k32.row.col.s32.u8.u8.s32", 32, Kind::u8, false, 16, 8, a8k32,
     b8k32},
};

unsigned bytesOf(Kind kind) {
  return kind == Kind::tf32 ? 4 : kind == Kind::s8 || kind == Kind::u8 ? 1 : 2;
}
bool isInteger(Kind kind) { return kind == Kind::s8 || kind == Kind::u8; }
uint32_t encode(Kind kind, int value) {
  switch (kind) {
  case Kind::f16:
    return narrowToF16(value);
  case Kind::bf16:
    return narrowToBF16(value);
  case Kind::tf32:
    return std::bit_cast<uint32_t>(float(value));
  default:
    return static_cast<uint8_t>(value);
  }
}

/// Small integers, exact in every type.
struct Problem {
  int a[16][32] = {}, b[32][8] = {}, c[16][8] = {};
};

/// The words of the warp's registers for one problem: A, B, C of lane 0, ...
std::vector<uint32_t> fragments(const Shape &shape, const Problem &problem) {
  unsigned bytes = bytesOf(shape.a);
  std::vector<uint32_t> words;
  for (int lane = 0; lane < 32; ++lane) {
    auto append = [&](int elements, auto place, auto value, unsigned size) {
      // "Elements are packed from the lowest bits on."
      for (int i = 0; i < elements; ++i) {
        unsigned perWord = 4 / size, part = unsigned(i) % perWord;
        if (part == 0)
          words.push_back(0);
        words.back() |= value(place(lane, i)) << (8 * size * part);
      }
    };
    append(
        shape.aElements, shape.aAt,
        [&](Place at) { return encode(shape.a, problem.a[at.row][at.column]); },
        bytes);
    append(
        shape.bElements, shape.bAt,
        [&](Place at) { return encode(shape.a, problem.b[at.row][at.column]); },
        bytes);
    append(
        4, accumulatorAt,
        [&](Place at) -> uint32_t {
          int value = problem.c[at.row][at.column];
          return isInteger(shape.a) ? uint32_t(value)
                 : shape.halfResult ? narrowToF16(value)
                                    : std::bit_cast<uint32_t>(float(value));
        },
        shape.halfResult ? 2 : 4);
  }
  return words;
}

std::string braces(const char *name, int count) {
  std::string text = "{";
  for (int i = 0; i < count; ++i)
    text += (i ? ", " : "") + std::string(name) + std::to_string(i);
  return text + "}";
}

/// Block n runs the mma on problem n.
std::string mmaModule(const Shape &shape, int a, int b, int d) {
  int words = a + b + d;
  std::string text =
      module80(".visible .entry k(.param .u64 in, .param .u64 out)\n{\n"
               ".reg .b32 %a<8>;\n.reg .b32 %b<8>;\n.reg .b32 %c<8>;\n"
               ".reg .b32 %d<8>;\n.reg .b32 %r<8>;\n.reg .b64 %rd<8>;\n"
               "ld.param.u64 %rd1, [in];\nld.param.u64 %rd2, [out];\n"
               "mov.u32 %r1, %tid.x;\nmov.u32 %r2, %ctaid.x;\n"
               "mad.lo.u32 %r3, %r2, 32, %r1;\n");
  text += "mul.wide.u32 %rd3, %r3, " + std::to_string(4 * words) + ";\n" +
          "mul.wide.u32 %rd4, %r3, " + std::to_string(4 * d) + ";\n" +
          "add.u64 %rd3, %rd1, %rd3;\nadd.u64 %rd4, %rd2, %rd4;\n";
  int offset = 0;
  for (auto [name, count] : {std::pair("%a", a), {"%b", b}, {"%c", d}})
    for (int i = 0; i < count; ++i, offset += 4)
      text += "ld.global.b32 " + std::string(name) + std::to_string(i) +
              ", [%rd3+" + std::to_string(offset) + "];\n";
  text += "mma.sync.aligned." + std::string(shape.opcode) + " " +
          braces("%d", d) + ", " + braces("%a", a) + ", " + braces("%b", b) +
          ", " + braces("%c", d) + ";\n";
  for (int i = 0; i < d; ++i)
    text += "st.global.b32 [%rd4+" + std::to_string(4 * i) + "], %d" +
            std::to_string(i) + ";\n";
  return text + "ret;\n}\n";
}

/// D of each problem as integers.
std::vector<std::array<std::array<int, 8>, 16>>
multiply(const Shape &shape, const std::vector<Problem> &problems,
         const std::string &options) {
  int perWord = static_cast<int>(4 / bytesOf(shape.a));
  int a = shape.aElements / perWord, b = shape.bElements / perWord,
      d = shape.halfResult ? 2 : 4;
  Sim sim(mmaModule(shape, a, b, d), options);
  std::vector<uint32_t> words;
  for (const Problem &problem : problems)
    for (uint32_t word : fragments(shape, problem))
      words.push_back(word);
  Buffer in = sim.upload(words),
         out = sim.allocate<uint32_t>(problems.size() * 32 * d);
  LaunchRecord record =
      sim.run("k", {uint32_t(problems.size()), 1, 1}, {32, 1, 1}, 0, in, out);
  EXPECT_TRUE(record.findings.empty()) << describe(record);
  std::vector<uint32_t> found = sim.download<uint32_t>(out);
  std::vector<std::array<std::array<int, 8>, 16>> results(problems.size());
  for (size_t n = 0; n < problems.size(); ++n)
    for (int lane = 0; lane < 32; ++lane)
      for (int i = 0; i < 4; ++i) {
        size_t at = (n * 32 + lane) * d;
        uint32_t word = shape.halfResult
                            ? found[at + i / 2] >> (16 * (i % 2)) & 0xffff
                            : found[at + i];
        Place place = accumulatorAt(lane, i);
        results[n][place.row][place.column] =
            isInteger(shape.a) ? int(word)
            : shape.halfResult ? int(widenF16(uint16_t(word)))
                               : int(std::bit_cast<float>(word));
      }
  return results;
}

void expectProducts(const Shape &shape, const std::vector<Problem> &problems,
                    const std::string &options) {
  auto results = multiply(shape, problems, options);
  for (size_t n = 0; n < problems.size(); ++n)
    for (int row = 0; row < 16; ++row)
      for (int column = 0; column < 8; ++column) {
        int sum = problems[n].c[row][column];
        for (int k = 0; k < shape.k; ++k)
          sum += problems[n].a[row][k] * problems[n].b[k][column];
        ASSERT_EQ(results[n][row][column], sum)
            << shape.opcode << " problem " << n << ", row " << row
            << ", column " << column;
      }
}

class Mma : public testing::TestWithParam<const char *> {};

// Each place is somebody's, and nobody's twice.
TEST(MmaTables, CoverTheMatrices) {
  for (const Shape &shape : shapes) {
    std::vector<int> a(16 * shape.k), b(shape.k * 8), c(16 * 8);
    for (int lane = 0; lane < 32; ++lane) {
      for (int i = 0; i < shape.aElements; ++i)
        ++a[shape.aAt(lane, i).row * shape.k + shape.aAt(lane, i).column];
      for (int i = 0; i < shape.bElements; ++i)
        ++b[shape.bAt(lane, i).row * 8 + shape.bAt(lane, i).column];
      for (int i = 0; i < 4; ++i)
        ++c[accumulatorAt(lane, i).row * 8 + accumulatorAt(lane, i).column];
    }
    for (const auto &counts : {a, b, c})
      EXPECT_EQ(std::count(counts.begin(), counts.end(), 1),
                std::ptrdiff_t(counts.size()))
          << shape.opcode;
  }
}

// One element of A is 1, and B tells which: B[k][n] = k + 1. Then the same of
// B, with A[m][k] = k + 1.
TEST_P(Mma, EveryElementLiesWhereTheIsaSays) {
  for (const Shape &shape : shapes) {
    std::vector<Problem> problems;
    for (int row = 0; row < 16; ++row)
      for (int k = 0; k < shape.k; ++k) {
        Problem problem;
        problem.a[row][k] = 1;
        for (int x = 0; x < shape.k; ++x)
          std::fill_n(problem.b[x], 8, x + 1);
        problems.push_back(problem);
      }
    for (int k = 0; k < shape.k; ++k)
      for (int column = 0; column < 8; ++column) {
        Problem problem;
        problem.b[k][column] = 1;
        for (auto &row : problem.a)
          for (int x = 0; x < shape.k; ++x)
            row[x] = x + 1;
        problems.push_back(problem);
      }
    for (int row = 0; row < 16; ++row)
      for (int column = 0; column < 8; ++column) {
        Problem problem;
        problem.c[row][column] = 1 + row * 8 + column;
        problems.push_back(problem);
      }
    expectProducts(shape, problems, GetParam());
  }
}

TEST_P(Mma, MultipliesAndAdds) {
  std::mt19937 random(1);
  for (const Shape &shape : shapes) {
    std::vector<Problem> problems(20);
    auto any = [&] {
      int value = static_cast<int>(random() % 15) - 7;
      return shape.a == Kind::u8 ? std::abs(value) : value;
    };
    for (Problem &problem : problems) {
      for (auto &row : problem.a)
        std::generate(std::begin(row), std::end(row), any);
      for (auto &row : problem.b)
        std::generate(std::begin(row), std::end(row), any);
      for (auto &row : problem.c)
        for (int &value : row)
          value = static_cast<int>(random() % 100) - 50;
    }
    expectProducts(shape, problems, GetParam());
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, Mma,
                         testing::Values("sm_80", "sm_80,lanes=v3",
                                         "sm_80,lanes=v2", "sm_80,mma=exact"));

} // namespace
} // namespace headgate::test
