// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What headgate-tune says of a case, to people and to programs.

#ifndef HEADGATE_TOOLS_TUNE_TUNEREPORT_H
#define HEADGATE_TOOLS_TUNE_TUNEREPORT_H

#include "tools/tune/CaseTuner.h"

#include <string>
#include <vector>

namespace headgate {

/// A few lines, or with --explain a line for each schedule as well.
std::string formatCase(const TuneCase &which, const CaseResult &result,
                       const TuneOptions &options);

/// One JSON object for all cases.
std::string formatCasesJson(const std::vector<TuneCase> &cases,
                            const std::vector<CaseResult> &results);

/// One line that says how far a case is.
std::string formatProgress(const TuneCase &which, const CaseResult &result);

} // namespace headgate

#endif // HEADGATE_TOOLS_TUNE_TUNEREPORT_H
