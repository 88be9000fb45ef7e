// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the tuner writes down: one record for each thing that happened. Its text
// is one line of JSON (lib/RecordText); docs/records.md describes every key.
//
// A record that is about a schedule has a key: all that its result depends on.
// The SHA-256 of the key's text is the record's id, so that whether something
// has been measured is one look-up, and a record can be named in a line.

#ifndef HEADGATE_TUNINGRECORD_H
#define HEADGATE_TUNINGRECORD_H

#include "headgate/Problem.h"
#include "headgate/Schedule.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace headgate {

/// All that a measurement depends on. Two that differ in any of it are of two
/// records; nothing here is a guess about what matters.
struct TuningKey {
  std::string ir;     ///< "sha256:...": PlanKernel::ir
  std::string kernel; ///< its name
  Problem problem;
  std::map<std::string, int64_t> dims; ///< of the call that was measured
  /// How experts were chosen: "uniform:SEED", "zipf:S:SEED", "sha256:..." of a
  /// trace; "" where the kernel's time does not depend on it.
  std::string routing;
  std::string target; ///< "host:x86-64-v4", "sm_80"
  Schedule schedule;
  std::string device; ///< DeviceInfo::name; "" if nothing ran
  int64_t units = 0;  ///< DeviceInfo::units: threads of a host; 0: nothing ran
  /// What made and ran the code: "headgate", "build", "llvm", "ptxas",
  /// "driver", "flags"; what had no part is absent.
  std::map<std::string, std::string> tools;
  int64_t policy = 1; ///< version of how time is measured

  bool operator==(const TuningKey &) const = default;
};

/// T4's words ("invalidity" in the format that tuners share).
enum class TuningResult : uint8_t {
  correct,
  compile,     ///< it did not compile
  runtime,     ///< it failed, or took the machine down
  timeout,     ///< it, or its compiler, did not end in time
  correctness, ///< its output is wrong: it was never timed
  constraints, ///< refused before it was compiled
};

/// Of the samples of one measurement, in nanoseconds.
struct TuningTimes {
  double median = 0, p20 = 0, p80 = 0;
  int64_t n = 0; ///< samples

  bool operator==(const TuningTimes &) const = default;
};

/// How far an output is from the reference. Either may be infinite or NaN.
struct TuningError {
  double maxAbs = 0;
  double tolerance = 0; ///< where maxAbs was found
};

/// Time over the baseline's, measured in turns with it: below 1 is faster. low
/// and high bound it with 95 % confidence.
struct TuningRatio {
  double value = 1, low = 1, high = 1;

  bool operator==(const TuningRatio &) const = default;
};

/// What the code takes of the machine, as far as it is known.
struct TuningResources {
  std::optional<int64_t> registers, spillBytes, sharedBytes, stackBytes;

  bool operator==(const TuningResources &) const = default;
};

struct TuningRecord {
  static constexpr int64_t version = 1;

  enum class Kind : uint8_t {
    start,    ///< a trial is about to run; without a trial behind it, it died
    trial,    ///< what came of a schedule
    baseline, ///< a measurement of the default schedule, now and then
    final,    ///< a schedule beside the others of the last round
    session,  ///< a process began; the first line of its file
  };

  Kind kind = Kind::trial;
  TuningKey key;                               ///< not of a session
  TuningResult result = TuningResult::correct; ///< of trial and final
  std::string why;        ///< in words, where result is not correct
  std::string reproducer; ///< a command that shows the failure
  std::optional<double> compileMs;
  TuningResources resources;
  /// Of the simulator, at the sizes of `countedAt`; "flops" and "bytes" are
  /// what a call of the key's dims has to do with any schedule.
  std::map<std::string, double> counters;
  std::map<std::string, int64_t> countedAt; ///< empty: not simulated
  std::optional<double> predictedNs;        ///< by the cost model
  std::optional<TuningError> error;
  std::optional<TuningTimes> timeNs;
  std::optional<double> baselineNs; ///< the neighbouring baselines' median
  std::optional<TuningRatio> ratio; ///< of a final
  bool drifted = false;             ///< the baseline moved meanwhile
  std::string command;              ///< of a session: how it was started
  std::optional<int64_t> seed;      ///< of a session
  /// Clocks, temperature, load, ...: numbers and words.
  std::map<std::string, std::variant<double, std::string>> environment;
  std::string session; ///< who wrote it: HOST-PID-SECONDS
  std::string when;    ///< in UTC, "2026-11-23T22:40:00Z"
};

} // namespace headgate

#endif // HEADGATE_TUNINGRECORD_H
