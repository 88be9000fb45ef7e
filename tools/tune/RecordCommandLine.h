// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The command lines of headgate-tune's subcommands on records.

#ifndef HEADGATE_TOOLS_TUNE_RECORDCOMMANDLINE_H
#define HEADGATE_TOOLS_TUNE_RECORDCOMMANDLINE_H

#include "tools/tune/RecordCommands.h"

#include <variant>

namespace headgate {

/// Whether the first argument is merge, show, diff, export, prune or report.
bool isRecordCommandLine(int argc, char **argv);

/// What was asked for, or the exit code to leave with: all that had to be said
/// has been printed.
std::variant<RecordCommand, int> parseRecordCommandLine(int argc, char **argv);

} // namespace headgate

#endif // HEADGATE_TOOLS_TUNE_RECORDCOMMANDLINE_H
