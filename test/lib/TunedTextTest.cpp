// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/TunedText.h"
#include "test/lib/DocExamples.h"

namespace headgate::test {
namespace {

/// What is wrong with the documented example once `from` is `to`.
std::string refusal(const std::string &from, const std::string &to) {
  auto tuning = parseTuned(edited(exampleTuning(), from, to));
  return tuning ? "it was read" : tuning.error().message();
}

TEST(TunedText, ReadsTheDocumentedExample) {
  auto tuning = parseTuned(exampleTuning());
  ASSERT_TRUE(tuning) << tuning.error().message();
  ASSERT_EQ(tuning->devices.size(), 1u);
  EXPECT_EQ(tuning->devices[0].name, "NVIDIA H200");
  EXPECT_EQ(tuning->devices[0].target, "sm_90a");
  ASSERT_EQ(tuning->devices[0].entries.size(), 1u);
  const TunedEntry &entry = tuning->devices[0].entries[0];
  EXPECT_EQ(entry.kernel, "attend");
  EXPECT_EQ(entry.ir.size(), 71u);
  EXPECT_EQ(entry.bucket,
            (std::map<std::string, int64_t>{{"B", 0}, {"S", 12}, {"T", 12}}));
  EXPECT_EQ(entry.variant, "attend.1");
  EXPECT_EQ(entry.record.find("sha256:91ab"), 0u);
  EXPECT_EQ(entry.overDefault, 1.14);
}

TEST(TunedText, PrintsWhatItReads) {
  auto tuning = parseTuned(exampleTuning());
  ASSERT_TRUE(tuning);
  tuning->devices.push_back({"none \"here\"", "host", {}});
  TunedEntry entry = tuning->devices[0].entries[0];
  entry.bucket = {};
  entry.record = "";
  entry.overDefault.reset();
  tuning->devices[0].entries.push_back(entry);
  std::string text = printTuned(*tuning);
  auto again = parseTuned(text);
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(printTuned(*again), text);
  ASSERT_EQ(again->devices.size(), 2u);
  EXPECT_EQ(again->devices[1].name, "none \"here\"");
  ASSERT_EQ(again->devices[0].entries.size(), 2u);
  EXPECT_EQ(again->devices[0].entries[0].overDefault, 1.14);
  EXPECT_EQ(again->devices[0].entries[0].bucket.at("S"), 12);
  EXPECT_TRUE(parseTuned(printTuned({})));
}

TEST(TunedText, WhatMayBeLeftOut) {
  auto tuning = parseTuned(R"({"format": "headgate.tuned", "version": 1,
    "x-note": "by hand", "devices": [
      {"name": "cpu", "target": "host", "entries": [
        {"kernel": "k", "ir": "i", "bucket": {}, "variant": "v"}]},
      {"name": "none", "target": "host", "entries": []}]})");
  ASSERT_TRUE(tuning) << tuning.error().message();
  EXPECT_EQ(tuning->devices[0].entries[0].record, "");
  EXPECT_FALSE(tuning->devices[0].entries[0].overDefault);
}

TEST(TunedText, EachRule) {
  const std::string entry = "devices[0].entries[0]";
  EXPECT_EQ(refusal("\"devices\"", "\"device\""), "unknown key 'device'");
  EXPECT_EQ(refusal("\"target\"", "\"x-target\""),
            "devices[0]: key 'target' is missing");
  EXPECT_EQ(refusal("\"NVIDIA H200\"", "\"\""),
            "devices[0].name: expected a string that is not empty, found \"\"");
  for (const char *key : {"kernel", "ir", "bucket", "variant"})
    EXPECT_EQ(refusal("\"" + std::string(key) + "\"", "\"x-k\""),
              entry + ": key '" + key + "' is missing");
  EXPECT_EQ(refusal("\"overDefault\"", "\"over\""),
            entry + ": unknown key 'over'");
  EXPECT_EQ(refusal("\"S\": 12", "\"S\": -1"),
            entry + ".bucket.S: expected an integer from 0 to 63, found -1");
  EXPECT_EQ(refusal("\"S\": 12", "\"S\": 64"),
            entry + ".bucket.S: expected an integer from 0 to 63, found 64");
  EXPECT_EQ(refusal("\"S\": 12", "\"B\": 12"),
            entry + ".bucket: key 'B' occurs twice");
  EXPECT_EQ(refusal("1.14", "0"),
            entry + ".overDefault: expected a number above 0");
  EXPECT_EQ(refusal("1.14", "\"fast\""),
            entry + ".overDefault: expected a number, found \"fast\"");
}

TEST(TunedText, OneEntryForABucket) {
  const char *entry = R"({"kernel": "k", "ir": "i", "bucket": {"B": 1, "S": 2},
                          "variant": "v"})";
  const char *other = R"({"kernel": "k", "ir": "i", "bucket": {"S": 2, "B": 1},
                          "variant": "w"})";
  std::string begin = R"({"format": "headgate.tuned", "version": 1, "devices":
                          [{"name": "d", "target": "host", "entries": [)";
  auto twice = parseTuned(begin + entry + ", " + other + "]}]}");
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code(), ErrorCode::corrupt);
  EXPECT_EQ(twice.error().message(), "devices[0].entries[1]: a second entry "
                                     "for this bucket of kernel 'k'");
  auto apart = parseTuned(begin + entry + ", " +
                          edited(other, "\"B\": 1", "\"B\": 3") + "]}]}");
  EXPECT_TRUE(apart) << apart.error().message();
}

TEST(TunedText, OtherVersionsAndDamage) {
  auto tuning =
      parseTuned(edited(exampleTuning(), "\"version\": 1", "\"version\": 2"));
  ASSERT_FALSE(tuning);
  EXPECT_EQ(tuning.error().code(), ErrorCode::unsupported);
  EXPECT_EQ(tuning.error().message(),
            "headgate.tuned version 2; this runtime reads version 1: rebuild "
            "the runtime or recompile");
  std::string text = exampleTuning();
  text.resize(text.rfind('}'));
  for (size_t length = 0; length <= text.size(); ++length) {
    tuning = parseTuned(text.substr(0, length));
    ASSERT_FALSE(tuning) << length;
    EXPECT_EQ(tuning.error().code(), ErrorCode::corrupt);
  }
}

} // namespace
} // namespace headgate::test
