// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random programs, compiled by LLVM for NVPTX and for this machine, give the
// same bits on the simulator and on the host. What differs is printed reduced.
//
//   HEADGATE_SIM_PROGRAMS=10000 build/bin/sim-differential-test
//
// HEADGATE_SIM_PROGRAMS_FIRST=N starts at seed N instead of 0.

#include "test/runtime/sim/SimTest.h"
#include "test/runtime/sim/differential/Compile.h"

#include <optional>
#include <random>

namespace headgate::test {
namespace {

constexpr uint32_t blocks = 2, threads = 80; // the last warp is half empty
constexpr size_t batchSize = 40;

/// Builds and runs that a batch may get; each is as good as the others.
struct Setting {
  GpuBuild build;
  std::string device;
};
Setting settingOf(uint64_t batch) {
  static const Setting settings[] = {
      {{"sm_80", "+ptx71", true, false}, "sm_80"},
      {{"sm_80", "+ptx71", false, true}, "sm_80,sched=random"},
      {{"sm_90a", "+ptx83", true, true}, "sm_90a,lanes=v3"},
      {{"sm_80", "+ptx71", true, false}, "sm_80,lanes=v2,sched=rr"},
      {{"sm_90a", "+ptx83", false, false}, "sm_90a"},
  };
  return settings[batch % std::size(settings)];
}

/// The input of each thread: bits that each type finds hard, or any.
std::vector<uint8_t> makeInput(uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<uint8_t> input(size_t(blocks) * threads * inputBytes());
  auto element = [&](const Type &type) -> uint64_t {
    static constexpr uint64_t integers[] = {0, 1, 2, ~0ull, ~1ull, 3, 100};
    static constexpr uint16_t halves[] = {0,      0x8000, 0x3c00, 0x7c00,
                                          0xfc00, 0x7e00, 1,      0x83ff,
                                          0x7bff, 0x3555, 0x4248, 0xc900};
    static constexpr float singles[] = {
        0.0f,      -0.0f, 1.0f, INFINITY, -INFINITY,   NAN,   0x1p-149f,
        0x1p-126f, -2.5f, 0.5f, 3.4e38f,  16777217.0f, 1e10f, -7.75f};
    uint64_t any = random();
    uint64_t kind = random() % 3;
    if (type.kind == Type::Kind::integer)
      return kind == 0   ? integers[any % std::size(integers)]
             : kind == 1 ? uint64_t(1) << (any % type.bits) % 64
                         : any;
    if (type.kind == Type::Kind::half)
      return kind ? any : halves[any % std::size(halves)];
    float single = singles[any % std::size(singles)];
    if (type.kind == Type::Kind::real)
      return kind == 0   ? std::bit_cast<uint64_t>(double(single))
             : kind == 1 ? std::bit_cast<uint64_t>(
                               double(static_cast<int32_t>(any)) / 1024)
                         : any;
    uint64_t bits = kind == 0 ? std::bit_cast<uint32_t>(single)
                    : kind == 1
                        ? std::bit_cast<uint32_t>(float(int16_t(any)) / 64)
                        : any;
    return type.kind == Type::Kind::bfloat ? (bits >> 16) & 0xffff : bits;
  };
  for (size_t thread = 0; thread < size_t(blocks) * threads; ++thread)
    for (unsigned slot = 0; slot < slotCount(); ++slot) {
      const Type &type = allTypes()[slot / variablesPerType];
      uint8_t *at = &input[thread * inputBytes() + size_t(slot) * slotBytes];
      // What is behind the value is loaded by others: any bytes.
      for (unsigned i = 0; i < slotBytes; ++i)
        at[i] = static_cast<uint8_t>(random());
      unsigned bytes = std::max(type.bits / 8, 1u);
      for (unsigned lane = 0; lane < type.lanes; ++lane) {
        uint64_t bits = element(type);
        std::memcpy(at + size_t(lane) * bytes, &bits, std::min(bytes, 8u));
      }
    }
  return input;
}

/// How a program differs, or nothing.
using Difference = std::optional<std::string>;

Difference compare(const std::vector<uint8_t> &gpu,
                   const std::vector<uint8_t> &host) {
  for (size_t i = 0; i < host.size(); ++i)
    if (gpu[i] != host[i]) {
      size_t thread = i / outputBytes(), at = i % outputBytes();
      size_t begin = i - at % slotBytes;
      unsigned slot = unsigned(at / slotBytes);
      std::ostringstream text;
      text << "thread " << thread << ", ";
      if (slot < slotCount())
        text << allTypes()[slot / variablesPerType].name << " variable "
             << slot % variablesPerType;
      else
        text << "byte " << at - size_t(slotCount()) * slotBytes
             << " that it stored";
      auto bytes = [&](const std::vector<uint8_t> &all) {
        char word[4];
        for (size_t k = 16; k-- > 0;) {
          std::snprintf(word, sizeof(word), "%02x", all[begin + k]);
          text << word;
        }
      };
      text << ": the simulator has ";
      bytes(gpu);
      text << ", the host ";
      bytes(host);
      return text.str();
    }
  return std::nullopt;
}

/// Runs `programs` on both sides.
std::vector<Difference> run(std::span<const RandomProgram> programs,
                            const Setting &setting) {
  std::vector<Difference> differences(programs.size());
  std::string ptx = compileForGpu(programs, setting.build);
  auto opened = runtime::sim::openSimDevice(setting.device);
  auto image = (*opened)->load({"random", "ptx", "random.ptx", ptx});
  if (!image) {
    for (Difference &difference : differences)
      difference = image.error().message();
    return differences;
  }
  Sim sim(ptx, setting.device);
  HostPrograms host(programs);
  for (size_t i = 0; i < programs.size(); ++i) {
    std::vector<uint8_t> input = makeInput(programs[i].seed);
    std::vector<uint8_t> output(size_t(blocks) * threads * outputBytes());
    Buffer in = sim.upload(input), out = sim.upload(output);
    LaunchRecord record = sim.run("k" + std::to_string(i), {blocks, 1, 1},
                                  {threads, 1, 1}, 0, in, out);
    for (uint32_t thread = 0; thread < blocks * threads; ++thread)
      host.function(i)(input.data(), output.data(), thread);
    differences[i] = record.findings.empty()
                         ? compare(sim.download<uint8_t>(out), output)
                         : describe(record);
  }
  return differences;
}

/// The reduced program and what it does, for a person to read.
std::string explain(const RandomProgram &program, const Setting &setting) {
  auto differs = [&](const RandomProgram &some) {
    return run({&some, 1}, setting)[0];
  };
  RandomProgram small = reduce(program, [&](const RandomProgram &some) {
    return differs(some).has_value();
  });
  std::string how = differs(small).value_or("no more difference");
  return "seed " + std::to_string(program.seed) + " for " +
         setting.build.processor +
         (setting.build.optimise ? "" : ", not optimised") +
         " on sim:" + setting.device + "\n" + how + "\n" +
         irForGpu(small, setting.build) + "\n" +
         compileForGpu({&small, 1}, setting.build);
}

// Seeds 0 to 399 in every run; 0 to 9999 have been run, see docs/testing.md.
TEST(Differential, SameBitsAsTheHost) {
  if (!hostHasHalf())
    GTEST_SKIP() << "the host has no f16 instructions";
  uint64_t first = numberFrom("HEADGATE_SIM_PROGRAMS_FIRST", 0);
  uint64_t count = numberFrom("HEADGATE_SIM_PROGRAMS", 400);
  unsigned failures = 0;
  for (uint64_t seed = first; seed < first + count && failures < 5;) {
    uint64_t batch = seed / batchSize;
    std::vector<RandomProgram> programs;
    for (; seed < first + count && seed / batchSize == batch; ++seed)
      programs.push_back(randomProgram(seed));
    Setting setting = settingOf(batch);
    std::vector<Difference> differences = run(programs, setting);
    for (size_t i = 0; i < programs.size() && failures < 5; ++i)
      if (differences[i]) {
        ++failures;
        ADD_FAILURE() << explain(programs[i], setting);
      }
  }
}

// What must not change for the seeds above to mean something: programs use
// every kind of statement and every operation that their types have.
TEST(Differential, ProgramsUseEverything) {
  std::vector<bool> kinds(13), ops(opCount);
  std::function<void(const std::vector<Statement> &)> visit =
      [&](const std::vector<Statement> &body) {
        for (const Statement &s : body) {
          kinds[static_cast<size_t>(s.kind)] = true;
          if (s.kind == Statement::Kind::compute)
            ops[static_cast<size_t>(s.op)] = true;
          for (const auto &inner : s.bodies)
            visit(inner);
        }
      };
  for (uint64_t seed = 0; seed < 400; ++seed)
    visit(randomProgram(seed).body);
  EXPECT_EQ(std::count(kinds.begin(), kinds.end(), false), 0);
  EXPECT_EQ(std::count(ops.begin(), ops.end(), false), 0);
}

// A stand-in for a fault: "has a signed division". One statement is left.
TEST(Differential, ReducesToTheCause) {
  std::function<bool(const std::vector<Statement> &)> divides =
      [&](const std::vector<Statement> &body) {
        for (const Statement &s : body) {
          if (s.kind == Statement::Kind::compute && s.op == Op::sdiv)
            return true;
          for (const auto &inner : s.bodies)
            if (divides(inner))
              return true;
        }
        return false;
      };
  unsigned reduced = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    RandomProgram program = randomProgram(seed);
    if (!divides(program.body))
      continue;
    RandomProgram small = reduce(
        program, [&](const RandomProgram &some) { return divides(some.body); });
    EXPECT_TRUE(divides(small.body));
    // Inside of a loop the loop stays.
    EXPECT_LE(size(small.body), 4u) << seed;
    ++reduced;
  }
  EXPECT_GT(reduced, 10u);
}

} // namespace
} // namespace headgate::test
