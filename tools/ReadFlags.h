// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Flags that may be repeated, as the command lines of several tools have them.
// For the sources that are built with exceptions.

#ifndef HEADGATE_TOOLS_READFLAGS_H
#define HEADGATE_TOOLS_READFLAGS_H

#include "headgate/Result.h"

#include <CLI/CLI.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace headgate {

inline void addValues(CLI::App &app, const char *flag,
                      std::vector<std::string> &values, const char *form,
                      const char *help) {
  app.add_option(flag, values, help)
      ->type_name(form)
      ->allow_extra_args(false)
      ->take_all();
}

/// Reads every text of a flag with `parse`; the message of the first failure.
template <typename T>
std::optional<std::string>
readAll(const char *flag, const std::vector<std::string> &texts,
        Result<T> (*parse)(std::string_view), std::vector<T> &values) {
  for (const std::string &text : texts) {
    Result<T> value = parse(text);
    if (!value)
      return flag + ("=" + value.error().message());
    values.push_back(std::move(*value));
  }
  return std::nullopt;
}

} // namespace headgate

#endif // HEADGATE_TOOLS_READFLAGS_H
