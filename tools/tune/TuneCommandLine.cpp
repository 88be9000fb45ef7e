// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Built with -fexceptions: CLI11 reports by throwing.

#include "tools/tune/TuneCommandLine.h"

#include "lib/Routing.h"
#include "tools/CommandLine.h"
#include "tools/ReadFlags.h"

#include <charconv>

namespace headgate {

namespace {

constexpr const char *footer = R"(
Finds the schedule that is fastest on a device, for each kernel at each of the
sizes, and writes all it learns to records. What is in the records is not
measured again: a run that was stopped goes on when it is started again.

  headgate-tune ask-tell INPUT ...   lets another program search (docs/tuning.md)
  headgate-tune show|diff|merge|export|prune ...   work on records
                                                   (docs/records.md)

Exit codes: 0 done, 1 error, 2 wrong usage, 3 --assert-hit found a schedule that
is not in the records, 4 a device or tool is not on this machine, 130
interrupted, with all records kept.)";

struct RawTune {
  std::vector<std::string> sizes, draws;
  std::string effort = "quick", stopAfter, shard, cache = "warm";
};

void declareProblem(CLI::App &app, TuneOptions &options, RawTune &raw) {
  app.add_option("INPUT", options.input,
                 "A module; or what headgate-compile --emit=problems wrote of "
                 "one (*.json), where nothing is compiled; or a bundle, whose "
                 "variants are measured")
      ->required();
  app.add_option("--target", options.target,
                 "What to tune for: a target of headgate-compile (default: "
                 "host:native)")
      ->type_name("T");
  app.add_option("--device", options.device, "Where to measure (default: host)")
      ->type_name("URI");
  addValues(app, "--dims", raw.sizes, "B=1,S=2048,...",
            "Sizes to tune for; repeat for several");
  addValues(app, "--kernel", options.kernels, "NAME",
            "Tune this kernel; repeat for several (default: all)");
  app.add_option("--routing", options.routing,
                 "How tokens choose experts (default: uniform)")
      ->type_name("uniform|zipf:X|@FILE.npy");
  addDraws(app, raw.draws);
  app.add_option("--l2", raw.cache,
                 "Whether caches are overwritten before each sample (default: "
                 "warm)")
      ->type_name("warm|cold");
}

void declareSearch(CLI::App &app, TuneOptions &options, RawTune &raw) {
  app.add_option("--effort", raw.effort,
                 "none, quick (default), full; or how to search: exhaustive, "
                 "random, local, halving")
      ->type_name("E");
  app.add_option("--budget", options.budgetSeconds,
                 "Stop to search after so long; the last round follows")
      ->type_name("SECONDS");
  app.add_option("--max-trials", options.search.maxTrials,
                 "Candidates to measure for each kernel and size at most")
      ->type_name("N");
  app.add_option("--seed", options.search.seed,
                 "Of all that is random: order, inputs (default: 1)")
      ->type_name("N");
  app.add_option("--stop-after", raw.stopAfter,
                 "candidates: list them; compile: and compile them, store what "
                 "is known without a device; measure: no last round")
      ->type_name("STEP");
  app.add_option("--simulate", options.simulate,
                 "With --stop-after=compile for a GPU: count on the simulator "
                 "what the first N candidates do (default: 64)")
      ->type_name("N");
  app.add_flag(
      "--explain", options.explain,
      "List every candidate, and every other schedule with its reason");
  app.add_option("--shard", raw.shard,
                 "Take one of N equal parts of the candidates; no last round")
      ->type_name("I/N");
  app.add_flag("--finish", options.finish,
               "Only the last round, over the best of all records");
  app.add_option("-j,--jobs", options.jobs,
                 "Compilers at a time (default: one for each CPU)")
      ->type_name("N");
  app.add_flag("--retry-failed", options.retryFailed,
               "Try again what failed according to the records");
}

void declareRecords(CLI::App &app, TuneOptions &options) {
  app.add_option("--records", options.records,
                 "Directory of records (default: INPUT without its ending, and "
                 ".records)")
      ->type_name("DIR");
  app.add_option("--replay", options.replay,
                 "Take measurements from these records; one that is missing is "
                 "an error; nothing is compiled, run or written")
      ->type_name("DIR");
  app.add_option("--report", options.report,
                 "Draw the records at the end (docs/records.md)")
      ->type_name("FILE.html");
  app.add_flag("--assert-hit", options.assertHit,
               "Measure nothing; exit 3 if the search asks for what is not in "
               "the records");
  app.add_flag("--json", options.json, "Print one JSON value");
  app.add_flag("--quiet", options.quiet, "No progress on stderr");
}

void declarePrograms(CLI::App &app, TuneOptions &options) {
  app.add_option("--compiler", options.compiler,
                 "headgate-compile to use (default: the one beside this)")
      ->type_name("PATH");
  app.add_option("--bench", options.bench,
                 "headgate-bench to use (default: the one beside this)")
      ->type_name("PATH");
  app.add_option("--cuda-driver", options.cudaDriver,
                 "The CUDA driver (default: libcuda.so.1)")
      ->type_name("PATH");
  addValues(app, "--compile-flag", options.compileFlags, "FLAG",
            "Passed to headgate-compile, e.g. --allow-reassociation; repeat");
  app.add_option("--compile-timeout", options.compileSeconds,
                 "Kill a compiler after so long (default: 120)")
      ->type_name("SECONDS");
  app.add_option("--run-timeout", options.runSeconds,
                 "Kill a measurement after so long (default: 20 times the "
                 "baseline's, at least 10)")
      ->type_name("SECONDS");
}

std::optional<std::string> readShard(const std::string &text,
                                     TuneOptions &options) {
  if (text.empty())
    return std::nullopt;
  const char *end = text.data() + text.size();
  auto [slash, e1] = std::from_chars(text.data(), end, options.shard);
  if (e1 == std::errc() && slash != end && *slash == '/') {
    auto [rest, e2] = std::from_chars(slash + 1, end, options.shards);
    if (e2 == std::errc() && rest == end && options.shard >= 1 &&
        options.shard <= options.shards)
      return std::nullopt;
  }
  return "--shard='" + text + "': expected I/N with 1 <= I <= N";
}

std::optional<std::string> readStop(const std::string &text,
                                    TuneOptions &options) {
  if (text == "candidates")
    options.stopAfter = StopAfter::candidates;
  else if (text == "compile")
    options.stopAfter = StopAfter::compile;
  else if (text == "measure")
    options.stopAfter = StopAfter::measure;
  else if (!text.empty())
    return "--stop-after='" + text +
           "': it takes candidates, compile or "
           "measure";
  return std::nullopt;
}

std::optional<std::string> check(const TuneOptions &options) {
  if (options.search.maxTrials < 0 || options.budgetSeconds < 0 ||
      options.jobs < 0 || !(options.compileSeconds > 0) ||
      options.runSeconds < 0 || options.simulate < 0)
    return "--max-trials, --budget, --jobs, --simulate and time limits are not "
           "negative";
  if (options.search.seed > uint64_t(INT64_MAX))
    return "--seed is at most 9223372036854775807";
  if (options.finish && options.shards > 1)
    return "--finish takes the records of all shards: no --shard with it";
  if (!options.replay.empty() &&
      (options.finish || options.stopAfter == StopAfter::compile))
    return "--replay measures and compiles nothing";
  return std::nullopt;
}

std::optional<std::string> finish(const RawTune &raw, TuneOptions &options) {
  if (auto why = readAll("--dims", raw.sizes, parseDims, options.sizes))
    return why;
  if (auto why = readDraws(raw.draws, options.draws))
    return why;
  if (options.sizes.empty())
    return "no sizes are given: say --dims=B=1,S=2048,...";
  Result<Strategy> strategy = parseStrategy(raw.effort);
  if (!strategy)
    return "--effort: " + strategy.error().message();
  options.search.strategy = *strategy;
  if (Result<Routing> routing = parseRouting(options.routing); !routing)
    return "--routing: " + routing.error().message();
  if (raw.cache != "warm" && raw.cache != "cold")
    return "--l2 is warm or cold";
  options.cold = raw.cache == "cold";
  if (auto why = readShard(raw.shard, options))
    return why;
  if (auto why = readStop(raw.stopAfter, options))
    return why;
  if (options.records.empty())
    options.records =
        options.input.substr(0, options.input.rfind('.')) + ".records";
  return check(options);
}

} // namespace

std::variant<TuneOptions, int> parseTuneCommandLine(int argc, char **argv) {
  TuneOptions options;
  RawTune raw;
  CLI::App app("Finds the fastest schedules of a module's kernels.",
               "headgate-tune");
  declareProblem(app, options, raw);
  declareSearch(app, options, raw);
  declareRecords(app, options);
  declarePrograms(app, options);
  app.set_version_flag("--version", [] {
    return std::string("headgate-tune " HEADGATE_VERSION);
  });
  app.footer(footer);
  if (std::optional<int> code = parseArguments(app, argc, argv))
    return *code;
  if (auto why = finish(raw, options))
    return usageError("headgate-tune", *why);
  for (int i = 0; i < argc; ++i)
    options.commandText += (i ? " " : "") + std::string(argv[i]);
  return options;
}

} // namespace headgate
