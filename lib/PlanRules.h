// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the checks of a plan's parts share: the first broken rule is kept, so
// that the checks are straight-line, and a few rules hold for many keys.

#ifndef HEADGATE_LIB_PLANRULES_H
#define HEADGATE_LIB_PLANRULES_H

#include "headgate/Plan.h"
#include "headgate/Result.h"
#include "lib/Expr.h"
#include "lib/JsonReader.h"
#include "lib/Spelling.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace headgate {

/// The first rule that the images and kernels of a plan break.
std::optional<Error> checkKernels(const Plan &plan);
/// The same of its entries.
std::optional<Error> checkEntries(const Plan &plan);

/// The base of a checker. A `path` is that of a key in plan.json.
class PlanRules {
public:
  explicit PlanRules(const Plan &plan) : plan(plan) {}

protected:
  using Names = std::vector<std::string>;

  void fail(const std::string &path, const std::string &message) {
    if (!error)
      error.emplace(ErrorCode::corrupt, path + ": " + message);
  }

  void need(bool holds, const std::string &path, const std::string &message) {
    if (!holds)
      fail(path, message);
  }

  void range(int64_t value, int64_t low, int64_t high,
             const std::string &path) {
    need(value >= low && value <= high, path,
         "expected an integer from " + std::to_string(low) + " to " +
             std::to_string(high) + ", found " + std::to_string(value));
  }

  /// A name that is defined here and must be new.
  void define(std::set<std::string> &known, const std::string &name,
              const std::string &path, const char *what) {
    need(!name.empty(), path, std::string(what) + " has no name");
    need(known.insert(name).second, path,
         std::string("a second ") + what + " is called '" + name + "'");
  }

  void listOnce(std::set<std::string> &known, const std::string &name,
                const std::string &path) {
    need(known.insert(name).second, path, "'" + name + "' is listed twice");
  }

  void reference(const Names &known, const std::string &name,
                 const std::string &path, const std::string &what) {
    if (std::ranges::find(known, name) == known.end())
      fail(path, "no " + what + " '" + name + "'" +
                     (known.empty() ? "" : "; there is " + listNames(known)) +
                     didYouMean(name, known));
  }

  void expression(const std::string &text, const Names &scope,
                  const std::string &path) {
    if (auto expr = Expr::parse(text, scope); !expr)
      fail(path, expr.error().message());
  }

  static std::string at(const std::string &base, std::string_view key) {
    return jsonPath(base, key);
  }
  static std::string at(const std::string &base, std::string_view key,
                        size_t index) {
    return jsonPath(jsonPath(base, key), index);
  }

  template <typename List, typename Name>
  static Names namesOf(const List &list, Name member) {
    Names names;
    for (const auto &item : list)
      names.push_back(item.*member);
    return names;
  }

  const Plan &plan;
  std::optional<Error> error;
};

} // namespace headgate

#endif // HEADGATE_LIB_PLANRULES_H
