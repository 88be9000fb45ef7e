// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What PTX is refused, and with which words; and that no text, however broken,
// does more than be refused or run.

#include "runtime/sim/Ptx.h"
#include "test/runtime/sim/SimTest.h"

#include <random>

namespace headgate::test {
namespace {

/// The message that loading `text` on `options` fails with.
std::string refusal(const std::string &text,
                    const std::string &options = "sm_80") {
  auto device = runtime::sim::openSimDevice(options);
  EXPECT_TRUE(device);
  auto image = (*device)->load({"bad", "ptx", "bad.ptx", text});
  return image ? "" : image.error().message();
}

std::string inKernel(const std::string &statement) {
  return module80(
      ".visible .entry k()\n{\n.reg .pred %p<4>;\n.reg .b32 %r<4>;\n"
      ".reg .b64 %rd<4>;\n" +
      statement + "\nret;\n}\n");
}

TEST(Parser, NamesLineAndFault) {
  const std::pair<std::string, std::string> cases[] = {
      {"frob.u32 %r1, %r2;", "line 9: 'frob.u32': unknown instruction"},
      {"add.frob.u32 %r1, %r2, %r3;", "unknown modifier '.frob'"},
      {"add.u32 %r1, %r2;", "it takes 3 operands"},
      {"add.u32 %r1, %r2, %rd3;", "'%rd3' is 64 bits, needed is 32 bits"},
      {"add.u32 %r1, %r9, %r2;", "register '%r9' is not declared"},
      {"bra NOWHERE;", "no label named 'NOWHERE'"},
      {"mov.u32 %r1, nothing;", "no variable or label named 'nothing'"},
      {"cp.async.cg.shared.global [%r1], [%rd1], 8;", "copies 16 bytes, not 8"},
      {"setp.lt.and.u32 %p1, %r1, %r2;",
       "predicate to combine with is missing"},
      {"add.u32 %r1, %r2, %r3", "expected ','"},
      {"@%r1 bra A; A:", "is no predicate"},
      {"wgmma.fence.sync.aligned;", "sm_90"},
      {"stmatrix.sync.aligned.m8n8.x1.shared.b16 [%r1], {%r2};", "needs sm_90"},
      {".reg .b32 %r<4>;", "a second register named '%r'"},
      {"A: A: ret;", "a second label named 'A'"},
      {"call foo;", "unknown instruction"},
  };
  for (const auto &[statement, message] : cases) {
    std::string said = refusal(inKernel(statement));
    EXPECT_NE(said.find(message), std::string::npos) << statement << "\n"
                                                     << said;
    EXPECT_NE(said.find("line "), std::string::npos) << said;
  }
}

TEST(Parser, RefusesOtherTargets) {
  std::string text = ".version 8.0\n.target sm_90a\n.address_size 64\n";
  EXPECT_NE(refusal(text).find("sm_90a"), std::string::npos);
  EXPECT_EQ(refusal(text, "sm_90a"), "");
  EXPECT_EQ(refusal(module80(""), "sm_90a"), "");
  EXPECT_NE(refusal(".version 8.0\n.target sm_80\n.address_size 32\n"), "");
}

// Blocks of inline assembly repeat names; each means its own.
TEST(Parser, ScopesHideNames) {
  std::string block = "{\n.reg .b32 t;\n.reg .pred P;\nmov.u32 t, 3;\nAGAIN:\n"
                      "sub.u32 t, t, 1;\nsetp.ne.u32 P, t, 0;\n@P bra AGAIN;\n"
                      "add.u32 %r1, %r1, 5;\nbra DONE;\nDONE:\n}\n";
  std::string text = module80(
      ".visible .entry k(.param .u64 out)\n{\n.reg .b32 %r<4>;\n"
      ".reg .b64 %rd<4>;\nmov.u32 %r1, 0;\n" +
      block + block +
      "ld.param.u64 %rd1, [out];\nst.global.u32 [%rd1], %r1;\nret;\n}\n");
  Sim sim(text);
  Buffer out = sim.allocate<uint32_t>(1);
  LaunchRecord record = sim.run("k", {1, 1, 1}, {1, 1, 1}, 0, out);
  EXPECT_TRUE(record.findings.empty()) << describe(record);
  EXPECT_EQ(sim.download<uint32_t>(out)[0], 10u);
}

// "mov.pred %p1, -1" is what LLVM writes for a constant; other readers of
// predicates take numbers, too.
TEST(Parser, PredicatesMayBeNumbers) {
  Sim sim(module80(
      ".visible .entry k(.param .u64 out)\n{\n.reg .pred %p<4>;\n"
      ".reg .b32 %r<4>;\n.reg .b64 %rd<4>;\nld.param.u64 %rd1, [out];\n"
      "mov.pred %p1, -1;\nand.pred %p2, %p1, 0;\nselp.b32 %r1, 1, 0, %p1;\n"
      "selp.b32 %r2, 2, 0, 1;\n@!%p2 add.u32 %r1, %r1, %r2;\n"
      "st.global.u32 [%rd1], %r1;\nret;\n}\n"));
  Buffer out = sim.allocate<uint32_t>(1);
  LaunchRecord record = sim.run("k", {1, 1, 1}, {1, 1, 1}, 0, out);
  EXPECT_TRUE(record.findings.empty()) << describe(record);
  EXPECT_EQ(sim.download<uint32_t>(out)[0], 3u);
}

TEST(Parser, OptionsOfTheUri) {
  for (const char *options :
       {"", "sm_70", "sm_80,", "sm_80,seed", "sm_80,seed=x", "sm_80,sched=fair",
        "sm_80,async=never", "sm_80,check=some", "sm_80,mma=hw",
        "sm_80,threads=0", "sm_80,smem-base=0", "sm_80,colour=red",
        "sm_80,lanes=v9"})
    EXPECT_FALSE(runtime::sim::openSimDevice(options)) << options;
}

/// Bytes, words and lines of `text` changed at random.
std::string damage(std::string text, std::mt19937_64 &random) {
  auto any = [&](size_t n) { return static_cast<size_t>(random() % n); };
  for (size_t changes = 1 + any(4); changes > 0 && text.size() > 8; --changes) {
    size_t at = any(text.size() - 4), length = 1 + any(12);
    switch (any(6)) {
    case 0:
      text[at] = static_cast<char>(random());
      break;
    case 1:
      text.erase(at, length);
      break;
    case 2:
      text.insert(at, text.substr(any(text.size()), length));
      break;
    case 3: { // a line goes elsewhere
      size_t begin = text.rfind('\n', at), end = text.find('\n', at);
      if (begin != text.npos && end != text.npos && begin < end) {
        std::string line = text.substr(begin, end - begin);
        text.erase(begin, end - begin);
        text.insert(text.find('\n', any(text.size())) == text.npos
                        ? 0
                        : text.find('\n', any(text.size() / 2)),
                    line);
      }
      break;
    }
    case 4: { // a word becomes another
      size_t other = any(text.size());
      auto wordAt = [&](size_t from) {
        size_t begin = text.find_first_not_of(" \t\n,;", from);
        size_t end = text.find_first_of(" \t\n,;", begin);
        return std::pair(begin, end == text.npos ? 0 : end - begin);
      };
      auto [begin, bytes] = wordAt(at);
      auto [from, size] = wordAt(other);
      if (bytes && size)
        text.replace(begin, bytes, text.substr(from, size));
      break;
    }
    case 5: { // a digit
      size_t digit = text.find_first_of("0123456789", at);
      if (digit != text.npos)
        text[digit] = static_cast<char>('0' + any(10));
      break;
    }
    }
  }
  return text;
}

// HEADGATE_SIM_FUZZ=100000 runs more; HEADGATE_SIM_FUZZ_SEED starts elsewhere.
TEST(Parser, DamagedTextIsRefusedOrRuns) {
  struct Source {
    std::string text, kernel;
    std::array<uint32_t, 3> block;
    uint32_t shared;
  };
  const Source sources[] = {
      {readPtx("textbook-nvcc.ptx"), "reduce", {64, 1, 1}, 0},
      {readPtx("textbook-nvcc.ptx"), "transpose", {32, 2, 1}, 0},
      {readPtx("fa2-sm80.ptx"), "fa2", {128, 1, 1}, 40960},
      {readPtx("matmul-triton.ptx"), "matmul", {128, 1, 1}, 24576},
      {readPtx("attention-triton.ptx"), "attention", {128, 1, 1}, 16384},
      {readPtx("softmax-clang.ptx"), "softmax", {64, 1, 1}, 0},
      {readPtx("pipeline.ptx"), "pipeline", {128, 1, 1}, 0},
      {readPtx("handshake.ptx"), "handshake", {64, 1, 1}, 0},
  };
  uint64_t count = numberFrom("HEADGATE_SIM_FUZZ", 5000);
  uint64_t first = numberFrom("HEADGATE_SIM_FUZZ_SEED", 0);
  auto opened = runtime::sim::openSimDevice("sm_80,steps=20000,threads=1");
  ASSERT_TRUE(opened);
  SimDevice &device = **opened;
  uint64_t ran = 0;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    std::mt19937_64 random(seed);
    const Source &source = sources[seed % std::size(sources)];
    auto image =
        device.load({"damaged", "ptx", "", damage(source.text, random)});
    if (!image) {
      EXPECT_NE(image.error().message(), "") << seed;
      continue;
    }
    auto function = (*image)->function(source.kernel);
    if (!function)
      continue;
    auto memory = device.allocate(4096);
    ASSERT_TRUE(memory);
    ASSERT_TRUE(device.fill(memory->data(), 1, 4096, {}));
    // Pointers or small numbers, whatever the parameters have become.
    uint64_t words[64][4096 / 64] = {};
    std::vector<void *> pointers;
    std::vector<uint32_t> bytes = runtime::sim::parameterBytes(**function);
    for (size_t i = 0; i < bytes.size() && i < 64; ++i) {
      words[i][0] =
          bytes[i] >= 8 ? reinterpret_cast<uint64_t>(memory->data()) : 70;
      pointers.push_back(words[i]);
    }
    if (bytes.size() > 64 || std::any_of(bytes.begin(), bytes.end(),
                                         [](uint32_t n) { return n > 512; }))
      continue;
    SimLaunch launch;
    launch.function = *function;
    launch.block = source.block;
    launch.sharedBytes = source.shared;
    launch.arguments = pointers.data();
    ran += bool(device.record(launch));
  }
  EXPECT_GT(ran, count / 10) << "most damage should still load";
}

} // namespace
} // namespace headgate::test
