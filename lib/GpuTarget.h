// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// GPUs as compilation targets.

#ifndef HEADGATE_LIB_GPUTARGET_H
#define HEADGATE_LIB_GPUTARGET_H

#include "headgate/Result.h"

#include <span>
#include <string>
#include <string_view>

namespace headgate {

/// A compute capability that PTX is written for.
struct GpuTarget {
  std::string name;     ///< "sm_80": PlanImage::target, and LLVM's name too
  std::string isa;      ///< the PTX version, the lowest that has it: "7.0"
  std::string features; ///< that version as LLVM writes it: "+ptx70"
};

/// All of them, the oldest first.
std::span<const GpuTarget> gpuTargets();

/// The target of that name. An error names those there are.
Result<GpuTarget> findGpuTarget(std::string_view name);

/// "sm_90a" as 90; 0 for what is no GPU.
int capabilityOf(std::string_view target);
/// Whether a target is of one capability alone: "sm_90a".
bool isSpecific(std::string_view target);
/// Whether a GPU whose target is `device` runs PTX for `code`: what is for one
/// capability alone on that; the rest on that and on what is newer, too.
bool runsCode(std::string_view device, std::string_view code);
/// The same of machine code: the rest on newer minor versions only.
bool runsBinary(std::string_view device, std::string_view code);

} // namespace headgate

#endif // HEADGATE_LIB_GPUTARGET_H
