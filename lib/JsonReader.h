// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads JSON that must be exactly what a format says. Stricter than JSON where
// a mistake would pass in silence: a key that occurs twice, an integer that
// does not fit 64 bits, and a key that the format does not know are errors (but
// keys that start with "x-" are everybody's). The reader keeps the first error,
// with its path, so that the code which reads is straight-line:
//
//   Result<JsonReader> reader = JsonReader::parse(text);
//   ...
//   JsonValue root = reader->root();
//   root.expectKeys({"name", "bytes"}, {"zero"});
//   item.name = root["name"].string();
//   item.bytes = root["bytes"].integer(0, 4096);
//   if (reader->error())     // images[2].bytes: expected an integer from 0 to
//     ...                    // 4096, found -1
//
// Behind an error values read as empty or as the least that was allowed.

#ifndef HEADGATE_LIB_JSONREADER_H
#define HEADGATE_LIB_JSONREADER_H

#include "headgate/Result.h"

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace headgate {

struct JsonNode;
class JsonReader;

/// A value of a document, or the absence of one. Valid as long as its reader.
class JsonValue {
public:
  /// Whether there is a value.
  explicit operator bool() const { return node_ != nullptr; }
  bool isNull() const;
  bool isString() const;
  bool isInteger() const;
  bool isObject() const;

  /// An object with all of `required`, and nothing but those and `optional`.
  void expectKeys(std::initializer_list<std::string_view> required,
                  std::initializer_list<std::string_view> optional = {});
  /// The member `key` of an object; absent if it has none.
  JsonValue operator[](std::string_view key) const;
  /// The members of an object in the order of the text.
  std::vector<std::pair<std::string, JsonValue>> members();
  /// The elements of an array, which are `count` if that is given. `what` names
  /// them in a message: "expected 3 expressions, found 2".
  std::vector<JsonValue> elements(std::optional<size_t> count = {},
                                  std::string_view what = "elements");
  /// A string that is not empty.
  std::string string();
  int64_t integer(int64_t low, int64_t high);
  double number();
  bool boolean();
  /// The elements of an array of strings.
  std::vector<std::string> strings();
  /// An object as JSON text on one line.
  std::string objectText();

  /// Makes `message` the reader's error unless it has one.
  void fail(const std::string &message);
  /// The same with "expected `needed`, found " and what is there.
  void failNeeding(const std::string &needed);
  /// "kernels[2].variants[0]"; "" for the root.
  const std::string &path() const { return path_; }

private:
  friend class JsonReader;
  JsonValue(JsonReader *reader, const JsonNode *node, std::string path)
      : reader_(reader), node_(node), path_(std::move(path)) {}

  JsonReader *reader_;
  const JsonNode *node_;
  std::string path_;
};

/// A parsed document and the first thing that was wrong with it. Must stay
/// where it is while values of it are used.
class JsonReader {
public:
  static Result<JsonReader> parse(std::string_view text);
  JsonReader(JsonReader &&) noexcept;
  ~JsonReader();

  JsonValue root();
  /// The first error, of code corrupt unless reading it set another.
  const std::optional<Error> &error() const { return error_; }
  void fail(Error error) {
    if (!error_)
      error_ = std::move(error);
  }

private:
  explicit JsonReader(std::unique_ptr<JsonNode> root);

  std::unique_ptr<JsonNode> root_;
  std::optional<Error> error_;
};

/// What `read` makes of the root of a text, or the first thing that is wrong.
template <typename T>
Result<T> readJson(std::string_view text, T (*read)(JsonValue)) {
  Result<JsonReader> reader = JsonReader::parse(text);
  if (!reader)
    return std::move(reader).error();
  T value = read(reader->root());
  if (reader->error())
    return *reader->error();
  return value;
}

/// What every JSON file of ours starts with: {"format": `format`, "version": 1,
/// ...}. Checked before all else, because a file of another version may look
/// like anything; that error is `unsupported` and names the producer.
Status checkFormat(JsonReader &reader, std::string_view format,
                   int64_t version);

/// `base` + "." + `key` as values write their paths; either may be "".
std::string jsonPath(const std::string &base, std::string_view key);
/// `base`[`index`]
std::string jsonPath(const std::string &base, size_t index);

} // namespace headgate

#endif // HEADGATE_LIB_JSONREADER_H
