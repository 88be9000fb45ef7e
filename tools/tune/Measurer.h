// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiles and measures candidates of a case, and writes down what came of
// each. One for a run of the tuner; knows nothing of how candidates are chosen.

#ifndef HEADGATE_TOOLS_TUNE_MEASURER_H
#define HEADGATE_TOOLS_TUNE_MEASURER_H

#include "lib/Search.h"
#include "tools/tune/CompilePool.h"
#include "tools/tune/RecordStore.h"
#include "tools/tune/TuneCase.h"
#include "tools/tune/WorkerClient.h"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace headgate {

/// A directory of ours that goes when we go. What runs that were killed left
/// behind goes when the next one starts.
class ScratchDirectory {
public:
  static Result<ScratchDirectory> create();
  ScratchDirectory(ScratchDirectory &&other) noexcept
      : path(std::exchange(other.path, {})) {}
  ~ScratchDirectory();
  std::string file(const std::string &name) const {
    return (path / name).string();
  }

private:
  explicit ScratchDirectory(std::filesystem::path path)
      : path(std::move(path)) {}
  std::filesystem::path path;
};

class Measurer {
public:
  Measurer(const TuneOptions &options, WorkerClient worker, RecordWriter writer,
           ScratchDirectory scratch)
      : options(options), pool(options), worker(std::move(worker)),
        writer(std::move(writer)), scratch(std::move(scratch)) {}

  /// What came of some candidates. Errors are those of this machine (a full
  /// disk, no worker, an interruption), not of a candidate.
  struct Progress {
    virtual ~Progress() = default;
    /// Whether to go on.
    virtual bool mayContinue() = 0;
    virtual void take(size_t candidate, const TuningRecord &record) = 0;
  };

  /// Compiles the baseline and what it is checked against, and measures it: the
  /// first thing for each case. An error if it does not come out right.
  Status measureBaseline(const TuneCase &which);
  /// Compiles trials side by side; what does not compile is taken.
  Status compile(const TuneCase &which, const std::vector<SearchTrial> &trials,
                 Progress &progress);
  /// Measures trials that were compiled, one after another.
  Status measure(const TuneCase &which, const std::vector<SearchTrial> &trials,
                 Progress &progress);
  /// Takes what compilation says of trials, for want of a device, and of the
  /// first `toCount` of those for a GPU what the simulator counts.
  Status inspect(const TuneCase &which, const std::vector<SearchTrial> &trials,
                 size_t toCount, Progress &progress);
  /// Measures the baseline anew. If it has drifted, what was measured since the
  /// last time is measured once more, and from then on all in turns with it.
  Status closeSection(const TuneCase &which, Progress &progress);
  /// Measures candidates in turns with the baseline.
  Result<std::vector<Finalist>> compare(const TuneCase &which,
                                        std::vector<size_t> candidates);

  double baselineNs() const { return baseline; }
  /// The most that the baseline moved between two measurements, as a share.
  double drift() const { return largestDrift; }
  Status append(TuningRecord record) {
    return writer.append(std::move(record));
  }

private:
  void addInspection(const TuneCase &which, size_t candidate,
                     TuningRecord &record) const;
  std::string bundleOf(const TuneCase &which, size_t candidate) const;
  CompileJob jobOf(const TuneCase &which, size_t candidate) const;
  /// A command that makes the candidate and, unless `device` is "", runs it.
  std::string reproducerOf(const TuneCase &which, size_t candidate,
                           const std::string &device = {},
                           const NamedDims &dims = {}) const;
  TuningRecord recordOf(const TuneCase &which, size_t candidate) const;
  WorkerRequest requestOf(const TuneCase &which, double effort) const;
  std::vector<WorkerCheck> checksOf(const TuneCase &which,
                                    bool ofBaseline) const;
  Result<TuningRecord> measureOne(const TuneCase &which,
                                  const SearchTrial &trial);
  Result<TuningResult> keepOne(const TuneCase &which, const SearchTrial &trial,
                               Progress &progress, bool drifted = false);
  Status measureBaselineAgain(const TuneCase &which);
  Status count(const TuneCase &which, size_t candidate, TuningRecord &record);
  double requestSeconds() const;

  const TuneOptions &options;
  CompilePool pool;
  WorkerClient worker;
  std::map<std::string, WorkerClient> simulators; ///< by target
  RecordWriter writer;
  ScratchDirectory scratch;
  std::string twin;                        ///< the bundle of what the ops mean
  std::map<std::string, double> compileMs; ///< of bundles that are there
  double baseline = 0, baselineSeconds = 0, bestNs = 0, largestDrift = 0;
  std::vector<SearchTrial> section; ///< measured since the baseline
  /// The baseline has moved: from now on each trial is timed in turns with it.
  bool isPaired = false;
};

} // namespace headgate

#endif // HEADGATE_TOOLS_TUNE_MEASURER_H
