// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LLVM's fatal errors in words.

#ifndef HEADGATE_TOOLS_COMPILER_FATALERRORS_H
#define HEADGATE_TOOLS_COMPILER_FATALERRORS_H

namespace headgate {

/// From now on what LLVM takes for the end of the process (code it cannot
/// select, assembly it cannot print) is `error: ...` and exit code 1, on any
/// thread, and not a stack trace and a signal. Call it once.
void exitOnFatalErrors();

} // namespace headgate

#endif // HEADGATE_TOOLS_COMPILER_FATALERRORS_H
