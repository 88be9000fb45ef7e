// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What was measured, as one page of pictures: HTML with SVG inside, which needs
// no script, no network and no other file. Every mark says in its tooltip what
// it stands for.

#ifndef HEADGATE_LIB_REPORT_H
#define HEADGATE_LIB_REPORT_H

#include "headgate/TuningRecord.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace headgate {

/// The records of one kernel for a target at one size on a device, all made by
/// the same tools.
struct ReportCase {
  std::string title, machine, tools;
  TuningKey key; ///< its schedule means nothing
  std::vector<const TuningRecord *> trials, finals;
  std::vector<const TuningRecord *> baselines; ///< in the order of time
  const TuningRecord *winner = nullptr;        ///< of trials and finals
  std::optional<double> defaultNs;

  /// The schedule that the baselines measured, or null.
  const Schedule *defaultSchedule() const;
  /// Speed of a record over the default schedule's, by its own baseline or
  /// ratio; nothing without a time or a baseline.
  std::optional<double> speedOf(const TuningRecord &record) const;
};

struct ReportFacts {
  int64_t sessions = 0;
  std::string first, last; ///< when, of all records; "" without any
};

/// What another program takes for the same, measured by somebody else.
struct ReportPeer {
  std::string kernel; ///< that it is compared with; "": all attention
  std::string name;
  std::vector<std::pair<double, double>> times; ///< S, nanoseconds; by S

  bool isOf(const TuningKey &key) const;
};

std::string formatReport(std::span<const ReportCase> cases,
                         const ReportFacts &facts,
                         std::span<const ReportPeer> peers = {});

/// "1.234 ms", "56.7 µs"
std::string formatNs(double ns);
/// "rows=64 keys=128 stages=2": what is not as by default.
std::string formatSchedule(const Schedule &schedule);

} // namespace headgate

#endif // HEADGATE_LIB_REPORT_H
