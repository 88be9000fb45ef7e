// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which build of this program runs. The linker hashes what it links: another
// compiler has another id, whether or not its version and commit are the same,
// and one that is built again from the same sources keeps its own.

#ifndef HEADGATE_TOOLS_COMPILER_BUILDID_H
#define HEADGATE_TOOLS_COMPILER_BUILDID_H

#include <string>

namespace headgate {

/// Hexadecimal digits; "" where the linker left no id.
std::string buildId();

} // namespace headgate

#endif // HEADGATE_TOOLS_COMPILER_BUILDID_H
