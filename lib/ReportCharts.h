// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The charts of lib/Report, each a <figure>, or "" where there is nothing to
// see.

#ifndef HEADGATE_LIB_REPORTCHARTS_H
#define HEADGATE_LIB_REPORTCHARTS_H

#include "lib/Report.h"

namespace headgate {

/// The best time for each pair of values of the two knobs that say how large
/// tiles are; what has none says why.
std::string tileMap(const ReportCase &of);
/// A line through the knobs of each schedule to its time.
std::string knobLines(const ReportCase &of);
/// The last round: ratios with their intervals and the band of ties.
std::string lastRound(const ReportCase &of);
/// Registers, shared memory or the stack of a host's blocks against time.
std::string resourcesAndTime(const ReportCase &of);
/// What the cost model said against what was measured.
std::string predictions(const ReportCase &of);
/// The default schedule over the session.
std::string baselineDrift(const ReportCase &of);
/// Speed over size: cases that differ in dims alone, the best and the default,
/// other programs at sizes of these, and what the machine could do.
std::string speedOverSize(std::span<const ReportCase *const> cases,
                          std::span<const ReportPeer> peers);

} // namespace headgate

#endif // HEADGATE_LIB_REPORTCHARTS_H
