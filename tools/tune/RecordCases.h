// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Records by what they are about: a case is a kernel for a target, at sizes, on
// a device, made by the same tools. All schedules of a case can be compared.

#ifndef HEADGATE_TOOLS_TUNE_RECORDCASES_H
#define HEADGATE_TOOLS_TUNE_RECORDCASES_H

#include "tools/tune/RecordStore.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace headgate {

struct RecordCase {
  TuningKey key; ///< its schedule means nothing
  /// Those that count: one for each schedule, in canonical order.
  std::vector<const StoredRecord *> trials, finals;
  std::vector<const StoredRecord *> baselines; ///< all, by time

  /// The schedule of the baselines, or null.
  const Schedule *defaultSchedule() const;
  /// The record that wins, or null.
  const StoredRecord *winner() const;
  /// Median time of the default schedule: of the baselines, else of its trial.
  std::optional<double> defaultNs() const;
  /// Time over the default's; a final's own ratio goes before.
  std::optional<double> ratioOf(const StoredRecord &stored) const;
  /// "attend for sm_80 at B=1,S=2048, routing uniform:1"
  std::string title() const;
  /// "headgate 0.1.0, llvm 22.1.8"
  std::string tools() const;
  /// "NVIDIA H200 (132 units)"; "no device" where nothing ran.
  std::string machine() const;
};

/// The cases of a set, in the order of titles and machines. Refers to both.
std::vector<RecordCase> casesOf(const RecordSet &set, const RecordIndex &index);

/// The order in which records were written, as far as they say.
bool inTime(const StoredRecord *a, const StoredRecord *b);

/// "B=1,S=2048"
std::string formatDims(const std::map<std::string, int64_t> &dims);

} // namespace headgate

#endif // HEADGATE_TOOLS_TUNE_RECORDCASES_H
