// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each rule of plan.json, broken once on the documented example: the message
// names the place, what was found and what is needed.

#include "lib/CheckPlan.h"
#include "lib/PlanText.h"
#include "test/lib/DocExamples.h"

namespace headgate::test {
namespace {

/// What is wrong with the example once its first `from` is `to`.
std::string refusal(const std::string &from, const std::string &to) {
  auto plan = parsePlan(edited(examplePlan(), from, to));
  if (plan)
    return "it was read";
  EXPECT_EQ(plan.error().code(), ErrorCode::corrupt);
  return plan.error().message();
}

struct Rule {
  const char *from, *to, *message;
};

void check(std::initializer_list<Rule> rules) {
  for (const Rule &rule : rules)
    EXPECT_EQ(refusal(rule.from, rule.to), rule.message)
        << rule.from << " -> " << rule.to;
}

// A key of each object misspelt: unknown there, and never passed over.
TEST(PlanRules, KeysAreKnown) {
  check({
      {"\"producer\"", "\"maker\"", "unknown key 'maker'"},
      {"\"needs\"", "\"need\"", "images[0]: unknown key 'need'"},
      {"\"isa\"", "\"ptx\"", "images[1].forms[0]: unknown key 'ptx'"},
      {"\"ir\"", "\"hash\"", "kernels[0]: unknown key 'hash'"},
      {"\"schedule\"", "\"knobs\"",
       "kernels[2].variants[0]: unknown key 'knobs'"},
      {"\"scratchBytes\"", "\"scratch\"",
       "kernels[2].variants[0].launches[0]: unknown key 'scratch'"},
      {"{\"f32\": 0.125}", "{\"f64\": 0.125}",
       "kernels[1].variants[0].launches[0].arguments[6]: unknown key 'f64'"},
      {"\"l2\"", "\"cache\"",
       "kernels[2].variants[1].launches[0].arguments[0].tensorMap: unknown key "
       "'cache'"},
      {"\"requires\"", "\"require\"", "entries[0]: unknown key 'require'"},
      {"\"else\"", "\"otherwise\"",
       "entries[0].requires[0]: unknown key 'otherwise'"},
      {"\"strides\": [\"S*q.s\"", "\"stride\": [\"S*q.s\"",
       "entries[0].inputs[1]: unknown key 'stride'"},
      {"\"live\": [0, 2]", "\"live\": [0, 2], \"zeros\": true",
       "entries[0].temporaries[0]: unknown key 'zeros'"},
      {"\"with\": {\"logits\"", "\"on\": {}, \"with\": {\"logits\"",
       "entries[0].steps[0]: unknown key 'on'"},
  });
  EXPECT_EQ(refusal("\"needs\"", "\"x-note\": {\"a\": [1]}, \"needs\""),
            "it was read");
}

TEST(PlanRules, RequiredKeysAreThere) {
  check({
      {"\"images\"", "\"x-images\"", "key 'images' is missing"},
      {"\"kernels\"", "\"x-kernels\"", "key 'kernels' is missing"},
      {"\"entries\"", "\"x-entries\"", "key 'entries' is missing"},
      {"\"id\"", "\"x-id\"", "images[0]: key 'id' is missing"},
      {"\"target\"", "\"x-target\"", "images[0]: key 'target' is missing"},
      {"\"forms\"", "\"x-forms\"", "images[0]: key 'forms' is missing"},
      {"\"kind\"", "\"x-kind\"", "images[0].forms[0]: key 'kind' is missing"},
      {"\"file\"", "\"x-file\"", "images[0].forms[0]: key 'file' is missing"},
      {"\"bytes\"", "\"x-bytes\"",
       "images[0].forms[0]: key 'bytes' is missing"},
      {"\"sha256\"", "\"x-sha256\"",
       "images[0].forms[0]: key 'sha256' is missing"},
      {"\"name\"", "\"x-name\"", "kernels[0]: key 'name' is missing"},
      {"\"parameters\"", "\"x-p\"", "kernels[0]: key 'parameters' is missing"},
      {"\"variants\"", "\"x-v\"", "kernels[0]: key 'variants' is missing"},
      {"\"image\":", "\"x-i\":",
       "kernels[0].variants[0]: key 'image' is missing"},
      {"\"launches\"", "\"x-l\"",
       "kernels[0].variants[0]: key 'launches' is missing"},
      {"\"symbol\"", "\"x-s\"",
       "kernels[0].variants[0].launches[0]: key 'symbol' is missing"},
      {"\"grid\"", "\"x-g\"",
       "kernels[0].variants[0].launches[0]: key 'grid' is missing"},
      {"\"arguments\"", "\"x-a\"",
       "kernels[0].variants[0].launches[0]: key 'arguments' is missing"},
      {"\"box\"", "\"x-box\"",
       "kernels[2].variants[1].launches[0].arguments[0].tensorMap: key 'box' "
       "is missing"},
      {"\"inputs\"", "\"x-in\"", "entries[0]: key 'inputs' is missing"},
      {"\"outputs\"", "\"x-out\"", "entries[0]: key 'outputs' is missing"},
      {"\"steps\"", "\"x-steps\"", "entries[0]: key 'steps' is missing"},
      {"\"that\"", "\"x-that\"",
       "entries[0].requires[0]: key 'that' is missing"},
      {"\"shape\"", "\"x-shape\"",
       "entries[0].inputs[0]: key 'shape' is missing"},
      {"\"live\"", "\"x-live\"",
       "entries[0].temporaries[0]: key 'live' is missing"},
      {"\"with\"", "\"x-with\"", "entries[0].steps[0]: key 'with' is missing"},
  });
}

TEST(PlanRules, TypesAreRight) {
  check({
      {"\"0.1.0\"", "1",
       "producer.headgate: expected a string that is not empty, found 1"},
      {"\"host-v4\", \"target\"", "\"\", \"target\"",
       "images[0].id: expected a string that is not empty, found \"\""},
      {"91240", "\"91240\"",
       "images[0].forms[0].bytes: expected an integer from "
       "-9223372036854775808 to 9223372036854775807, found \"91240\""},
      {"\"op\": \"select\"", "\"op\": 12345678901234567890",
       "kernels[0].problem.op: the integer 12345678901234567890 does not fit "
       "64 bits"},
      {"{\"op\": \"select\", \"G\": 8, \"M\": 2, \"k\": 1}", "[]",
       "kernels[0].problem: expected an object, found an array"},
      {"[\"cdiv(N,64)\", \"1\", \"1\"]", "[\"cdiv(N,64)\", \"1\"]",
       "kernels[0].variants[0].launches[0].grid: expected 3 expressions, found "
       "2"},
      {"[\"cdiv(N,64)\", \"1\", \"1\"]", "[\"cdiv(N,64)\", 1, \"1\"]",
       "kernels[0].variants[0].launches[0].grid[1]: expected a string that is "
       "not empty, found 1"},
      {"\"pdl\": true", "\"pdl\": 1",
       "kernels[2].variants[1].launches[0].pdl: expected true or false, found "
       "1"},
      {"{\"i64\": 64}", "{\"i64\": -1}",
       "kernels[1].variants[0].launches[0].arguments[5].i64: expected an "
       "integer from 0 to 9223372036854775807, found -1"},
      {"{\"i64\": 64}", "{\"i64\": 6.4}",
       "kernels[1].variants[0].launches[0].arguments[5].i64: expected a string "
       "that is not empty, found 6.4"},
      {"{\"i64\": 64}", "64",
       "kernels[1].variants[0].launches[0].arguments[5]: expected an object, "
       "found 64"},
      {"{\"i64\": 64}", "{}",
       "kernels[1].variants[0].launches[0].arguments[5]: expected one of i32, "
       "i64, f32 and tensorMap, found 0"},
      {"{\"i64\": 64}", "{\"i64\": 64, \"f32\": 1}",
       "kernels[1].variants[0].launches[0].arguments[5]: expected one of i32, "
       "i64, f32 and tensorMap, found 2"},
      {"\"-inf\"", "\"infinity\"",
       "kernels[1].variants[0].launches[0].arguments[7].f32: expected a "
       "number, \"inf\", \"-inf\" or \"nan\", found \"infinity\""},
      {"[0, 65535]", "[0]", "entries[0].dims.B: expected 2 integers, found 1"},
      {"[\"B\", \"S\", 8, 2]", "[\"B\", \"S\", 8.0, 2]",
       "entries[0].inputs[0].shape[2]: expected a string that is not empty, "
       "found 8.0"},
      {"\"dtype\": \"f32\"", "\"dtype\": \"float\"",
       "entries[0].inputs[0].dtype: expected an element type, found \"float\""},
      {"\"N\": \"B*S\"", "\"N\": 7",
       "entries[0].steps[0].with.N: expected a string that is not empty, found "
       "7"},
      {"\"live\": [0, 2]", "\"live\": [0, 2, 3]",
       "entries[0].temporaries[0].live: expected 2 integers, found 3"},
  });
}

TEST(PlanRules, Images) {
  check({
      {"\"id\": \"attend.2\", \"target\"", "\"id\": \"attend.1\", \"target\"",
       "images[2].id: a second image is called 'attend.1'"},
      {"\"host:x86-64-v4\"", "\"x86-64-v4\"",
       "images[0].target: expected host, host:LEVEL or sm_NN, found "
       "'x86-64-v4'"},
      {"\"host:x86-64-v4\"", "\"host:\"",
       "images[0].target: expected host, host:LEVEL or sm_NN, found 'host:'"},
      {"\"target\": \"sm_90a\"", "\"target\": \"sm_9x\"",
       "images[1].target: expected host, host:LEVEL or sm_NN, found 'sm_9x'"},
      {"\"avx512dq\"", "\"avx1024\"",
       "images[0].needs[2]: no CPU feature 'avx1024'; there is sse4.2, avx, "
       "avx2, fma, f16c, avx512f, avx512bw, avx512dq, avx512vl, avx512bf16, "
       "neon (did you mean 'avx'?)"},
      {"\"avx512dq\"", "\"avx512f\"",
       "images[0].needs[2]: 'avx512f' is listed twice"},
      {"\"target\": \"sm_90a\"", "\"target\": \"sm_90a\", \"needs\": [\"avx\"]",
       "images[1].needs: only images for the host have CPU features"},
      {"\"kind\": \"so\"", "\"kind\": \"ptx\"",
       "images[0].forms[0].kind: expected so, found 'ptx'"},
      {"\"kind\": \"cubin\"", "\"kind\": \"so\"",
       "images[1].forms[1].kind: expected ptx or cubin, found 'so'"},
      {"\"isa\": \"8.0\", ", "",
       "images[1].forms[0].isa: a ptx form says its PTX version"},
      {"\"kind\": \"cubin\"", "\"kind\": \"cubin\", \"isa\": \"8.0\"",
       "images[1].forms[1].isa: only a ptx form has one"},
      {"\"bytes\": 91240", "\"bytes\": 91240, \"registers\": 1",
       "images[0].forms[0].registers: only a cubin form has them"},
      {"\"registers\": 168", "\"registers\": 256",
       "images[1].forms[1].registers: expected an integer from 0 to 255, found "
       "256"},
      {"\"spillBytes\": 0", "\"spillBytes\": -1",
       "images[1].forms[1].spillBytes: expected an integer from 0 to "
       "1099511627776, found -1"},
      {"91240", "0",
       "images[0].forms[0].bytes: expected an integer from 1 to "
       "1099511627776, found 0"},
      {"\"sha256\": \"9c1f03ab", "\"sha256\": \"9C1F03AB",
       "images[0].forms[0].sha256: expected 64 lower-case hex digits, found "
       "'9C1F03AB77ab01cd3e5f9a10e3b102d451c05b0e9c1f03ab77ab01cd3e5f9a10'"},
  });
  for (const char *file :
       {"/kernels/a.so", "../a.so", "kernels/../../a.so", "kernels//a.so",
        "./a.so", "kernels/", "..", "kernels/./a.so"})
    EXPECT_EQ(refusal("kernels/host-v4-9c1f03ab.so", file),
              "images[0].forms[0].file: '" + std::string(file) +
                  "' is not a path inside the bundle");
  EXPECT_EQ(refusal("kernels/host-v4-9c1f03ab.so", "a..b/..c"), "it was read");
}

TEST(PlanRules, ImagesHaveForms) {
  EXPECT_EQ(refusal("\"forms\": [{\"kind\": \"so\"",
                    "\"forms\": [], \"x-forms\": [{\"kind\": \"so\""),
            "images[0].forms: an image has a form");
}

TEST(PlanRules, Kernels) {
  check({
      {"\"mean_kv\"", "\"select\"",
       "kernels[1].name: a second kernel is called 'select'"},
      {"\"sha256:02d4", "\"sha512:02d4",
       "kernels[0].ir: expected sha256: and 64 lower-case hex digits, found "
       "'sha512:02d451c05b0e9c1f03ab77ab01cd3e5f9a10e3b102d451c05b0e9c1f03ab77"
       "ab'"},
      {"\"logits:ptr\"", "\"logits:pointer\"",
       "kernels[0].parameters[0]: expected NAME:ptr, NAME:ptr:ALIGN, NAME:i32, "
       "NAME:i64 or NAME:f32, found \"logits:pointer\""},
      {"\"logits:ptr\"", "\"logits\"",
       "kernels[0].parameters[0]: expected NAME:ptr, NAME:ptr:ALIGN, NAME:i32, "
       "NAME:i64 or NAME:f32, found \"logits\""},
      {"\"logits:ptr\"", "\"logits:ptr:x\"",
       "kernels[0].parameters[0]: 'x' is not an alignment"},
      {"\"logits:ptr\"", "\"logits:ptr:0\"",
       "kernels[0].parameters[0]: '0' is not an alignment"},
      {"\"logits:ptr\"", "\"logits:ptr:24\"",
       "kernels[0].parameters[0]: an alignment of 24 is not a power of two up "
       "to 256"},
      {"\"logits:ptr\"", "\"logits:ptr:512\"",
       "kernels[0].parameters[0]: an alignment of 512 is not a power of two up "
       "to 256"},
      {"\"N:i32\"", "\"N:i32:4\"",
       "kernels[0].parameters[4]: expected NAME:ptr, NAME:ptr:ALIGN, NAME:i32, "
       "NAME:i64 or NAME:f32, found \"N:i32:4\""},
      {"\"N:i32\"", "\"w:i32\"",
       "kernels[0].parameters[4]: a second parameter is called 'w'"},
      {"\"N:i32\"", "\"min:i32\"",
       "kernels[0].parameters[4]: 'min' cannot be the name of a parameter"},
      {"\"N:i32\"", "\"workspace:i32\"",
       "kernels[0].parameters[4]: 'workspace' cannot be the name of a "
       "parameter"},
      {"\"N:i32\"", "\":i32\"",
       "kernels[0].parameters[4]: parameter has no "
       "name"},
      {"\"bucket\": [\"B\"", "\"bucket\": [\"q\"",
       "kernels[2].bucket[0]: no integer parameter 'q'; there is B, S, T, q.s "
       "(did you mean 'q.s'?)"},
      {"\"bucket\": [\"B\"", "\"bucket\": [\"S\"",
       "kernels[2].bucket[1]: 'S' is listed twice"},
      {"{\"host\": [\"select.0\"]}", "{\"host\": [\"select.1\"]}",
       "kernels[0].defaults.host[0]: no variant 'select.1'; there is select.0 "
       "(did you mean 'select.0'?)"},
      {"{\"host\": [\"select.0\"]}", "{\"sm_80\": [\"select.0\"]}",
       "kernels[0].defaults.sm_80[0]: variant 'select.0' is not for sm_80"},
      {"{\"host\": [\"select.0\"]}", "{\"host:x86-64-v4\": [\"select.0\"]}",
       "kernels[0].defaults.host:x86-64-v4: expected host or sm_NN, found "
       "'host:x86-64-v4'"},
      {"[\"attend.1\", \"attend.2\"]", "[\"attend.1\", \"attend.1\"]",
       "kernels[2].defaults.sm_90a[1]: 'attend.1' is listed twice"},
  });
}

TEST(PlanRules, Variants) {
  const std::string launch = "kernels[2].variants[1].launches[0]";
  check({
      {"\"id\": \"attend.1\", \"image\"", "\"id\": \"attend.0\", \"image\"",
       "kernels[2].variants[1].id: a second variant is called 'attend.0'"},
      {"\"image\": \"host-v4\"", "\"image\": \"host-v5\"",
       "kernels[0].variants[0].image: no image 'host-v5'; there is host-v4, "
       "attend.1, attend.2, attend.2.join (did you mean 'host-v4'?)"},
      {"\"image\": \"attend.2.join\"", "\"image\": \"attend.2.joint\"",
       "kernels[2].variants[2].launches[1].image: no image 'attend.2.joint'; "
       "there is host-v4, attend.1, attend.2, attend.2.join (did you mean "
       "'attend.2.join'?)"},
      {"\"image\": \"attend.2.join\"", "\"image\": \"host-v4\"",
       "kernels[2].variants[2].launches[1].image: image 'host-v4' is not for "
       "the variant's target"},
      {"\"S >= 64\"", "\"S >= U\"",
       "kernels[2].variants[1].when: expression 'S >= U', column 6: unknown "
       "name 'U'"},
      {"\"16*B*9*S*(64+1)*4\"", "\"16*B*9*S*(64+1\"",
       "kernels[2].variants[2].workspaceBytes: expression '16*B*9*S*(64+1', "
       "column 15: expected ')'"},
      {"\"launches\": [{\"symbol\": \"hg_select\"",
       "\"launches\": [], \"x-was\": [{\"symbol\": \"hg_select\"",
       "kernels[0].variants[0].launches: a variant has a launch"},
      // A variant does not see the entry's names.
      {"\"grid\": [\"cdiv(N,64)\"", "\"grid\": [\"cdiv(S,64)\"",
       "kernels[0].variants[0].launches[0].grid[0]: expression 'cdiv(S,64)', "
       "column 6: unknown name 'S'"},
      {"\"65536\"", "\"65536*q\"",
       "kernels[2].variants[0].launches[0].scratchBytes: expression "
       "'65536*q', column 7: unknown name 'q'"},
      {"\"block\": 512", "\"block\": 1025",
       "kernels[2].variants[1].launches[0].block: expected an integer from 1 "
       "to 1024, found 1025"},
      {"\"cluster\": 1", "\"cluster\": 0",
       "kernels[2].variants[1].launches[0].cluster: expected an integer from 1 "
       "to 16, found 0"},
      {"91136", "-1",
       "kernels[2].variants[1].launches[0].sharedBytes: expected an integer "
       "from 0 to 2147483647, found -1"},
      {"\"arguments\": [\"logits\"", "\"arguments\": [\"logit\"",
       "kernels[0].variants[0].launches[0].arguments[0]: no parameter 'logit'; "
       "there is logits, idx, w, eps, N (did you mean 'logits'?)"},
      {"{\"i32\": \"N\"}", "{\"i32\": \"N+k\"}",
       "kernels[1].variants[0].launches[0].arguments[4]: expression 'N+k', "
       "column 3: unknown name 'k'"},
      {"{\"f32\": 0.125}", "{\"f32\": 1e39}",
       "kernels[1].variants[0].launches[0].arguments[6]: the number does not "
       "fit f32"},
  });
}

TEST(PlanRules, TensorMaps) {
  const std::string map =
      "kernels[2].variants[1].launches[0].arguments[0].tensorMap.";
  struct Row {
    const char *from, *to, *message;
  };
  for (Row row : {
           Row{"\"base\": \"k\"", "\"base\": \"S\"",
               "base: no pointer parameter 'S'; there is q, qs, k, v, kbar, "
               "vbar, idx, o"},
           {"\"dtype\": \"bf16\", \"sizes\"", "\"dtype\": \"e4m3\", \"sizes\"",
            "dtype: unknown element type 'e4m3'"},
           {"[\"64\", \"8\", \"T\", \"B\"]", "[]",
            "sizes: expected 1 to 5 sizes, found 0"},
           {"[\"64\", \"8\", \"T\", \"B\"]",
            "[\"64\", \"8\", \"T\", \"B\", \"1\", \"1\"]",
            "sizes: expected 1 to 5 sizes, found 6"},
           {"[\"64\", \"8\", \"T\", \"B\"]", "[\"64\", \"8\", \"D\", \"B\"]",
            "sizes[2]: expression 'D', column 1: unknown name 'D'"},
           {"[\"128\", \"1024\", \"T*1024\"]", "[\"128\", \"1024\"]",
            "strides: expected a stride for each size but the first"},
           {"\"T*1024\"", "\"T*\"",
            "strides[2]: expression 'T*', column 3: expected a number, a name "
            "or '('"},
           {"[64, 1, 128, 1]", "[64, 1, 128]",
            "box: expected an extent for each size"},
           {"[64, 1, 128, 1]", "[64, 1, 512, 1]",
            "box[2]: expected an integer from 1 to 256, found 512"},
           {"\"swizzle\": 128", "\"swizzle\": 96",
            "swizzle: expected 0, 32, 64 or 128"},
           {"\"l2\": 256", "\"l2\": 32", "l2: expected 0, 64, 128 or 256"},
           {"\"fill\": \"zero\"", "\"fill\": \"one\"",
            "fill: expected zero or nan, found 'one'"},
       })
    EXPECT_EQ(refusal(row.from, row.to), map + row.message);
}

} // namespace
} // namespace headgate::test
