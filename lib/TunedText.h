// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// tuned.json: which variant measured best for a kernel, device and size. The
// tuner writes it beside a bundle's plan.json; docs/plan.md describes every
// key.

#ifndef HEADGATE_LIB_TUNEDTEXT_H
#define HEADGATE_LIB_TUNEDTEXT_H

#include "headgate/Result.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace headgate {

/// The best variant of a kernel for sizes of one bucket.
struct TunedEntry {
  std::string kernel;
  std::string ir; ///< PlanKernel::ir that was measured
  /// Of each dim in PlanKernel::bucket, ceil(log2 of its value).
  std::map<std::string, int64_t> bucket;
  std::string variant;
  std::string record; ///< "sha256:..." of the measurement, "" if unknown
  std::optional<double> overDefault; ///< speed over the default variant's
};

struct TunedDevice {
  std::string name;   ///< DeviceInfo::name
  std::string target; ///< "host", "sm_90a", ...
  std::vector<TunedEntry> entries;
};

struct Tuning {
  static constexpr int64_t version = 1;
  std::vector<TunedDevice> devices;
};

/// The tuning that `text` describes, each key and type checked. Kernels and
/// variants that the plan does not have are no error: the file may be older.
Result<Tuning> parseTuned(std::string_view text);

/// The text of `tuning`, one entry a line; parseTuned reads the same.
std::string printTuned(const Tuning &tuning);

} // namespace headgate

#endif // HEADGATE_LIB_TUNEDTEXT_H
