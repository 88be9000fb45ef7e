// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every form of cvt between floats, and between floats and integers, against
// llvm::APFloat: all inputs of 16-bit sources, boundaries and random bits of
// wider ones, in every rounding direction, with .sat, .ftz, .relu, .satfinite.
// The forms are spelled here from the words of the PTX ISA (9.7.9.21), and the
// meaning of each modifier is the ISA's sentence on it.

#include "test/runtime/sim/SimTest.h"

#include <llvm/ADT/APFloat.h>
#include <llvm/ADT/APSInt.h>

#include <random>
#include <set>

namespace headgate::test {
namespace {

using llvm::APFloat;
using llvm::APInt;
using llvm::APSInt;
using llvm::RoundingMode;

struct Format {
  std::string name;
  unsigned bits;
  const llvm::fltSemantics *floats; ///< null: an integer
  bool isSigned = false;
  /// The register that holds it.
  std::string registerType() const {
    return ".b" + std::to_string(std::max(bits, 16u));
  }
};

const Format f16 = {"f16", 16, &APFloat::IEEEhalf()},
             bf16 = {"bf16", 16, &APFloat::BFloat()},
             f32 = {"f32", 32, &APFloat::IEEEsingle()},
             f64 = {"f64", 64, &APFloat::IEEEdouble()};

struct Form {
  Format from, to;
  RoundingMode direction = RoundingMode::NearestTiesToEven;
  bool toIntegral = false; ///< .rni and its like, between floats
  bool ftz = false, sat = false, relu = false, satfinite = false;
  std::string modifiers; ///< as they are written, before the types

  std::string opcode() const {
    return "cvt" + modifiers + "." + to.name + "." + from.name;
  }
};

const std::pair<const char *, RoundingMode> directions[] = {
    {"n", RoundingMode::NearestTiesToEven},
    {"z", RoundingMode::TowardZero},
    {"m", RoundingMode::TowardNegative},
    {"p", RoundingMode::TowardPositive},
};

// ---- what the ISA says

/// ".ftz: subnormal inputs and results are flushed to sign-preserving zero", of
/// f32 alone.
APFloat flushed(APFloat x, const Format &format) {
  return format.bits == 32 && x.isDenormal()
             ? APFloat::getZero(*format.floats, x.isNegative())
             : x;
}

/// ".sat limits the result to [0.0, 1.0]; NaN results are flushed to +0.0".
APFloat saturated(APFloat x) {
  const llvm::fltSemantics &format = x.getSemantics();
  APFloat one = APFloat::getOne(format);
  if (x.isNaN() || x.isNegative() || x.isZero())
    return APFloat::getZero(format);
  return x > one ? one : x;
}

uint64_t floatResult(const Form &form, APFloat x) {
  bool lossy = false;
  if (form.toIntegral)
    x.roundToIntegral(form.direction);
  x.convert(*form.to.floats, form.direction, &lossy);
  if (form.sat)
    x = saturated(x);
  // ".relu clamps negative results to 0", ".satfinite: beyond MAX_NORM the
  // result is MAX_NORM with the sign of the input".
  if (form.relu && !x.isNaN() && (x.isNegative() || x.isZero()))
    x = APFloat::getZero(*form.to.floats);
  if (form.satfinite && x.isInfinity())
    x = APFloat::getLargest(*form.to.floats, x.isNegative());
  if (form.ftz)
    x = flushed(x, form.to);
  return x.bitcastToAPInt().getZExtValue();
}

/// "Out of range clamps; NaN converts to 0" -- but 64 bits, where GPUs give the
/// lowest bit pattern of a signed number.
uint64_t integerResult(const Form &form, const APFloat &x) {
  unsigned bits = form.to.bits;
  if (x.isNaN())
    return bits == 64 ? uint64_t(1) << 63 : 0;
  APSInt result(bits, !form.to.isSigned);
  bool exact = false;
  x.convertToInteger(result, form.direction, &exact); // clamps
  return result.getZExtValue();
}

APFloat fromInteger(const Form &form, uint64_t bits) {
  // Wide enough for any: f128 has 113 bits.
  APFloat wide(APFloat::IEEEquad());
  wide.convertFromAPInt(APInt(64, bits).trunc(form.from.bits),
                        form.from.isSigned, RoundingMode::NearestTiesToEven);
  return wide;
}

uint64_t expected(const Form &form, uint64_t bits) {
  if (!form.from.floats)
    return floatResult(form, fromInteger(form, bits));
  APFloat x(*form.from.floats, APInt(64, bits).trunc(form.from.bits));
  if (form.ftz)
    x = flushed(x, form.from);
  return form.to.floats ? floatResult(form, x) : integerResult(form, x);
}

// ---- inputs

std::vector<uint64_t> inputs(const Format &format) {
  std::vector<uint64_t> values;
  if (format.bits <= 16) {
    for (uint64_t i = 0; i < uint64_t(1) << format.bits; ++i)
      values.push_back(i);
    return values;
  }
  std::set<uint64_t> set;
  std::mt19937_64 random(format.bits);
  uint64_t mask = format.bits == 64 ? ~uint64_t(0) : UINT32_MAX;
  auto around = [&](uint64_t bits) {
    for (int64_t d = -2; d <= 2; ++d)
      set.insert((bits + static_cast<uint64_t>(d)) & mask);
  };
  for (unsigned i = 0; i < format.bits; ++i) {
    around(uint64_t(1) << i);
    around(~(uint64_t(1) << i));
  }
  if (format.floats) {
    // Every f16 and bf16 and integer boundary, their midpoints and beside
    // them; every exponent; NaNs, infinities, the least and greatest numbers.
    for (const llvm::fltSemantics *narrow :
         {&APFloat::IEEEhalf(), &APFloat::BFloat()})
      for (uint64_t i = 0; i < 0x10000; i += 37) {
        APFloat x(*narrow, APInt(16, i));
        bool lossy = false;
        x.convert(*format.floats, RoundingMode::NearestTiesToEven, &lossy);
        uint64_t bits = x.bitcastToAPInt().getZExtValue();
        unsigned half = format.bits == 64 ? 52 : 23;
        around(bits);
        around(bits + (uint64_t(1) << (half - 11)));
        around(bits + (uint64_t(1) << (half - 8)));
        if (format.bits == 64)
          around(bits + (uint64_t(1) << 28)); // midpoints of f32
      }
    for (unsigned e = 0; e < 70; ++e)
      for (double offset : {-1.0, -0.5, 0.0, 0.5, 1.0, 1.5})
        for (double sign : {1.0, -1.0}) {
          APFloat x(sign * (std::ldexp(1.0, int(e)) + offset));
          bool lossy = false;
          x.convert(*format.floats, RoundingMode::NearestTiesToEven, &lossy);
          around(x.bitcastToAPInt().getZExtValue());
        }
    uint64_t sign = uint64_t(1) << (format.bits - 1);
    for (const APFloat &x :
         {APFloat::getInf(*format.floats), APFloat::getLargest(*format.floats),
          APFloat::getSmallest(*format.floats),
          APFloat::getSmallestNormalized(*format.floats),
          APFloat::getQNaN(*format.floats), APFloat::getOne(*format.floats),
          APFloat::getZero(*format.floats)}) {
      around(x.bitcastToAPInt().getZExtValue());
      around(x.bitcastToAPInt().getZExtValue() | sign);
    }
  }
  for (int i = 0; i < 20000; ++i)
    set.insert(random() & mask);
  // Random, but near 1, where most rounding happens.
  for (int i = 0; format.floats && i < 20000; ++i) {
    APFloat x(std::ldexp(double(random() >> 11), int(random() % 60) - 80));
    bool lossy = false;
    x.convert(*format.floats, RoundingMode::NearestTiesToEven, &lossy);
    set.insert(x.bitcastToAPInt().getZExtValue() ^
               (random() % 2 << (format.bits - 1)));
  }
  values.assign(set.begin(), set.end());
  return values;
}

// ---- running

/// All forms from one source type, as one module: kernel c0, c1, ...
std::string moduleOf(const std::vector<Form> &forms) {
  std::ostringstream text;
  text << ".version 8.6\n.target sm_90\n.address_size 64\n";
  for (size_t i = 0; i < forms.size(); ++i) {
    const Format &from = forms[i].from, &to = forms[i].to;
    unsigned in = std::max(from.bits, 16u) / 8, out = std::max(to.bits, 16u);
    text << ".visible .entry c" << i
         << "(.param .u64 in, .param .u64 out, .param .u32 n)\n{\n"
         << ".reg " << from.registerType() << " %x;\n.reg " << to.registerType()
         << " %y;\n"
         << ".reg .pred %p;\n.reg .b32 %r<5>;\n.reg .b64 %rd<7>;\n"
         << "ld.param.u64 %rd1, [in];\nld.param.u64 %rd2, [out];\n"
         << "ld.param.u32 %r4, [n];\nmov.u32 %r1, %tid.x;\n"
         << "mov.u32 %r2, %ctaid.x;\nmad.lo.u32 %r3, %r2, 1024, %r1;\n"
         << "setp.ge.u32 %p, %r3, %r4;\n@%p ret;\n"
         << "mul.wide.u32 %rd3, %r3, " << in << ";\n"
         << "mul.wide.u32 %rd4, %r3, " << out / 8 << ";\n"
         << "add.u64 %rd5, %rd1, %rd3;\nadd.u64 %rd6, %rd2, %rd4;\n"
         << "ld.global" << from.registerType() << " %x, [%rd5];\n"
         << forms[i].opcode() << " %y, %x;\n"
         << "st.global" << to.registerType() << " [%rd6], %y;\nret;\n}\n";
  }
  return text.str();
}

std::vector<uint8_t> pack(const std::vector<uint64_t> &values, unsigned bytes) {
  std::vector<uint8_t> packed(values.size() * bytes);
  for (size_t i = 0; i < values.size(); ++i)
    std::memcpy(&packed[i * bytes], &values[i], bytes);
  return packed;
}

bool isNaN(const Format &format, uint64_t bits) {
  return format.floats &&
         APFloat(*format.floats, APInt(64, bits).trunc(format.bits)).isNaN();
}

void check(const std::vector<Form> &forms, const std::string &device) {
  Sim sim(moduleOf(forms), device);
  std::vector<uint64_t> values = inputs(forms[0].from);
  unsigned inBytes = std::max(forms[0].from.bits, 16u) / 8;
  Buffer in = sim.upload(pack(values, inBytes));
  auto blocks = static_cast<uint32_t>((values.size() + 1023) / 1024);
  for (size_t i = 0; i < forms.size(); ++i) {
    const Format &to = forms[i].to;
    unsigned outBytes = std::max(to.bits, 16u) / 8;
    Buffer out = sim.allocate<uint8_t>(values.size() * outBytes);
    LaunchRecord record =
        sim.run("c" + std::to_string(i), {blocks, 1, 1}, {1024, 1, 1}, 0, in,
                out, uint32_t(values.size()));
    ASSERT_TRUE(record.findings.empty()) << describe(record);
    std::vector<uint8_t> found = sim.download<uint8_t>(out);
    unsigned wrong = 0;
    for (size_t k = 0; k < values.size() && wrong < 3; ++k) {
      uint64_t got = 0;
      std::memcpy(&got, &found[k * outBytes], outBytes);
      // An 8-bit result is extended to its register by its sign.
      got &= to.bits == 64 ? ~uint64_t(0) : (uint64_t(1) << to.bits) - 1;
      uint64_t want = expected(forms[i], values[k]);
      if (got == want || (isNaN(to, got) && isNaN(to, want)))
        continue;
      ++wrong;
      ADD_FAILURE() << forms[i].opcode() << " of 0x" << std::hex << values[k]
                    << " is 0x" << got << ", APFloat says 0x" << want;
    }
  }
}

// ---- the forms

std::vector<Format> integers() {
  std::vector<Format> all;
  for (unsigned bits : {8, 16, 32, 64})
    for (bool isSigned : {false, true})
      all.push_back({(isSigned ? "s" : "u") + std::to_string(bits), bits,
                     nullptr, isSigned});
  return all;
}

Form with(Form form, bool ftz, bool sat, const std::string &first) {
  form.ftz = ftz;
  form.sat = sat;
  form.modifiers = first + (ftz ? ".ftz" : "") + (sat ? ".sat" : "");
  return form;
}

/// Float to float by .rn .rz .rm .rp, or without where that is exact; .relu and
/// .satfinite where f32 goes to 16 bits.
std::vector<Form> between(const Format &from, const Format &to) {
  std::vector<Form> forms;
  bool narrows = from.bits > to.bits ||
                 (from.bits == 16 && to.bits == 16 && from.name != to.name);
  bool mayFlush = from.bits == 32 || to.bits == 32;
  bool maySaturate = from.name != "bf16" && to.name != "bf16";
  for (bool ftz : {false, true})
    for (bool sat : {false, true}) {
      if ((ftz && !mayFlush) || (sat && !maySaturate))
        continue;
      if (!narrows) {
        forms.push_back(with({from, to}, ftz, sat, ""));
        continue;
      }
      for (auto [letter, direction] : directions)
        forms.push_back(
            with({from, to, direction}, ftz, sat, std::string(".r") + letter));
    }
  if (from.bits == 32 && to.bits == 16)
    for (auto [letter, direction] : {directions[0], directions[1]})
      for (std::string more :
           {".relu", ".satfinite", ".relu.satfinite", ".satfinite.relu"}) {
        Form form = {from, to, direction};
        form.relu = more.find("relu") != more.npos;
        form.satfinite = more.find("satfinite") != more.npos;
        form.modifiers = std::string(".r") + letter + more;
        forms.push_back(form);
      }
  return forms;
}

/// Float to a whole float of its type by .rni .rzi .rmi .rpi.
std::vector<Form> integral(const Format &format) {
  std::vector<Form> forms;
  for (auto [letter, direction] : directions)
    for (bool ftz : {false, true})
      for (bool sat : {false, true}) {
        if ((ftz && format.bits != 32) || (sat && format.name == "bf16"))
          continue;
        Form form = {format, format, direction};
        form.toIntegral = true;
        forms.push_back(with(form, ftz, sat, std::string(".r") + letter + "i"));
      }
  return forms;
}

std::vector<Form> floatForms(const Format &from) {
  std::vector<Form> forms = integral(from);
  for (const Format &to : {f16, bf16, f32, f64})
    for (const Form &form : between(from, to))
      forms.push_back(form);
  for (const Format &to : integers())
    for (auto [letter, direction] : directions)
      for (bool ftz : {false, true}) {
        if ((ftz && from.bits != 32) || (from.name == "bf16" && to.bits == 8))
          continue;
        forms.push_back(with({from, to, direction}, ftz, false,
                             std::string(".r") + letter + "i"));
      }
  return forms;
}

std::vector<Form> integerForms(const Format &from) {
  std::vector<Form> forms;
  for (const Format &to : {f16, bf16, f32, f64})
    for (auto [letter, direction] : directions)
      for (bool sat : {false, true}) {
        if (to.name == "bf16" && (sat || from.bits == 8))
          continue;
        forms.push_back(with({from, to, direction}, false, sat,
                             std::string(".r") + letter));
      }
  return forms;
}

class Convert : public testing::TestWithParam<const char *> {};

TEST_P(Convert, FloatsAsApFloat) {
  for (const Format &from : {f16, bf16, f32, f64})
    check(floatForms(from), GetParam());
}

TEST_P(Convert, IntegersAsApFloat) {
  for (const Format &from : integers())
    check(integerForms(from), GetParam());
}

/// Bits of a tf32: an f32 whose 13 low bits are zero. APFloat knows the format,
/// 19 bits.
uint64_t tf32Of(uint32_t bits, RoundingMode direction, bool relu,
                bool satfinite) {
  APFloat x(APFloat::IEEEsingle(), APInt(32, bits));
  bool lossy = false;
  x.convert(APFloat::FloatTF32(), direction, &lossy);
  if (relu && !x.isNaN() && (x.isNegative() || x.isZero()))
    x = APFloat::getZero(APFloat::FloatTF32());
  if (satfinite && x.isInfinity() &&
      !APFloat(APFloat::IEEEsingle(), APInt(32, bits)).isNaN())
    x = APFloat::getLargest(APFloat::FloatTF32(), x.isNegative());
  return x.bitcastToAPInt().getZExtValue() << 13;
}

TEST_P(Convert, Tf32AsApFloat) {
  struct Tf32Form {
    std::string modifiers;
    RoundingMode direction;
    bool relu, satfinite;
  };
  const Tf32Form forms[] = {
      {".rna", RoundingMode::NearestTiesToAway, false, false},
      {".rna.satfinite", RoundingMode::NearestTiesToAway, false, true},
      {".rn", RoundingMode::NearestTiesToEven, false, false},
      {".rn.relu", RoundingMode::NearestTiesToEven, true, false},
      {".rz", RoundingMode::TowardZero, false, false},
      {".rz.relu", RoundingMode::TowardZero, true, false},
  };
  const Format tf32 = {"tf32", 32, &APFloat::IEEEsingle()};
  std::vector<Form> spelled;
  for (const Tf32Form &form : forms) {
    spelled.push_back({f32, tf32});
    spelled.back().modifiers = form.modifiers;
  }
  Sim sim(moduleOf(spelled), GetParam());
  std::vector<uint64_t> values = inputs(f32);
  Buffer in = sim.upload(pack(values, 4));
  auto blocks = static_cast<uint32_t>((values.size() + 1023) / 1024);
  for (size_t i = 0; i < std::size(forms); ++i) {
    Buffer out = sim.allocate<uint32_t>(values.size());
    LaunchRecord record =
        sim.run("c" + std::to_string(i), {blocks, 1, 1}, {1024, 1, 1}, 0, in,
                out, uint32_t(values.size()));
    ASSERT_TRUE(record.findings.empty()) << describe(record);
    std::vector<uint32_t> found = sim.download<uint32_t>(out);
    for (size_t k = 0; k < values.size(); ++k) {
      uint64_t want =
          tf32Of(static_cast<uint32_t>(values[k]), forms[i].direction,
                 forms[i].relu, forms[i].satfinite);
      if (!isNaN(f32, want)) {
        ASSERT_EQ(found[k], want)
            << forms[i].modifiers << " of 0x" << std::hex << values[k];
      } else {
        ASSERT_TRUE(isNaN(f32, found[k])) << std::hex << values[k];
      }
    }
  }
}

// cvt.f16x2.f32 d, a, b: a goes to the upper half, b to the lower.
TEST_P(Convert, PairsAsTwoSingles) {
  std::vector<uint64_t> low = inputs(f32), high(low.rbegin(), low.rend());
  for (const Format &to : {f16, bf16}) {
    std::vector<Form> forms;
    for (const Form &form : between(f32, to))
      if (!form.ftz && !form.sat && form.modifiers[2] != 'm' &&
          form.modifiers[2] != 'p')
        forms.push_back(form);
    ASSERT_EQ(forms.size(), 10u);
    for (const Form &form : forms) {
      Sim sim(".version 8.6\n.target sm_90\n.address_size 64\n"
              ".visible .entry c(.param .u64 high, .param .u64 low,"
              ".param .u64 out)\n{\n.reg .b32 %r<4>;\n.reg .b64 %rd<8>;\n"
              "ld.param.u64 %rd1, [high];\nld.param.u64 %rd2, [low];\n"
              "ld.param.u64 %rd3, [out];\nmov.u32 %r1, %ctaid.x;\n"
              "mul.wide.u32 %rd4, %r1, 4;\nadd.u64 %rd5, %rd1, %rd4;\n"
              "add.u64 %rd6, %rd2, %rd4;\nadd.u64 %rd7, %rd3, %rd4;\n"
              "ld.global.u32 %r2, [%rd5];\nld.global.u32 %r3, [%rd6];\n"
              "cvt" +
                  form.modifiers + "." + to.name +
                  "x2.f32 %r1, %r2, %r3;\n"
                  "st.global.u32 [%rd7], %r1;\nret;\n}\n",
              GetParam());
      Buffer a = sim.upload(pack(high, 4)), b = sim.upload(pack(low, 4)),
             out = sim.allocate<uint32_t>(low.size());
      LaunchRecord record =
          sim.run("c", {uint32_t(low.size()), 1, 1}, {1, 1, 1}, 0, a, b, out);
      ASSERT_TRUE(record.findings.empty()) << describe(record);
      std::vector<uint32_t> found = sim.download<uint32_t>(out);
      for (size_t k = 0; k < low.size(); ++k)
        for (auto [got, x] : {std::pair(found[k] >> 16, high[k]),
                              std::pair(found[k] & 0xffff, low[k])}) {
          uint64_t want = expected(form, x);
          ASSERT_TRUE(got == want || (isNaN(to, got) && isNaN(to, want)))
              << form.opcode() << std::hex << " of 0x" << x << " is 0x" << got
              << ", not 0x" << want;
        }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, Convert,
                         testing::Values("sm_90a", "sm_90a,lanes=v2"));

} // namespace
} // namespace headgate::test
