// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which variant of a kernel runs. Candidates are those whose code this device
// runs and whose `when` holds. Of them a forced variant is taken, and then no
// other; else the first of the kernel's defaults for the device.

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

  std::vector<std::string> defaults;
  if (auto listed = kernel.plan->defaults.find(target);
      listed != kernel.plan->defaults.end())
    defaults = listed->second;
  for (const std::string &id : defaults) {
    auto variant = find(id);
    if (whyNotCandidate(kernel, *variant, scalars).empty())
      return VariantChoice{indexOf(variant),
                           "first default for " + target + " that can run"};
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

/// Checks tuned.json. This version chooses by defaults alone.
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
  return Success{};
}

} // namespace headgate::runtime
