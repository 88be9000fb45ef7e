// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/tune/TuneBundle.h"

#include "headgate/Bundle.h"
#include "lib/Expr.h"
#include "lib/NearestBucket.h"
#include "lib/RecordText.h"
#include "lib/Search.h"
#include "lib/Spelling.h"
#include "lib/Statistics.h"
#include "lib/TunedText.h"
#include "runtime/ReadFile.h"
#include "tools/DrawInputs.h"
#include "tools/tune/WorkerClient.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace headgate {

namespace fs = std::filesystem;

namespace {

/// Seconds a request may take that nobody has limited.
constexpr double defaultSeconds = 600;

/// Behind it a runtime says why a forced variant does not.
constexpr std::string_view refusal = "is forced, but cannot run: ";

using Bucket = std::map<std::string, int64_t>;

/// A kernel's variants at one size: times over the default one's.
struct Measured {
  size_t standard = 0; ///< the default variant
  std::vector<Finalist> variants;
};

class BundleTuner {
public:
  BundleTuner(const TuneOptions &options, const Bundle &bundle)
      : options(options), plan(bundle.plan()), path(bundle.path()),
        worker(options.bench, options.device, options.cudaDriver) {}

  Status run() {
    Result<WorkerDevice> device = worker.device();
    if (!device)
      return std::move(device).error();
    if (Status read = readTuning(); !read)
      return read;
    if (Status known = checkNames(); !known)
      return known;
    for (const PlanKernel &kernel : plan.kernels)
      if (isWanted(kernel))
        if (Status done = tuneKernel(kernel, *device); !done)
          return std::move(done).error().in("kernel '" + kernel.name + "'");
    if (tunedKernels == 0)
      return Error(ErrorCode::notFound,
                   "no kernel of it has buckets and several variants; compile "
                   "it with --tuning-records");
    return writeTuning();
  }

private:
  //===-- what there is --------------------------------------------------===//

  bool isNamed(const PlanKernel &kernel) const {
    return std::ranges::find(options.kernels, kernel.name) !=
           options.kernels.end();
  }
  bool isWanted(const PlanKernel &kernel) const {
    return options.kernels.empty()
               ? kernel.variants.size() > 1 && !kernel.bucket.empty()
               : isNamed(kernel);
  }

  Status checkNames() const {
    std::vector<std::string> names;
    for (const PlanKernel &kernel : plan.kernels)
      names.push_back(kernel.name);
    for (const std::string &wanted : options.kernels)
      if (std::ranges::find(names, wanted) == names.end())
        return Error(ErrorCode::badInput,
                     "no kernel is called '" + wanted + "'; there are " +
                         listNames(names) + didYouMean(wanted, names));
    for (const PlanKernel &kernel : plan.kernels)
      if (isNamed(kernel) && kernel.bucket.empty())
        return Error(ErrorCode::badInput,
                     "kernel '" + kernel.name +
                         "' has no buckets by which a runtime could choose; "
                         "compile it with --tuning-records");
    return Success{};
  }

  /// The sizes that are bucketed, in a call of `entry` with `dims`.
  static Result<Bucket> bucketOfCall(const PlanKernel &kernel,
                                     const PlanEntry &entry,
                                     const NamedDims &dims) {
    auto step = std::ranges::find(entry.steps, kernel.name, &PlanStep::kernel);
    std::vector<std::string> names;
    for (const auto &[name, range] : entry.dims)
      names.push_back(name);
    Result<std::vector<int64_t>> values = dimsOf(entry, dims);
    if (!values)
      return std::move(values).error();
    Bucket bucket;
    for (const auto &[parameter, text] : step->with) {
      if (std::ranges::find(kernel.bucket, parameter) == kernel.bucket.end())
        continue;
      Result<Expr> expr = Expr::parse(text, names);
      if (!expr)
        return std::move(expr).error();
      Result<int64_t> size = expr->evaluate(*values);
      if (!size)
        return std::move(size).error();
      bucket[parameter] = bucketOf(*size);
    }
    return bucket;
  }

  //===-- measuring ------------------------------------------------------===//

  WorkerRequest requestOf(const PlanKernel &kernel, const PlanEntry &entry,
                          const NamedDims &dims) const {
    WorkerRequest request{.function = entry.name,
                          .kernel = kernel.name,
                          .dims = dims,
                          .draws = options.draws,
                          .seed = options.search.seed};
    if (std::ranges::any_of(entry.inputs, [&](const PlanTensor &input) {
          return isRouted(input, options.draws);
        }))
      request.routing = options.routing;
    request.policy.cold = options.cold;
    return request;
  }

  WorkerRequest withBundles(WorkerRequest request) const {
    request.bundles.assign(request.variants.size(), path);
    return request;
  }

  double secondsOfRun() const {
    return options.runSeconds > 0 ? options.runSeconds : defaultSeconds;
  }

  Result<WorkerReply> ask(WorkerRequest request) {
    return worker.ask(withBundles(std::move(request)), secondsOfRun());
  }

  /// The sizes and, for tails, those of one token and key less.
  static std::vector<NamedDims> checkedSizes(const PlanEntry &entry,
                                             const NamedDims &dims) {
    NamedDims less = dims;
    for (auto &[name, value] : less) {
      auto known = std::ranges::find(entry.dims, name,
                                     [](const auto &dim) { return dim.first; });
      if ((name == "S" || name == "T") && known != entry.dims.end())
        value = std::max({value - 1, known->second[0], int64_t(1)});
    }
    return {dims, std::move(less)};
  }

  /// Whether a variant agrees with the default one; what it is if not is said.
  Result<bool> check(const PlanKernel &kernel, const PlanEntry &entry,
                     const NamedDims &dims, const std::string &variant) {
    WorkerRequest request = requestOf(kernel, entry, dims);
    request.variants = {variant};
    request.policy = {.warmupMs = 0, .samples = 1, .minMs = 0, .maxMs = 0};
    for (NamedDims &sizes : checkedSizes(entry, dims))
      request.checks.push_back({std::move(sizes), path});
    Result<WorkerReply> reply = ask(std::move(request));
    if (!reply)
      return std::move(reply).error();
    if (reply->result == TuningResult::correct)
      return true;
    bool cannotRun = reply->result == TuningResult::constraints;
    std::string what(cannotRun ? "is left out" : name(reply->result));
    std::string why = reply->why;
    if (size_t at = why.find(refusal); cannotRun && at != why.npos)
      why.erase(0, at + refusal.size());
    std::printf("  %-10s %s: %s\n", variant.c_str(), what.c_str(), why.c_str());
    return false;
  }

  Result<std::string> defaultOf(const PlanKernel &kernel,
                                const PlanEntry &entry, const NamedDims &dims) {
    WorkerRequest request = requestOf(kernel, entry, dims);
    request.variants = {""};
    request.policy = {.warmupMs = 0, .samples = 1, .minMs = 0, .maxMs = 0};
    Result<WorkerReply> reply = ask(std::move(request));
    if (!reply)
      return std::move(reply).error();
    if (reply->result != TuningResult::correct)
      return Error(ErrorCode::failed, "its default variant fails (" +
                                          std::string(name(reply->result)) +
                                          "): " + reply->why);
    return reply->variants.at(0);
  }

  Result<Measured> measure(const PlanKernel &kernel, const PlanEntry &entry,
                           const NamedDims &dims) {
    Result<std::string> standard = defaultOf(kernel, entry, dims);
    if (!standard)
      return std::move(standard).error();
    WorkerRequest request = requestOf(kernel, entry, dims);
    std::vector<size_t> timed;
    Measured measured;
    for (size_t i = 0; i < kernel.variants.size(); ++i) {
      const std::string &id = kernel.variants[i].id;
      if (id == *standard)
        measured.standard = i;
      Result<bool> isRight =
          id == *standard ? true : check(kernel, entry, dims, id);
      if (!isRight)
        return std::move(isRight).error();
      if (!*isRight)
        continue;
      timed.push_back(i);
      request.variants.push_back(id);
    }
    Result<WorkerReply> reply =
        worker.askInTurns(withBundles(std::move(request)), secondsOfRun());
    if (!reply)
      return std::move(reply).error();
    if (reply->result != TuningResult::correct)
      return Error(ErrorCode::failed, "the last round fails: " + reply->why);
    size_t base = std::ranges::find(timed, measured.standard) - timed.begin();
    for (size_t i = 0; i < timed.size(); ++i) {
      Interval ratio = medianRatio(reply->samples[i], reply->samples[base],
                                   options.search.seed);
      measured.variants.push_back(
          {timed[i], ratio.value, ratio.low, ratio.high});
      std::printf(
          "  %-10s %.1f us, %s%s\n", kernel.variants[timed[i]].id.c_str(),
          median(reply->samples[i]) / 1e3,
          i == base ? "the default" : measured.variants.back().text().c_str(),
          ("  " + kernel.variants[timed[i]].schedule).c_str());
    }
    return measured;
  }

  //===-- choosing -------------------------------------------------------===//

  Status tuneKernel(const PlanKernel &kernel, const WorkerDevice &device) {
    auto entry = std::ranges::find_if(plan.entries, [&](const PlanEntry &e) {
      return std::ranges::find(e.steps, kernel.name, &PlanStep::kernel) !=
             e.steps.end();
    });
    if (entry == plan.entries.end())
      return Error(ErrorCode::notFound, "no entry runs it");
    std::map<Bucket, std::vector<Measured>> buckets;
    for (const NamedDims &dims : options.sizes) {
      Result<Bucket> bucket = bucketOfCall(kernel, *entry, dims);
      if (!bucket)
        return std::move(bucket).error();
      std::printf("%s on %s at %s\n", kernel.name.c_str(), device.name.c_str(),
                  formatDims(dims).c_str());
      Result<Measured> measured = measure(kernel, *entry, dims);
      if (!measured)
        return std::move(measured).error();
      buckets[*bucket].push_back(std::move(*measured));
    }
    for (const auto &[bucket, sizes] : buckets)
      choose(kernel, device, bucket, sizes);
    ++tunedKernels;
    return Success{};
  }

  /// Several sizes of a bucket: the geometric means of those that run at all.
  static std::vector<Finalist> combine(const std::vector<Measured> &sizes) {
    std::vector<Finalist> all;
    for (const Finalist &first : sizes.front().variants) {
      Finalist sum{first.candidate, 0, 0, 0};
      size_t found = 0;
      for (const Measured &size : sizes)
        for (const Finalist &other : size.variants)
          if (other.candidate == first.candidate) {
            ++found;
            sum.ratio += std::log(other.ratio);
            sum.low += std::log(other.low);
            sum.high += std::log(other.high);
          }
      if (found != sizes.size())
        continue;
      for (double *part : {&sum.ratio, &sum.low, &sum.high})
        *part = std::exp(*part / double(found));
      all.push_back(sum);
    }
    return all;
  }

  void choose(const PlanKernel &kernel, const WorkerDevice &device,
              const Bucket &bucket, const std::vector<Measured> &sizes) {
    std::string text;
    for (const auto &[dim, exponent] : bucket)
      text +=
          (text.empty() ? "" : ",") + dim + "=2^" + std::to_string(exponent);
    std::vector<Finalist> finalists = combine(sizes);
    if (finalists.empty()) {
      std::printf("%s for %s: no variant runs at all sizes\n",
                  kernel.name.c_str(), text.c_str());
      return;
    }
    size_t winner = chooseWinner(finalists, sizes.front().standard);
    const Finalist &best =
        *std::ranges::find(finalists, winner, &Finalist::candidate);
    const std::string &id = kernel.variants[winner].id;
    std::printf(
        "%s for %s: %s, %s\n", kernel.name.c_str(), text.c_str(), id.c_str(),
        winner == sizes.front().standard ? "the default" : best.text().c_str());
    auto of = std::ranges::find_if(tuning.devices, [&](const TunedDevice &d) {
      return d.name == device.name && d.target == device.target;
    });
    if (of == tuning.devices.end()) {
      tuning.devices.push_back({device.name, device.target, {}});
      of = std::prev(tuning.devices.end());
    }
    std::erase_if(of->entries, [&](const TunedEntry &old) {
      return old.kernel == kernel.name &&
             (old.ir != kernel.ir || old.bucket == bucket);
    });
    of->entries.push_back(
        {kernel.name, kernel.ir, bucket, id, "", 1 / best.ratio});
  }

  //===-- tuned.json -----------------------------------------------------===//

  fs::path file() const { return fs::path(path) / "tuned.json"; }

  Status readTuning() {
    std::error_code ignored;
    if (!fs::exists(file(), ignored))
      return Success{};
    Result<std::string> text = runtime::readJsonFile(file());
    Result<Tuning> read = text ? parseTuned(*text) : text.error();
    if (!read)
      return std::move(read).error().in(file().string());
    tuning = std::move(*read);
    return Success{};
  }

  /// In one step: a runtime that opens the bundle meanwhile reads one or the
  /// other.
  Status writeTuning() const {
    fs::path scratch = file();
    scratch += ".tmp-" + std::to_string(getpid());
    std::ofstream stream(scratch, std::ios::binary);
    stream << printTuned(tuning);
    stream.close();
    std::error_code code;
    if (stream)
      fs::rename(scratch, file(), code);
    if (stream && !code) {
      std::printf("%s is written\n", file().c_str());
      return Success{};
    }
    std::error_code ignored;
    fs::remove(scratch, ignored);
    return Error(ErrorCode::failed, "cannot write " + file().string() +
                                        (code ? ": " + code.message() : ""));
  }

  const TuneOptions &options;
  const Plan &plan;
  const std::string path;
  WorkerClient worker;
  Tuning tuning;
  size_t tunedKernels = 0;
};

} // namespace

bool isBundle(const TuneOptions &options) {
  std::error_code ignored;
  return fs::is_directory(options.input, ignored);
}

Status tuneBundle(const TuneOptions &options) {
  if (!options.replay.empty() || options.assertHit || options.finish ||
      options.shards > 1 || options.stopAfter != StopAfter::never ||
      !options.report.empty() || options.json || options.explain ||
      !options.compileFlags.empty())
    return Error(ErrorCode::badInput,
                 options.input +
                     " is a bundle, whose variants are all measured and not "
                     "recorded: --replay, --assert-hit, --finish, --shard, "
                     "--stop-after, --report, --json, --explain and "
                     "--compile-flag are for modules");
  Result<Bundle> bundle = Bundle::open(options.input);
  if (!bundle)
    return std::move(bundle).error();
  return BundleTuner(options, *bundle).run();
}

} // namespace headgate
