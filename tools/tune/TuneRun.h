// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a run of the tuner starts with: problems, records, the device, and who
// measures.

#ifndef HEADGATE_TOOLS_TUNE_TUNERUN_H
#define HEADGATE_TOOLS_TUNE_TUNERUN_H

#include "tools/tune/CaseTuner.h"

#include <memory>
#include <vector>

namespace headgate {

/// Fills in headgate-compile and headgate-bench beside this program where the
/// options name none.
void findPrograms(TuneOptions &options);

struct TuneRun {
  std::vector<TuneCase> cases;
  RecordSet records;
  std::unique_ptr<Measurer> measurer; ///< null: nothing is measured

  /// Fills in the programs of `options`. Notes about records go to standard
  /// error.
  static Result<std::unique_ptr<TuneRun>> prepare(TuneOptions &options);
};

} // namespace headgate

#endif // HEADGATE_TOOLS_TUNE_TUNERUN_H
