// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/tune/Measurer.h"

#include "lib/Cost.h"
#include "lib/RecordText.h"
#include "lib/ScheduleText.h"
#include "lib/Statistics.h"
#include "tools/tune/Interrupt.h"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <unistd.h>

namespace headgate {

namespace fs = std::filesystem;

namespace {

/// Trials between two measurements of the baseline; how far it may move.
constexpr size_t sectionLength = 10;
constexpr double allowedDrift = 0.03;
/// Seconds a request may take: at least, for the baseline, and as a multiple of
/// what that took.
constexpr double leastSeconds = 10, firstSeconds = 600, timesBaseline = 20;
/// A candidate that takes so many times the best is timed no further.
constexpr double hopeless = 3;
/// Rows at the end of S that are checked at the size that is tuned.
constexpr int64_t tailRows = 8;
/// Without such rows: the longest S at which all are.
constexpr int64_t longestWhole = 128;
/// Of the last round, for each candidate, which has to get its inputs ready.
constexpr double finalSeconds = 60;

const char *const scratchPrefix = "headgate-tune-";

double secondsOf(runtime::Clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

TuningTimes timesOf(const std::vector<double> &samples) {
  return {median(samples), quantile(samples, 0.2), quantile(samples, 0.8),
          int64_t(samples.size())};
}

/// The numbers and words of the machine at this moment.
void noteEnvironment(TuningRecord &record) {
  double load = 0;
  if (getloadavg(&load, 1) == 1)
    record.environment["load"] = load;
}

} // namespace

//===-- scratch ----------------------------------------------------------===//

Result<ScratchDirectory> ScratchDirectory::create() {
  std::error_code error;
  fs::path base = fs::temp_directory_path(error);
  for (const fs::directory_entry &entry : fs::directory_iterator(base, error)) {
    std::string name = entry.path().filename().string();
    if (!name.starts_with(scratchPrefix))
      continue;
    int pid = std::atoi(name.c_str() + std::string(scratchPrefix).size());
    std::error_code ignored;
    if (pid > 0 && kill(pid, 0) < 0 && errno == ESRCH)
      fs::remove_all(entry.path(), ignored);
  }
  fs::path path = base / (scratchPrefix + std::to_string(getpid()));
  if (!fs::create_directory(path, error))
    return Error(ErrorCode::failed,
                 "cannot make " + path.string() + ": " +
                     (error ? error.message() : "it is there already"));
  return ScratchDirectory(path);
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  if (!path.empty())
    fs::remove_all(path, ignored);
}

//===-- names and commands -----------------------------------------------===//

std::string Measurer::bundleOf(const TuneCase &which, size_t candidate) const {
  return scratch.file(which.ids[candidate].substr(0, 32) + ".hgb");
}

CompileJob Measurer::jobOf(const TuneCase &which, size_t candidate) const {
  return {bundleOf(which, candidate),
          {"--target=" + which.target.name,
           "--schedule=" + which.key.kernel + "=" +
               printSchedule(which.space.schedules[candidate])}};
}

std::string Measurer::reproducerOf(const TuneCase &which, size_t candidate,
                                   const std::string &device,
                                   const NamedDims &dims) const {
  CompileJob job = jobOf(which, candidate);
  job.bundle = "candidate.hgb";
  std::string text = shellText(pool.commandOf(job));
  if (device.empty())
    return text;
  std::vector<std::string> bench = {options.bench,
                                    job.bundle,
                                    "--function=" + which.entry,
                                    "--device=" + device,
                                    "--dims=" + formatDims(dims),
                                    "--seed=" +
                                        std::to_string(options.search.seed)};
  if (!which.routing.empty())
    bench.push_back("--routing=" + which.routing);
  for (const auto &[input, draw] : which.draws)
    bench.push_back("--draw=" + input + "=" + draw);
  if (!options.cudaDriver.empty())
    bench.push_back("--cuda-driver=" + options.cudaDriver);
  return text + " && " + shellText(bench);
}

TuningRecord Measurer::recordOf(const TuneCase &which, size_t candidate) const {
  const Schedule &schedule = which.space.schedules[candidate];
  TuningRecord record;
  record.key = which.keyOf(schedule);
  record.predictedNs = which.space.predictedNs[candidate];
  LeastWork least = leastWork(which.key.problem, which.sizes);
  record.counters = {{"flops", least.flops}, {"bytes", least.bytes}};
  auto compiled = compileMs.find(bundleOf(which, candidate));
  if (compiled != compileMs.end())
    record.compileMs = compiled->second;
  ScheduleResources resources =
      resourcesOf(which.key.problem, which.target, schedule);
  if (which.target.isGpu()) {
    record.resources.sharedBytes = resources.sharedBytes;
    addInspection(which, candidate, record);
  } else {
    record.resources.stackBytes = resources.stackBytes;
  }
  noteEnvironment(record);
  return record;
}

//===-- requests ---------------------------------------------------------===//

WorkerRequest Measurer::requestOf(const TuneCase &which, double effort) const {
  WorkerRequest request{.function = which.entry,
                        .kernel = which.key.kernel,
                        .dims = which.dims,
                        .routing = which.routing,
                        .draws = which.draws,
                        .seed = options.search.seed};
  TimingPolicy &policy = request.policy;
  policy.cold = options.cold;
  policy.samples =
      std::max<int64_t>(1, std::llround(double(policy.samples) * effort));
  policy.minMs *= effort;
  policy.maxMs *= effort;
  policy.giveUpNs = hopeless * bestNs;
  return request;
}

std::vector<WorkerCheck> Measurer::checksOf(const TuneCase &which,
                                            bool ofBaseline) const {
  std::vector<WorkerCheck> checks;
  for (const NamedDims &dims : which.checks)
    checks.push_back({dims, twin, true});
  int64_t tokens = 0;
  for (const auto &[name, value] : which.dims)
    if (name == "S")
      tokens = value;
  if (which.hasTail)
    checks.push_back({which.dims, twin, true, std::min(tokens, tailRows)});
  else if (tokens <= longestWhole)
    checks.push_back({which.dims, twin, true});
  if (!ofBaseline)
    checks.push_back({which.dims, bundleOf(which, which.space.baseline)});
  return checks;
}

double Measurer::requestSeconds() const {
  if (options.runSeconds > 0)
    return options.runSeconds;
  return baselineSeconds > 0
             ? std::max(leastSeconds, timesBaseline * baselineSeconds)
             : firstSeconds;
}

//===-- compiling --------------------------------------------------------===//

Status Measurer::compile(const TuneCase &which,
                         const std::vector<SearchTrial> &trials,
                         Progress &progress) {
  std::vector<CompileJob> jobs;
  std::vector<size_t> candidates;
  for (const SearchTrial &trial : trials)
    if (!compileMs.contains(bundleOf(which, trial.candidate))) {
      jobs.push_back(jobOf(which, trial.candidate));
      candidates.push_back(trial.candidate);
    }
  Status stored = Success{};
  auto done = [&](size_t job, const CompileOutcome &outcome) {
    compileMs[jobs[job].bundle] = outcome.ms;
    if (outcome.result == TuningResult::correct)
      return progress.mayContinue();
    TuningRecord record = recordOf(which, candidates[job]);
    record.result = outcome.result;
    record.why = outcome.why;
    record.reproducer = reproducerOf(which, candidates[job]);
    stored = writer.append(record);
    progress.take(candidates[job], record);
    return bool(stored) && progress.mayContinue();
  };
  Result<bool> finished = pool.compile(jobs, done);
  if (!finished)
    return std::move(finished).error();
  return stored;
}

//===-- measuring --------------------------------------------------------===//

Status Measurer::measureBaseline(const TuneCase &which) {
  baseline = baselineSeconds = bestNs = largestDrift = 0;
  section.clear();
  isPaired = false;
  twin = scratch.file("twin.hgb");
  std::vector<CompileJob> jobs = {jobOf(which, which.space.baseline)};
  if (!compileMs.contains(twin))
    jobs.push_back({twin, {"--target=host:native", "--lowering=decompose"}});
  Status compiled = Success{};
  Result<bool> finished =
      pool.compile(jobs, [&](size_t job, const CompileOutcome &outcome) {
        compileMs[jobs[job].bundle] = outcome.ms;
        if (outcome.result != TuningResult::correct)
          compiled =
              Error(ErrorCode::failed,
                    "the default schedule does not compile: " + outcome.why);
        return bool(compiled);
      });
  if (!finished)
    return std::move(finished).error();
  if (!compiled)
    return compiled;
  if (!*finished)
    return Error(ErrorCode::failed, "interrupted");
  return measureBaselineAgain(which);
}

Status Measurer::measureBaselineAgain(const TuneCase &which) {
  size_t candidate = which.space.baseline;
  WorkerRequest request = requestOf(which, 1);
  request.policy.giveUpNs = 0;
  request.bundles = {bundleOf(which, candidate)};
  bool isFirst = baseline == 0;
  if (isFirst)
    request.checks = checksOf(which, /*ofBaseline=*/true);
  auto begin = runtime::Clock::now();
  Result<WorkerReply> reply = worker.ask(request, requestSeconds());
  if (!reply)
    return std::move(reply).error();
  if (reply->result != TuningResult::correct)
    return Error(
        ErrorCode::failed,
        "the default schedule of " + which.title() + " fails (" +
            std::string(name(reply->result)) + "): " + reply->why +
            "\nto see it: " +
            reproducerOf(which, candidate, options.device, which.dims));
  if (isFirst)
    baselineSeconds = secondsOf(runtime::Clock::now() - begin);
  TuningRecord record = recordOf(which, candidate);
  record.kind = TuningRecord::Kind::baseline;
  record.timeNs = timesOf(reply->samples.front());
  record.error = reply->error;
  double before = baseline;
  baseline = record.timeNs->median;
  if (before > 0)
    largestDrift = std::max(largestDrift, std::abs(baseline / before - 1));
  if (bestNs == 0 || baseline < bestNs)
    bestNs = baseline;
  record.drifted = before > 0 && std::abs(baseline / before - 1) > allowedDrift;
  return writer.append(record);
}

Result<TuningRecord> Measurer::measureOne(const TuneCase &which,
                                          const SearchTrial &trial) {
  TuningRecord start;
  start.kind = TuningRecord::Kind::start;
  start.key = which.keyOf(which.space.schedules[trial.candidate]);
  if (Status stored = writer.append(start); !stored)
    return std::move(stored).error();
  WorkerRequest request = requestOf(which, trial.effort);
  request.bundles = {bundleOf(which, trial.candidate)};
  if (isPaired)
    request.bundles.push_back(bundleOf(which, which.space.baseline));
  request.checks = checksOf(which, trial.candidate == which.space.baseline);
  Result<WorkerReply> reply = worker.ask(request, requestSeconds());
  if (!reply)
    return std::move(reply).error();
  TuningRecord record = recordOf(which, trial.candidate);
  record.result = reply->result;
  record.error = reply->error;
  if (reply->result == TuningResult::correct) {
    record.timeNs = timesOf(reply->samples.front());
    record.baselineNs = isPaired ? median(reply->samples.back()) : baseline;
    bestNs = std::min(bestNs, record.timeNs->median);
    if (trial.effort < 1)
      record.environment["effort"] = trial.effort;
  } else {
    record.why = reply->why;
    record.reproducer =
        reproducerOf(which, trial.candidate, options.device, which.dims);
  }
  return record;
}

/// Measures a candidate and records what came of it.
Result<TuningResult> Measurer::keepOne(const TuneCase &which,
                                       const SearchTrial &trial,
                                       Progress &progress, bool drifted) {
  Result<TuningRecord> record = measureOne(which, trial);
  if (!record)
    return std::move(record).error();
  record->drifted = drifted;
  if (Status stored = writer.append(*record); !stored)
    return std::move(stored).error();
  progress.take(trial.candidate, *record);
  return record->result;
}

Status Measurer::measure(const TuneCase &which,
                         const std::vector<SearchTrial> &trials,
                         Progress &progress) {
  for (const SearchTrial &trial : trials) {
    if (!progress.mayContinue())
      return Success{};
    Result<TuningResult> result = keepOne(which, trial, progress);
    if (!result)
      return std::move(result).error();
    bool diedHere =
        *result == TuningResult::runtime || *result == TuningResult::timeout;
    if (*result == TuningResult::correct && !isPaired)
      section.push_back(trial);
    if (section.size() >= sectionLength || diedHere)
      if (Status closed = closeSection(which, progress); !closed)
        return closed;
  }
  return Success{};
}

Status Measurer::closeSection(const TuneCase &which, Progress &progress) {
  double before = baseline;
  if (Status measured = measureBaselineAgain(which); !measured)
    return measured;
  std::vector<SearchTrial> again = std::exchange(section, {});
  if (std::abs(baseline / before - 1) <= allowedDrift)
    return Success{};
  isPaired = true;
  for (const SearchTrial &trial : again) {
    if (!progress.mayContinue())
      return Success{};
    Result<TuningResult> result =
        keepOne(which, trial, progress, /*drifted=*/true);
    if (!result)
      return std::move(result).error();
  }
  return Success{};
}

//===-- the last round ---------------------------------------------------===//

Result<std::vector<Finalist>>
Measurer::compare(const TuneCase &which, std::vector<size_t> candidates) {
  size_t baselineAt = which.space.baseline;
  std::erase(candidates, baselineAt);
  candidates.insert(candidates.begin(), baselineAt);
  WorkerRequest request = requestOf(which, 1);
  for (size_t candidate : candidates)
    request.bundles.push_back(bundleOf(which, candidate));
  Result<WorkerReply> reply = worker.askInTurns(
      request, requestSeconds() + double(candidates.size()) * finalSeconds);
  if (!reply)
    return std::move(reply).error();
  if (reply->result != TuningResult::correct)
    return Error(ErrorCode::failed, "the last round of " + which.title() +
                                        " fails: " + reply->why);
  std::vector<Finalist> finalists;
  const std::vector<std::vector<double>> &samples = reply->samples;
  for (size_t i = 0; i < candidates.size(); ++i) {
    Interval ratio =
        medianRatio(samples[i], samples.front(), options.search.seed);
    TuningRecord record = recordOf(which, candidates[i]);
    record.kind = TuningRecord::Kind::final;
    record.timeNs = timesOf(samples[i]);
    record.baselineNs = median(samples.front());
    record.ratio = {ratio.value, ratio.low, ratio.high};
    if (Status stored = writer.append(record); !stored)
      return std::move(stored).error();
    finalists.push_back({candidates[i], ratio.value, ratio.low, ratio.high});
  }
  return finalists;
}

} // namespace headgate
