// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/InputValue.h"

#include <charconv>

namespace headgate {

namespace {
struct Type {
  std::optional<DType> dtype;
  std::optional<std::vector<int64_t>> shape;
};

Error badValue(std::string_view text, const std::string &why) {
  return {ErrorCode::badInput, "'" + std::string(text) + "': " + why};
}

bool isNumber(std::string_view text) {
  return !text.empty() &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

template <typename T> std::optional<T> parseWhole(std::string_view text) {
  T value = 0;
  const char *end = text.data() + text.size();
  auto [stop, failure] = std::from_chars(text.data(), end, value);
  if (text.empty() || failure != std::errc() || stop != end)
    return std::nullopt;
  return value;
}

/// Takes the text before the first '=' off `rest`. Nothing if there is none or
/// if what is left is a file, whose name may hold any character.
std::optional<std::string_view> takeComponent(std::string_view &rest) {
  size_t end = rest.find('=');
  if (rest.starts_with('@') || end == std::string_view::npos)
    return std::nullopt;
  std::string_view head = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return head;
}

/// The type that `text` spells; nothing if it does not look like one.
Result<std::optional<Type>> parseType(std::string_view text) {
  Type type;
  if ((type.dtype = parseDType(text)))
    return std::optional<Type>(std::move(type));
  if (text.empty() || !isNumber(text.substr(0, 1)))
    return std::optional<Type>();

  std::vector<int64_t> shape;
  while (true) {
    size_t end = text.find('x');
    std::string_view word = text.substr(0, end);
    if (isNumber(word)) {
      std::optional<int64_t> extent = parseWhole<int64_t>(word);
      if (!extent)
        return Error(ErrorCode::badInput,
                     "extent " + std::string(word) + " is too large");
      shape.push_back(*extent);
    } else if (end == std::string_view::npos &&
               (type.dtype = parseDType(word))) {
      break;
    } else {
      return Error(ErrorCode::badInput,
                   "'" + std::string(word) +
                       "' is neither an extent nor an element type (f32, f16, "
                       "bf16, f64, i8, i16, i32, i64, u8, i1)");
    }
    if (end == std::string_view::npos)
      return Error(ErrorCode::badInput,
                   "the shape lacks an element type, as in 2x3xf32");
    text.remove_prefix(end + 1);
  }
  if (shape.size() > maxRank)
    return Error(ErrorCode::badInput,
                 "a tensor has at most " + std::to_string(maxRank) +
                     " dimensions, not " + std::to_string(shape.size()));
  type.shape = std::move(shape);
  return std::optional<Type>(std::move(type));
}

/// Reads `[NAME=][TYPE=]` off `rest`.
Result<Type> parsePrefix(std::string_view &rest, std::string &name) {
  std::optional<std::string_view> component = takeComponent(rest);
  if (!component)
    return Type();
  Result<std::optional<Type>> type = parseType(*component);
  if (type && !*type) {
    if (component->empty())
      return Error(ErrorCode::badInput, "there is nothing before the '='");
    name = *component;
    component = takeComponent(rest);
    if (!component)
      return Type();
    type = parseType(*component);
  }
  if (!type)
    return std::move(type).error();
  if (!*type)
    return Error(ErrorCode::badInput,
                 "'" + std::string(*component) +
                     "' is not a type such as bf16 or 2x3xf32");
  return std::move(**type);
}

Status parseData(std::string_view data, InputValue &value) {
  if (data.starts_with('@')) {
    value.file = data.substr(1);
    if (value.file.empty())
      return Error(ErrorCode::badInput, "there is no file after the '@'");
    bool headless = value.shape && !value.file.ends_with(".npy");
    value.source = headless ? InputValue::Source::raw : InputValue::Source::npy;
    return Success();
  }
  if (!value.dtype)
    return Error(ErrorCode::badInput,
                 "numbers need their type in front, as in 3xf32=1 2 3, and a "
                 "file an '@', as in @x.npy");
  if (!value.shape)
    value.shape.emplace();
  if (data.starts_with('~')) {
    std::optional<uint64_t> seed = parseWhole<uint64_t>(data.substr(1));
    if (!seed)
      return Error(ErrorCode::badInput,
                   "'~' needs a seed, a whole number, as in 3xf32=~7");
    if (!isFloat(*value.dtype))
      return Error(ErrorCode::badInput,
                   "'~' draws from a normal distribution, which " +
                       std::string(headgate::name(*value.dtype)) +
                       " cannot hold; give numbers or a file");
    value.source = InputValue::Source::normal;
    value.seed = *seed;
    return Success();
  }
  value.source = InputValue::Source::numbers;
  value.numbers = data;
  return Success();
}
} // namespace

Result<InputValue> parseInputValue(std::string_view text) {
  InputValue value;
  std::string_view rest = text;
  Result<Type> type = parsePrefix(rest, value.name);
  if (!type)
    return badValue(text, type.error().message());
  value.dtype = type->dtype;
  value.shape = std::move(type->shape);
  if (Status data = parseData(rest, value); !data)
    return badValue(text, data.error().message());
  return value;
}

Result<OutputTarget> parseOutputTarget(std::string_view text) {
  OutputTarget target;
  std::string_view rest = text;
  Result<Type> type = parsePrefix(rest, target.name);
  if (!type)
    return badValue(text, type.error().message());
  if (type->shape)
    return badValue(text, "an output has the shape the bundle gives it; say "
                          "the element type alone, as in f32=@y.npy");
  target.dtype = type->dtype;
  if (rest == "-")
    return target;
  if (!rest.starts_with('@') || rest.size() == 1)
    return badValue(text, "an output goes to '-' or to '@FILE.npy'");
  target.file = rest.substr(1);
  return target;
}

} // namespace headgate
