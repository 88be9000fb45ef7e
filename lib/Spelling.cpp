// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/Spelling.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace headgate {

/// Letters to insert, drop or replace to turn `a` into `b` (Levenshtein).
static size_t editDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t(0));
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0]++;
    for (size_t j = 0; j < b.size(); ++j) {
      size_t replaced = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, replaced});
    }
  }
  return row.back();
}

std::string nearestSpelling(std::string_view word,
                            std::span<const std::string> candidates) {
  std::string nearest;
  // At least one letter has to be right.
  size_t best =
      std::min(word.size(), std::max<size_t>(1, (word.size() + 1) / 3) + 1);
  for (const std::string &candidate : candidates)
    if (size_t distance = editDistance(word, candidate); distance < best) {
      best = distance;
      nearest = candidate;
    }
  if (!nearest.empty())
    return nearest;
  for (const std::string &candidate : candidates)
    if (!candidate.empty() && !word.empty() &&
        (word.starts_with(candidate) || candidate.starts_with(word)) &&
        candidate.size() > nearest.size())
      nearest = candidate;
  return nearest;
}

std::string didYouMean(std::string_view word,
                       std::span<const std::string> candidates) {
  std::string nearest = nearestSpelling(word, candidates);
  return nearest.empty() ? "" : " (did you mean '" + nearest + "'?)";
}

std::string listNames(std::span<const std::string> names) {
  std::string list;
  for (const std::string &name : names)
    list += (list.empty() ? "" : ", ") + name;
  return list;
}

} // namespace headgate
