// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The records of --tuning-records.

#ifndef HEADGATE_TOOLS_COMPILER_READTUNING_H
#define HEADGATE_TOOLS_COMPILER_READTUNING_H

#include "headgate/Result.h"
#include "headgate/TuningRecord.h"

#include <string>
#include <vector>

namespace headgate {

/// Of each path, a file or a directory, the records that count. Lines that are
/// none are noted on stderr.
Result<std::vector<std::vector<TuningRecord>>>
readTuningRecords(const std::vector<std::string> &paths);

} // namespace headgate

#endif // HEADGATE_TOOLS_COMPILER_READTUNING_H
