// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The targets that schedules know.

#ifndef HEADGATE_LIB_TARGET_H
#define HEADGATE_LIB_TARGET_H

#include "headgate/Result.h"
#include "headgate/Target.h"

#include <span>
#include <string_view>

namespace headgate {

/// The host levels, weakest first, then GPUs.
std::span<const Target> targets();

/// The target of that name. An error names those there are.
Result<Target> findTarget(std::string_view name);

} // namespace headgate

#endif // HEADGATE_LIB_TARGET_H
