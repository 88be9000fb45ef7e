// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Extended-precision integers: the long multiplication of the PTX ISA (9.7.2,
// example of madc) and long sums and differences, against 128-bit integers.

#include "test/runtime/sim/SimTest.h"

#include <random>

namespace headgate::test {
namespace {

using Wide = unsigned __int128;

/// 64-bit numbers a and b, and what the kernel makes of them: four words each.
std::vector<std::array<uint32_t, 4>>
runLong(const std::string &body, const std::vector<uint64_t> &numbers) {
  Sim sim(module80(
      ".visible .entry k(.param .u64 in, .param .u64 out)\n{\n"
      ".reg .b32 %r<16>;\n.reg .b32 %a<2>;\n.reg .b32 %b<2>;\n"
      ".reg .b64 %rd<8>;\n.reg .b64 %x<4>;\n"
      "ld.param.u64 %rd1, [in];\nld.param.u64 %rd2, [out];\n"
      "mov.u32 %r10, %tid.x;\nmul.wide.u32 %rd3, %r10, 16;\n"
      "add.u64 %rd1, %rd1, %rd3;\nadd.u64 %rd2, %rd2, %rd3;\n"
      "ld.global.v2.u64 {%x0, %x1}, [%rd1];\n"
      "ld.global.v4.u32 {%a0, %a1, %b0, %b1}, [%rd1];\n" +
      body + "\nst.global.v4.u32 [%rd2], {%r0, %r1, %r2, %r3};\nret;\n}\n"));
  Buffer in = sim.upload(numbers),
         out = sim.allocate<std::array<uint32_t, 4>>(numbers.size() / 2);
  LaunchRecord record =
      sim.run("k", {1, 1, 1}, {uint32_t(numbers.size() / 2), 1, 1}, 0, in, out);
  EXPECT_TRUE(record.findings.empty()) << describe(record);
  return sim.download<std::array<uint32_t, 4>>(out);
}

std::vector<uint64_t> numbers() {
  std::mt19937_64 random(1);
  constexpr uint64_t edges[] = {0,           1,          ~0ull,
                                0xffffffff,  1ull << 32, 0xffffffff00000000,
                                1ull << 63,  ~0ull >> 1, 0x80000000,
                                0x100000001, ~0ull - 1,  3};
  std::vector<uint64_t> values;
  for (uint64_t a : edges)
    for (uint64_t b : edges) {
      values.push_back(a);
      values.push_back(b);
    }
  while (values.size() < 1000)
    values.push_back(random());
  return values;
}

void expectLong(const std::string &body, Wide (*f)(uint64_t, uint64_t)) {
  std::vector<uint64_t> values = numbers();
  auto found = runLong(body, values);
  for (size_t i = 0; i < found.size(); ++i) {
    Wide want = f(values[2 * i], values[2 * i + 1]);
    for (int k = 0; k < 4; ++k)
      ASSERT_EQ(found[i][k], static_cast<uint32_t>(want >> 32 * k))
          << std::hex << values[2 * i] << " " << values[2 * i + 1] << " word "
          << k;
  }
}

TEST(Carry, LongProduct) {
  expectLong(
      "mul.lo.u32 %r0, %a0, %b0;\nmul.hi.u32 %r1, %a0, %b0;\n"
      "mad.lo.cc.u32 %r1, %a1, %b0, %r1;\nmadc.hi.u32 %r2, %a1, %b0, 0;\n"
      "mad.lo.cc.u32 %r1, %a0, %b1, %r1;\n"
      "madc.hi.cc.u32 %r2, %a0, %b1, %r2;\naddc.u32 %r3, 0, 0;\n"
      "mad.lo.cc.u32 %r2, %a1, %b1, %r2;\n"
      "madc.hi.u32 %r3, %a1, %b1, %r3;",
      [](uint64_t a, uint64_t b) { return Wide(a) * b; });
}

// {b, a} + {a, b}, of 128 bits by 32-bit words: three carries in a row.
TEST(Carry, LongSum) {
  expectLong("add.cc.u32 %r0, %a0, %b0;\naddc.cc.u32 %r1, %a1, %b1;\n"
             "addc.cc.s32 %r2, %b0, %a0;\naddc.u32 %r3, %b1, %a1;",
             [](uint64_t a, uint64_t b) {
               return (Wide(b) << 64 | a) + (Wide(a) << 64 | b);
             });
}

TEST(Carry, LongDifference) {
  expectLong("sub.cc.u32 %r0, %a0, %b0;\nsubc.cc.u32 %r1, %a1, %b1;\n"
             "subc.cc.u32 %r2, %b0, %a0;\nsubc.u32 %r3, %b1, %a1;",
             [](uint64_t a, uint64_t b) {
               return (Wide(b) << 64 | a) - (Wide(a) << 64 | b);
             });
}

TEST(Carry, In64Bits) {
  expectLong("add.cc.u64 %x2, %x0, %x1;\naddc.u64 %x3, %x1, %x0;\n"
             "mad.lo.cc.u64 %x2, %x0, %x1, %x2;\n"
             "madc.hi.u64 %x3, %x0, %x1, %x3;\n"
             "mov.b64 {%r0, %r1}, %x2;\nmov.b64 {%r2, %r3}, %x3;",
             [](uint64_t a, uint64_t b) {
               return (Wide(b) << 64 | a) + (Wide(a) << 64 | b) + Wide(a) * b;
             });
}

TEST(Carry, OfASignedProduct) {
  expectLong("mov.u64 %x2, %x0;\nmov.u64 %x3, %x1;\n"
             "mad.lo.cc.s64 %x2, %x0, %x1, %x2;\n"
             "madc.hi.s64 %x3, %x0, %x1, %x3;\n"
             "mov.b64 {%r0, %r1}, %x2;\nmov.b64 {%r2, %r3}, %x3;",
             [](uint64_t a, uint64_t b) {
               auto product = static_cast<__int128>(static_cast<int64_t>(a)) *
                              static_cast<int64_t>(b);
               return (Wide(b) << 64 | a) + static_cast<Wide>(product);
             });
}

} // namespace
} // namespace headgate::test
