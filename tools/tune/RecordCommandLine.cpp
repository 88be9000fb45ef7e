// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Built with -fexceptions, as tools/CommandLine.cpp.

#include "tools/tune/RecordCommandLine.h"

#include "tools/ReadFlags.h"

#include <algorithm>
#include <array>
#include <ctime>

namespace headgate {

namespace {

constexpr const char *recordsHelp =
    "Files of records, or directories of *.jsonl";

CLI::App *declare(CLI::App &app, const char *name, const char *help,
                  std::vector<std::string> &paths) {
  CLI::App *command = app.add_subcommand(name, help);
  command->add_option("RECORDS", paths, recordsHelp)->required();
  return command;
}

/// The subcommands and what they were given.
struct Commands {
  explicit Commands(CLI::App &app);
  std::variant<RecordCommand, int> chosen();

  CLI::App *mergeApp, *showApp, *diffApp, *exportApp, *pruneApp, *reportApp;
  MergeOptions merge;
  ShowOptions show;
  DiffOptions diff;
  ExportOptions exports;
  PruneOptions prune;
  ReportOptions report;
  std::string older;
  std::vector<std::string> peers;
};

Commands::Commands(CLI::App &app) {
  mergeApp =
      declare(app, "merge", "Bring records together in one file", merge.paths);
  mergeApp->add_option("-o", merge.output, "Where to write (- for stdout)")
      ->required()
      ->type_name("FILE");

  showApp = declare(app, "show", "Print what was measured", show.paths);
  showApp->add_option("--kernel", show.kernel, "Of this kernel alone")
      ->type_name("NAME");
  showApp->add_option("--id", show.id, "The records whose ids begin so, whole")
      ->type_name("HEX");
  showApp->add_flag("--all", show.all, "Every schedule");

  diffApp = app.add_subcommand(
      "diff", "What differs in times, results and winners, whatever made them");
  diffApp->add_option("BEFORE", diff.before, recordsHelp)->required();
  diffApp->add_option("AFTER", diff.after, recordsHelp)->required();

  exportApp = declare(app, "export", "Write all trials for other programs",
                      exports.paths);
  exportApp->add_option("--t4", exports.t4, "As T4, which tuners share")
      ->type_name("FILE.json");
  exportApp->add_option("--csv", exports.csv, "As a table")
      ->type_name("FILE.csv");

  pruneApp = declare(app, "prune", "Remove old records", prune.paths);
  pruneApp
      ->add_option("--older", older, "Those older than this, or before a date")
      ->required()
      ->type_name("30d|12h|YYYY-MM-DD");
  pruneApp->add_flag("--dry-run", prune.dryRun, "Only say how many");

  reportApp = declare(app, "report", "Draw what was measured", report.paths);
  reportApp->add_option("-o", report.output, "Where to write (- for stdout)")
      ->required()
      ->type_name("FILE.html");
  addValues(*reportApp, "--peer", peers, "[KERNEL/]NAME=S:MS,...",
            "Milliseconds of another program at sizes S, drawn beside the "
            "kernel (default: all attention); repeat");
}

std::variant<RecordCommand, int> Commands::chosen() {
  if (*mergeApp)
    return RecordCommand(merge);
  if (*showApp)
    return RecordCommand(show);
  if (*diffApp)
    return RecordCommand(diff);
  if (*reportApp) {
    if (auto why = readAll("--peer", peers, parsePeer, report.peers))
      return usageError("headgate-tune report", *why);
    return RecordCommand(report);
  }
  if (*exportApp) {
    if (exports.t4.empty() && exports.csv.empty())
      return usageError("headgate-tune export",
                        "say what to write: --t4=FILE.json or --csv=FILE.csv");
    return RecordCommand(exports);
  }
  Result<std::string> before = parseOlder(older, std::time(nullptr));
  if (!before)
    return usageError("headgate-tune prune",
                      "--older: " + before.error().message());
  prune.before = *std::move(before);
  return RecordCommand(prune);
}

} // namespace

bool isRecordCommandLine(int argc, char **argv) {
  constexpr std::array<std::string_view, 6> names = {
      "merge", "show", "diff", "export", "prune", "report"};
  return argc > 1 && std::ranges::find(names, argv[1]) != names.end();
}

std::variant<RecordCommand, int> parseRecordCommandLine(int argc, char **argv) {
  CLI::App app("Works on the records of measurements: docs/records.md.",
               "headgate-tune");
  app.require_subcommand(1);
  app.set_version_flag("--version", "headgate " HEADGATE_VERSION);
  Commands commands(app);
  if (std::optional<int> code = parseArguments(app, argc, argv))
    return *code;
  return commands.chosen();
}

} // namespace headgate
