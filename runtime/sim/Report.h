// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Findings of a launch, and the counters, as text and as JSON.

#ifndef HEADGATE_RUNTIME_SIM_REPORT_H
#define HEADGATE_RUNTIME_SIM_REPORT_H

#include "runtime/sim/Op.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

namespace headgate::runtime::sim {

enum class FindingKind : uint8_t {
  outOfBounds,
  misaligned,
  useAfterFree,
  uninitialisedShared,
  uninitialisedGlobal,
  uninitialisedRegister,
  race,
  asyncRace,
  barrierMisuse,
  divergence,
  laneExchange,
  deadlock,
  tooLong,
  trap,
};
/// "out-of-bounds", ...
const char *name(FindingKind kind);

/// A place in the PTX.
struct Site {
  uint32_t op = 0;
  Origin origin;
  std::string text; ///< the opcode
};

struct Finding {
  FindingKind kind;
  std::string kernel;
  Site site;
  std::array<uint32_t, 3> block{};
  uint32_t warp = 0;
  int lane = -1; ///< -1: the warp as a whole
  std::string detail;
  /// The other side of a race.
  bool hasOther = false;
  Site other;
  uint32_t otherWarp = 0;
  uint64_t count = 1; ///< how often it was found at this site
};

/// Counters of one launch. Wavefronts are passes over the 32 banks of shared
/// memory; `ideal` is what the same bytes need without conflicts.
struct LaunchCounters {
  uint64_t blocks = 0;
  std::array<uint64_t, opClasses> instructions{}; ///< of warps, by class
  uint64_t sharedRequests = 0, sharedWavefronts = 0, sharedIdeal = 0,
           sharedBytes = 0;
  uint64_t globalRequests = 0, globalSectors = 0, globalIdealSectors = 0,
           globalBytes = 0;
  uint64_t mmaMacs = 0;

  void add(const LaunchCounters &other);
  uint64_t total() const;
};

/// Collects findings from all host threads of a launch. Equal kinds at equal
/// sites are one finding with a count.
class Reporter {
public:
  void add(Finding finding);
  /// Findings in the order of sites, for equal output whatever the threads did.
  std::vector<Finding> take();
  bool any() const { return any_.load(std::memory_order_relaxed); }

private:
  using Key = std::tuple<uint32_t, FindingKind, uint32_t>;
  std::mutex mutex_;
  std::map<Key, Finding> findings_;
  std::atomic<bool> any_ = false;
};

/// Two lines or more for each finding. `files` are the module's .file names,
/// `replay` is the uri that gives the same schedule again.
std::string formatText(const std::vector<Finding> &findings,
                       const std::map<uint32_t, std::string> &files,
                       const std::string &replay);
std::string formatJson(const std::vector<Finding> &findings,
                       const LaunchCounters &counters,
                       const std::map<uint32_t, std::string> &files,
                       const std::string &replay);
std::string formatText(const LaunchCounters &counters);

} // namespace headgate::runtime::sim

#endif // HEADGATE_RUNTIME_SIM_REPORT_H
