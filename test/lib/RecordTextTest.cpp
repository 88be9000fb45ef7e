// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/RecordText.h"

#include "lib/Sha256.h"
#include "test/lib/DocExamples.h"

#include <cmath>
#include <limits>
#include <set>
#include <vector>

namespace headgate::test {
namespace {

using Kind = TuningRecord::Kind;

/// The example of docs/records.md, its id made that of its key.
std::string exampleRecord() {
  std::string text = docExample(0, "records.md");
  auto record = parseRecord(edited(text, "\"id\": \"ID\",", ""));
  if (!record) {
    ADD_FAILURE() << record.error().message();
    return "";
  }
  return edited(text, "\"ID\"", "\"" + recordId(record->key) + "\"");
}

/// What is wrong with the example, without an id, once `from` is `to`.
std::string refusal(const std::string &from, const std::string &to) {
  std::string text = docExample(0, "records.md");
  auto record =
      parseRecord(edited(edited(text, "\"id\": \"ID\",", ""), from, to));
  return record ? "it was read" : record.error().message();
}

TEST(RecordText, ReadsTheDocumentedExample) {
  auto record = parseRecord(exampleRecord());
  ASSERT_TRUE(record) << record.error().message();
  EXPECT_EQ(record->kind, Kind::trial);
  const TuningKey &key = record->key;
  EXPECT_EQ(key.kernel, "attend");
  EXPECT_EQ(std::get<AttendProblem>(key.problem).keyHeads, 2);
  EXPECT_EQ(key.dims, (std::map<std::string, int64_t>{
                          {"B", 1}, {"S", 4096}, {"T", 4096}}));
  EXPECT_EQ(key.routing, "uniform:7");
  EXPECT_EQ(key.target, "sm_80");
  EXPECT_EQ(key.schedule.warps, 4);
  EXPECT_EQ(key.device, "NVIDIA H200");
  EXPECT_EQ(key.units, 132);
  EXPECT_EQ(key.tools.at("ptxas"), "13.0.88");
  EXPECT_EQ(record->result, TuningResult::correct);
  EXPECT_EQ(record->compileMs, 412);
  EXPECT_EQ(record->resources.registers, 168);
  EXPECT_EQ(record->resources.spillBytes, 0);
  EXPECT_FALSE(record->resources.stackBytes);
  EXPECT_EQ(record->counters.at("instructions"), 812345);
  EXPECT_EQ(record->countedAt,
            (std::map<std::string, int64_t>{{"B", 1}, {"S", 256}, {"T", 256}}));
  EXPECT_EQ(record->predictedNs, 171000);
  EXPECT_EQ(record->error->maxAbs, 0.0039);
  EXPECT_EQ(record->timeNs, (TuningTimes{176400, 175900, 177800, 57}));
  EXPECT_EQ(record->baselineNs, 201300);
  EXPECT_EQ(std::get<double>(record->environment.at("smMHz")), 1755);
  EXPECT_EQ(std::get<std::string>(record->environment.at("throttle")), "none");
  EXPECT_EQ(record->when, "2026-11-23T22:40:00Z");
}

TEST(RecordText, PrintsWhatItReads) {
  auto record = parseRecord(exampleRecord());
  ASSERT_TRUE(record);
  record->ratio = TuningRatio{0.876, 0.86, 0.9};
  record->drifted = true;
  record->why = "two\nlines";
  record->reproducer = "headgate-compile \"a b\"";
  std::string text = printRecord(*record);
  EXPECT_EQ(text.find('\n'), text.npos);
  auto again = parseRecord(text);
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->key, record->key);
  EXPECT_EQ(again->ratio, record->ratio);
  EXPECT_EQ(again->why, "two\nlines");
  EXPECT_TRUE(again->drifted);
  EXPECT_EQ(again->countedAt, record->countedAt);
  EXPECT_EQ(printRecord(*again), text);
}

// The identity of a measurement must not move between versions: records in
// users' repositories would be lost. The text is written out for that.
TEST(RecordText, TheCanonicalTextOfAKey) {
  TuningKey key;
  key.ir = "sha256:00";
  key.kernel = "gemm";
  key.problem = GemmProblem{.inner = 256, .cols = 64};
  key.dims = {{"S", 3}, {"B", 2}};
  key.target = "host:x86-64-v3";
  key.schedule = {.rows = 4, .cols = 32, .depth = 64, .stages = 0};
  key.tools = {{"llvm", "22.1.8"}, {"headgate", "0.1.0"}, {"ptxas", ""}};
  const char *text =
      R"({"dims":{"B":2,"S":3},"ir":"sha256:00","kernel":"gemm","policy":1,)"
      R"("problem":{"cols":64,"dtype":"f32","inner":256,"op":"gemm",)"
      R"("result":"f32"},"schedule":{"cols":32,"depth":64,"rows":4,)"
      R"("stages":0},"target":"host:x86-64-v3",)"
      R"("tools":{"headgate":"0.1.0","llvm":"22.1.8"}})";
  EXPECT_EQ(keyText(key), text);
  EXPECT_EQ(recordId(key), sha256Hex(text));
}

TEST(RecordText, EveryFieldOfAKeyCounts) {
  auto record = parseRecord(exampleRecord());
  ASSERT_TRUE(record);
  const TuningKey &key = record->key;
  std::vector<TuningKey> others(11, key);
  others[0].ir = "sha256:1";
  others[1].kernel = "other";
  std::get<AttendProblem>(others[2].problem).causal = false;
  others[3].dims["S"] = 4095;
  others[4].routing = "uniform:8";
  others[5].target = "sm_90a";
  others[6].schedule.stages = 3;
  others[7].device = "NVIDIA H100";
  others[8].units = 131;
  others[9].tools["flags"] = "-O0";
  others[10].policy = 2;
  std::set<std::string> ids = {recordId(key)};
  for (const TuningKey &other : others)
    EXPECT_TRUE(ids.insert(recordId(other)).second) << keyText(other);
}

TEST(RecordText, ValuesThatJsonHasNot) {
  auto record = parseRecord(exampleRecord());
  ASSERT_TRUE(record);
  record->result = TuningResult::correctness;
  record->timeNs.reset();
  constexpr double inf = std::numeric_limits<double>::infinity();
  record->error = TuningError{inf, std::nan("")};
  record->why = "byte \xff of a compiler";
  auto again = parseRecord(printRecord(*record));
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->error->maxAbs, inf);
  EXPECT_TRUE(std::isnan(again->error->tolerance));
  EXPECT_EQ(again->why, "byte \xef\xbf\xbd of a compiler");
}

TEST(RecordText, EachRule) {
  EXPECT_EQ(refusal("\"result\"", "\"outcome\""), "unknown key 'outcome'");
  EXPECT_EQ(refusal("\"result\"", "\"x-result\""),
            "a trial has a key 'result'");
  EXPECT_EQ(refusal("\"trial\"", "\"try\""),
            "kind: expected \"start\", \"trial\", \"baseline\", \"final\" or "
            "\"session\", found \"try\"");
  EXPECT_EQ(refusal("\"session\": ", "\"x-session\": "),
            "key 'session' is missing");
  EXPECT_EQ(refusal("\"correct\"", "\"fine\""),
            "result: expected \"correct\", \"compile\", \"runtime\", "
            "\"timeout\", \"correctness\" or \"constraints\", found \"fine\"");
  EXPECT_EQ(refusal("\"correct\"", "\"correctness\""),
            "a trial has no key 'timeNs'");
  EXPECT_EQ(refusal("22:40:00Z", "22:40:00"),
            "when: expected a time such as \"2026-11-23T22:40:00Z\", found "
            "\"2026-11-23T22:40:00\"");
  EXPECT_EQ(refusal("\"dtype\"", "\"type\""),
            "key.problem: unknown key 'type'");
  EXPECT_EQ(refusal("\"warps\": 4", "\"warps\": 0"),
            "key.schedule: warps: expected an integer from 1 to "
            "9223372036854775807, found 0");
  EXPECT_EQ(refusal("\"median\": 176400", "\"median\": 0"),
            "timeNs.median: expected a number above 0, found 0");
  for (const char *kind : {"start", "session"})
    EXPECT_NE(refusal("\"trial\"", "\"" + std::string(kind) + "\""),
              "it was read");
}

TEST(RecordText, TheIdIsThatOfTheKey) {
  auto record =
      parseRecord(edited(exampleRecord(), "\"S\": 4096", "\"S\": 4097"));
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().message(), "id: it is not the SHA-256 of the key");
}

TEST(RecordText, OtherVersionsComeBeforeAllElse) {
  auto record = parseRecord(R"({"record": 2, "anything": [1]})");
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().code(), ErrorCode::unsupported);
  EXPECT_EQ(record.error().message(),
            "record version 2; this headgate reads version 1");
  record = parseRecord(R"({"anything": 1})");
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().code(), ErrorCode::corrupt);
}

TEST(RecordText, AnyCutOfALineIsNoRecord) {
  std::string text = exampleRecord();
  text.resize(text.rfind('}'));
  for (size_t length = 0; length <= text.size(); ++length)
    ASSERT_FALSE(parseRecord(text.substr(0, length))) << length;
}

TEST(RecordText, WhenIsInUtc) {
  EXPECT_EQ(formatWhen(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(formatWhen(1763937600), "2025-11-23T22:40:00Z");
}

} // namespace
} // namespace headgate::test
