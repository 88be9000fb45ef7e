// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the command lines of several tools have in common. For the sources that
// are built with exceptions.

#ifndef HEADGATE_TOOLS_READFLAGS_H
#define HEADGATE_TOOLS_READFLAGS_H

#include "headgate/Result.h"
#include "lib/InputDraw.h"
#include "tools/CommandLine.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
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

inline void addDraws(CLI::App &app, std::vector<std::string> &texts) {
  addValues(app, "--draw", texts, "NAME=DRAW",
            "How to draw an input of integers: experts:M, or FIRST..OTHER of "
            "sizes (docs/tuning.md); repeat");
}

inline std::optional<std::string>
readDraws(const std::vector<std::string> &texts, InputDraws &draws) {
  std::vector<std::pair<std::string, std::string>> read;
  if (auto why = readAll("--draw", texts, parseNamedDraw, read))
    return why;
  for (auto &[name, draw] : read)
    if (!draws.emplace(name, draw).second)
      return "--draw names input '" + name + "' twice";
  return std::nullopt;
}

/// Reads the command line. What to leave with if there is nothing to do: help
/// or the version were asked for, or something is wrong with it, which has been
/// said.
inline std::optional<int> parseArguments(CLI::App &app,
                                         std::vector<std::string> arguments) {
  std::ranges::reverse(arguments); // the order in which CLI11 takes a vector
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::Success &success) {
    return app.exit(success);
  } catch (const CLI::Error &error) {
    return usageError(app.get_name().c_str(), error.what());
  }
  return std::nullopt;
}
inline std::optional<int> parseArguments(CLI::App &app, int argc, char **argv) {
  return parseArguments(app, {argv + 1, argv + argc});
}

} // namespace headgate

#endif // HEADGATE_TOOLS_READFLAGS_H
