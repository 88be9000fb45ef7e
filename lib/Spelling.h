// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a user may have meant: for "no input named 'query' (did you mean 'q'?)".

#ifndef HEADGATE_LIB_SPELLING_H
#define HEADGATE_LIB_SPELLING_H

#include <span>
#include <string>
#include <string_view>

namespace headgate {

/// The candidate that `word` most likely stands for: few letters away from it,
/// or one is the start of the other. "" if none is close.
std::string nearestSpelling(std::string_view word,
                            std::span<const std::string> candidates);

/// " (did you mean 'q'?)", or "" if no candidate is close.
std::string didYouMean(std::string_view word,
                       std::span<const std::string> candidates);

/// "q, k, v"
std::string listNames(std::span<const std::string> names);

} // namespace headgate

#endif // HEADGATE_LIB_SPELLING_H
