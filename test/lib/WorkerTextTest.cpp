// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/WorkerText.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

using namespace headgate;

namespace {

TEST(WorkerText, RequestsRoundTrip) {
  WorkerRequest request{.id = 7,
                        .bundles = {"/a b.hgb", "/c.hgb"},
                        .variants = {"attend.1", ""},
                        .function = "layer",
                        .kernel = "attend",
                        .dims = {{"B", 1}, {"S", 2048}},
                        .routing = "zipf:1.5",
                        .draws = {{"kv_len", "T..0"}},
                        .seed = 11};
  request.checks = {{{{"B", 2}}, "/twin.hgb", true, 0},
                    {{{"B", 1}}, "/c.hgb", false, 8}};
  request.policy = {.warmupMs = 1.5, .samples = 3, .cold = true, .giveUpNs = 9};
  std::string text = printRequest(request);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  auto read = parseRequest(text);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(printRequest(*read), text);
  EXPECT_EQ(read->draws, request.draws);
  EXPECT_EQ(read->variants, request.variants);
  EXPECT_EQ(read->checks[1].lastRows, 8);
  EXPECT_EQ(read->policy.giveUpNs, 9);
  auto least = parseRequest(R"({"id": 1, "bundles": ["x"], "dims": {}})");
  ASSERT_TRUE(least) << least.error().message();
  EXPECT_EQ(least->policy.samples, 20);
  EXPECT_FALSE(least->counts);
  request.counts = true;
  read = parseRequest(printRequest(request));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_TRUE(read->counts);
}

// What a worker says of a wrong result may be infinite, and hold anything.
TEST(WorkerText, RepliesRoundTrip) {
  WorkerReply reply{.id = 7,
                    .result = TuningResult::correctness,
                    .why = "line\nand \xff byte",
                    .error = TuningError{NAN, 1e-5}};
  auto read = parseReply(printReply(reply));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->result, TuningResult::correctness);
  EXPECT_TRUE(std::isnan(read->error->maxAbs));
  reply = {.id = 8, .variants = {"a", "b"}, .samples = {{1, 2.5}, {3, 4}}};
  reply.error = TuningError{std::numeric_limits<double>::infinity(), 0};
  read = parseReply(printReply(reply));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->samples, reply.samples);
  EXPECT_EQ(read->variants, reply.variants);
  EXPECT_TRUE(std::isinf(read->error->maxAbs));
  EXPECT_TRUE(read->counters.empty());
  reply.counters = {{"instructions", 812345}, {"mmaMacs", 0}};
  read = parseReply(printReply(reply));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->counters, reply.counters);
}

TEST(WorkerText, DevicesRoundTrip) {
  WorkerDevice device{"host:threads=2", "a CPU", "host", 2, {"avx2", "fma"}};
  auto read = parseDevice(printDevice(device));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(printDevice(*read), printDevice(device));
}

TEST(WorkerText, Errors) {
  EXPECT_FALSE(parseRequest("{}"));
  EXPECT_FALSE(parseRequest(R"({"id": 1, "bundles": [], "dims": {}})"));
  EXPECT_FALSE(parseReply(R"({"id": 1, "result": "fine"})"));
  EXPECT_FALSE(parseReply(R"({"id": 1, "result": "correct", "x": 1})"));
  EXPECT_FALSE(parseDevice("hello"));
}

} // namespace
