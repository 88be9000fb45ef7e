// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/JsonReader.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

namespace headgate {

using Json = nlohmann::ordered_json;

struct JsonNode {
  enum class Kind : uint8_t {
    null,
    boolean,
    integer,
    number,
    string,
    array,
    object
  };
  Kind kind = Kind::null;
  bool boolean = false;
  int64_t integer = 0;
  double number = 0; ///< also of an integer
  std::string string;
  std::vector<JsonNode> children; ///< of an array or object
  std::vector<std::string> keys;  ///< of an object's children
};

namespace {

using Kind = JsonNode::Kind;

constexpr size_t maxDepth = 64;

/// Receives the events of nlohmann's parser, which by itself lets the last of
/// two equal keys win and turns integers that do not fit into floats.
class TreeBuilder : public nlohmann::json_sax<Json> {
public:
  JsonNode root;
  std::string why;

  bool null() override { return add({}); }
  bool boolean(bool value) override {
    JsonNode node;
    node.kind = Kind::boolean;
    node.boolean = value;
    return add(std::move(node));
  }
  bool number_integer(int64_t value) override {
    JsonNode node;
    node.kind = Kind::integer;
    node.integer = value;
    node.number = static_cast<double>(value);
    return add(std::move(node));
  }
  bool number_unsigned(uint64_t value) override {
    if (value > INT64_MAX)
      return tooLarge(std::to_string(value));
    return number_integer(static_cast<int64_t>(value));
  }
  bool number_float(double value, const std::string &text) override {
    if (text.find_first_of(".eE") == text.npos)
      return tooLarge(text);
    JsonNode node;
    node.kind = Kind::number;
    node.number = value;
    return add(std::move(node));
  }
  bool string(std::string &value) override {
    JsonNode node;
    node.kind = Kind::string;
    node.string = std::move(value);
    return add(std::move(node));
  }
  bool binary(Json::binary_t &) override { return false; }

  bool start_object(size_t) override { return open(Kind::object); }
  bool start_array(size_t) override { return open(Kind::array); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(std::string &key) override {
    Level &level = levels.back();
    if (!level.seen.insert(key).second)
      return fail("key '" + key + "' occurs twice", path(levels.size() - 1));
    level.node.keys.push_back(std::move(key));
    return true;
  }

  bool parse_error(size_t, const std::string &,
                   const nlohmann::detail::exception &error) override {
    std::string text = error.what(); // "[json.exception. ..] parse error at .."
    why = text.substr(text.find("] ") + 2);
    return false;
  }

private:
  /// An object or array that is not complete yet.
  struct Level {
    JsonNode node;
    std::set<std::string> seen; ///< its keys
  };

  std::string path(size_t depth) const {
    std::string text;
    for (size_t i = 0; i < depth; ++i)
      text = levels[i].node.kind == Kind::object
                 ? jsonPath(text, levels[i].node.keys.back())
                 : jsonPath(text, levels[i].node.children.size());
    return text;
  }
  bool fail(const std::string &message, const std::string &path) {
    why = path.empty() ? message : path + ": " + message;
    return false;
  }
  bool tooLarge(const std::string &text) {
    return fail("the integer " + text + " does not fit 64 bits",
                path(levels.size()));
  }
  bool add(JsonNode node) {
    JsonNode &place =
        levels.empty() ? root : levels.back().node.children.emplace_back();
    place = std::move(node);
    return true;
  }
  bool open(Kind kind) {
    if (levels.size() == maxDepth)
      return fail("nested more than " + std::to_string(maxDepth) + " deep", "");
    levels.emplace_back().node.kind = kind;
    return true;
  }
  bool close() {
    JsonNode node = std::move(levels.back().node);
    levels.pop_back();
    return add(std::move(node));
  }

  std::vector<Level> levels;
};

/// "a string", "an array": what a message says was found.
std::string describe(const JsonNode &node) {
  switch (node.kind) {
  case Kind::null:
    return "null";
  case Kind::boolean:
    return node.boolean ? "true" : "false";
  case Kind::integer:
    return std::to_string(node.integer);
  case Kind::number:
    return Json(node.number).dump();
  case Kind::string:
    return "\"" + node.string.substr(0, 60) +
           (node.string.size() > 60 ? "\".." : "\"");
  case Kind::array:
    return "an array";
  case Kind::object:
    return "an object";
  }
  return "";
}

Json toJson(const JsonNode &node) {
  Json value;
  switch (node.kind) {
  case Kind::null:
    break;
  case Kind::boolean:
    return node.boolean;
  case Kind::integer:
    return node.integer;
  case Kind::number:
    return node.number;
  case Kind::string:
    return node.string;
  case Kind::array:
    value = Json::array();
    for (const JsonNode &element : node.children)
      value.push_back(toJson(element));
    break;
  case Kind::object:
    value = Json::object();
    for (size_t i = 0; i < node.keys.size(); ++i)
      value[node.keys[i]] = toJson(node.children[i]);
    break;
  }
  return value;
}

bool contains(std::initializer_list<std::string_view> list,
              std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

} // namespace

std::string jsonPath(const std::string &base, std::string_view key) {
  return base + (base.empty() || key.empty() ? "" : ".") + std::string(key);
}

std::string jsonPath(const std::string &base, size_t index) {
  return base + "[" + std::to_string(index) + "]";
}

Status checkFormat(JsonReader &reader, std::string_view format,
                   int64_t version) {
  JsonValue root = reader.root();
  JsonValue found = root["format"];
  if (!found.isString() || found.string() != format)
    found.failNeeding("\"" + std::string(format) + "\"");
  int64_t given = root["version"].integer(1, INT64_MAX);
  if (reader.error())
    return *reader.error();
  if (given == version)
    return Success{};
  JsonValue maker = root["producer"]["headgate"];
  std::string text = std::string(format) + " version " + std::to_string(given);
  if (maker.isString())
    text = "made by headgate " + maker.string() + " (" + text + ")";
  return Error(ErrorCode::unsupported,
               text + "; this runtime reads version " +
                   std::to_string(version) +
                   ": rebuild the runtime or recompile");
}

JsonReader::JsonReader(std::unique_ptr<JsonNode> root)
    : root_(std::move(root)) {}
JsonReader::JsonReader(JsonReader &&) noexcept = default;
JsonReader::~JsonReader() = default;

Result<JsonReader> JsonReader::parse(std::string_view text) {
  TreeBuilder builder;
  if (!Json::sax_parse(text, &builder))
    return Error(ErrorCode::corrupt, builder.why);
  return JsonReader(std::make_unique<JsonNode>(std::move(builder.root)));
}

JsonValue JsonReader::root() { return {this, root_.get(), ""}; }

void JsonValue::fail(const std::string &message) {
  reader_->fail(Error(ErrorCode::corrupt,
                      path_.empty() ? message : path_ + ": " + message));
}

void JsonValue::failNeeding(const std::string &needed) {
  fail("expected " + needed + ", found " +
       (node_ ? describe(*node_) : "nothing"));
}

bool JsonValue::isNull() const { return node_ && node_->kind == Kind::null; }
bool JsonValue::isString() const {
  return node_ && node_->kind == Kind::string;
}
bool JsonValue::isInteger() const {
  return node_ && node_->kind == Kind::integer;
}
bool JsonValue::isObject() const {
  return node_ && node_->kind == Kind::object;
}

void JsonValue::expectKeys(std::initializer_list<std::string_view> required,
                           std::initializer_list<std::string_view> optional) {
  if (!isObject())
    return failNeeding("an object");
  for (const std::string &key : node_->keys)
    if (!contains(required, key) && !contains(optional, key) &&
        !key.starts_with("x-"))
      fail("unknown key '" + key + "'");
  for (std::string_view key : required)
    if (!(*this)[key])
      fail("key '" + std::string(key) + "' is missing");
}

JsonValue JsonValue::operator[](std::string_view key) const {
  if (isObject())
    for (size_t i = 0; i < node_->keys.size(); ++i)
      if (node_->keys[i] == key)
        return {reader_, &node_->children[i], jsonPath(path_, key)};
  return {reader_, nullptr, jsonPath(path_, key)};
}

std::vector<std::pair<std::string, JsonValue>> JsonValue::members() {
  std::vector<std::pair<std::string, JsonValue>> result;
  if (!isObject()) {
    failNeeding("an object");
    return result;
  }
  for (size_t i = 0; i < node_->keys.size(); ++i) {
    const std::string &key = node_->keys[i];
    result.emplace_back(
        key, JsonValue(reader_, &node_->children[i], jsonPath(path_, key)));
  }
  return result;
}

std::vector<JsonValue> JsonValue::elements(std::optional<size_t> count,
                                           std::string_view what) {
  std::vector<JsonValue> result;
  if (!node_ || node_->kind != Kind::array) {
    failNeeding("an array");
  } else {
    if (count && node_->children.size() != *count)
      fail("expected " + std::to_string(*count) + " " + std::string(what) +
           ", found " + std::to_string(node_->children.size()));
    for (const JsonNode &element : node_->children)
      result.push_back({reader_, &element, jsonPath(path_, result.size())});
  }
  if (count)
    result.resize(*count, JsonValue(reader_, nullptr, path_));
  return result;
}

std::string JsonValue::string() {
  if (isString() && !node_->string.empty())
    return node_->string;
  failNeeding("a string that is not empty");
  return "";
}

int64_t JsonValue::integer(int64_t low, int64_t high) {
  if (isInteger() && node_->integer >= low && node_->integer <= high)
    return node_->integer;
  failNeeding("an integer from " + std::to_string(low) + " to " +
              std::to_string(high));
  return low;
}

double JsonValue::number() {
  if (isInteger() || (node_ && node_->kind == Kind::number))
    return node_->number;
  failNeeding("a number");
  return 0;
}

bool JsonValue::boolean() {
  if (node_ && node_->kind == Kind::boolean)
    return node_->boolean;
  failNeeding("true or false");
  return false;
}

std::vector<std::string> JsonValue::strings() {
  std::vector<std::string> texts;
  for (JsonValue element : elements())
    texts.push_back(element.string());
  return texts;
}

std::string JsonValue::objectText() {
  if (isObject())
    return toJson(*node_).dump();
  failNeeding("an object");
  return "{}";
}

} // namespace headgate
