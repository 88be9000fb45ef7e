// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A bundle loaded on a device: the program of its plan with the code of every
// image that this device can run. Immutable once created.

#ifndef HEADGATE_RUNTIME_SESSION_H
#define HEADGATE_RUNTIME_SESSION_H

#include "headgate/Runtime.h"
#include "lib/NearestBucket.h"
#include "lib/TunedText.h"
#include "runtime/Program.h"

#include <memory>

namespace headgate::runtime {

struct Prepared;

/// A variant that was chosen, and the rule that chose it.
struct VariantChoice {
  size_t variant = 0;
  std::string why;
};

/// What tuned.json has for a kernel on this device.
struct KernelTuning {
  /// A point, and what it came of.
  struct Point : TunedPoint {
    std::string device; ///< that measured it
    std::string record; ///< "" if unknown
  };
  std::vector<Point> points;
  std::vector<size_t> scalars; ///< of the kernel's bucket dims
  size_t ignored = 0;          ///< entries of other code: the file may be older
};

class LoadedSession : public Session {
public:
  static Result<std::shared_ptr<const Session>>
  create(std::shared_ptr<Device> device, Bundle bundle,
         const SessionOptions &options);

  const Plan &plan() const override { return bundle_.plan(); }
  const std::shared_ptr<Device> &device() const override { return device_; }
  Result<const PlanEntry *> entry(std::string_view name) const override;
  Result<std::string> explain(const PlanEntry &entry,
                              std::span<const int64_t> dims) const override;

  Result<CallOutline> outline(const PlanEntry &entry,
                              std::span<const int64_t> dims) const override;

  const Program &program() const { return program_; }
  const EntryProgram &program(const PlanEntry &entry) const {
    return program_.entries[&entry - bundle_.plan().entries.data()];
  }
  DeviceKind deviceKind() const;
  /// The variant of kernel `kernel` for these values of its scalars.
  Result<VariantChoice> choose(int kernel,
                               std::span<const int64_t> scalars) const;

private:
  LoadedSession(std::shared_ptr<Device> device, Bundle bundle)
      : device_(std::move(device)), bundle_(std::move(bundle)) {}
  /// What a call with these dims is.
  Status prepareDims(const PlanEntry &entry, std::span<const int64_t> dims,
                     Prepared &call) const;
  /// Why `image` cannot run on the device; empty if it can.
  std::string whyNot(const PlanImage &image) const;
  Error noImage() const;
  Result<std::unique_ptr<Image>> loadImage(const PlanImage &image);
  Status loadImages();
  Status loadVariant(VariantProgram &variant);
  Status setImage(const std::string &id);
  Status setForced(const std::map<std::string, std::string> &force);
  Status loadTuning(const std::string &path);
  /// What to say of tuned entries that nothing in the plan is.
  std::string ignoredText(int kernel) const;
  KernelTuning tuningOf(const KernelProgram &kernel,
                        const Tuning &tuning) const;
  /// The tuned variant for these values, if there is one near enough that can
  /// run.
  std::optional<VariantChoice>
  chooseTuned(int kernel, std::span<const int64_t> scalars) const;

  std::shared_ptr<Device> device_;
  Bundle bundle_;
  Program program_;
  std::map<std::string, std::unique_ptr<Image>> images_; ///< by id
  std::map<std::string, std::string> force_;
  std::vector<KernelTuning> tuning_; ///< of each kernel, or empty
  std::string onlyImage_;
};

} // namespace headgate::runtime

#endif // HEADGATE_RUNTIME_SESSION_H
