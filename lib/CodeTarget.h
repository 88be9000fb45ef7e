// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What code is generated for: a level of host CPUs or a GPU.

#ifndef HEADGATE_LIB_CODETARGET_H
#define HEADGATE_LIB_CODETARGET_H

#include "lib/GpuTarget.h"
#include "lib/HostTarget.h"

#include <variant>

namespace headgate {

using CodeTarget = std::variant<HostTarget, GpuTarget>;

/// "host:x86-64-v3", "sm_80": PlanImage::target, and a name of lib/Target.
const std::string &nameOf(const CodeTarget &target);
bool isGpu(const CodeTarget &target);

/// The targets that `text`, one word of --target, names: those of
/// parseHostTargets, or a GPU.
Result<std::vector<CodeTarget>> parseCodeTargets(std::string_view text);

} // namespace headgate

#endif // HEADGATE_LIB_CODETARGET_H
