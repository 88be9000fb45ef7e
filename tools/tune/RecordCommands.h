// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The subcommands of headgate-tune that work on records alone. Each says what
// is wrong on stderr and returns the exit code.

#ifndef HEADGATE_TOOLS_TUNE_RECORDCOMMANDS_H
#define HEADGATE_TOOLS_TUNE_RECORDCOMMANDS_H

#include "lib/Report.h"
#include "tools/ExitCode.h"
#include "tools/tune/RecordStore.h"

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace headgate {

/// Writes the union of records to one file: of each id what counts, starts
/// without a result, all baselines and sessions, and lines of other versions.
struct MergeOptions {
  std::vector<std::string> paths;
  std::string output;
};
ExitCode runMerge(const MergeOptions &options);

/// Prints what was measured.
struct ShowOptions {
  std::vector<std::string> paths;
  std::string kernel; ///< "": all
  std::string id;     ///< prints the records whose ids begin so
  bool all = false;   ///< every schedule, not the fastest and failed ones
};
ExitCode runShow(const ShowOptions &options);

/// Prints how times, results and winners differ, whatever made the code.
struct DiffOptions {
  std::string before, after;
};
ExitCode runDiff(const DiffOptions &options);

/// Writes all trials for other programs.
struct ExportOptions {
  std::vector<std::string> paths;
  std::string t4, csv; ///< files, "-" for standard output; "": not wanted
};
ExitCode runExport(const ExportOptions &options);

/// Removes old records from the files of directories. A file that a process is
/// writing to is left alone.
struct PruneOptions {
  std::vector<std::string> paths;
  std::string before; ///< a time as records write it; older ones go
  bool dryRun = false;
};
ExitCode runPrune(const PruneOptions &options);

/// Writes a page of pictures.
struct ReportOptions {
  std::vector<std::string> paths;
  std::string output;
  std::vector<ReportPeer> peers = {};
};
ExitCode runReport(const ReportOptions &options);
/// "NAME=S:MS,S:MS,..." or "KERNEL/NAME=...".
Result<ReportPeer> parsePeer(std::string_view text);

using RecordCommand = std::variant<MergeOptions, ShowOptions, DiffOptions,
                                   ExportOptions, PruneOptions, ReportOptions>;
ExitCode runRecordCommand(const RecordCommand &command);

/// The records of all paths; notes go to stderr.
Result<RecordSet> loadRecords(const std::vector<std::string> &paths);

/// "30d", "12h" or "2026-01-31" as a time of records, counted from `now`
/// (seconds since 1970).
Result<std::string> parseOlder(std::string_view text, int64_t now);

/// Writes `text` to a file as a whole or not at all; "-" is standard output.
Status writeWhole(const std::string &path, const std::string &text);

} // namespace headgate

#endif // HEADGATE_TOOLS_TUNE_RECORDCOMMANDS_H
