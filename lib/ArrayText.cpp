// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/ArrayText.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>

namespace headgate {

namespace {
constexpr std::string_view separators = " ,[]\t\n\r";

std::vector<std::string_view> splitWords(std::string_view text) {
  std::vector<std::string_view> words;
  size_t begin;
  while ((begin = text.find_first_not_of(separators)) !=
         std::string_view::npos) {
    text.remove_prefix(begin);
    std::string_view word = text.substr(0, text.find_first_of(separators));
    words.push_back(word);
    text.remove_prefix(word.size());
  }
  return words;
}

struct Range {
  int64_t low, high;
};

Range rangeOf(DType integer) {
  if (integer == DType::i1)
    return {0, 1};
  int64_t bits = 8 * byteWidth(integer);
  if (integer == DType::u8)
    return {0, (int64_t(1) << bits) - 1};
  int64_t high = std::numeric_limits<int64_t>::max() >> (64 - bits);
  return {-high - 1, high};
}

Error badElement(std::string_view word, DType dtype) {
  return {ErrorCode::badInput, "'" + std::string(word) + "' is no " +
                                   std::string(name(dtype)) + " number"};
}

template <typename T> bool parseNumber(std::string_view word, T &value) {
  if (word.starts_with('+'))
    word.remove_prefix(1);
  const char *end = word.data() + word.size();
  auto [stop, failure] = std::from_chars(word.data(), end, value);
  return !word.empty() && failure == std::errc() && stop == end;
}

Result<int64_t> parseInteger(std::string_view word, DType dtype) {
  if (dtype == DType::i1 && (word == "true" || word == "false"))
    return int64_t(word == "true");
  int64_t value = 0;
  if (!parseNumber(word, value))
    return badElement(word, dtype);
  Range range = rangeOf(dtype);
  if (value < range.low || value > range.high)
    return Error(ErrorCode::badInput, std::string(word) + " does not fit " +
                                          std::string(name(dtype)) +
                                          ", which holds " +
                                          std::to_string(range.low) + " to " +
                                          std::to_string(range.high));
  return value;
}

/// An array of rank 1 of the words.
Result<Array> parseWords(const std::vector<std::string_view> &words,
                         DType dtype) {
  Array array = Array::zeros(dtype, {static_cast<int64_t>(words.size())});
  for (size_t i = 0; i < words.size(); ++i) {
    int64_t element = static_cast<int64_t>(i);
    if (isFloat(dtype)) {
      double value = 0;
      if (!parseNumber(words[i], value))
        return badElement(words[i], dtype);
      array.set(element, value);
    } else {
      Result<int64_t> value = parseInteger(words[i], dtype);
      if (!value)
        return std::move(value).error();
      array.setInteger(element, *value);
    }
  }
  return array;
}

/// The product of the extents; an error beyond 2^47 bytes.
Result<int64_t> countElements(DType dtype, const std::vector<int64_t> &shape) {
  int64_t count = 1, bytes = byteWidth(dtype);
  for (int64_t extent : shape)
    if (__builtin_mul_overflow(count, extent, &count) ||
        count > (int64_t(1) << 47) / bytes)
      return Error(ErrorCode::badInput,
                   formatType(dtype, shape) + " is too large a tensor");
  return count;
}

/// A generator whose output is a good hash of its state (Steele, Lea and Flood
/// 2014, "Fast splittable pseudorandom number generators": SplitMix64).
uint64_t splitMix(uint64_t state) {
  state += 0x9e3779b97f4a7c15;
  state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9;
  state = (state ^ (state >> 27)) * 0x94d049bb133111eb;
  return state ^ (state >> 31);
}

/// Uniform in (0, 1].
double uniform(uint64_t bits) {
  return static_cast<double>((bits >> 11) + 1) * 0x1p-53;
}
} // namespace

Result<Array> parseElements(std::string_view text, DType dtype,
                            const std::vector<int64_t> &shape) {
  Result<int64_t> count = countElements(dtype, shape);
  if (!count)
    return std::move(count).error();
  std::vector<std::string_view> words = splitWords(text);
  bool fill = words.size() == 1 && *count > 0;
  if (!fill && words.size() != static_cast<size_t>(*count))
    return Error(ErrorCode::badInput,
                 formatType(dtype, shape) + " takes " + std::to_string(*count) +
                     " numbers" + (*count > 1 ? ", or one for all" : "") +
                     ", but " + std::to_string(words.size()) + " are given");
  Result<Array> array = parseWords(words, dtype);
  if (!array)
    return array;
  array->shape = shape;
  if (fill) {
    std::vector<std::byte> one = std::move(array->bytes);
    array->bytes.resize(one.size() * static_cast<size_t>(*count));
    for (size_t i = 0; i < array->bytes.size(); i += one.size())
      std::memcpy(array->bytes.data() + i, one.data(), one.size());
  }
  return array;
}

Result<Array> drawNormal(uint64_t seed, DType dtype,
                         const std::vector<int64_t> &shape) {
  Result<int64_t> count = countElements(dtype, shape);
  if (!count)
    return std::move(count).error();
  Array array = Array::zeros(dtype, shape);
  uint64_t stream = splitMix(seed);
  for (int64_t i = 0; i < *count; ++i) {
    // Box and Muller 1958, the cosine half.
    uint64_t at = stream + 2 * static_cast<uint64_t>(i);
    double radius = std::sqrt(-2 * std::log(uniform(splitMix(at))));
    double angle = 2 * std::numbers::pi * uniform(splitMix(at + 1));
    array.set(i, radius * std::cos(angle));
  }
  return array;
}

std::string formatType(DType dtype, std::span<const int64_t> shape) {
  std::string text;
  for (int64_t extent : shape)
    text += std::to_string(extent) + "x";
  return text + std::string(name(dtype));
}

std::string formatIndex(std::span<const int64_t> index) {
  std::string text;
  for (int64_t i : index)
    text += (text.empty() ? "[" : ",") + std::to_string(i);
  return text.empty() ? "[]" : text + "]";
}

namespace {
template <typename T> std::string shortest(T value) {
  char text[32];
  auto end = std::to_chars(text, text + sizeof(text), value).ptr;
  return {text, end};
}

std::string formatElement(const Array &array, int64_t i) {
  if (!isFloat(array.dtype))
    return std::to_string(array.integerAt(i));
  if (array.dtype == DType::f64)
    return shortest(array.at(i));
  return shortest(static_cast<float>(array.at(i)));
}

/// Prints nested brackets. The outermost pair is left out, as IREE does.
class Printer {
public:
  Printer(const Array &array, bool shorten) : array(array), shorten(shorten) {}

  std::string print() {
    int64_t count = array.elements();
    if (count > 0 && array.shape.empty())
      return formatElement(array, 0);
    if (count > 0)
      printDimension(0, 0, count);
    return std::move(text);
  }

private:
  /// Prints the `count` elements from `first` on: dimension `depth` and those
  /// inside it.
  void printDimension(size_t depth, int64_t first, int64_t count) {
    int64_t extent = array.shape[depth], stride = count / extent;
    bool innermost = depth + 1 == array.shape.size();
    for (int64_t i = 0; i < extent; ++i) {
      if (shorten && extent > 2 * edge && i == edge) {
        text += innermost ? " ..." : "...";
        i = extent - edge;
      }
      if (innermost) {
        text += (i == 0 ? "" : " ") + formatElement(array, first + i);
        continue;
      }
      text += '[';
      printDimension(depth + 1, first + i * stride, stride);
      text += ']';
    }
  }

  static constexpr int64_t edge = 3;
  const Array &array;
  bool shorten;
  std::string text;
};
} // namespace

std::string formatArray(const Array &array, Elements elements) {
  bool shorten =
      elements == Elements::someOfMany && array.elements() > manyElements;
  return formatType(array.dtype, array.shape) + "=" +
         Printer(array, shorten).print();
}

} // namespace headgate
