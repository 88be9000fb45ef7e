// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/compiler/ReadTuning.h"

#include "tools/tune/RecordStore.h"
#include "llvm/Support/raw_ostream.h"

namespace headgate {

Result<std::vector<std::vector<TuningRecord>>>
readTuningRecords(const std::vector<std::string> &paths) {
  using Kind = TuningRecord::Kind;
  std::vector<std::vector<TuningRecord>> sources;
  for (const std::string &path : paths) {
    auto set = readRecords({&path, 1});
    if (!set)
      return std::move(set).error();
    for (const std::string &note : set->notes)
      llvm::errs() << "note: " << note << "\n";
    RecordIndex index(*set);
    std::vector<TuningRecord> &records = sources.emplace_back();
    for (Kind kind : {Kind::trial, Kind::final, Kind::baseline})
      for (const StoredRecord *stored : index.all(kind))
        records.push_back(stored->record);
  }
  return sources;
}

} // namespace headgate
