// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Running a bundle:
//
//   auto device  = openDevice("host");
//   auto bundle  = Bundle::open("gqe.hgb");
//   auto session = Session::create(*device, *bundle, {});
//   auto call    = Invocation::create(*session, "layer");
//   Status done  = call->run(inputs, outputs);

#ifndef HEADGATE_RUNTIME_H
#define HEADGATE_RUNTIME_H

#include "headgate/Bundle.h"
#include "headgate/Device.h"
#include "headgate/Result.h"
#include "headgate/Tensor.h"

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace headgate {

struct SessionOptions {
  /// Kernel name to the variant it must use; an error if that cannot run.
  std::map<std::string, std::string> force;
  /// Id of the only image whose code is used, such as that of one CPU level; ""
  /// allows all that the device runs.
  std::string image;
  /// Path of tuned.json; "" takes the bundle's own if there is one, "none" no
  /// tuning at all.
  std::string tuned;
};

/// What a call would use.
struct CallOutline {
  std::vector<const PlanVariant *> variants; ///< one for each step
  int64_t arenaBytes = 0; ///< temporaries and workspaces, as they are placed
};

/// A bundle loaded on a device. Immutable; any thread may use it.
class Session {
public:
  static Result<std::shared_ptr<const Session>>
  create(std::shared_ptr<Device> device, Bundle bundle,
         const SessionOptions &options = {});
  virtual ~Session() = default;

  virtual const Plan &plan() const = 0;
  virtual const std::shared_ptr<Device> &device() const = 0;
  /// The entry `name`, or the only entry when `name` is empty.
  virtual Result<const PlanEntry *> entry(std::string_view name) const = 0;
  /// What a call with these dims (in the entry's order) would do: variants and
  /// why, grids, temporaries and workspace bytes. Runs nothing.
  virtual Result<std::string> explain(const PlanEntry &entry,
                                      std::span<const int64_t> dims) const = 0;
  /// The same for programs.
  virtual Result<CallOutline> outline(const PlanEntry &entry,
                                      std::span<const int64_t> dims) const = 0;
};

/// A device tensor that owns its memory.
struct OwnedTensor {
  Buffer buffer;
  TensorView view;
};

/// Calls one entry. One call at a time per object; one object per stream or
/// thread. Holds the arena of temporaries and all argument storage.
class Invocation {
public:
  /// `entry` may be empty when the plan has only one.
  static Result<Invocation> create(std::shared_ptr<const Session> session,
                                   std::string_view entry = {});
  Invocation(Invocation &&) noexcept;
  Invocation &operator=(Invocation &&) noexcept;
  ~Invocation();

  const PlanEntry &entry() const;
  /// Sizes the arena for these dims. Calls with smaller ones fit, unless they
  /// run a variant that takes more workspace: then the arena grows once.
  Status reserve(std::span<const int64_t> maxDims, Stream stream = {});
  /// The dims (in the entry's order) that these inputs bind; checks names,
  /// ranks, extents, dtypes, strides and requirements.
  Result<std::vector<int64_t>> bind(std::span<const TensorView> inputs);
  /// Output tensors of the shapes the plan gives for these inputs.
  Result<std::vector<OwnedTensor>>
  allocateOutputs(std::span<const TensorView> inputs);
  /// Checks, chooses variants and launches; asynchronous on CUDA. Inputs and
  /// outputs are in the entry's order, in memory of the session's device.
  Status run(std::span<const TensorView> inputs,
             std::span<const TensorView> outputs, Stream stream = {});
  /// Runs, and says how many nanoseconds each step took. Each is waited for, so
  /// that together they may take longer than a call of `run`.
  Result<std::vector<double>> timeSteps(std::span<const TensorView> inputs,
                                        std::span<const TensorView> outputs,
                                        Stream stream = {});
  /// Runs, and says what the device counted in each step (Device::counters).
  Result<std::vector<Counters>> countSteps(std::span<const TensorView> inputs,
                                           std::span<const TensorView> outputs,
                                           Stream stream = {});

private:
  struct State;
  explicit Invocation(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

} // namespace headgate

#endif // HEADGATE_RUNTIME_H
