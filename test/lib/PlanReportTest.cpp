// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Calls of the plan in docs/plan.md at given sizes, and what is said of them.

#include "lib/PlanReport.h"
#include "lib/PlanText.h"
#include "test/lib/DocExamples.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace headgate;

namespace {

/// The plan of docs/plan.md, of which select, mean_kv and combine have host
/// code alone.
Plan documented() {
  Result<Plan> plan = parsePlan(test::examplePlan());
  EXPECT_TRUE(plan) << plan.error().message();
  return *plan;
}

TEST(SizeCall, OnTheHost) {
  Plan plan = documented();
  std::vector<int64_t> dims = {2, 100, 300};
  auto call = sizeCall(plan, plan.entries[0], "host:x86-64-v4", dims);
  ASSERT_TRUE(call) << call.error().message();
  ASSERT_EQ(call->steps.size(), 4u);
  const SizedStep &attend = call->steps[2];
  EXPECT_EQ(attend.variant->id, "attend.0");
  EXPECT_EQ(attend.workspaceBytes, 0);
  EXPECT_EQ(attend.launches[0].grid, (std::array<int64_t, 3>{18, 2, 1}));
  EXPECT_EQ(attend.launches[0].scratchBytes, 65536);
  EXPECT_EQ(call->scratchBytes, 65536);
  // q, q_shared, k, v, kbar, vbar, idx, o.
  EXPECT_EQ(attend.tensorBytes, 2 * (2 * 100 * (16 + 1) * 64) +
                                    2 * (2 * 300 * (8 + 8 + 1 + 1) * 64) +
                                    2 * 100 * 8 * 4 + 2 * (2 * 100 * 9 * 64));
  // idx and w from the first step on, then kbar and vbar as well.
  EXPECT_EQ(call->liveBytes, 2 * (2 * 100 * 8 * 4) + 2 * (2 * 300 * 64 * 2));
  EXPECT_EQ(call->liveStep, 1);
  EXPECT_GE(call->arenaBytes, call->liveBytes);
}

// What comes first among the defaults, if its condition holds.
TEST(SizeCall, ChoosesByCondition) {
  Plan plan = documented();
  PlanEntry entry = plan.entries[0];
  PlanStep attend = entry.steps[2];
  entry.steps = {attend};
  for (PlanTemporary &temporary : entry.temporaries)
    temporary.live = {0, 0};
  for (auto [S, id] : {std::pair(64, "attend.1"), std::pair(63, "attend.2")}) {
    std::vector<int64_t> dims = {1, S, 100};
    auto call = sizeCall(plan, entry, "sm_90a", dims);
    ASSERT_TRUE(call) << call.error().message();
    EXPECT_EQ(call->steps[0].variant->id, id);
  }
  std::vector<int64_t> dims = {1, 63, 100};
  auto call = sizeCall(plan, entry, "sm_90a", dims);
  EXPECT_EQ(call->steps[0].workspaceBytes, 16 * 9 * 63 * 65 * 4);
  EXPECT_EQ(call->memory.back().name, "workspace of attend.2");
  EXPECT_EQ(call->steps[0].launches.size(), 2u);
}

TEST(SizeCall, SaysWhatHasNoCode) {
  Plan plan = documented();
  std::vector<int64_t> dims = {1, 2, 3};
  auto call = sizeCall(plan, plan.entries[0], "sm_90a", dims);
  ASSERT_FALSE(call);
  EXPECT_EQ(call.error().message(),
            "entry 'gqe': kernel 'select': it has no variant for these sizes "
            "on sm_90a");
}

TEST(SizeCall, TensorsMayBeTooLarge) {
  Plan plan = documented();
  std::vector<int64_t> dims = {int64_t(1) << 40, int64_t(1) << 20, 1};
  auto call = sizeCall(plan, plan.entries[0], "host:x86-64-v4", dims);
  ASSERT_FALSE(call);
  EXPECT_NE(call.error().message().find("too large"), std::string::npos);
}

/// Only what runs on the host.
Plan hostPlan() {
  Plan plan = documented();
  plan.images.resize(1);
  plan.kernels[2].variants.resize(1);
  plan.kernels[2].defaults.erase("sm_90a");
  return plan;
}

TEST(PlanReport, Growth) {
  Plan plan = hostPlan();
  std::vector<NamedDims> sizes = {{{"B", 3}, {"S", 1024}, {"T", 4096}}};
  auto report = reportPlan(plan, sizes);
  ASSERT_TRUE(report) << report.error().message();
  ASSERT_EQ(report->calls.size(), 1u);
  EXPECT_DOUBLE_EQ(*report->calls[0].growth, 2);
  plan.entries[0].temporaries[0].bytes = "B*8*S*T*4";
  report = reportPlan(plan, sizes);
  EXPECT_GT(*report->calls[0].growth, 3.9);
  // Twice as large as the plan allows.
  sizes[0] = {{"B", 1}, {"S", 1048576}, {"T", 1048576}};
  report = reportPlan(plan, sizes);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_FALSE(report->calls[0].growth);
}

TEST(PlanReport, RefusesSizesThatNoEntryHas) {
  Plan plan = hostPlan();
  std::vector<NamedDims> sizes = {{{"B", 1}, {"S", 1}, {"T", 1}, {"U", 1}}};
  EXPECT_FALSE(reportPlan(plan, sizes));
  sizes = {{{"B", 1}, {"S", 1}}};
  EXPECT_FALSE(reportPlan(plan, sizes));
}

TEST(PlanReport, Formats) {
  Plan plan = hostPlan();
  std::vector<NamedDims> sizes = {{{"B", 1}, {"S", 64}, {"T", 64}}};
  auto report = reportPlan(plan, sizes);
  ASSERT_TRUE(report);
  std::string text = formatText(*report);
  for (const char *part :
       {"host-v4 for host:x86-64-v4: 89.1 KiB",
        "attend.0 in host-v4, schedule {\"rows\":64,\"keys\":128}",
        "hg_attend_0: grid [B*9, cdiv(S,64), 1], scratch 65536 bytes a thread",
        "idx: B*8*S*4 bytes, live in steps 0 to 2",
        "entry gqe at B=1,S=64,T=64 on host:x86-64-v4",
        "hg_attend_0: grid [9, 1, 1], scratch 64.0 KiB a thread"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  auto json = nlohmann::json::parse(formatJson(*report), nullptr, false);
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["calls"][0]["steps"][2]["launches"][0]["grid"],
            nlohmann::json({9, 1, 1}));
  EXPECT_EQ(json["calls"][0]["growth"], 2.0);
}

// What ptxas said of a launch's own image stands beside what the launch takes.
TEST(PlanReport, FormatsBlocksOfGpus) {
  Plan plan = documented();
  auto report = reportPlan(plan, {});
  ASSERT_TRUE(report);
  std::string text = formatText(*report);
  for (const char *part :
       {"hg_attend_1: grid [9*B, cdiv(S,192), 1], 512 threads, shared 89.0 "
        "KiB, 168 registers, 0 bytes spilled",
        "hg_attend_2_split: grid [16, 9, B], 128 threads, shared 72.0 KiB\n",
        "hg_attend_2_join: grid [S, 9, B], 64 threads\n"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  auto json = nlohmann::json::parse(formatJson(*report), nullptr, false);
  const auto &variants = json["kernels"][2]["variants"];
  EXPECT_EQ(variants[1]["launches"][0]["registers"], 168);
  EXPECT_EQ(variants[1]["launches"][0]["sharedBytes"], 91136);
  EXPECT_EQ(variants[0]["launches"][0].count("block"), 0u);
  EXPECT_EQ(variants[2]["launches"][1].count("registers"), 0u);
}

} // namespace
