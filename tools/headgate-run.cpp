// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs one entry of a bundle on tensors from files or numbers, in the manner of
// iree-run-module: prints or writes what comes out, and compares it with what
// is expected. stdout is the result only; all else goes to stderr.

#include "headgate/Runtime.h"
#include "lib/ArrayText.h"
#include "lib/Npy.h"
#include "lib/RunReport.h"
#include "tools/CheckOutputs.h"
#include "tools/CommandLine.h"
#include "tools/EntryCall.h"
#include "tools/MatchTensors.h"
#include "tools/ReadArrays.h"

#include <cstdio>

using namespace headgate;

namespace {
/// "12.3 us"
std::string formatTime(double nanoseconds) {
  const char *unit = "ns";
  for (const char *larger : {"us", "ms", "s"}) {
    if (nanoseconds < 1000)
      break;
    nanoseconds /= 1000;
    unit = larger;
  }
  char text[32];
  std::snprintf(text, sizeof(text), "%.3g %s", nanoseconds, unit);
  return text;
}

std::string formatShape(const std::vector<PlanExtent> &shape) {
  std::string text;
  for (const PlanExtent &extent : shape) {
    text += text.empty() ? "[" : ",";
    if (const int64_t *number = std::get_if<int64_t>(&extent))
      text += std::to_string(*number);
    else
      text += std::get<SizeText>(extent);
  }
  return text.empty() ? "[]" : text + "]";
}

std::string formatTensors(const std::vector<PlanTensor> &tensors) {
  std::string text;
  for (const PlanTensor &tensor : tensors)
    text += (text.empty() ? "" : ", ") + tensor.name + ": " +
            formatShape(tensor.shape) + " " + std::string(name(tensor.dtype));
  return "(" + text + ")";
}

/// "gqe(q: [B,S,64] bf16) -> (o: [B,S,64] bf16)"
std::string formatSignature(const PlanEntry &entry) {
  return entry.name + formatTensors(entry.inputs) + " -> " +
         formatTensors(entry.outputs) + "\n";
}

/// Adds the outputs that were asked for to the report, or all of them.
Status reportOutputs(const RunOptions &options, const PlanEntry &entry,
                     std::span<const size_t> targets,
                     const std::vector<Array> &arrays, RunReport &report) {
  for (size_t i = 0; i < targets.size(); ++i) {
    const OutputTarget &target = options.outputs[i];
    const Array &array = arrays[targets[i]];
    Result<Array> wanted =
        target.dtype ? convert(array, *target.dtype) : Result<Array>(array);
    if (!wanted)
      return std::move(wanted).error().in("output '" +
                                          entry.outputs[targets[i]].name + "'");
    report.outputs.push_back({entry.outputs[targets[i]].name,
                              std::move(*wanted), target.file,
                              /*full=*/target.file.empty()});
  }
  if (options.outputs.empty() && options.expected.empty())
    for (size_t i = 0; i < arrays.size(); ++i)
      report.outputs.push_back({entry.outputs[i].name, arrays[i], ""});
  return Success();
}

/// Outputs are written once everything that can fail has not.
Status writeFiles(const RunReport &report) {
  for (const RunReport::Output &output : report.outputs)
    if (!output.file.empty())
      if (Status written = writeNpy(output.file, output.array); !written)
        return std::move(written).error().in("output '" + output.name + "'");
  return Success();
}

/// Runs the entry and adds what came of it to the report.
Status execute(const RunOptions &options, EntryCall &call,
               std::span<const size_t> targets,
               std::span<const Expectation> expectations, RunReport &report) {
  if (options.checkUnwritten) {
    Result<std::vector<Unwritten>> unwritten = call.findUnwritten();
    if (!unwritten)
      return std::move(unwritten).error();
    checkUnwritten(call.entry(), *unwritten, report);
  }
  Result<double> timeNs = call.run();
  if (!timeNs)
    return std::move(timeNs).error();
  report.timeNs = *timeNs;
  Result<std::vector<Array>> arrays = call.outputs();
  if (!arrays)
    return std::move(arrays).error();
  if (Status done =
          reportOutputs(options, call.entry(), targets, *arrays, report);
      !done)
    return done;
  if (Status written = writeFiles(report); !written)
    return written;
  checkExpected({options.atol, options.rtol}, call.entry(), expectations,
                *arrays, report);
  return Success();
}

Result<std::vector<size_t>> matchOutputs(const RunOptions &options,
                                         const PlanEntry &entry) {
  std::vector<std::string> names;
  for (const OutputTarget &target : options.outputs)
    names.push_back(target.name);
  return matchTensors("output", entry, entry.outputs, names);
}

/// One call of the entry; all that needs no run is checked before it.
Result<RunReport> callEntry(const RunOptions &options,
                            std::shared_ptr<const Session> session) {
  Result<EntryCall> call = EntryCall::create(session, options.function);
  if (!call)
    return std::move(call).error();
  const PlanEntry &entry = call->entry();
  Result<std::vector<size_t>> targets = matchOutputs(options, entry);
  if (!targets)
    return std::move(targets).error();
  Result<std::vector<Expectation>> expectations =
      readExpectations(entry, options.expected);
  if (!expectations)
    return std::move(expectations).error();
  Result<std::vector<Array>> inputs = readInputs(entry, options.inputs);
  if (!inputs)
    return std::move(inputs).error();
  if (Status set = call->setInputs(*inputs); !set)
    return std::move(set).error();

  RunReport report;
  report.entry = entry.name;
  report.device = session->device()->info().uri;
  for (size_t i = 0; i < entry.dims.size(); ++i)
    report.dims.emplace_back(entry.dims[i].first, call->dims()[i]);
  if (options.printPlan) {
    Result<std::string> plan = session->explain(entry, call->dims());
    if (!plan)
      return std::move(plan).error();
    report.plan = std::move(*plan);
  }
  if (options.dryRun)
    return report;
  if (Status done = execute(options, *call, *targets, *expectations, report);
      !done)
    return std::move(done).error();
  return report;
}

/// Where nothing binds the sizes: what could be called.
Result<RunReport> listEntries(const RunOptions &options,
                              const Session &session) {
  RunReport report;
  report.device = session.device()->info().uri;
  if (options.function.empty()) {
    for (const PlanEntry &entry : session.plan().entries)
      report.plan += formatSignature(entry);
    return report;
  }
  Result<const PlanEntry *> entry = session.entry(options.function);
  if (!entry)
    return std::move(entry).error();
  report.entry = (*entry)->name;
  report.plan = formatSignature(**entry);
  return report;
}

Result<RunReport> runBundle(const RunOptions &options,
                            std::shared_ptr<Device> device) {
  Result<std::shared_ptr<const Session>> session =
      openSession(options, std::move(device));
  if (!session)
    return std::move(session).error();
  if (!options.printPlan || !options.dryRun || !options.inputs.empty())
    return callEntry(options, std::move(*session));
  return listEntries(options, **session);
}

/// Prints what there is to say.
ExitCode present(const RunOptions &options, const RunReport &report) {
  std::string text = options.json ? formatJson(report) : formatText(report);
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (std::fflush(stdout) != 0) {
    printError("cannot write to stdout");
    return exitError;
  }
  if (options.verbose && report.timeNs)
    std::fprintf(stderr, "ran %s on %s in %s\n", report.entry.c_str(),
                 report.device.c_str(), formatTime(*report.timeNs).c_str());
  for (const RunReport::Check &check : report.checks)
    if (!check.passed)
      printError(check.message);
  return report.passed() ? exitDone : exitCheckFailed;
}
} // namespace

int main(int argc, char **argv) {
  std::variant<RunOptions, int> parsed = parseRunCommandLine(argc, argv);
  if (const int *code = std::get_if<int>(&parsed))
    return *code;
  const RunOptions &options = std::get<RunOptions>(parsed);
  if (options.listDevices) {
    DeviceList list = listDevices(options.drivers);
    for (const std::string &uri : list.uris)
      std::puts(uri.c_str());
    if (!list.whyNoGpu.empty() && !options.quiet)
      std::fprintf(stderr, "no cuda: %s\n", list.whyNoGpu.c_str());
    return exitDone;
  }
  Result<std::shared_ptr<Device>> device =
      openDevice(options.device, options.drivers);
  if (!device)
    return failToOpen(device.error());
  Result<RunReport> report = runBundle(options, std::move(*device));
  if (!report)
    return fail(report.error());
  return present(options, *report);
}
