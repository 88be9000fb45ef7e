// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A bundle is checked before it is timed: at the sizes of each check it runs
// twice, on outputs filled in two ways, must give the same bits, and agree with
// the outputs of the check's oracle. Outputs of oracles are kept, for all
// candidates are asked for the same ones.

#include "tools/BenchWorker.h"

#include "lib/ArrayText.h"
#include "lib/Compare.h"
#include "lib/Random.h"
#include "lib/Statistics.h"
#include "lib/WorkerText.h"
#include "tools/DrawInputs.h"
#include "tools/EntryCall.h"
#include "tools/GuardedDevice.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <map>
#include <numeric>
#include <optional>

namespace headgate {

namespace {

using Arrays = std::vector<Array>;

/// Samples after which a hopeless candidate is given up, and which are enough
/// where each takes long.
constexpr size_t fewSamples = 5;
constexpr size_t maxSamples = 2000;

//===-- calls ------------------------------------------------------------===//

/// The last `rows` of dimension `d`.
Array lastRows(const Array &array, size_t d, int64_t rows) {
  int64_t outer = 1, inner = byteWidth(array.dtype), extent = array.shape[d];
  for (size_t i = 0; i < array.shape.size(); ++i)
    (i < d ? outer : inner) *= i == d ? 1 : array.shape[i];
  std::vector<int64_t> shape = array.shape;
  shape[d] = rows;
  Array last = Array::zeros(array.dtype, std::move(shape));
  for (int64_t i = 0; i < outer; ++i)
    std::memcpy(last.bytes.data() + i * rows * inner,
                array.bytes.data() + ((i + 1) * extent - rows) * inner,
                size_t(rows * inner));
  return last;
}

/// Where the extent of a tensor is S.
std::optional<size_t> tokenDimension(const PlanTensor &tensor) {
  for (size_t d = 0; d < tensor.shape.size(); ++d)
    if (const auto *text = std::get_if<SizeText>(&tensor.shape[d]))
      if (*text == "S")
        return d;
  return std::nullopt;
}

void keepLastRows(Arrays &arrays, const std::vector<PlanTensor> &tensors,
                  int64_t rows) {
  for (size_t i = 0; i < arrays.size(); ++i)
    if (std::optional<size_t> d = tokenDimension(tensors[i]))
      arrays[i] = lastRows(arrays[i], *d, rows);
}

/// What is called with drawn inputs.
struct CallSpec {
  std::string bundle, function;
  NamedDims dims;
  DrawOptions draw;
  int64_t lastRows = 0;                          ///< 0: all
  std::map<std::string, std::string> force = {}; ///< kernel to variant
};

/// Bundle `index` of a request at these sizes.
CallSpec specOf(const WorkerRequest &request, size_t index,
                const NamedDims &dims) {
  CallSpec spec{request.bundles[index], request.function, dims,
                DrawOptions{request.seed, request.routing, request.draws}};
  if (!request.variants.empty() && !request.variants[index].empty())
    spec.force[request.kernel] = request.variants[index];
  return spec;
}

Result<EntryCall> prepareCall(const CallSpec &spec,
                              std::shared_ptr<Device> device) {
  CallOptions options;
  options.bundle = spec.bundle;
  options.tuned = "none";
  options.variants = spec.force;
  Result<std::shared_ptr<const Session>> session =
      openSession(options, std::move(device));
  if (!session)
    return std::move(session).error();
  Result<EntryCall> call = EntryCall::create(*session, spec.function);
  if (!call)
    return call;
  const PlanEntry &entry = call->entry();
  if (Status known = checkDraws(entry, spec.draw.draws); !known)
    return std::move(known).error();
  Result<std::vector<int64_t>> dims = dimsOf(entry, spec.dims);
  if (!dims)
    return std::move(dims).error();
  Arrays inputs;
  for (size_t i = 0; i < entry.inputs.size(); ++i) {
    Result<Array> input = drawInput(entry, i, *dims, spec.draw);
    if (!input)
      return std::move(input).error().in("input '" + entry.inputs[i].name +
                                         "'");
    inputs.push_back(std::move(*input));
  }
  if (spec.lastRows)
    keepLastRows(inputs, entry.inputs, spec.lastRows);
  if (Status set = call->setInputs(inputs); !set)
    return std::move(set).error();
  return call;
}

//===-- the worker -------------------------------------------------------===//

/// A failure of the candidate, as a reply says it.
struct Failure {
  TuningResult result;
  std::string why;
};
using Checked = std::optional<Failure>;

class Worker {
public:
  explicit Worker(std::shared_ptr<Device> device) : device(std::move(device)) {}

  WorkerReply serve(const WorkerRequest &request) {
    WorkerReply reply{.id = request.id};
    if (request.counts) {
      if (Status counted = count(request, reply); !counted)
        return failed(std::move(reply),
                      {TuningResult::runtime, counted.error().message()});
      return reply;
    }
    for (const WorkerCheck &check : request.checks)
      if (Checked failure = verify(request, check, reply))
        return failed(std::move(reply), *failure);
    if (Status timed = time(request, reply); !timed)
      return failed(std::move(reply), {resultOf(request, timed.error()),
                                       timed.error().message()});
    return reply;
  }

private:
  /// A variant that cannot run at these sizes or on this device has not failed.
  static TuningResult resultOf(const WorkerRequest &request,
                               const Error &error) {
    return !request.variants.empty() && error.code() == ErrorCode::unsupported
               ? TuningResult::constraints
               : TuningResult::runtime;
  }

  static WorkerReply failed(WorkerReply reply, const Failure &failure) {
    reply.result = failure.result;
    reply.why = failure.why;
    reply.samples.clear();
    return reply;
  }

  //===-- checking -------------------------------------------------------===//

  Checked verify(const WorkerRequest &request, const WorkerCheck &check,
                 WorkerReply &reply) {
    std::string place = " at " + formatDims(check.dims);
    auto runtime = [&](const Error &error) {
      return Failure{resultOf(request, error), error.message() + place};
    };
    CallSpec spec = specOf(request, 0, check.dims);
    // The simulator refuses what lies outside by itself, and reads as well.
    std::shared_ptr<GuardedDevice> guards;
    if (!device->info().uri.starts_with("sim:"))
      guards = std::make_shared<GuardedDevice>(device);
    Result<EntryCall> call = prepareCall(
        spec, guards ? std::static_pointer_cast<Device>(guards) : device);
    if (!call)
      return runtime(call.error());
    Result<Arrays> found = call->runFilled(/*again=*/false);
    if (!found)
      return runtime(found.error());
    Result<Arrays> again = call->runFilled(/*again=*/true);
    if (!again)
      return runtime(again.error());
    Result<std::string> damage =
        guards ? describeDamage(*call, *guards) : std::string();
    if (!damage)
      return runtime(damage.error());
    if (!damage->empty())
      return Failure{TuningResult::correctness, *damage + place};
    if (std::string why = difference(call->entry(), *found, *again);
        !why.empty())
      return Failure{TuningResult::correctness, why + place};
    spec.bundle = check.oracle;
    spec.force.clear();
    spec.lastRows = check.lastRows;
    Result<const Arrays *> expected = oracle(spec, check.onHost);
    if (!expected)
      return runtime(std::move(expected).error().in("the oracle"));
    if (check.lastRows)
      keepLastRows(*found, call->entry().outputs, check.lastRows);
    std::string why =
        compareAll(call->entry(), *found, **expected, check.dims, reply);
    if (!why.empty())
      return Failure{TuningResult::correctness, why + place};
    return std::nullopt;
  }

  static std::string difference(const PlanEntry &entry, const Arrays &first,
                                const Arrays &second) {
    for (size_t i = 0; i < first.size(); ++i)
      for (int64_t e = 0, width = byteWidth(first[i].dtype);
           e < first[i].elements(); ++e)
        if (std::memcmp(first[i].bytes.data() + e * width,
                        second[i].bytes.data() + e * width, size_t(width)))
          return "output '" + entry.outputs[i].name +
                 "': two runs differ, or element " +
                 formatIndex(unravel(e, first[i].shape)) + " is not written,";
    return "";
  }

  /// What a call wrote beside its memory; "" if nothing.
  static Result<std::string> describeDamage(const EntryCall &call,
                                            GuardedDevice &guards) {
    Result<std::vector<Damage>> damages = guards.findDamage();
    if (!damages)
      return std::move(damages).error();
    if (damages->empty())
      return std::string();
    const Damage &damage = damages->front();
    bool isBefore = damage.offset < 0;
    return call.describeMemory(damage.data) + ": " +
           std::to_string(damage.count) + " bytes " +
           (isBefore ? "before it" : "behind it") +
           " were written, the nearest " +
           std::to_string(isBefore ? -damage.offset : damage.offset + 1) +
           " away,";
  }

  Result<const Arrays *> oracle(const CallSpec &spec, bool onHost) {
    std::string key = spec.bundle + "\n" + spec.function + "\n" +
                      formatDims(spec.dims) + "\n" + spec.draw.routing + "\n" +
                      std::to_string(spec.draw.seed) + "\n" +
                      std::to_string(spec.lastRows);
    if (auto known = oracles.find(key); known != oracles.end())
      return &known->second;
    std::shared_ptr<Device> place = device;
    if (onHost && device->info().target != "host") {
      Result<std::shared_ptr<Device>> host = openDevice("host");
      if (!host)
        return std::move(host).error();
      place = *host;
    }
    Result<EntryCall> call = prepareCall(spec, std::move(place));
    if (!call)
      return std::move(call).error();
    Result<Arrays> outputs = call->runFilled(/*again=*/false);
    if (!outputs)
      return std::move(outputs).error();
    return &(oracles[key] = std::move(*outputs));
  }

  static std::string compareAll(const PlanEntry &entry, const Arrays &found,
                                const Arrays &expected, const NamedDims &dims,
                                WorkerReply &reply) {
    // The largest extent of the call stands for the length of the sums.
    int64_t longest = 1;
    for (const auto &[name, extent] : dims)
      longest = std::max(longest, extent);
    for (size_t i = 0; i < found.size(); ++i) {
      Tolerance tolerance =
          deriveTolerance(found[i].dtype, longest, largestFinite(expected[i]));
      Comparison comparison = compare(found[i], expected[i], tolerance);
      if (!reply.error || !(comparison.maxError <= reply.error->maxAbs))
        reply.error = {comparison.maxError, comparison.allowed};
      if (!comparison.shapesAgree)
        return "output '" + entry.outputs[i].name + "' has another shape";
      if (!comparison.passed())
        return describe(entry.outputs[i].name, comparison);
    }
    return "";
  }

  static std::string describe(const std::string &output,
                              const Comparison &comparison) {
    char numbers[128];
    std::snprintf(numbers, sizeof(numbers),
                  "%.8g, expected %.8g, tolerance %.3g", comparison.found,
                  comparison.expected, comparison.allowed);
    return "output '" + output + "': " + std::to_string(comparison.differing) +
           " of " + std::to_string(comparison.elements) +
           " elements are wrong; worst " + formatIndex(comparison.worst) +
           ": " + numbers;
  }

  //===-- counting -------------------------------------------------------===//

  Status count(const WorkerRequest &request, WorkerReply &reply) {
    Result<EntryCall> call =
        prepareCall(specOf(request, 0, request.dims), device);
    if (!call)
      return std::move(call).error();
    Result<std::vector<Counters>> counted = call->countSteps();
    if (!counted)
      return std::move(counted).error();
    for (size_t i = 0; i < counted->size(); ++i)
      if (request.kernel.empty() ||
          call->entry().steps[i].kernel == request.kernel)
        for (const auto &[name, value] : (*counted)[i])
          reply.counters[name] += value;
    if (reply.counters.empty())
      return Error(ErrorCode::unsupported,
                   "'" + device->info().uri + "' counts nothing");
    return Success{};
  }

  //===-- timing ---------------------------------------------------------===//

  /// A bundle that is timed.
  struct Timed {
    EntryCall call;
    std::vector<size_t> steps; ///< that count; empty: the whole call
  };

  Result<Timed> prepareTimed(const WorkerRequest &request, size_t index) {
    Result<EntryCall> call =
        prepareCall(specOf(request, index, request.dims), device);
    if (!call)
      return std::move(call).error();
    Timed timed{std::move(*call), {}};
    const std::vector<PlanStep> &steps = timed.call.entry().steps;
    for (size_t i = 0; i < steps.size(); ++i)
      if (steps[i].kernel == request.kernel)
        timed.steps.push_back(i);
    if (timed.steps.empty() && !request.kernel.empty())
      return Error(ErrorCode::notFound,
                   "no step runs kernel '" + request.kernel + "'");
    if (timed.steps.size() == steps.size())
      timed.steps.clear();
    return timed;
  }

  Result<double> sample(Timed &timed, const TimingPolicy &policy) {
    if (policy.cold)
      if (Status done = overwriteCaches(); !done)
        return std::move(done).error();
    if (timed.steps.empty())
      return timed.call.run();
    Result<std::vector<double>> times = timed.call.timeSteps();
    if (!times)
      return std::move(times).error();
    double sum = 0;
    for (size_t step : timed.steps)
      sum += (*times)[step];
    return sum;
  }

  /// Fills twice what the last level holds, in the device's own memory.
  Status overwriteCaches() {
    int64_t bytes = 2 * std::max<int64_t>(device->info().l2Bytes, 8 << 20);
    if (!cache.data()) {
      Result<Buffer> buffer = device->allocate(bytes);
      if (!buffer)
        return std::move(buffer).error();
      cache = std::move(*buffer);
    }
    if (Status filled = device->fill(cache.data(), ++cacheFill, bytes, {});
        !filled)
      return filled;
    return device->synchronize({});
  }

  static double nowMs() {
    using namespace std::chrono;
    return duration<double, std::milli>(steady_clock::now().time_since_epoch())
        .count();
  }

  Status time(const WorkerRequest &request, WorkerReply &reply) {
    const TimingPolicy &policy = request.policy;
    std::vector<Timed> all;
    for (size_t i = 0; i < request.bundles.size(); ++i) {
      Result<Timed> timed = prepareTimed(request, i);
      if (!timed)
        return std::move(timed).error();
      if (!request.variants.empty()) {
        Result<std::string> variant = timed->call.variantOf(request.kernel);
        if (!variant)
          return std::move(variant).error();
        reply.variants.push_back(std::move(*variant));
      }
      double end = nowMs() + policy.warmupMs;
      do
        if (Result<double> ns = sample(*timed, policy); !ns)
          return std::move(ns).error();
      while (nowMs() < end);
      all.push_back(std::move(*timed));
    }
    reply.samples.resize(all.size());
    Random random(request.seed);
    std::vector<size_t> order(all.size());
    std::iota(order.begin(), order.end(), size_t(0));
    double begin = nowMs();
    while (!isEnough(reply.samples, policy, nowMs() - begin)) {
      random.shuffle(order);
      for (size_t i : order) {
        Result<double> ns = sample(all[i], policy);
        if (!ns)
          return std::move(ns).error();
        reply.samples[i].push_back(*ns);
      }
    }
    return Success{};
  }

  /// `spentMs`: since the first sample, with all that a sample takes beside
  /// what it times, such as the other kernels of a layer.
  static bool isEnough(const std::vector<std::vector<double>> &samples,
                       const TimingPolicy &policy, double spentMs) {
    const std::vector<double> &first = samples.front();
    double spentOfEach = spentMs / double(samples.size());
    if (first.size() >= maxSamples)
      return true;
    if (first.size() < fewSamples)
      return false;
    if (spentOfEach >= policy.maxMs)
      return true;
    if (policy.giveUpNs > 0 && median(first) > policy.giveUpNs)
      return true;
    return first.size() >= size_t(policy.samples) &&
           spentOfEach >= policy.minMs;
  }

  std::shared_ptr<Device> device;
  std::map<std::string, Arrays> oracles;
  Buffer cache;
  uint8_t cacheFill = 0;
};

void say(const std::string &line) {
  std::fputs((line + "\n").c_str(), stdout);
  std::fflush(stdout);
}

} // namespace

ExitCode serveRequests(std::shared_ptr<Device> device) {
  const DeviceInfo &info = device->info();
  say(printDevice(
      {info.uri, info.name, info.target, info.units, info.features}));
  Worker worker(device);
  for (std::string line; std::getline(std::cin, line);) {
    Result<WorkerRequest> request = parseRequest(line);
    if (!request)
      return fail(std::move(request).error().in("request"));
    say(printReply(worker.serve(*request)));
  }
  return exitDone;
}

} // namespace headgate
