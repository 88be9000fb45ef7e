// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What can be said of candidates without a device: what their code takes of the
// machine, and what the simulator counts when it runs.

#include "lib/PlanText.h"
#include "runtime/ReadFile.h"
#include "tools/tune/Measurer.h"

#include <algorithm>
#include <filesystem>

namespace headgate {

namespace {

/// A simulation may take so long; it takes a second or so, but layers around a
/// kernel are simulated with it.
constexpr double simulationSeconds = 120;

/// What ptxas said of a kernel's launches, and what they take.
Result<TuningResources> resourcesIn(const std::string &bundle,
                                    const std::string &kernel) {
  Result<std::string> text =
      runtime::readJsonFile(std::filesystem::path(bundle) / "plan.json");
  if (!text)
    return std::move(text).error();
  Result<Plan> plan = parsePlan(*text);
  if (!plan)
    return std::move(plan).error();
  TuningResources most;
  auto raise = [](std::optional<int64_t> &to, std::optional<int64_t> value) {
    if (value)
      to = std::max(to.value_or(0), *value);
  };
  for (const PlanKernel &k : plan->kernels)
    for (const PlanVariant &variant : k.variants)
      for (const PlanLaunch &launch : variant.launches) {
        if (k.name != kernel)
          continue;
        raise(most.sharedBytes, launch.sharedBytes);
        const std::string &id =
            launch.image.empty() ? variant.image : launch.image;
        for (const PlanImage &image : plan->images)
          for (const PlanForm &form : image.forms)
            if (image.id == id) {
              raise(most.registers, form.registers);
              raise(most.spillBytes, form.spillBytes);
            }
      }
  return most;
}

} // namespace

Status Measurer::inspect(const TuneCase &which,
                         const std::vector<SearchTrial> &trials, size_t toCount,
                         Progress &progress) {
  for (const SearchTrial &trial : trials) {
    if (!progress.mayContinue())
      return Success{};
    TuningRecord record = recordOf(which, trial.candidate);
    if (which.target.isGpu()) {
      Result<TuningResources> resources =
          resourcesIn(bundleOf(which, trial.candidate), which.key.kernel);
      if (!resources)
        return std::move(resources).error();
      record.resources = *resources;
      if (resources->spillBytes.value_or(0) > 0) {
        record.result = TuningResult::constraints;
        record.why = "registers: ptxas spills " +
                     std::to_string(*resources->spillBytes) + " bytes";
      } else if (toCount > 0) {
        --toCount;
        if (Status counted = count(which, trial.candidate, record); !counted)
          return counted;
      }
    }
    if (Status stored = writer.append(record); !stored)
      return stored;
    progress.take(trial.candidate, record);
  }
  return Success{};
}

/// Adds what is known of the code without running it: of the bundle, if there
/// is one, and of a run without a device.
void Measurer::addInspection(const TuneCase &which, size_t candidate,
                             TuningRecord &record) const {
  auto known = which.inspected.find(record.key.schedule);
  if (known != which.inspected.end()) {
    const TuningRecord &found = *known->second;
    record.resources = found.resources;
    record.counters.insert(found.counters.begin(), found.counters.end());
    record.countedAt = found.countedAt;
  }
  if (!compileMs.contains(bundleOf(which, candidate)))
    return;
  // Without ptxas a bundle says less than the machine that had it.
  Result<TuningResources> own =
      resourcesIn(bundleOf(which, candidate), which.key.kernel);
  if (own && (own->registers || known == which.inspected.end()))
    record.resources = *own;
}

/// Adds what the simulator counts, or how the candidate fails there. One that
/// takes too long to be simulated may be good nevertheless.
Status Measurer::count(const TuneCase &which, size_t candidate,
                       TuningRecord &record) {
  std::string device = "sim:" + which.target.name;
  auto simulator =
      simulators.try_emplace(which.target.name, options.bench, device).first;
  WorkerRequest request = requestOf(which, 1);
  request.bundles = {bundleOf(which, candidate)};
  request.dims = which.countDims;
  request.counts = true;
  Result<WorkerReply> reply = simulator->second.ask(request, simulationSeconds);
  if (!reply)
    return std::move(reply).error().in("counting on " + device +
                                       " (--simulate=0 does without)");
  if (reply->result == TuningResult::correct) {
    record.counters.insert(reply->counters.begin(), reply->counters.end());
    for (const auto &[dim, extent] : which.countDims)
      record.countedAt[dim] = extent;
  } else if (reply->result == TuningResult::timeout) {
    record.environment["simulator"] = reply->why;
  } else {
    record.result = reply->result;
    record.why = reply->why;
    record.reproducer = reproducerOf(which, candidate, device, which.countDims);
  }
  return Success{};
}

} // namespace headgate
