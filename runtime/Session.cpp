// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/Session.h"

#include "lib/CheckPlan.h"
#include "lib/GpuTarget.h"
#include "lib/HostTarget.h"
#include "lib/Spelling.h"
#include "runtime/Bind.h"
#include "runtime/Prepare.h"

#include <algorithm>
#include <set>
#include <utility>

namespace headgate {

Result<std::shared_ptr<const Session>>
Session::create(std::shared_ptr<Device> device, Bundle bundle,
                const SessionOptions &options) {
  return runtime::LoadedSession::create(std::move(device), std::move(bundle),
                                        options);
}

namespace runtime {

namespace {

/// Whether a target is a level of CPUs of another architecture.
bool isForeign(std::string_view target) {
  auto level = std::ranges::find(hostTargets(), target, &HostTarget::name);
  return level != hostTargets().end() && !level->isOfThisArchitecture();
}

/// The words of `needs` that `features` lacks, "avx2 and fma".
std::string missingFeatures(const std::vector<std::string> &needs,
                            const std::vector<std::string> &features) {
  std::string missing;
  for (const std::string &word : needs)
    if (std::find(features.begin(), features.end(), word) == features.end())
      missing += (missing.empty() ? "" : " and ") + word;
  return missing;
}

std::string listWords(const std::vector<std::string> &words) {
  std::string text;
  for (const std::string &word : words)
    text += (text.empty() ? "" : " and ") + word;
  return text;
}

/// What a launch asks for that this device cannot give it; empty if nothing.
std::string unsupportedParts(const PlanLaunch &launch,
                             const DeviceInfo &device) {
  bool host = device.target == "host";
  for (const PlanArgument &argument : launch.arguments)
    if (argument.kind == PlanArgument::Kind::tensorMap)
      return "tensor maps are not available on this device";
  if (host && launch.cluster != 1)
    return "clusters need a GPU";
  if (host && launch.pdl)
    return "programmatic dependent launch needs a GPU";
  if (host && (launch.block != 1 || launch.sharedBytes != 0))
    return "a block size or shared memory needs a GPU";
  if (launch.cluster != 1)
    return "clusters are not available on this device";
  if (launch.sharedBytes > device.sharedBytesPerBlock)
    return "it takes " + std::to_string(launch.sharedBytes) +
           " bytes of shared memory; a block of " + device.name + " has " +
           std::to_string(device.sharedBytesPerBlock);
  return "";
}

/// ": recompile with --target=...", of the best target there is for a device;
/// empty if there is none.
std::string recompileFor(const DeviceInfo &device) {
  std::string best = device.target == "host" ? "host" : "";
  for (const GpuTarget &target : gpuTargets()) // the oldest first
    if (runsCode(device.target, target.name))
      best = target.name;
  return best.empty() ? "" : ": recompile with --target=" + best;
}

} // namespace

Result<std::shared_ptr<const Session>>
LoadedSession::create(std::shared_ptr<Device> device, Bundle bundle,
                      const SessionOptions &options) {
  std::shared_ptr<LoadedSession> session(
      new LoadedSession(std::move(device), std::move(bundle)));
  // Its names point into the bundle's plan, which the session keeps.
  session->program_ = buildProgram(session->plan());
  if (Status s = session->setImage(options.image); !s)
    return std::move(s).error();
  if (Status s = session->loadImages(); !s)
    return std::move(s).error();
  if (Status s = session->setForced(options.force); !s)
    return std::move(s).error();
  if (Status s = session->loadTuning(options.tuned); !s)
    return std::move(s).error();
  return std::shared_ptr<const Session>(std::move(session));
}

DeviceKind LoadedSession::deviceKind() const { return device_->info().kind(); }

std::string LoadedSession::whyNot(const PlanImage &image) const {
  const DeviceInfo &device = device_->info();
  if (device_->imageKinds(image.target).empty())
    return "it is for " + image.target;
  std::string missing = missingFeatures(image.needs, device.features);
  if (!missing.empty())
    return "this CPU lacks " + missing;
  if (!onlyImage_.empty() && image.id != onlyImage_)
    return "only image '" + onlyImage_ + "' is allowed";
  return "";
}

/// The error of a bundle without any image for the device.
Error LoadedSession::noImage() const {
  const DeviceInfo &device = device_->info();
  std::string targets;
  std::set<std::string> listed;
  const PlanImage *near = nullptr; // of the device's family, but too new a CPU
  for (const PlanImage &image : plan().images) {
    if (listed.insert(image.target).second)
      targets += (targets.empty() ? "" : ", ") + image.target;
    if (!device_->imageKinds(image.target).empty() &&
        !isForeign(image.target) &&
        (!near || image.needs.size() < near->needs.size()))
      near = &image;
  }
  if (near)
    return Error(ErrorCode::unsupported,
                 bundle_.path() + ": its host code needs " +
                     listWords(near->needs) + " (" + near->target +
                     "); this CPU lacks " +
                     missingFeatures(near->needs, device.features) +
                     ": recompile with --target=host:native on it");
  return Error(ErrorCode::unsupported,
               bundle_.path() + " has code for " +
                   (targets.empty() ? "nothing" : targets) + "; '" +
                   device.uri + "' is " + device.name + " (" + device.target +
                   ")" + recompileFor(device));
}

Result<std::unique_ptr<Image>>
LoadedSession::loadImage(const PlanImage &image) {
  std::vector<std::string> kinds = device_->imageKinds(image.target);
  for (const std::string &kind : kinds) {
    auto form = std::ranges::find(image.forms, kind, &PlanForm::kind);
    if (form == image.forms.end())
      continue;
    // Reading checks size and checksum, before any of it is run.
    Result<std::string> bytes = bundle_.read(*form);
    if (!bytes)
      return std::move(bytes).error();
    Result<std::string> path = bundle_.pathOf(*form);
    if (!path)
      return std::move(path).error();
    return device_->load({image.id, kind, *path, *std::move(bytes)});
  }
  return Error(ErrorCode::corrupt,
               "image '" + image.id + "' has no '" + kinds.back() + "' form");
}

Status LoadedSession::loadImages() {
  bool any = plan().images.empty() && plan().kernels.empty();
  for (const PlanImage &image : plan().images) {
    if (!whyNot(image).empty())
      continue;
    any = true;
    Result<std::unique_ptr<Image>> loaded = loadImage(image);
    if (!loaded)
      return std::move(loaded).error();
    images_[image.id] = *std::move(loaded);
  }
  if (!any)
    return noImage();
  for (KernelProgram &kernel : program_.kernels)
    for (VariantProgram &variant : kernel.variants)
      if (Status s = loadVariant(variant); !s)
        return std::move(s).error().in("kernel '" + kernel.plan->name +
                                       "', variant '" + variant.plan->id + "'");
  return Success{};
}

/// Finds the code of a variant, or notes why it is not usable.
Status LoadedSession::loadVariant(VariantProgram &variant) {
  for (LaunchProgram &launch : variant.launches) {
    variant.unusable = whyNot(*launch.image);
    if (variant.unusable.empty())
      variant.unusable = unsupportedParts(*launch.plan, device_->info());
    if (!variant.unusable.empty())
      return Success{};
    Result<const Function *> function =
        images_[launch.image->id]->function(launch.plan->symbol);
    if (!function)
      return std::move(function).error();
    launch.function = *function;
  }
  return Success{};
}

/// Checks that the device can run the only image that is allowed.
Status LoadedSession::setImage(const std::string &id) {
  std::vector<std::string> ids;
  for (const PlanImage &image : plan().images) {
    ids.push_back(image.id);
    if (image.id != id)
      continue;
    if (std::string why = whyNot(image); !why.empty())
      return Error(ErrorCode::unsupported,
                   "image '" + id + "' cannot run on '" + device_->info().uri +
                       "': " + why);
    onlyImage_ = id;
  }
  if (onlyImage_ != id)
    return Error(ErrorCode::badInput, "no image '" + id + "'; " +
                                          bundle_.path() + " has " +
                                          listNames(ids) + didYouMean(id, ids));
  return Success{};
}

Status
LoadedSession::setForced(const std::map<std::string, std::string> &force) {
  for (const auto &[kernelName, variantName] : force) {
    std::vector<std::string> kernels, variants;
    const KernelProgram *found = nullptr;
    for (const KernelProgram &kernel : program_.kernels) {
      kernels.push_back(kernel.plan->name);
      if (kernel.plan->name == kernelName)
        found = &kernel;
    }
    if (!found)
      return Error(ErrorCode::badInput, "no kernel '" + kernelName + "'; " +
                                            bundle_.path() + " has " +
                                            listNames(kernels) +
                                            didYouMean(kernelName, kernels));
    for (const VariantProgram &variant : found->variants)
      variants.push_back(variant.plan->id);
    if (std::find(variants.begin(), variants.end(), variantName) ==
        variants.end())
      return Error(ErrorCode::badInput, "kernel '" + kernelName +
                                            "' has no variant '" + variantName +
                                            "'; it has " + listNames(variants) +
                                            didYouMean(variantName, variants));
  }
  force_ = force;
  return Success{};
}

Result<const PlanEntry *> LoadedSession::entry(std::string_view name) const {
  const std::vector<PlanEntry> &entries = plan().entries;
  std::vector<std::string> names;
  for (const PlanEntry &entry : entries) {
    if (entry.name == name || (name.empty() && entries.size() == 1))
      return &entry;
    names.push_back(entry.name);
  }
  if (name.empty())
    return Error(ErrorCode::badInput,
                 bundle_.path() + " has " + std::to_string(entries.size()) +
                     " entries (" + listNames(names) + "): name one");
  return Error(ErrorCode::notFound,
               "no entry '" + std::string(name) + "'; " + bundle_.path() +
                   " has " + listNames(names) + didYouMean(name, names));
}

Status LoadedSession::prepareDims(const PlanEntry &entry,
                                  std::span<const int64_t> dims,
                                  Prepared &call) const {
  if (std::ranges::none_of(plan().entries, [&](const PlanEntry &known) {
        return &known == &entry;
      }))
    return Error(ErrorCode::badInput,
                 "entry '" + entry.name + "' is not of this session's plan");
  const EntryProgram &program = this->program(entry);
  Binder binder(program, deviceKind(), device_->info().index);
  if (Status s = binder.bindDims(dims); !s)
    return s;
  Status done = prepare(*this, program, binder.values(), call);
  return done ? std::move(done)
              : std::move(done).error().in("entry '" + entry.name + "'");
}

Result<std::string>
LoadedSession::explain(const PlanEntry &entry,
                       std::span<const int64_t> dims) const {
  Prepared call;
  if (Status s = prepareDims(entry, dims, call); !s)
    return std::move(s).error();
  return describeCall(*this, program(entry), call);
}

Result<CallOutline>
LoadedSession::outline(const PlanEntry &entry,
                       std::span<const int64_t> dims) const {
  Prepared call;
  if (Status s = prepareDims(entry, dims, call); !s)
    return std::move(s).error();
  CallOutline outline;
  for (const PreparedStep &step : call.steps)
    outline.variants.push_back(step.variant->plan);
  outline.arenaBytes = call.arenaBytes;
  return outline;
}

} // namespace runtime
} // namespace headgate
