// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Objects -> shared object, by a linker of the machine.

#ifndef HEADGATE_TOOLS_COMPILER_LINKIMAGE_H
#define HEADGATE_TOOLS_COMPILER_LINKIMAGE_H

#include "headgate/Result.h"
#include "lib/HostTarget.h"

#include <string>
#include <vector>

namespace headgate {

/// Links `objects` (files) to `output`, a shared object without dependencies.
/// `linker` is a program, or empty: then ld.lld beside the LLVM the compiler
/// was built with, and ld.lld, ld and cc on PATH are tried; the last two only
/// for objects of this machine's architecture, as they know no other.
Status linkImage(const std::vector<std::string> &objects,
                 const HostTarget &target, const std::string &output,
                 const std::string &linker);

} // namespace headgate

#endif // HEADGATE_TOOLS_COMPILER_LINKIMAGE_H
