// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Built with -fexceptions, unlike everything else: CLI11 reports by throwing.

#include "tools/CommandLine.h"

#include "headgate/Plan.h"

#include <CLI/CLI.hpp>

#include <cmath>
#include <cstdio>

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
struct RawValues {
  std::vector<std::string> inputs, outputs, expected, variants;
};

void addValues(CLI::App &app, const char *flag,
               std::vector<std::string> &values, const char *form,
               const char *help) {
  app.add_option(flag, values, help)
      ->type_name(form)
      ->allow_extra_args(false)
      ->take_all();
}

void declareRun(CLI::App &app, RunOptions &options, RawValues &raw) {
  app.add_option("BUNDLE", options.bundle, "What headgate-compile wrote");
  app.add_option("--function", options.function,
                 "Entry to run (default: the only one)")
      ->type_name("NAME");
  app.add_option("--device", options.device,
                 "host, host:threads=N, sim:sm_80, sim:sm_90a with options of "
                 "runtime/sim/README.md (default: host)")
      ->type_name("URI");
  app.add_flag("--list_devices", options.listDevices,
               "Print the devices of this machine and stop");
  addValues(app, "--input", raw.inputs, "[NAME=]VALUE", "An input; repeat");
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
  addValues(app, "--variant", raw.variants, "KERNEL=ID",
            "Use this variant of a kernel, or fail");
  app.add_option("--tuned", options.tuned,
                 "Tuning to use (default: the bundle's own tuned.json)")
      ->type_name("FILE|none");
  app.add_flag("--print-plan", options.printPlan,
               "Print sizes, variants, grids and bytes of this call");
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

int usageError(const std::string &message) {
  std::fprintf(stderr, "error: %s\nheadgate-run --help lists what it takes\n",
               message.c_str());
  return exitUsage;
}

/// Reads every text of a flag with `parse`; the message of the first failure.
template <typename T>
std::optional<std::string>
readAll(const char *flag, const std::vector<std::string> &texts,
        Result<T> (*parse)(std::string_view), std::vector<T> &values) {
  for (const std::string &text : texts) {
    Result<T> value = parse(text);
    if (!value)
      return flag + ("=" + value.error().message());
    values.push_back(std::move(*value));
  }
  return std::nullopt;
}

std::optional<std::string> readVariants(const std::vector<std::string> &texts,
                                        RunOptions &options) {
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
  if (options.bundle.empty() && !options.listDevices)
    return "no BUNDLE is given";
  return std::nullopt;
}

/// What CLI11 leaves as text becomes values.
std::optional<std::string> finishRun(const RawValues &raw,
                                     RunOptions &options) {
  if (auto why =
          readAll("--input", raw.inputs, parseInputValue, options.inputs))
    return why;
  if (auto why =
          readAll("--output", raw.outputs, parseOutputTarget, options.outputs))
    return why;
  if (auto why = readAll("--expected_output", raw.expected, parseInputValue,
                         options.expected))
    return why;
  if (auto why = readVariants(raw.variants, options))
    return why;
  return checkRun(options);
}
} // namespace

std::variant<RunOptions, int> parseRunCommandLine(int argc, char **argv) {
  RunOptions options;
  RawValues raw;
  CLI::App app("Runs one entry of a bundle on tensors from files.",
               "headgate-run");
  declareRun(app, options, raw);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success &success) {
    return app.exit(success);
  } catch (const CLI::Error &error) {
    return usageError(error.what());
  }
  if (auto why = finishRun(raw, options))
    return usageError(*why);
  return options;
}

} // namespace headgate
