// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Object -> shared object, by a linker of the machine.

#ifndef HEADGATE_TOOLS_COMPILER_LINKIMAGE_H
#define HEADGATE_TOOLS_COMPILER_LINKIMAGE_H

#include "headgate/Result.h"
#include "lib/HostTarget.h"

#include <string>

namespace headgate {

/// Links `object` (a file) to `output`, a shared object without dependencies.
/// `linker` is a program, or empty: then ld.lld beside the LLVM the compiler
/// was built with, and ld.lld, ld and cc on PATH are tried; the last two only
/// for objects of this machine's architecture, as they know no other.
Status linkImage(const std::string &object, const HostTarget &target,
                 const std::string &output, const std::string &linker);

} // namespace headgate

#endif // HEADGATE_TOOLS_COMPILER_LINKIMAGE_H
