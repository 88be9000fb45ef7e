// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numbers that JSON has not, as words that Python's float() reads, too.

#ifndef HEADGATE_LIB_JSONNUMBER_H
#define HEADGATE_LIB_JSONNUMBER_H

#include "lib/JsonReader.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace headgate {

/// "nan", "inf" or "-inf" of a number that is not finite.
inline const char *wordOf(double notFinite) {
  return std::isnan(notFinite) ? "nan" : notFinite > 0 ? "inf" : "-inf";
}

/// The number that such a word stands for; nothing for any other word.
inline std::optional<double> numberOf(std::string_view word) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (word == "nan")
    return std::numeric_limits<double>::quiet_NaN();
  if (word == "inf")
    return infinity;
  if (word == "-inf")
    return -infinity;
  return std::nullopt;
}

inline nlohmann::ordered_json numberToJson(double value) {
  if (std::isfinite(value))
    return value;
  return wordOf(value);
}

/// A number, or such a word.
inline double readNumber(JsonValue value) {
  if (value.isString())
    if (std::optional<double> known = numberOf(value.string()))
      return *known;
  return value.number();
}

} // namespace headgate

#endif // HEADGATE_LIB_JSONNUMBER_H
