// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What headgate-tune and `headgate-bench --worker` say to each other: a line of
// JSON for each request on the worker's standard input, one for each reply on
// its output, and one that names its device before the first. docs/tuning.md
// describes every key.

#ifndef HEADGATE_LIB_WORKERTEXT_H
#define HEADGATE_LIB_WORKERTEXT_H

#include "headgate/Result.h"
#include "headgate/TuningRecord.h"
#include "lib/Dims.h"
#include "lib/InputDraw.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace headgate {

/// The device of a worker, as far as records name it.
struct WorkerDevice {
  std::string uri, name, target;
  int64_t units = 1;
  std::vector<std::string> features;
};

/// Outputs are compared with those of another bundle at these sizes.
struct WorkerCheck {
  NamedDims dims;
  std::string oracle;  ///< the bundle
  bool onHost = false; ///< its code is the host's, whatever the device
  /// Not 0: only so many last rows along S, for which the oracle is called with
  /// S that small: attention is aligned at the end of its keys.
  int64_t lastRows = 0;
};

/// How time is measured; all of it together with `cold` is TuningKey::policy.
struct TimingPolicy {
  static constexpr int64_t version = 1;
  double warmupMs = 25;
  int64_t samples = 20; ///< at least
  double minMs = 100;   ///< spent on samples, at least
  double maxMs = 3000;  ///< spent on samples; then 5 are enough
  bool cold = false;    ///< caches are overwritten before each sample
  /// Nanoseconds; after 5 samples whose median is above, no more are taken; 0:
  /// no limit.
  double giveUpNs = 0;
};

struct WorkerRequest {
  int64_t id = 0;
  /// One that is checked and timed, or several that are timed in turns.
  std::vector<std::string> bundles;
  /// Empty, or for each bundle the variant of `kernel` that must run; "": its
  /// default.
  std::vector<std::string> variants;
  std::string function; ///< "": the only entry
  std::string kernel;   ///< whose steps are timed; "": the whole call
  NamedDims dims;
  std::string routing; ///< lib/Routing; "": logits are drawn as other numbers
  InputDraws draws;    ///< of the inputs of integers
  uint64_t seed = 1;
  std::vector<WorkerCheck> checks; ///< of the first bundle, before it is timed
  TimingPolicy policy;
  /// The first bundle runs once, unchecked, and what the device counts is all
  /// that is asked for.
  bool counts = false;
};

struct WorkerReply {
  int64_t id = 0;
  TuningResult result = TuningResult::correct;
  std::string why;
  std::optional<TuningError> error; ///< the largest of all checks
  /// Where the request has variants: those that ran, for each bundle.
  std::vector<std::string> variants;
  /// Nanoseconds, for each bundle in the order of measurement.
  std::vector<std::vector<double>> samples;
  std::map<std::string, double> counters; ///< of the kernel's steps
};

std::string printDevice(const WorkerDevice &device);
Result<WorkerDevice> parseDevice(std::string_view line);
std::string printRequest(const WorkerRequest &request);
Result<WorkerRequest> parseRequest(std::string_view line);
std::string printReply(const WorkerReply &reply);
Result<WorkerReply> parseReply(std::string_view line);

} // namespace headgate

#endif // HEADGATE_LIB_WORKERTEXT_H
