// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/ptx/PtxArgument.h"

#include <bit>
#include <charconv>
#include <optional>

namespace headgate {

namespace {

template <typename T> std::optional<T> parseAll(std::string_view text) {
  T value{};
  auto [end, failure] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || failure != std::errc() ||
      end != text.data() + text.size())
    return std::nullopt;
  return value;
}

/// The bits of a number of type `type`, or nothing if it is no such number.
std::optional<uint64_t> parseScalar(std::string_view type,
                                    std::string_view text) {
  auto widen = [](auto value) -> std::optional<uint64_t> {
    return value ? std::optional(static_cast<uint64_t>(*value)) : std::nullopt;
  };
  if (type == "i32")
    return widen(parseAll<int32_t>(text));
  if (type == "u32")
    return widen(parseAll<uint32_t>(text));
  if (type == "i64")
    return widen(parseAll<int64_t>(text));
  if (type == "u64")
    return widen(parseAll<uint64_t>(text));
  if (type == "f32") {
    auto value = parseAll<float>(text);
    return value ? std::optional<uint64_t>(std::bit_cast<uint32_t>(*value))
                 : std::nullopt;
  }
  auto value = parseAll<double>(text);
  return value ? std::optional(std::bit_cast<uint64_t>(*value)) : std::nullopt;
}

Error wrong(std::string_view text, const std::string &why) {
  return Error(ErrorCode::badInput, "'" + std::string(text) + "': " + why);
}

/// "2x3xf32" or "2x3xf32=@o.npy", behind "out:" or "zero:".
Result<PtxArgument> parseBuffer(std::string_view text, std::string_view rest,
                                PtxArgument argument) {
  size_t equals = rest.find('=');
  if (equals != rest.npos) {
    std::string_view file = rest.substr(equals + 1);
    if (file.size() < 2 || file.front() != '@')
      return wrong(text, "expected @FILE.npy behind '='");
    argument.file = std::string(file.substr(1));
  }
  Result<InputValue> value =
      parseInputValue(std::string(rest.substr(0, equals)) + "=0");
  if (!value)
    return std::move(value).error();
  if (!value->name.empty() || !value->dtype || !value->shape)
    return wrong(text, "expected a shape and a type such as 2x3xf32");
  argument.value = std::move(*value);
  return argument;
}

} // namespace

Result<PtxArgument> parsePtxArgument(std::string_view text) {
  PtxArgument argument;
  size_t colon = text.find(':');
  std::string_view word = text.substr(0, colon);
  std::string_view rest = colon == text.npos ? "" : text.substr(colon + 1);
  if (word == "out" || word == "zero") {
    argument.kind =
        word == "out" ? PtxArgument::Kind::output : PtxArgument::Kind::zeros;
    return parseBuffer(text, rest, std::move(argument));
  }
  if (colon != text.npos)
    for (std::string_view type : {"i32", "u32", "i64", "u64", "f32", "f64"})
      if (word == type) {
        std::optional<uint64_t> bits = parseScalar(type, rest);
        if (!bits)
          return wrong(text, "expected a number of type " + std::string(type));
        argument.bits = *bits;
        argument.bytes = type[1] == '3' ? 4 : 8;
        return argument;
      }
  Result<InputValue> value = parseInputValue(text);
  if (!value)
    return std::move(value).error();
  if (!value->name.empty())
    return wrong(text, "arguments have no names; they go by position");
  argument.kind = PtxArgument::Kind::input;
  argument.value = std::move(*value);
  return argument;
}

} // namespace headgate
