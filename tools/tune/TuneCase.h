// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is tuned at a time: one kernel for one target at one call's sizes.

#ifndef HEADGATE_TOOLS_TUNE_TUNECASE_H
#define HEADGATE_TOOLS_TUNE_TUNECASE_H

#include "headgate/Target.h"
#include "headgate/TuningRecord.h"
#include "lib/ProblemList.h"
#include "lib/ScheduleSpace.h"
#include "lib/WorkerText.h"
#include "tools/tune/TuneCommandLine.h"

#include <map>
#include <string>
#include <vector>

namespace headgate {

struct TuneCase {
  std::string entry; ///< that runs the kernel
  NamedDims dims;    ///< of the entry, in its order
  Target target;
  std::string routing; ///< for the worker; "" if no input is routed
  InputDraws draws;    ///< for the worker, of the inputs of integers
  ProblemSizes sizes;  ///< of the kernel
  ScheduleSpace space;
  TuningKey key;                ///< without the schedule
  std::vector<std::string> ids; ///< of the candidates' records
  /// Small sizes with tails at which candidates are checked in full.
  std::vector<NamedDims> checks;
  /// Where the simulator counts what a candidate does: the call, made small
  /// enough to be simulated.
  NamedDims countDims;
  /// What a run without a device found out of schedules, for a run with one.
  std::map<Schedule, const TuningRecord *> inspected;
  /// Of the entry's last rows along S an oracle can be called alone.
  bool hasTail = false;

  TuningKey keyOf(const Schedule &schedule) const;
  /// "attend for host:x86-64-v4 at B=1,S=2048,T=2048"
  std::string title() const;
};

/// The device that measures: the host's as the runtime knows it, or what a
/// worker said; none where nothing is measured.
struct MeasuringDevice {
  std::string name;
  int64_t units = 0;
};

/// The cases of a list of problems, in its order, or why there are none.
/// Kernels without schedules are left out; one that --kernel names and that has
/// none is an error.
Result<std::vector<TuneCase>> makeCases(const ProblemList &list,
                                        const TuneOptions &options,
                                        const MeasuringDevice &device,
                                        const std::string &ptxas);

} // namespace headgate

#endif // HEADGATE_TOOLS_TUNE_TUNECASE_H
