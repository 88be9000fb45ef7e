// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// headgate-tune: what was measured of schedules, as text, tables and pictures.
// docs/records.md has the format of its records.

#include "tools/tune/RecordCommandLine.h"

using namespace headgate;

int main(int argc, char **argv) {
  std::variant<RecordCommand, int> command = parseRecordCommandLine(argc, argv);
  if (auto *code = std::get_if<int>(&command))
    return *code;
  return runRecordCommand(std::get<RecordCommand>(command));
}
