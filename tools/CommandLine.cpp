// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Built with -fexceptions, unlike everything else: CLI11 reports by throwing.

#include "tools/CommandLine.h"

#include "headgate/Plan.h"
#include "lib/Routing.h"
#include "tools/ReadFlags.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

namespace headgate {

namespace {
constexpr const char *runFooter = R"(
VALUE is one of
  @q.npy                 a NumPy file; floats become the entry's float type
  bf16=@q.npy            converted first; takes 2-byte words as bf16
  2x3xf32=@q.bin         row-major elements without a header
  2x3xf32=1 2 3 4 5 6    elements; brackets and commas may stand between them
  2x3xf32=0              one value for all elements
  2x3xf32=~7             normal random numbers, seed 7
NAME is the entry's name of the tensor; values without one fill the tensors that
were not named, in the entry's order.

Exit codes: 0 done, 1 error, 2 wrong usage, 3 ran but a check failed, 4 the
device is not on this machine, 130 interrupted.)";

/// Text the user wrote and CLI11 hands over; read once parsing is done.
struct RawCall {
  std::vector<std::string> inputs, variants;
};
struct RawRun : RawCall {
  std::vector<std::string> outputs, expected;
};

/// What the tools that call entries have in common.
void declareCall(CLI::App &app, CallOptions &options, RawCall &raw) {
  app.add_option("BUNDLE", options.bundle, "What headgate-compile wrote");
  app.add_option("--function", options.function,
                 "Entry to run (default: the only one)")
      ->type_name("NAME");
  addValues(app, "--input", raw.inputs, "[NAME=]VALUE", "An input; repeat");
  addValues(app, "--variant", raw.variants, "KERNEL=ID",
            "Use this variant of a kernel, or fail");
  app.add_option("--image", options.image,
                 "Use only code of this image, such as that of a CPU level")
      ->type_name("ID");
  app.add_option("--tuned", options.tuned,
                 "Tuning to use (default: the bundle's own tuned.json)")
      ->type_name("FILE|none");
  app.add_option("--cuda-driver", options.drivers.cudaDriver,
                 "The CUDA driver (default: libcuda.so.1)")
      ->type_name("PATH")
      ->envname("HEADGATE_CUDA_DRIVER");
  app.add_flag("--print-plan", options.printPlan,
               "Print sizes, variants, grids and bytes of this call");
}

constexpr const char *deviceHelp =
    "host, host:threads=N,level=LEVEL, cuda, cuda:N,image=ptx, sim:sm_80, "
    "sim:sm_90a with options of runtime/sim/README.md (default: host)";

void declareRun(CLI::App &app, RunOptions &options, RawRun &raw) {
  declareCall(app, options, raw);
  app.add_option("--device", options.device, deviceHelp)->type_name("URI");
  app.add_flag("--list_devices", options.listDevices,
               "Print the devices of this machine and stop");
  addValues(app, "--output", raw.outputs, "[NAME=][DTYPE=]@FILE.npy|-",
            "Write an output, or print all of it (default: print every output, "
            "long ones shortened)");
  addValues(app, "--expected_output", raw.expected, "[NAME=]VALUE",
            "Compare an output; exit 3 if it differs");
  app.add_option("--atol", options.atol,
                 "Absolute tolerance (default: derived from dtype and sizes)")
      ->type_name("X");
  app.add_option("--rtol", options.rtol,
                 "Relative tolerance (default: derived from dtype)")
      ->type_name("X");
  app.add_flag("--dry-run", options.dryRun, "Check everything, run nothing");
  app.add_flag("--check-unwritten", options.checkUnwritten,
               "Fill outputs beforehand; exit 3 if an element is not written");
  app.add_flag("--json", options.json, "Print one JSON value");
  app.add_flag("-v,--verbose", options.verbose,
               "Say on stderr how long the call took");
  app.add_flag("--quiet", options.quiet, "Print errors only on stderr");
  app.set_version_flag("--version", [] {
    return "headgate-run " HEADGATE_VERSION " (reads plan version " +
           std::to_string(Plan::version) + ")";
  });
  app.footer(runFooter);
}

std::optional<std::string> readVariants(const std::vector<std::string> &texts,
                                        CallOptions &options) {
  for (const std::string &text : texts) {
    size_t end = text.find('=');
    if (end == 0 || end == std::string::npos || end + 1 == text.size())
      return "--variant='" + text + "': expected KERNEL=ID";
    if (!options.variants.emplace(text.substr(0, end), text.substr(end + 1))
             .second)
      return "--variant names kernel '" + text.substr(0, end) + "' twice";
  }
  return std::nullopt;
}

std::optional<std::string> checkRun(const RunOptions &options) {
  for (const auto &[flag, value] :
       {std::pair("--atol", options.atol), std::pair("--rtol", options.rtol)})
    if (value && !(std::isfinite(*value) && *value >= 0))
      return std::string(flag) + " must be a number from 0 up";
  if ((options.atol || options.rtol) && options.expected.empty())
    return "--atol and --rtol are for --expected_output, which is not given";
  if (options.verbose && options.quiet)
    return "--verbose and --quiet exclude each other";
  if (options.dryRun && (!options.expected.empty() ||
                         !options.outputs.empty() || options.checkUnwritten))
    return "--dry-run gives no outputs to write, compare or check";
  std::set<std::string> files;
  for (const OutputTarget &target : options.outputs)
    if (!target.file.empty() && !files.insert(target.file).second)
      return "--output: two outputs are to go to " + target.file;
  if (options.bundle.empty() && !options.listDevices)
    return "no BUNDLE is given";
  return std::nullopt;
}

/// What CLI11 leaves as text becomes values.
std::optional<std::string> finishCall(const RawCall &raw,
                                      CallOptions &options) {
  if (auto why =
          readAll("--input", raw.inputs, parseInputValue, options.inputs))
    return why;
  return readVariants(raw.variants, options);
}

std::optional<std::string> finishRun(const RawRun &raw, RunOptions &options) {
  if (auto why = finishCall(raw, options))
    return why;
  if (auto why =
          readAll("--output", raw.outputs, parseOutputTarget, options.outputs))
    return why;
  if (auto why = readAll("--expected_output", raw.expected, parseInputValue,
                         options.expected))
    return why;
  return checkRun(options);
}

constexpr const char *benchFooter = R"(
Inputs that are not given are drawn from the normal distribution, or true; those
of integers as --draw says. VALUE is what headgate-run takes. Times are those of whole
calls; flags that begin with --benchmark_ are Google Benchmark's:
  --benchmark_filter=REGEX      --benchmark_repetitions=N  --benchmark_min_time=S
  --benchmark_enable_random_interleaving=true
  --benchmark_format=json       --benchmark_out=FILE       --benchmark_list_tests

Exit codes: 0 done, 1 error, 2 wrong usage, 4 the device is not on this
machine.)";

/// What of headgate-bench CLI11 leaves as text.
struct RawBench : RawCall {
  std::vector<std::string> sizes, draws;
};

void declareBench(CLI::App &app, BenchOptions &options, RawBench &raw) {
  declareCall(app, options, raw);
  addValues(app, "--device", options.devices, "URI",
            (std::string(deviceHelp) + "; repeat to compare").c_str());
  addValues(app, "--dims", raw.sizes, "B=1,S=2048,...",
            "Sizes of a call; repeat for a sweep (default: those of the "
            "inputs)");
  app.add_option("--seed", options.seed, "Of the inputs that are drawn")
      ->type_name("N");
  app.add_option("--routing", options.routing,
                 "How router logits choose experts (docs/tuning.md)")
      ->type_name("uniform|zipf:X|@FILE.npy");
  addDraws(app, raw.draws);
  app.add_flag("--worker", options.isWorker,
               "Serve requests of headgate-tune, as lines of JSON; no BUNDLE");
  app.add_flag("--steps", options.timeSteps,
               "Time each step of a call too; waits for each");
  app.set_version_flag("--version", [] {
    return "headgate-bench " HEADGATE_VERSION " (reads plan version " +
           std::to_string(Plan::version) + ")";
  });
  app.footer(benchFooter);
}

/// Takes the flags of Google Benchmark out of `arguments`; the message if one
/// has a value on which Google Benchmark would leave with exit code 0.
std::optional<std::string>
takeBenchmarkFlags(std::vector<std::string> &arguments, BenchOptions &options) {
  auto isTheirs = [](const std::string &text) {
    return text.starts_with("--benchmark_");
  };
  for (const std::string &text : arguments) {
    if (!isTheirs(text))
      continue;
    for (std::string flag : {"--benchmark_format=", "--benchmark_out_format="})
      if (text.starts_with(flag) && text != flag + "console" &&
          text != flag + "json" && text != flag + "csv")
        return "'" + text + "': it takes console, json or csv";
    options.benchmarkFlags.push_back(text);
  }
  std::erase_if(arguments, isTheirs);
  return std::nullopt;
}

std::optional<std::string> finishBench(const RawBench &raw,
                                       BenchOptions &options) {
  if (auto why = finishCall(raw, options))
    return why;
  if (auto why = readAll("--dims", raw.sizes, parseDims, options.sizes))
    return why;
  if (auto why = readDraws(raw.draws, options.draws))
    return why;
  if (options.devices.empty())
    options.devices.push_back("host");
  if (options.isWorker && !(options.bundle.empty() && options.sizes.empty() &&
                            options.devices.size() == 1))
    return "--worker takes one --device and nothing else";
  if (options.bundle.empty() && !options.isWorker)
    return "no BUNDLE is given";
  if (!options.routing.empty())
    if (Result<Routing> routing = parseRouting(options.routing); !routing)
      return "--routing: " + routing.error().message();
  return std::nullopt;
}

} // namespace

ExitCode usageError(const char *tool, const std::string &message) {
  printError(message);
  std::fprintf(stderr, "%s --help lists what it takes\n", tool);
  return exitUsage;
}

std::variant<BenchOptions, int> parseBenchCommandLine(int argc, char **argv) {
  BenchOptions options;
  RawBench raw;
  CLI::App app("Times an entry of a bundle.", "headgate-bench");
  declareBench(app, options, raw);
  std::vector<std::string> arguments(argv + 1, argv + argc);
  if (auto why = takeBenchmarkFlags(arguments, options))
    return usageError("headgate-bench", *why);
  if (std::optional<int> code = parseArguments(app, arguments))
    return *code;
  if (auto why = finishBench(raw, options))
    return usageError("headgate-bench", *why);
  return options;
}

std::variant<RunOptions, int> parseRunCommandLine(int argc, char **argv) {
  RunOptions options;
  RawRun raw;
  CLI::App app("Runs one entry of a bundle on tensors from files.",
               "headgate-run");
  declareRun(app, options, raw);
  if (std::optional<int> code = parseArguments(app, argc, argv))
    return *code;
  if (auto why = finishRun(raw, options))
    return usageError("headgate-run", *why);
  return options;
}

} // namespace headgate
