// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Covered by test/tools/compile/tuning-records.test.

#include "passes/TuneKernels.h"

#include "lib/Expr.h"
#include "lib/Schedule.h"
#include "lib/ScheduleText.h"
#include "lib/Target.h"
#include "lib/TuningChoice.h"
#include "passes/KernelLaunch.h"
#include "passes/KernelProblem.h"
#include "passes/Passes.h"
#include "passes/TunedSchedules.h"
#include "llvm/Support/FormatVariadic.h"

#include <map>

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

/// The value of `text` where names[i] is values[i]; nothing if it has none.
std::optional<int64_t> evaluate(const std::string &text,
                                ArrayRef<std::string> names,
                                ArrayRef<int64_t> values) {
  auto expr = Expr::parse(text, {names.data(), names.size()});
  if (!expr)
    return std::nullopt;
  auto value = expr->evaluate({values.data(), values.size()});
  return value ? std::optional(*value) : std::nullopt;
}

/// What a step gives `parameter`, where the entry's dims are as in `dims`.
std::optional<int64_t> operandOf(const PlanStep &step,
                                 const std::string &parameter,
                                 const std::map<std::string, int64_t> &dims) {
  std::vector<std::string> names;
  std::vector<int64_t> values;
  for (auto &[name, value] : dims) {
    names.push_back(name);
    values.push_back(value);
  }
  for (const auto &[name, text] : step.with)
    if (name == parameter)
      return evaluate(text, names, values);
  return std::nullopt;
}

/// The values of a kernel's scalars in a call with these dims: of an entry that
/// has just these and runs it, else dims of the same names.
std::optional<std::vector<int64_t>>
sizesOf(const Plan &plan, const std::string &kernel,
        ArrayRef<std::string> scalars,
        const std::map<std::string, int64_t> &dims) {
  auto hasDims = [&](const PlanEntry &entry) {
    return entry.dims.size() == dims.size() &&
           llvm::all_of(entry.dims,
                        [&](auto &dim) { return dims.contains(dim.first); });
  };
  std::vector<int64_t> sizes;
  for (const PlanEntry &entry : plan.entries)
    for (const PlanStep &step : entry.steps) {
      if (step.kernel != kernel || !hasDims(entry))
        continue;
      for (const std::string &scalar : scalars)
        if (auto value = operandOf(step, scalar, dims))
          sizes.push_back(*value);
      if (sizes.size() != scalars.size())
        return std::nullopt;
      return sizes;
    }
  for (const std::string &scalar : scalars) {
    auto found = dims.find(scalar);
    if (found == dims.end())
      return std::nullopt;
    sizes.push_back(found->second);
  }
  return sizes;
}

std::string bucketText(const TunedKernel &tuned, const TunedBucket &bucket) {
  std::string text;
  for (auto [dim, exponent] : llvm::zip(tuned.dims, bucket.bucket))
    text += (text.empty() ? "" : ",") + dim + "=2^" + std::to_string(exponent);
  return text.empty() ? "any size" : text;
}

/// One line: what was found, how good it is, how far off.
std::string noteOf(const TunedKernel &tuned, const TunedBucket &bucket,
                   StringRef what) {
  std::string text = llvm::formatv(
      "'{0}' for {1}, {2} on {3}: {4} {5} by record {6}", tuned.kernel,
      nameOf(tuned.target), bucketText(tuned, bucket), bucket.device, what,
      printSchedule(bucket.schedule), bucket.record);
  if (bucket.overDefault)
    text += llvm::formatv(", {0:f2} times as fast as the default",
                          *bucket.overDefault);
  text += ", distance " + std::to_string(bucket.distance());
  if (!bucket.isSameIr)
    text += " (its code is another)";
  if (!bucket.isSameTools)
    text += " (its tools are others)";
  return text;
}

class Tuner {
public:
  Tuner(const Plan &plan, const ExportOptions &options,
        std::vector<std::string> &notes)
      : plan(plan), options(options), notes(notes) {}

  Result<std::vector<TunedKernel>> run(ModuleOp module) {
    for (auto function : module.getOps<func::FuncOp>()) {
      auto kind = function->getAttrOfType<StringAttr>(kernelName);
      if (!kind || (kind != "attend" && kind != "gemm") || scheduleOf(function))
        continue;
      auto problem = passes::problemOf(function);
      if (std::holds_alternative<Refusal>(problem))
        continue;
      for (const CodeTarget &target : options.targets)
        if (Status done = tune(function, std::get<Problem>(problem), target);
            !done)
          return std::move(done).error();
    }
    return std::move(result);
  }

private:
  Status tune(func::FuncOp function, const Problem &problem,
              const CodeTarget &target) {
    Result<Target> machine = findTarget(nameOf(target));
    if (!machine || !checkProblem(problem, *machine))
      return Success{}; // an error that lowering explains
    auto defaults = defaultVariants(function, problem, *machine);
    if (!defaults)
      return Success{};
    const PlanKernel &kernel = kernelOf(function.getName());
    TunedKernel tuned{kernel.name, target, {}, {}, {}};
    for (const PlanParameter &parameter : kernel.parameters)
      if (parameter.type == ParameterType::i32)
        tuned.dims.push_back(parameter.name);
    TunedQuery query{kernel.ir, problem, nameOf(target), options.tuning.tools};
    query.sizesOf = [&](const std::map<std::string, int64_t> &dims) {
      return sizesOf(plan, kernel.name, tuned.dims, dims);
    };
    query.isLegal = [&](const Schedule &schedule) {
      return bool(checkSchedule(problem, *machine, schedule));
    };
    tuned.buckets = tunedBuckets(options.tuning.records, query);
    if (Status hit = checkHit(tuned); !hit)
      return hit;
    if (tuned.buckets.empty())
      notes.push_back("'" + kernel.name + "' for " + nameOf(target) +
                      ": no records");
    takeVariants(tuned, *defaults);
    setTunedSchedules(function, nameOf(target), tuned.schedules);
    result.push_back(std::move(tuned));
    return Success{};
  }

  const PlanKernel &kernelOf(StringRef name) const {
    for (const PlanKernel &kernel : plan.kernels)
      if (kernel.name == name)
        return kernel;
    llvm_unreachable("a function of form-kernels is in the plan");
  }

  Status checkHit(const TunedKernel &tuned) const {
    if (!options.tuning.assertHit ||
        llvm::any_of(tuned.buckets, [](const TunedBucket &bucket) {
          return bucket.distance() == 0;
        }))
      return Success{};
    std::string why =
        tuned.buckets.empty()
            ? "none has its problem and target"
            : "those with its problem and target are of other code or tools";
    return Error(ErrorCode::notFound, "no record of kernel '" + tuned.kernel +
                                          "' for " + nameOf(tuned.target) +
                                          ": " + why);
  }

  /// Whether the default variants run `bucket`'s schedule at its sizes.
  static bool isDefault(const TunedKernel &tuned, const TunedBucket &bucket,
                        ArrayRef<ScheduledVariant> defaults) {
    for (const ScheduledVariant &variant : defaults)
      if (evaluate(variant.when, tuned.dims, bucket.sizes).value_or(0))
        return variant.schedule == bucket.schedule;
    return false;
  }

  /// Schedules that won most buckets become variants, as many as are allowed;
  /// buckets of others are left to the nearest of these.
  void takeVariants(TunedKernel &tuned, ArrayRef<ScheduledVariant> defaults) {
    std::vector<std::pair<Schedule, int64_t>> wins;
    for (const TunedBucket &bucket : tuned.buckets) {
      if (isDefault(tuned, bucket, defaults))
        continue;
      auto known = llvm::find_if(
          wins, [&](auto &win) { return win.first == bucket.schedule; });
      if (known == wins.end())
        wins.push_back({bucket.schedule, 1});
      else
        ++known->second;
    }
    llvm::sort(wins, [](const auto &a, const auto &b) {
      return a.second != b.second ? a.second > b.second : a.first < b.first;
    });
    for (auto &[schedule, count] : wins)
      if (tuned.schedules.size() < options.tuning.maxVariants)
        tuned.schedules.push_back(schedule);
    llvm::erase_if(tuned.buckets, [&](const TunedBucket &bucket) {
      bool standard = isDefault(tuned, bucket, defaults);
      bool kept =
          standard || llvm::is_contained(tuned.schedules, bucket.schedule);
      notes.push_back(noteOf(tuned, bucket,
                             standard ? "the default"
                             : kept   ? "takes"
                                      : "leaves out, for --max-variants,"));
      return !kept;
    });
  }

  const Plan &plan;
  const ExportOptions &options;
  std::vector<std::string> &notes;
  std::vector<TunedKernel> result;
};

/// The variant that has the bucket's schedule and runs at its sizes.
const PlanVariant *variantOf(const Plan &plan, const PlanKernel &kernel,
                             const TunedKernel &tuned,
                             const TunedBucket &bucket) {
  std::string schedule = printSchedule(bucket.schedule);
  for (const PlanVariant &variant : kernel.variants) {
    auto image = llvm::find_if(plan.images, [&](const PlanImage &known) {
      return known.id == variant.image;
    });
    if (image != plan.images.end() && image->target == nameOf(tuned.target) &&
        variant.schedule == schedule &&
        evaluate(variant.when, tuned.dims, bucket.sizes).value_or(0))
      return &variant;
  }
  return nullptr;
}

TunedDevice &deviceOf(Tuning &tuning, const std::string &name,
                      const std::string &target) {
  for (TunedDevice &device : tuning.devices)
    if (device.name == name && device.target == target)
      return device;
  return tuning.devices.emplace_back(TunedDevice{name, target, {}});
}

size_t needsOf(const CodeTarget &target) {
  const auto *host = std::get_if<HostTarget>(&target);
  return host ? host->needs.size() : 0;
}

} // namespace

Result<std::vector<TunedKernel>>
headgate::passes::tuneKernels(ModuleOp module, const Plan &plan,
                              const ExportOptions &options,
                              std::vector<std::string> &notes) {
  return Tuner(plan, options, notes).run(module);
}

Tuning headgate::passes::tuningOf(Plan &plan, std::vector<TunedKernel> tuned) {
  llvm::stable_sort(tuned, [](const TunedKernel &a, const TunedKernel &b) {
    return needsOf(a.target) > needsOf(b.target);
  });
  Tuning tuning;
  for (const TunedKernel &of : tuned)
    for (PlanKernel &kernel : plan.kernels) {
      if (kernel.name != of.kernel || of.buckets.empty())
        continue;
      kernel.bucket = of.dims;
      std::string family = isGpu(of.target) ? nameOf(of.target) : "host";
      for (const TunedBucket &bucket : of.buckets) {
        const PlanVariant *variant = variantOf(plan, kernel, of, bucket);
        TunedEntry entry{kernel.name, kernel.ir, {}, "", "", {}};
        for (auto [dim, exponent] : llvm::zip(of.dims, bucket.bucket))
          entry.bucket[dim] = exponent;
        TunedDevice &device = deviceOf(tuning, bucket.device, family);
        bool isTaken = llvm::any_of(device.entries, [&](auto &other) {
          return other.kernel == entry.kernel && other.bucket == entry.bucket;
        });
        if (!variant || isTaken)
          continue;
        entry.variant = variant->id;
        entry.record = "sha256:" + bucket.record;
        entry.overDefault = bucket.overDefault;
        device.entries.push_back(std::move(entry));
      }
    }
  return tuning;
}
