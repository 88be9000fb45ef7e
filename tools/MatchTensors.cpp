// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/MatchTensors.h"

#include "lib/Spelling.h"

#include <algorithm>

namespace headgate {

Result<std::vector<size_t>> matchTensors(std::string_view kind,
                                         const PlanEntry &entry,
                                         std::span<const PlanTensor> tensors,
                                         std::span<const std::string> names) {
  std::vector<std::string> known;
  for (const PlanTensor &tensor : tensors)
    known.push_back(tensor.name);
  std::string has = "entry '" + entry.name + "' has " +
                    (known.empty() ? "none" : listNames(known));

  std::vector<size_t> matches(names.size());
  std::vector<bool> taken(tensors.size());
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty())
      continue;
    size_t index = std::ranges::find(known, names[i]) - known.begin();
    if (index == known.size())
      return Error(ErrorCode::badInput, "no " + std::string(kind) + " named '" +
                                            names[i] + "'; " + has +
                                            didYouMean(names[i], known));
    if (taken[index])
      return Error(ErrorCode::badInput,
                   std::string(kind) + " '" + names[i] + "' is given twice");
    taken[index] = true;
    matches[i] = index;
  }
  for (size_t i = 0; i < names.size(); ++i) {
    if (!names[i].empty())
      continue;
    size_t index = std::ranges::find(taken, false) - taken.begin();
    if (index == taken.size())
      return Error(ErrorCode::badInput, std::to_string(names.size()) + " " +
                                            std::string(kind) +
                                            "s are given, but " + has);
    taken[index] = true;
    matches[i] = index;
  }
  return matches;
}

} // namespace headgate
