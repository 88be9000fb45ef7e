// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What follows the target in a uri such as "sim:sm_80,seed=7,sched=random".

#ifndef HEADGATE_RUNTIME_SIM_SIMOPTIONS_H
#define HEADGATE_RUNTIME_SIM_SIMOPTIONS_H

#include "headgate/Result.h"
#include "runtime/sim/Op.h"

#include <string>
#include <string_view>

namespace headgate::runtime::sim {

struct SimOptions {
  std::string target;  ///< "sm_80" or "sm_90a"
  int capability = 80; ///< 80 or 90
  uint64_t seed = 0;
  /// greedy: a warp runs until it blocks; rr: some instructions each in turn;
  /// random: any warp, for any number of instructions.
  enum class Schedule : uint8_t { greedy, roundRobin, random } schedule{};
  /// When the bytes of a copy move: at its wait, at issue, or at any time.
  enum class Async : uint8_t { late, early, random } async{};
  /// off: bounds and alignment only; fast: also barriers, divergence and
  /// initialised global memory and registers; all: also shared memory's races
  /// and initialisation.
  enum class Check : uint8_t { all, fast, off } check{};
  bool exactMma = false;              ///< mma=exact
  bool minimalSharedBase = false;     ///< smem-base=min
  int threads = 0;                    ///< 0: one for each usable CPU
  uint64_t steps = uint64_t(1) << 36; ///< warp instructions of one block
  LaneLevel level = LaneLevel::v2;    ///< lanes=v2|v3|v4; the best by default
  std::string report;                 ///< report=FILE: JSON of each launch
};

/// Parses what follows "sim:". The error names the option and what it takes.
Result<SimOptions> parseSimOptions(std::string_view text);

} // namespace headgate::runtime::sim

#endif // HEADGATE_RUNTIME_SIM_SIMOPTIONS_H
