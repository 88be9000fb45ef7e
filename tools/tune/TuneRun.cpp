// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/tune/TuneRun.h"

#include "lib/RecordText.h"
#include "lib/Target.h"
#include "runtime/ReadFile.h"
#include "tools/Ptxas.h"
#include "tools/tune/RecordCases.h"
#include "tools/tune/TuneBundle.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <set>

namespace headgate {

namespace fs = std::filesystem;

namespace {

bool isList(const TuneOptions &options) {
  return options.input.ends_with(".json");
}

/// Nothing is compiled and nothing is written.
bool isReadOnly(const TuneOptions &options) {
  return !options.replay.empty() || options.assertHit ||
         options.stopAfter == StopAfter::candidates;
}

Result<ProblemList> readProblems(const TuneOptions &options) {
  Result<std::string> text =
      isList(options) ? runtime::readJsonFile(options.input)
                      : CompilePool(options).ask(
                            {"--emit=problems", "--target=" + options.target});
  if (!text)
    return std::move(text).error();
  Result<ProblemList> list = parseProblemList(*text);
  if (!list)
    return std::move(list).error().in(options.input);
  return list;
}

bool hasGpu(const ProblemList &list) {
  return std::ranges::any_of(list.targets, [](const std::string &name) {
    Result<Target> target = findTarget(name);
    return target && target->isGpu();
  });
}

/// "" where there is none: code is then made without it.
std::string ptxasVersion(const ProblemList &list) {
  if (!hasGpu(list))
    return "";
  Result<Ptxas> ptxas = Ptxas::find("");
  Result<std::string> version =
      ptxas ? ptxas->version() : Result<std::string>(std::string());
  return version ? *version : "";
}

/// The device that replayed records are of, if they are of one.
Result<MeasuringDevice> deviceOf(const RecordSet &records) {
  std::set<std::pair<std::string, int64_t>> devices;
  for (const StoredRecord &stored : records.records)
    if (stored.record.kind == TuningRecord::Kind::trial &&
        !stored.record.key.device.empty())
      devices.insert({stored.record.key.device, stored.record.key.units});
  if (devices.size() > 1)
    return Error(ErrorCode::badInput,
                 "the records are of several devices: replay those of one");
  if (devices.empty())
    return MeasuringDevice{};
  return MeasuringDevice{devices.begin()->first, devices.begin()->second};
}

Result<MeasuringDevice> findDevice(const TuneOptions &options,
                                   const ProblemList &list,
                                   const RecordSet &records,
                                   WorkerClient &worker) {
  if (!options.replay.empty())
    return deviceOf(records);
  if (options.stopAfter == StopAfter::candidates ||
      options.stopAfter == StopAfter::compile)
    return MeasuringDevice{};
  bool isHost = options.device.starts_with("host");
  for (const std::string &name : list.targets)
    if (name.starts_with("host") != isHost)
      return Error(ErrorCode::badInput,
                   "code for " + name +
                       " does not run on --device=" + options.device +
                       "; name a device of it, or rank without one: "
                       "--stop-after=compile");
  Result<WorkerDevice> device = worker.device();
  if (!device)
    return std::move(device).error();
  return MeasuringDevice{device->name, device->units};
}

Result<RecordSet> readKnown(const TuneOptions &options) {
  bool isReplay = !options.replay.empty();
  std::string from = isReplay ? options.replay : options.records;
  std::error_code ignored;
  if (!isReplay && !fs::exists(from, ignored))
    return RecordSet{};
  std::string paths[] = {from};
  Result<RecordSet> records = readRecords(paths);
  if (records)
    for (const std::string &note : records->notes)
      std::fprintf(stderr, "note: %s\n", note.c_str());
  return records;
}

/// The candidates for which `keeps` is true, and the default.
void keepCandidates(TuneCase &which, const std::function<bool(size_t)> &keeps) {
  ScheduleSpace kept;
  std::vector<std::string> ids;
  const ScheduleSpace &space = which.space;
  for (size_t i = 0; i < space.size(); ++i) {
    if (i != space.baseline && !keeps(i))
      continue;
    if (i == space.baseline)
      kept.baseline = kept.schedules.size();
    kept.schedules.push_back(space.schedules[i]);
    kept.predictedNs.push_back(space.predictedNs[i]);
    ids.push_back(which.ids[i]);
  }
  kept.knobs = space.knobs;
  kept.rejected = space.rejected;
  which.space = std::move(kept);
  which.ids = std::move(ids);
}

/// This shard's candidates.
void keepShard(TuneCase &which, int64_t shard, int64_t shards) {
  keepCandidates(which, [&](size_t i) {
    uint64_t number = std::stoull(which.ids[i].substr(0, 12), nullptr, 16);
    return int64_t(number % uint64_t(shards)) == shard - 1;
  });
}

/// A key but for schedule and device. ptxas, too, which not every machine has,
/// may be another one.
TuningKey withoutDevice(TuningKey key) {
  key.schedule = {};
  key.device.clear();
  key.units = 0;
  key.tools.erase("ptxas");
  return key;
}

/// Takes over what a run without a device found out, and leaves out what failed
/// there already.
void useInspection(TuneCase &which, const RecordSet &records,
                   const TuneOptions &options) {
  if (!which.target.isGpu() || which.key.device.empty())
    return;
  TuningKey wanted = withoutDevice(which.key);
  std::map<Schedule, const StoredRecord *> latest;
  std::set<std::string> measured;
  for (const StoredRecord &stored : records.records) {
    const TuningKey &key = stored.record.key;
    if (stored.record.kind != TuningRecord::Kind::trial)
      continue;
    if (!key.device.empty())
      measured.insert(stored.id);
    else if (withoutDevice(key) == wanted)
      if (const StoredRecord *&known = latest[key.schedule];
          !known || inTime(known, &stored))
        known = &stored;
  }
  for (const auto &[schedule, stored] : latest)
    which.inspected[schedule] = &stored->record;
  keepCandidates(which, [&](size_t i) {
    const Schedule schedule = which.space.schedules[i];
    auto found = which.inspected.find(schedule);
    if (found == which.inspected.end() || options.retryFailed ||
        found->second->result == TuningResult::correct ||
        measured.contains(which.ids[i]))
      return true;
    const TuningRecord &record = *found->second;
    which.space.rejected.push_back(
        {schedule,
         "(R1) without a device: " + std::string(name(record.result)) + ", " +
             record.why.substr(0, record.why.find('\n'))});
    return false;
  });
}

Result<std::unique_ptr<Measurer>> makeMeasurer(const TuneOptions &options,
                                               WorkerClient worker) {
  TuningRecord session;
  session.kind = TuningRecord::Kind::session;
  session.command = options.commandText;
  session.seed = int64_t(options.search.seed);
  Result<RecordWriter> writer =
      RecordWriter::create(options.records, std::move(session));
  if (!writer)
    return std::move(writer).error();
  Result<ScratchDirectory> scratch = ScratchDirectory::create();
  if (!scratch)
    return std::move(scratch).error();
  return std::make_unique<Measurer>(options, std::move(worker),
                                    std::move(*writer), std::move(*scratch));
}

} // namespace

void findPrograms(TuneOptions &options) {
  std::error_code ignored;
  fs::path here = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  if (options.compiler.empty())
    options.compiler = (here / "headgate-compile").string();
  if (options.bench.empty())
    options.bench = (here / "headgate-bench").string();
}

Result<std::unique_ptr<TuneRun>> TuneRun::prepare(TuneOptions &options) {
  if (isBundle(options))
    return Error(ErrorCode::badInput,
                 options.input + " is a bundle, whose variants are all "
                                 "measured: a search needs the module");
  findPrograms(options);
  if (isList(options) && !isReadOnly(options))
    return Error(ErrorCode::badInput,
                 options.input + " says what can be tuned, but cannot be "
                                 "compiled: give the module");
  auto run = std::make_unique<TuneRun>();
  Result<ProblemList> list = readProblems(options);
  if (!list)
    return std::move(list).error();
  Result<RecordSet> records = readKnown(options);
  if (!records)
    return std::move(records).error();
  run->records = std::move(*records);
  WorkerClient worker(options.bench, options.device, options.cudaDriver);
  Result<MeasuringDevice> device =
      findDevice(options, *list, run->records, worker);
  if (!device)
    return std::move(device).error();
  Result<std::vector<TuneCase>> cases =
      makeCases(*list, options, *device, ptxasVersion(*list));
  if (!cases)
    return std::move(cases).error();
  run->cases = std::move(*cases);
  for (TuneCase &which : run->cases)
    useInspection(which, run->records, options);
  if (options.shards > 1)
    for (TuneCase &which : run->cases)
      keepShard(which, options.shard, options.shards);
  if (isReadOnly(options))
    return run;
  Result<std::unique_ptr<Measurer>> measurer =
      makeMeasurer(options, std::move(worker));
  if (!measurer)
    return std::move(measurer).error();
  run->measurer = std::move(*measurer);
  return run;
}

} // namespace headgate
