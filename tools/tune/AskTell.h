// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// headgate-tune ask-tell: another program searches, this one knows the space
// and measures. Lines of JSON on standard input and output; docs/tuning.md
// describes them.

#ifndef HEADGATE_TOOLS_TUNE_ASKTELL_H
#define HEADGATE_TOOLS_TUNE_ASKTELL_H

#include "tools/tune/TuneCommandLine.h"

namespace headgate {

/// Serves until standard input ends; the exit code.
int askTell(TuneOptions options);

} // namespace headgate

#endif // HEADGATE_TOOLS_TUNE_ASKTELL_H
