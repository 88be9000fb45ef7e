// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Times an entry of a bundle at given sizes, with Google Benchmark: its flags,
// its repetitions, its output. An entry is called as headgate-run calls it.

#include "tools/BenchWorker.h"
#include "tools/CommandLine.h"
#include "tools/DrawInputs.h"
#include "tools/EntryCall.h"
#include "tools/ReadArrays.h"

#include "lib/Spelling.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>

using namespace headgate;

namespace {

/// An entry at some sizes on one device.
class Bench {
public:
  /// `sizes`: null for those of the inputs, which must all be given then.
  static Result<std::unique_ptr<Bench>>
  create(const BenchOptions &options, std::shared_ptr<const Session> session,
         const NamedDims *sizes) {
    Result<const PlanEntry *> entry = session->entry(options.function);
    if (!entry)
      return std::move(entry).error();
    std::unique_ptr<Bench> bench(
        new Bench(options, std::move(session), **entry));
    Status sized = sizes ? bench->setSizes(*sizes) : bench->takeSizes();
    if (!sized)
      return std::move(sized).error();
    Result<CallOutline> outline =
        bench->session->outline(bench->entry, bench->dims);
    if (!outline)
      return std::move(outline).error();
    bench->outline = std::move(*outline);
    return bench;
  }

  /// "layer/B:1/S:2048/host:threads=1"; the device only among several.
  std::string name() const {
    std::string text = entry.name;
    for (size_t i = 0; i < dims.size(); ++i)
      text += "/" + entry.dims[i].first + ":" + std::to_string(dims[i]);
    if (options.devices.size() > 1)
      text += "/" + session->device()->info().uri;
    return text;
  }

  Result<std::string> plan() const { return session->explain(entry, dims); }

  /// The body of the benchmark.
  Status run(benchmark::State &state) {
    if (Status ready = prepare(); !ready)
      return ready;
    std::vector<double> stepNs(entry.steps.size());
    for (auto _ : state) {
      Result<double> ns = options.timeSteps ? runSteps(stepNs) : call->run();
      if (!ns)
        return std::move(ns).error();
      state.SetIterationTime(*ns * 1e-9);
    }
    addCounters(state, stepNs);
    return Success();
  }

private:
  Bench(const BenchOptions &options, std::shared_ptr<const Session> session,
        const PlanEntry &entry)
      : options(options), session(std::move(session)), entry(entry) {}

  Status setSizes(const NamedDims &sizes) {
    std::vector<std::string> known;
    for (const auto &[name, range] : entry.dims)
      known.push_back(name);
    for (const auto &[name, value] : sizes)
      if (std::ranges::find(known, name) == known.end())
        return Error(ErrorCode::badInput, "entry '" + entry.name +
                                              "' has no dim '" + name +
                                              "'; it has " + listNames(known) +
                                              didYouMean(name, known));
    Result<std::vector<int64_t>> values = dimsOf(entry, sizes);
    if (!values)
      return std::move(values).error();
    dims = std::move(*values);
    return Success();
  }

  Status takeSizes() {
    if (!entry.dims.empty() && options.inputs.size() < entry.inputs.size())
      return Error(ErrorCode::badInput,
                   "the sizes of entry '" + entry.name +
                       "' are not known: give --dims=" + entry.dims[0].first +
                       "=..., or every input");
    return prepare();
  }

  /// Makes the inputs and calls once, unless that was done.
  Status prepare() {
    if (call)
      return Success();
    Result<std::vector<Array>> inputs = makeInputs();
    if (!inputs)
      return std::move(inputs).error();
    Result<EntryCall> made = EntryCall::create(session, entry.name);
    if (!made)
      return std::move(made).error();
    if (Status set = made->setInputs(*inputs); !set)
      return set;
    if (dims.empty())
      dims = made->dims();
    if (dims != made->dims())
      return Error(ErrorCode::badInput,
                   "the inputs have other sizes than --dims");
    if (Result<double> first = made->run(); !first)
      return std::move(first).error();
    call.emplace(std::move(*made));
    return Success();
  }

  Result<std::vector<Array>> makeInputs() const {
    if (Status known = checkDraws(entry, options.draws); !known)
      return std::move(known).error();
    Result<std::vector<std::optional<Array>>> given =
        readGivenInputs(entry, options.inputs);
    if (!given)
      return std::move(given).error();
    std::vector<Array> inputs;
    for (size_t i = 0; i < given->size(); ++i) {
      Result<Array> input = (*given)[i] ? Result<Array>(std::move(*(*given)[i]))
                                        : drawInput(entry, i, dims,
                                                    {.seed = options.seed,
                                                     .routing = options.routing,
                                                     .draws = options.draws});
      if (!input)
        return std::move(input).error().in("input '" + entry.inputs[i].name +
                                           "'");
      inputs.push_back(std::move(*input));
    }
    return inputs;
  }

  /// Nanoseconds of all steps; adds those of each to `sums`.
  Result<double> runSteps(std::vector<double> &sums) {
    Result<std::vector<double>> times = call->timeSteps();
    if (!times)
      return std::move(times).error();
    double sum = 0;
    for (size_t i = 0; i < sums.size(); ++i) {
      sums[i] += (*times)[i];
      sum += (*times)[i];
    }
    return sum;
  }

  void addCounters(benchmark::State &state,
                   const std::vector<double> &stepNs) const {
    using benchmark::Counter;
    if (double tokens = countTokens())
      state.counters["tokens"] =
          Counter(tokens, Counter::kIsIterationInvariantRate);
    state.SetBytesProcessed(int64_t(state.iterations()) * tensorBytes());
    state.counters["arena"] = Counter(double(outline.arenaBytes),
                                      Counter::kDefaults, Counter::kIs1024);
    for (size_t i = 0; options.timeSteps && i < stepNs.size(); ++i)
      state.counters[std::to_string(i) + ":" + entry.steps[i].kernel] =
          Counter(stepNs[i] * 1e-9, Counter::kAvgIterations);
    state.SetLabel(images());
  }

  /// B * S; 0 where the entry has no S.
  double countTokens() const {
    double batches = 1, tokens = 0;
    for (size_t i = 0; i < dims.size(); ++i) {
      if (entry.dims[i].first == "B")
        batches = double(dims[i]);
      if (entry.dims[i].first == "S")
        tokens = double(dims[i]);
    }
    return batches * tokens;
  }

  /// Bytes of all inputs and outputs: what a call moves at least.
  int64_t tensorBytes() const {
    int64_t sum = 0;
    for (const auto *tensors : {&entry.inputs, &entry.outputs})
      for (const PlanTensor &tensor : *tensors) {
        int64_t bytes = byteWidth(tensor.dtype);
        // Cannot fail: the call was made with these sizes.
        if (auto shape = shapeOf(entry, tensor, dims))
          for (int64_t extent : *shape)
            bytes *= extent;
        sum += bytes;
      }
    return sum;
  }

  /// The code that runs, "host-v4-bf16".
  std::string images() const {
    std::vector<std::string> names;
    for (const PlanVariant *variant : outline.variants)
      if (std::ranges::find(names, variant->image) == names.end())
        names.push_back(variant->image);
    return listNames(names);
  }

  const BenchOptions &options;
  std::shared_ptr<const Session> session;
  const PlanEntry &entry;
  std::vector<int64_t> dims;
  CallOutline outline;
  std::optional<EntryCall> call;
};

using Benches = std::vector<std::unique_ptr<Bench>>;

/// All sizes on all devices. Whatever can be known to fail fails here, before
/// anything is timed.
Result<Benches>
makeBenches(const BenchOptions &options,
            const std::vector<std::shared_ptr<Device>> &devices) {
  Benches benches;
  for (const std::shared_ptr<Device> &device : devices) {
    Result<std::shared_ptr<const Session>> session =
        openSession(options, device);
    if (!session)
      return std::move(session).error();
    std::vector<const NamedDims *> sizes;
    for (const NamedDims &dims : options.sizes)
      sizes.push_back(&dims);
    if (sizes.empty())
      sizes.push_back(nullptr);
    for (const NamedDims *dims : sizes) {
      Result<std::unique_ptr<Bench>> bench =
          Bench::create(options, *session, dims);
      if (!bench)
        return std::move(bench).error();
      benches.push_back(std::move(*bench));
    }
  }
  return benches;
}

Status printPlans(const Benches &benches) {
  for (const std::unique_ptr<Bench> &bench : benches) {
    Result<std::string> plan = bench->plan();
    if (!plan)
      return std::move(plan).error();
    std::fputs(plan->c_str(), stderr);
  }
  return Success();
}

/// Runs those that the flags ask for; the first failure of a call.
Status runBenches(const BenchOptions &options, const Benches &benches) {
  Status done = Success();
  for (const std::unique_ptr<Bench> &bench : benches)
    benchmark::RegisterBenchmark(bench->name().c_str(),
                                 [&](benchmark::State &state) {
                                   Status ran = bench->run(state);
                                   if (ran)
                                     return;
                                   state.SkipWithError(
                                       ran.error().message().c_str());
                                   if (done)
                                     done = std::move(ran);
                                 })
        ->UseManualTime()
        ->Unit(benchmark::kMicrosecond);
  benchmark::AddCustomContext("bundle", options.bundle);
  size_t count = benchmark::RunSpecifiedBenchmarks();
  if (done && count == 0)
    return Error(ErrorCode::badInput, "no benchmark has such a name");
  return done;
}

} // namespace

int main(int argc, char **argv) {
  std::variant<BenchOptions, int> parsed = parseBenchCommandLine(argc, argv);
  if (const int *code = std::get_if<int>(&parsed))
    return *code;
  const BenchOptions &options = std::get<BenchOptions>(parsed);
  if (options.isWorker) {
    Result<std::shared_ptr<Device>> device =
        openDevice(options.devices[0], options.drivers);
    return device ? serveRequests(*device) : failToOpen(device.error());
  }

  std::vector<char *> flags = {argv[0]};
  for (const std::string &flag : options.benchmarkFlags)
    flags.push_back(const_cast<char *>(flag.c_str()));
  int count = static_cast<int>(flags.size());
  benchmark::Initialize(&count, flags.data());
  if (count > 1)
    return usageError("headgate-bench",
                      std::string("unknown flag ") + flags[1]);

  std::vector<std::shared_ptr<Device>> devices;
  for (const std::string &uri : options.devices) {
    Result<std::shared_ptr<Device>> device = openDevice(uri, options.drivers);
    if (!device)
      return failToOpen(device.error());
    devices.push_back(std::move(*device));
  }
  Result<Benches> benches = makeBenches(options, devices);
  if (!benches)
    return fail(benches.error());
  if (options.printPlan)
    if (Status printed = printPlans(*benches); !printed)
      return fail(printed.error());
  if (Status done = runBenches(options, *benches); !done)
    return fail(done.error());
  return exitDone;
}
