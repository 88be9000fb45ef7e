// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// headgate-tune INPUT.mlir --dims=...: finds the fastest schedules of a
// module's kernels on a device. Links no LLVM: headgate-compile and
// headgate-bench do the work, in processes that may crash and hang. What was
// measured is read by subcommands (docs/records.md).

#include "tools/ExitCode.h"
#include "tools/tune/AskTell.h"
#include "tools/tune/Interrupt.h"
#include "tools/tune/ProgressLine.h"
#include "tools/tune/RecordCommandLine.h"
#include "tools/tune/TuneBundle.h"
#include "tools/tune/TuneReport.h"
#include "tools/tune/TuneRun.h"

#include <cstdio>
#include <cstring>

using namespace headgate;

namespace {

std::optional<runtime::Clock::time_point> endOf(const TuneOptions &options) {
  if (options.budgetSeconds <= 0)
    return std::nullopt;
  return runtime::Clock::now() +
         std::chrono::duration_cast<runtime::Clock::duration>(
             std::chrono::duration<double>(options.budgetSeconds));
}

int failCase(const Error &error, const TuneOptions &options) {
  if (isInterrupted()) {
    std::fprintf(stderr,
                 "interrupted: what was measured is in %s; the same "
                 "command goes on from there\n",
                 options.records.c_str());
    return exitInterrupted;
  }
  // Without --assert-hit a miss is no check that failed.
  if (error.code() == ErrorCode::checkFailed && !options.assertHit)
    return fail(Error(ErrorCode::notFound, error.message()));
  return fail(error);
}

int tune(TuneOptions options) {
  if (isBundle(options)) {
    findPrograms(options);
    Status done = tuneBundle(options);
    return done ? exitDone : failCase(done.error(), options);
  }
  auto until = endOf(options);
  Result<std::unique_ptr<TuneRun>> run = TuneRun::prepare(options);
  if (!run)
    return failCase(run.error(), options);
  RecordIndex index((*run)->records);
  ProgressLine progress(options.quiet);
  std::vector<CaseResult> results;
  for (const TuneCase &which : (*run)->cases) {
    CaseTuner tuner(options, which, index, (*run)->measurer.get(), until,
                    [&](const CaseResult &result) {
                      progress.show(formatProgress(which, result));
                    });
    Status done = tuner.run();
    progress.clear();
    if (!options.json)
      std::fputs(formatCase(which, tuner.result, options).c_str(), stdout);
    std::fflush(stdout);
    if (!done)
      return failCase(done.error(), options);
    results.push_back(std::move(tuner.result));
  }
  if (options.json)
    std::fputs(formatCasesJson((*run)->cases, results).c_str(), stdout);
  if (options.report.empty())
    return exitDone;
  const std::string &records =
      options.replay.empty() ? options.records : options.replay;
  return runReport({{records}, options.report});
}

} // namespace

int main(int argc, char **argv) {
  if (isRecordCommandLine(argc, argv)) {
    std::variant<RecordCommand, int> command =
        parseRecordCommandLine(argc, argv);
    if (auto *code = std::get_if<int>(&command))
      return *code;
    return runRecordCommand(std::get<RecordCommand>(command));
  }
  bool isAskTell = argc > 1 && std::strcmp(argv[1], "ask-tell") == 0;
  if (isAskTell) {
    argv[1] = argv[0];
    ++argv;
    --argc;
  }
  std::variant<TuneOptions, int> parsed = parseTuneCommandLine(argc, argv);
  if (const int *code = std::get_if<int>(&parsed))
    return *code;
  noteInterrupts();
  TuneOptions &options = std::get<TuneOptions>(parsed);
  return isAskTell ? askTell(options) : tune(std::move(options));
}
