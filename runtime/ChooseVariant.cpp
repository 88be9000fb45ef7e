// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which variant of a kernel runs. Candidates are those whose code this device
// runs and whose `when` holds. Of them the first of
//
//   1. a forced variant, and then no other;
//   2. the one that tuned.json has for the nearest sizes on this device, or
//   else
//      on another one whose code this one runs;
//   3. the first of the kernel's defaults for the device.

#include "lib/GpuTarget.h"
#include "lib/Spelling.h"
#include "lib/TunedText.h"
#include "runtime/ReadFile.h"
#include "runtime/Session.h"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace headgate::runtime {

namespace {

/// Why `variant` is no candidate for these values; empty if it is one.
std::string whyNotCandidate(const KernelProgram &kernel,
                            const VariantProgram &variant,
                            std::span<const int64_t> scalars) {
  if (!variant.unusable.empty())
    return variant.unusable;
  Result<int64_t> holds = variant.when.expr.evaluate(scalars);
  if (holds && *holds != 0)
    return "";
  std::string why = "it needs " + variant.when.text;
  if (!holds)
    why += " (" + holds.error().message() + ")";
  for (size_t i = 0; i < scalars.size(); ++i)
    why += (i ? ", " : " with ") + kernel.scalars[i] + "=" +
           std::to_string(scalars[i]);
  return why;
}

using Defaults = std::pair<std::string, std::span<const std::string>>;

/// The defaults of a kernel for each target whose code the device runs, what is
/// newest first: host code on a host, sm_90a before sm_80 on a GPU.
std::vector<Defaults> defaultsFor(const Device &device,
                                  const PlanKernel &kernel) {
  std::vector<Defaults> usable;
  for (const auto &[target, ids] : kernel.defaults)
    if (!device.imageKinds(target).empty())
      usable.emplace_back(target, ids);
  std::ranges::sort(usable, std::greater(), [](const Defaults &defaults) {
    return std::pair(capabilityOf(defaults.first), isSpecific(defaults.first));
  });
  return usable;
}

} // namespace

Result<VariantChoice>
LoadedSession::choose(int index, std::span<const int64_t> scalars) const {
  const KernelProgram &kernel = program_.kernels[index];
  const std::string &name = kernel.plan->name, &target = device_->info().target;
  auto find = [&](const std::string &id) {
    return std::ranges::find(kernel.variants, id, [](const VariantProgram &v) {
      return v.plan->id;
    });
  };
  auto indexOf = [&](auto variant) {
    return static_cast<size_t>(variant - kernel.variants.begin());
  };

  // setForced checked that the variant exists.
  if (auto forced = force_.find(name); forced != force_.end()) {
    auto variant = find(forced->second);
    std::string why = whyNotCandidate(kernel, *variant, scalars);
    if (why.empty())
      return VariantChoice{indexOf(variant), "forced"};
    return Error(ErrorCode::unsupported,
                 "variant '" + forced->second +
                     "' is forced, but cannot run: " + why);
  }

  if (std::optional<VariantChoice> tuned = chooseTuned(index, scalars))
    return *std::move(tuned);

  for (const auto &[codeTarget, ids] : defaultsFor(*device_, *kernel.plan))
    for (const std::string &id : ids) {
      auto variant = find(id);
      if (whyNotCandidate(kernel, *variant, scalars).empty())
        return VariantChoice{indexOf(variant),
                             "first default for " + codeTarget +
                                 " that can run" + ignoredText(index)};
    }
  std::string reasons;
  for (const VariantProgram &variant : kernel.variants) {
    std::string why = whyNotCandidate(kernel, variant, scalars);
    reasons += (reasons.empty() ? ": '" : "; '") + variant.plan->id +
               "': " + (why.empty() ? "it is no default for " + target : why);
  }
  return Error(ErrorCode::unsupported,
               "kernel '" + name + "' has no variant that can run" + reasons);
}

std::string LoadedSession::ignoredText(int kernel) const {
  size_t ignored = tuning_.empty() ? 0 : tuning_[kernel].ignored;
  if (ignored == 0)
    return "";
  return " (" + std::to_string(ignored) +
         (ignored == 1 ? " tuned entry is" : " tuned entries are") +
         " of other code)";
}

//===-- tuned.json -------------------------------------------------------===//

std::optional<VariantChoice>
LoadedSession::chooseTuned(int index, std::span<const int64_t> scalars) const {
  if (tuning_.empty() || tuning_[index].points.empty())
    return std::nullopt;
  const KernelTuning &tuning = tuning_[index];
  const KernelProgram &kernel = program_.kernels[index];
  std::vector<int64_t> bucket;
  for (size_t scalar : tuning.scalars)
    bucket.push_back(bucketOf(scalars[scalar]));
  const KernelTuning::Point *best = nullptr;
  for (const KernelTuning::Point &point : tuning.points)
    if (bucketDistance(point.bucket, bucket) >= 0 &&
        (!best || isNearer(point, *best, bucket)) &&
        whyNotCandidate(kernel, kernel.variants[point.variant], scalars)
            .empty())
      best = &point;
  if (!best)
    return std::nullopt;
  std::string why = "tuned on " + best->device;
  for (size_t i = 0; i < bucket.size(); ++i)
    why += (i ? "," : " for ") + kernel.plan->bucket[i] + "=2^" +
           std::to_string(best->bucket[i]);
  if (int64_t distance = bucketDistance(best->bucket, bucket))
    why += ", distance " + std::to_string(distance);
  if (!best->record.empty())
    why += ", record " + best->record;
  return VariantChoice{best->variant, std::move(why)};
}

KernelTuning LoadedSession::tuningOf(const KernelProgram &kernel,
                                     const Tuning &tuning) const {
  KernelTuning result;
  for (const std::string &dim : kernel.plan->bucket)
    result.scalars.push_back(static_cast<size_t>(
        std::ranges::find(kernel.scalars, dim) - kernel.scalars.begin()));
  for (const TunedDevice &device : tuning.devices) {
    bool isThis = device.name == device_->info().name;
    if (!isThis && device_->imageKinds(device.target).empty())
      continue; // this one does not run such code
    for (const TunedEntry &entry : device.entries) {
      if (entry.kernel != kernel.plan->name)
        continue;
      auto variant = std::ranges::find(
          kernel.variants, entry.variant,
          [](const VariantProgram &known) { return known.plan->id; });
      KernelTuning::Point point;
      for (const std::string &dim : kernel.plan->bucket)
        if (auto found = entry.bucket.find(dim); found != entry.bucket.end())
          point.bucket.push_back(found->second);
      if (entry.ir != kernel.plan->ir || variant == kernel.variants.end() ||
          point.bucket.size() != kernel.plan->bucket.size() ||
          point.bucket.size() != entry.bucket.size()) {
        ++result.ignored;
        continue;
      }
      point.variant = static_cast<size_t>(variant - kernel.variants.begin());
      point.isOfThisDevice = isThis;
      point.device = device.name;
      point.record = entry.record;
      result.points.push_back(std::move(point));
    }
  }
  return result;
}

Status LoadedSession::loadTuning(const std::string &tuned) {
  if (tuned == "none")
    return Success{};
  std::filesystem::path path = tuned;
  std::error_code ignored;
  if (tuned.empty()) {
    path = std::filesystem::path(bundle_.path()) / "tuned.json";
    if (!std::filesystem::exists(path, ignored))
      return Success{};
  }
  Result<std::string> text = readJsonFile(path);
  if (!text)
    return std::move(text).error();
  Result<Tuning> tuning = parseTuned(*text);
  if (!tuning)
    return std::move(tuning).error().in(path.string());
  for (const KernelProgram &kernel : program_.kernels)
    tuning_.push_back(tuningOf(kernel, *tuning));
  return Success{};
}

} // namespace headgate::runtime
