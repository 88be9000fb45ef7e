// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Text to Plan and back. The rules that a plan must keep are PlanRulesTest's.

#include "lib/PlanText.h"
#include "test/lib/DocExamples.h"

#include <cmath>
#include <limits>

namespace headgate::test {
namespace {

Plan parsed(const std::string &text) {
  auto plan = parsePlan(text);
  EXPECT_TRUE(plan) << plan.error().message();
  return plan ? *plan : Plan();
}

TEST(PlanText, ReadsTheDocumentedExample) {
  Plan plan = parsed(examplePlan());
  EXPECT_EQ(plan.producer.at("ptxas"), "13.0.88");
  ASSERT_EQ(plan.images.size(), 4u);
  EXPECT_EQ(plan.images[0].needs.size(), 4u);
  EXPECT_EQ(plan.images[1].forms[0].isa, "8.0");
  EXPECT_EQ(plan.images[1].forms[1].registers, 168);
  EXPECT_EQ(plan.images[1].forms[1].spillBytes, 0);
  EXPECT_EQ(plan.kernels[2].variants[2].launches[0].image, "");
  EXPECT_EQ(plan.kernels[2].variants[2].launches[1].image, "attend.2.join");

  ASSERT_EQ(plan.kernels.size(), 4u);
  EXPECT_EQ(plan.kernels[0].parameters[3].type, ParameterType::f32);
  const PlanKernel &attend = plan.kernels[2];
  EXPECT_EQ(attend.problem.find(R"({"op":"attend","dtype":"bf16")"), 0u);
  EXPECT_EQ(attend.parameters[0].align, 16);
  EXPECT_EQ(attend.parameters[1].align, 0);
  EXPECT_EQ(attend.parameters[11].name, "q.s");
  EXPECT_EQ(attend.parameters[11].type, ParameterType::i64);
  EXPECT_EQ(attend.bucket, (std::vector<std::string>{"B", "S", "T"}));
  EXPECT_EQ(attend.defaults.at("sm_90a"),
            (std::vector<std::string>{"attend.1", "attend.2"}));
  ASSERT_EQ(attend.variants.size(), 3u);
  EXPECT_EQ(attend.variants[0].when, "1");
  EXPECT_EQ(attend.variants[0].launches[0].scratchBytes, "65536");
  EXPECT_EQ(attend.variants[2].workspaceBytes, "16*B*9*S*(64+1)*4");
  const PlanLaunch &launch = attend.variants[1].launches[0];
  EXPECT_EQ(launch.grid[1], "cdiv(S,192)");
  EXPECT_EQ(launch.block, 512);
  EXPECT_EQ(launch.sharedBytes, 91136);
  EXPECT_TRUE(launch.pdl);
  const PlanTensorMap &map = launch.arguments[1].map;
  EXPECT_EQ(launch.arguments[1].kind, PlanArgument::Kind::tensorMap);
  EXPECT_EQ(map.base, "v");
  EXPECT_EQ(map.strides[2], "T*1024");
  EXPECT_EQ(map.box, (std::vector<int64_t>{64, 1, 128, 1}));
  EXPECT_EQ(map.fill, "nan");

  ASSERT_EQ(plan.entries.size(), 1u);
  const PlanEntry &entry = plan.entries[0];
  EXPECT_EQ(entry.dims[1].first, "S");
  EXPECT_EQ(entry.dims[1].second[1], 1048576);
  EXPECT_EQ(entry.inputs[1].dtype, DType::bf16);
  EXPECT_EQ((*entry.inputs[1].strides)[0], PlanExtent("S*q.s"));
  EXPECT_EQ((*entry.inputs[1].strides)[2], PlanExtent(int64_t(128)));
  EXPECT_FALSE(entry.inputs[0].strides);
  EXPECT_EQ(entry.temporaries[1].live[1], 3);
  EXPECT_EQ(entry.steps[0].with[3].second, "1e-6");
}

TEST(PlanText, KindsOfArguments) {
  Plan plan = parsed(examplePlan());
  const auto &arguments = plan.kernels[1].variants[0].launches[0].arguments;
  using Kind = PlanArgument::Kind;
  EXPECT_EQ(arguments[0].kind, Kind::parameter);
  EXPECT_EQ(arguments[4].kind, Kind::i32);
  EXPECT_EQ(arguments[4].text, "N");
  EXPECT_EQ(arguments[5].kind, Kind::i64);
  EXPECT_EQ(arguments[5].text, "64");
  EXPECT_EQ(arguments[6].kind, Kind::f32);
  EXPECT_EQ(arguments[6].number, 0.125);
  EXPECT_EQ(arguments[7].number, -std::numeric_limits<double>::infinity());
  const auto &split = plan.kernels[2].variants[2].launches[0].arguments;
  EXPECT_EQ(split[7].kind, Kind::workspace);
}

// Printing is a fixed point: nothing is lost, nothing is added.
TEST(PlanText, PrintsWhatItReads) {
  Plan plan = parsed(examplePlan());
  std::string text = printPlan(plan);
  EXPECT_EQ(printPlan(parsed(text)), text);
  // Every value of the example is in it.
  for (const char *part :
       {"\"producer\": {",
        "\"spillBytes\": 0",
        "\"isa\": \"8.0\"",
        "\"q:ptr:16\"",
        "\"eps:f32\"",
        "\"schedule\": {\"rows\": 64, ",
        "{\"i32\": \"N\"}",
        "{\"i64\": \"64\"}",
        "{\"f32\": 0.125}",
        "{\"f32\": \"-inf\"}",
        "\"swizzle\": 128",
        "\"fill\": \"nan\"",
        "\"pdl\": true",
        "\"when\": \"S >= 64\"",
        "\"scratchBytes\": \"65536\"",
        "\"dims\": {\"B\": [0, 65535], \"S\": [0, 1048576], ",
        "\"strides\": [\"S*q.s\", \"q.s\", 128, 64, 1]",
        "\"live\": [0, 3]",
        "\"requires\": [",
        "\"eps\": \"1e-6\""})
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
}

TEST(PlanText, PrintsWhatTheExampleLacks) {
  std::string text = edited(examplePlan(), "\"live\": [0, 3]}",
                            "\"live\": [0, 3], \"zero\": true}");
  text = edited(
      text, R"({"name": "o", "dtype": "bf16", )",
      R"({"name": "cache", "dtype": "f32", "strides": ["o.s", "o.t", 2, 1],
                    "shape": ["B", "S", 8, 2], "alias": "logits"},
                   {"name": "o", "dtype": "bf16", )");
  text = edited(text, "{\"f32\": 0.125}", "{\"f32\": \"nan\"}");
  Plan plan = parsed(text);
  EXPECT_TRUE(plan.entries[0].temporaries[1].zero);
  EXPECT_EQ(plan.entries[0].outputs[0].alias, "logits");
  std::string printed = printPlan(plan);
  Plan again = parsed(printed);
  EXPECT_EQ(printPlan(again), printed);
  EXPECT_TRUE(again.entries[0].temporaries[1].zero);
  EXPECT_EQ(again.entries[0].outputs[0].alias, "logits");
  EXPECT_EQ(again.entries[0].outputs[0].strides,
            plan.entries[0].outputs[0].strides);
  EXPECT_TRUE(
      std::isnan(again.kernels[1].variants[0].launches[0].arguments[6].number));
}

TEST(PlanText, LeavesDefaultsOut) {
  std::string text = R"({"format": "headgate.plan", "version": 1,
    "images": [{"id": "i", "target": "host", "forms": [{"kind": "so",
      "file": "i.so", "bytes": 1, "sha256": ")" +
                     std::string(64, 'a') + R"("}]}],
    "kernels": [{"name": "k", "parameters": [], "variants": [
      {"id": "v", "image": "i", "launches": [
        {"symbol": "s", "grid": ["1", "1", "1"], "arguments": []}]}]}],
    "entries": [{"name": "e", "inputs": [], "outputs": [], "steps": []}]})";
  Plan plan = parsed(text);
  const PlanVariant &variant = plan.kernels[0].variants[0];
  EXPECT_EQ(variant.when, "1");
  EXPECT_EQ(variant.workspaceBytes, "0");
  EXPECT_EQ(variant.schedule, "{}");
  EXPECT_EQ(variant.launches[0].block, 1);
  std::string printed = printPlan(plan);
  for (const char *key :
       {"producer", "needs", "isa", "registers", "ir", "problem", "bucket",
        "defaults", "schedule", "when", "workspaceBytes", "block", "cluster",
        "sharedBytes", "pdl", "scratchBytes", "dims", "requires",
        "temporaries"})
    EXPECT_EQ(printed.find("\"" + std::string(key) + "\":"), std::string::npos)
        << key << " in\n"
        << printed;
}

TEST(PlanText, OneLineWhereItFits) {
  std::string text = printPlan(parsed(examplePlan()));
  EXPECT_NE(text.find("\n        {\"name\": \"idx\", \"bytes\": \"B*8*S*4\", "
                      "\"live\": [0, 2]},\n"),
            std::string::npos)
      << text;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    EXPECT_LE(line.size(), 110u) << line;
}

// A file system may give names that are no UTF-8; plan.json must stay JSON.
TEST(PlanText, NamesThatAreNotUtf8) {
  Plan plan = parsed(examplePlan());
  plan.producer["source"] = "caf\xe9.mlir";
  plan.kernels[0].name = "quo\"te\n";
  plan.entries[0].steps[0].kernel = plan.kernels[0].name;
  Plan again = parsed(printPlan(plan));
  EXPECT_EQ(again.producer["source"], "caf\xef\xbf\xbd.mlir");
  EXPECT_EQ(again.kernels[0].name, "quo\"te\n");
}

TEST(PlanText, OtherVersionsAndFormats) {
  auto plan = parsePlan(edited(examplePlan(), "\"version\": 1,",
                               "\"version\": 3, \"grids\": [],"));
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code(), ErrorCode::unsupported);
  EXPECT_EQ(plan.error().message(),
            "made by headgate 0.1.0 (headgate.plan version 3); this runtime "
            "reads version 1: rebuild the runtime or recompile");
  plan = parsePlan(exampleTuning());
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code(), ErrorCode::corrupt);
  EXPECT_EQ(plan.error().message(),
            "format: expected \"headgate.plan\", found \"headgate.tuned\"");
}

// Cut anywhere, a plan is an error and never half a plan.
TEST(PlanText, RefusesEveryTruncation) {
  std::string text = examplePlan();
  text.resize(text.rfind('}'));
  for (size_t length = 0; length <= text.size(); length += 7) {
    auto plan = parsePlan(text.substr(0, length));
    ASSERT_FALSE(plan) << length;
    EXPECT_EQ(plan.error().code(), ErrorCode::corrupt);
  }
}

} // namespace
} // namespace headgate::test
