// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What of a module can be tuned: `headgate-compile --emit=problems` writes it,
// headgate-tune reads it. docs/tuning.md describes every key.

#ifndef HEADGATE_LIB_PROBLEMLIST_H
#define HEADGATE_LIB_PROBLEMLIST_H

#include "headgate/Plan.h"
#include "headgate/Problem.h"
#include "headgate/Result.h"
#include "lib/InputDraw.h"

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace headgate {

/// A kernel of a module before it has a schedule.
struct ListedKernel {
  std::string name;
  std::string ir;                 ///< PlanKernel::ir
  std::optional<Problem> problem; ///< absent: it has no schedules
  std::string why;                ///< why not
  /// The scalar parameters, which the sizes below are expressions of.
  std::vector<std::string> scalars;
  SizeText B = "1", S = "1", T = "1"; ///< as in ProblemSizes
};

/// Name, dims, names and types of inputs, and steps only.
struct ListedEntry : PlanEntry {
  InputDraws draws; ///< of the inputs of integers whose use tells
};

struct ProblemList {
  static constexpr int64_t version = 1;
  std::map<std::string, std::string> producer; ///< "headgate", "llvm"
  std::vector<std::string> targets; ///< what --target named, spelt out
  std::vector<ListedEntry> entries;
  std::vector<ListedKernel> kernels;
};

std::string printProblemList(const ProblemList &list);
Result<ProblemList> parseProblemList(std::string_view text);

/// A kernel's sizes in a call of `entry` at these values of its dims, in its
/// order; of the first step that runs it. notFound if none does.
Result<ProblemSizes> sizesOf(const PlanEntry &entry, const ListedKernel &kernel,
                             std::span<const int64_t> dims);

} // namespace headgate

#endif // HEADGATE_LIB_PROBLEMLIST_H
