// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Host CPUs as compilation targets: levels of the x86-64 psABI, what goes
// beyond them, and aarch64.

#ifndef HEADGATE_LIB_HOSTTARGET_H
#define HEADGATE_LIB_HOSTTARGET_H

#include "headgate/Result.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace headgate {

/// A CPU level that host images are compiled for.
struct HostTarget {
  std::string name;     ///< "host:x86-64-v3": PlanImage::target
  std::string image;    ///< "host-v3": PlanImage::id
  std::string triple;   ///< of its code: "x86_64-unknown-linux-gnu"
  std::string cpu;      ///< what LLVM calls it: "x86-64-v3"
  std::string features; ///< beyond the CPU, as LLVM writes them: "+avx512bf16"
  /// What a CPU must have to run it: feature words of a plan's `needs`.
  std::vector<std::string> needs;

  /// Whether machines like this one may run its code: the architecture of this
  /// process. What the CPU must have beside that is `needs`.
  bool isOfThisArchitecture() const;
};

/// All levels; of each architecture, the weakest first.
std::span<const HostTarget> hostTargets();

/// The levels that `text` names: "host" (of this architecture: x86-64-v3 and
/// all above it, or aarch64), "host:native" (the best that this CPU runs) or
/// "host:LEVEL".
Result<std::vector<HostTarget>> parseHostTargets(std::string_view text);

/// Whether code without bf16 is the same for both.
bool differOnlyInBf16(const HostTarget &a, const HostTarget &b);

} // namespace headgate

#endif // HEADGATE_LIB_HOSTTARGET_H
