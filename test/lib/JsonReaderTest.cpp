// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/JsonReader.h"

#include <gtest/gtest.h>

#include <functional>

namespace headgate {
namespace {

/// What is wrong with `text` as JSON.
std::string parseError(const std::string &text) {
  auto reader = JsonReader::parse(text);
  if (reader)
    return "parsed";
  EXPECT_EQ(reader.error().code(), ErrorCode::corrupt);
  return reader.error().message();
}

/// What `read` finds wrong with the value of `text`.
std::string readError(const std::string &text,
                      const std::function<void(JsonValue)> &read) {
  auto reader = JsonReader::parse(text);
  if (!reader)
    return reader.error().message();
  read(reader->root());
  return reader->error() ? reader->error()->message() : "";
}

TEST(JsonReader, ReadsEveryKind) {
  auto reader = JsonReader::parse(R"({"s": "a\u00e9\n", "i": -7, "n": 2.5e3,
    "t": true, "f": false, "z": null, "l": [1, [2]], "o": {"k": "v"}})");
  ASSERT_TRUE(reader) << reader.error().message();
  JsonValue root = reader->root();
  root.expectKeys({"s", "i", "n", "t", "f", "z", "l", "o"});
  EXPECT_EQ(root["s"].string(), "a\xc3\xa9\n");
  EXPECT_EQ(root["i"].integer(-7, -7), -7);
  EXPECT_EQ(root["n"].number(), 2500);
  EXPECT_EQ(root["i"].number(), -7);
  EXPECT_TRUE(root["t"].boolean());
  EXPECT_FALSE(root["f"].boolean());
  EXPECT_TRUE(bool(root["z"]));
  EXPECT_TRUE(root["z"].isNull());
  EXPECT_FALSE(root["f"].isNull());
  EXPECT_FALSE(root["absent"].isNull());
  EXPECT_EQ(root["l"].elements()[1].elements()[0].path(), "l[1][0]");
  EXPECT_EQ(root["o"].members()[0].first, "k");
  EXPECT_EQ(root["o"].objectText(), R"({"k":"v"})");
  EXPECT_FALSE(reader->error());
}

// Dims and operands are bound in the order of the text.
TEST(JsonReader, KeepsTheOrderOfMembers) {
  auto reader = JsonReader::parse(R"({"T": 1, "B": 2, "S": {"b": 1, "a": 2}})");
  ASSERT_TRUE(reader);
  std::string keys;
  for (auto &[key, value] : reader->root().members())
    keys += key;
  EXPECT_EQ(keys, "TBS");
  EXPECT_EQ(reader->root()["S"].objectText(), R"({"b":1,"a":2})");
}

TEST(JsonReader, KeepsEveryInteger) {
  auto reader =
      JsonReader::parse("[9223372036854775807, -9223372036854775808, 0, -0]");
  ASSERT_TRUE(reader) << reader.error().message();
  auto values = reader->root().elements();
  EXPECT_EQ(values[0].integer(INT64_MIN, INT64_MAX), INT64_MAX);
  EXPECT_EQ(values[1].integer(INT64_MIN, INT64_MAX), INT64_MIN);
  EXPECT_EQ(values[3].integer(0, 0), 0);
}

// Both would pass in silence in a plain JSON parser.
TEST(JsonReader, RefusesIntegersThatDoNotFit) {
  EXPECT_EQ(parseError(R"({"a": [1, {"b": 9223372036854775808}]})"),
            "a[1].b: the integer 9223372036854775808 does not fit 64 bits");
  EXPECT_EQ(parseError("-9223372036854775809"),
            "the integer -9223372036854775809 does not fit 64 bits");
  EXPECT_EQ(parseError("[123456789012345678901234567890]"),
            "[0]: the integer 123456789012345678901234567890 does not fit 64 "
            "bits");
  EXPECT_EQ(parseError("1e18"), "parsed");
}

TEST(JsonReader, RefusesAKeyThatOccursTwice) {
  EXPECT_EQ(parseError(R"({"a": {"b": 1, "c": 2, "b": 1}})"),
            "a: key 'b' occurs twice");
  EXPECT_EQ(parseError(R"([{}, {"x-a": 1, "x-a": 2}])"),
            "[1]: key 'x-a' occurs twice");
  EXPECT_EQ(parseError(R"({"a": 1, "\u0061": 2})"), "key 'a' occurs twice");
  EXPECT_EQ(parseError(R"({"a": {"a": {"a": 1}}, "b": {"a": 1}})"), "parsed");
}

TEST(JsonReader, RefusesWhatIsNotJson) {
  for (const char *text :
       {"", " ", "{", "[1,]", "{\"a\" 1}", "{'a': 1}", "[1] 2", "nul", "01",
        "+1", "1.", "NaN", "Infinity", "1e999", "// a\n1", "\"\x01\"",
        "\"\xff\"", "\"\\ud800\"", "\xef\xbb"})
    EXPECT_NE(parseError(text), "parsed") << text;
  EXPECT_EQ(parseError("{\"a\": }").find("parse error at line 1, column 7"), 0u)
      << parseError("{\"a\": }");
}

TEST(JsonReader, LimitsDepth) {
  auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(parseError(nested(64)), "parsed");
  EXPECT_EQ(parseError(nested(65)), "nested more than 64 deep");
  EXPECT_EQ(parseError(std::string(1000000, '[')), "nested more than 64 deep");
}

TEST(JsonReader, ExpectsKeys) {
  auto keys = [](JsonValue value) { value.expectKeys({"a", "b"}, {"c"}); };
  EXPECT_EQ(readError(R"({"a": 1, "b": 1})", keys), "");
  EXPECT_EQ(readError(R"({"c": 1, "b": 1, "a": 1})", keys), "");
  EXPECT_EQ(readError(R"({"a": 1, "b": 1, "x-c": 1, "x-": 1})", keys), "");
  EXPECT_EQ(readError(R"({"a": 1, "b": 1, "d": 1})", keys), "unknown key 'd'");
  EXPECT_EQ(readError(R"({"a": 1, "b": 1, "xc": 1})", keys),
            "unknown key 'xc'");
  EXPECT_EQ(readError(R"({"a": 1})", keys), "key 'b' is missing");
  EXPECT_EQ(readError("[]", keys), "expected an object, found an array");
}

TEST(JsonReader, NamesPathFoundAndNeeded) {
  struct Row {
    const char *text;
    std::function<void(JsonValue)> read;
    const char *message;
  };
  auto string = [](JsonValue v) { v.string(); };
  auto integer = [](JsonValue v) { v.integer(1, 9); };
  auto number = [](JsonValue v) { v.number(); };
  auto boolean = [](JsonValue v) { v.boolean(); };
  auto object = [](JsonValue v) { v.objectText(); };
  auto array = [](JsonValue v) { v.elements(); };
  auto three = [](JsonValue v) { v.elements(3, "expressions"); };
  for (const Row &row : {
           Row{"1", string, "expected a string that is not empty, found 1"},
           {"\"\"", string, "expected a string that is not empty, found \"\""},
           {"0", integer, "expected an integer from 1 to 9, found 0"},
           {"10", integer, "expected an integer from 1 to 9, found 10"},
           {"2.0", integer, "expected an integer from 1 to 9, found 2.0"},
           {"\"2\"", integer, "expected an integer from 1 to 9, found \"2\""},
           {"null", number, "expected a number, found null"},
           {"1", boolean, "expected true or false, found 1"},
           {"true", object, "expected an object, found true"},
           {"{}", array, "expected an array, found an object"},
           {"[1, 2]", three, "expected 3 expressions, found 2"},
           {"[1, 2, 3, 4]", three, "expected 3 expressions, found 4"},
           {"false", three, "expected an array, found false"},
       }) {
    EXPECT_EQ(readError(row.text, row.read), row.message);
    EXPECT_EQ(
        readError("{\"a\": [" + std::string(row.text) + "]}",
                  [&](JsonValue root) { row.read(root["a"].elements()[0]); }),
        "a[0]: " + std::string(row.message));
  }
}

TEST(JsonReader, LongStringsAreCutInMessages) {
  std::string message = readError("\"" + std::string(5000, 'a') + "\"",
                                  [](JsonValue v) { v.number(); });
  EXPECT_LT(message.size(), 120u);
}

// The first error is the cause; those behind it may only follow from it.
TEST(JsonReader, KeepsTheFirstError) {
  EXPECT_EQ(readError("{}",
                      [](JsonValue root) {
                        root.expectKeys({"a"});
                        EXPECT_EQ(root["a"].string(), "");
                        EXPECT_EQ(root["a"].integer(3, 4), 3);
                        EXPECT_EQ(root["a"].number(), 0);
                        EXPECT_FALSE(root["a"].boolean());
                        EXPECT_EQ(root["a"].objectText(), "{}");
                        EXPECT_EQ(root["a"]["b"].path(), "a.b");
                        EXPECT_TRUE(root["a"].members().empty());
                        EXPECT_EQ(root["a"].elements(2).size(), 2u);
                      }),
            "key 'a' is missing");
}

TEST(JsonReader, ChecksFormatAndVersionFirst) {
  auto check = [](const std::string &text) {
    auto reader = JsonReader::parse(text);
    EXPECT_TRUE(reader);
    Status done = checkFormat(*reader, "headgate.plan", 2);
    return done ? "" : done.error().message();
  };
  EXPECT_EQ(check(R"({"format": "headgate.plan", "version": 2})"), "");
  EXPECT_EQ(check(R"({"format": "headgate.tuned", "version": 2})"),
            "format: expected \"headgate.plan\", found \"headgate.tuned\"");
  EXPECT_EQ(check("[]"), "format: expected \"headgate.plan\", found nothing");
  EXPECT_EQ(check(R"({"format": "headgate.plan", "version": "2"})"),
            "version: expected an integer from 1 to 9223372036854775807, found "
            "\"2\"");
  EXPECT_EQ(check(R"({"format": "headgate.plan", "version": 3, "new": 1,
                      "producer": {"headgate": "0.3"}})"),
            "made by headgate 0.3 (headgate.plan version 3); this runtime "
            "reads version 2: rebuild the runtime or recompile");
  EXPECT_EQ(check(R"({"format": "headgate.plan", "version": 1})"),
            "headgate.plan version 1; this runtime reads version 2: rebuild "
            "the runtime or recompile");
}

} // namespace
} // namespace headgate
