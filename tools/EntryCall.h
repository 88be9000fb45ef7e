// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One entry called with arrays of this process: memory on the device, copies in
// both directions, the time of the call.

#ifndef HEADGATE_TOOLS_ENTRYCALL_H
#define HEADGATE_TOOLS_ENTRYCALL_H

#include "headgate/Runtime.h"
#include "lib/Array.h"
#include "tools/CommandLine.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace headgate {

/// Opens the bundle of `options` on `device`, with its variants and tuning.
Result<std::shared_ptr<const Session>>
openSession(const CallOptions &options, std::shared_ptr<Device> device);

/// The elements of an output that a call did not write.
struct Unwritten {
  int64_t elements = 0;       ///< of the output
  int64_t count = 0;          ///< of them unwritten
  std::vector<int64_t> first; ///< index of the first one
};

class EntryCall {
public:
  static Result<EntryCall> create(std::shared_ptr<const Session> session,
                                  std::string_view function);

  const PlanEntry &entry() const { return invocation.entry(); }
  /// Copies the inputs, in the entry's order, to the device and checks them.
  Status setInputs(const std::vector<Array> &arrays);
  /// The dims that the inputs bind, in the entry's order.
  const std::vector<int64_t> &dims() const { return boundDims; }
  /// Runs; nanoseconds from the first launch to the last result.
  Result<double> run();
  /// Runs, waiting for each step; nanoseconds of each.
  Result<std::vector<double>> timeSteps();
  /// Runs; what the device counted in each step.
  Result<std::vector<Counters>> countSteps();
  Result<std::vector<Array>> outputs() const;
  /// Runs on outputs that were filled beforehand: floats with NaN, or `again`
  /// with another pattern. Equal results of both were written in full.
  Result<std::vector<Array>> runFilled(bool again);
  /// Runs on outputs that were filled beforehand and returns, for each output,
  /// what was left. A second run with another fill tells elements that were
  /// left alone from those whose value is that of the first fill.
  Result<std::vector<Unwritten>> findUnwritten();
  /// Id of the variant that runs the first step of `kernel`; "" without one.
  Result<std::string> variantOf(std::string_view kernel) const;
  /// Whose memory begins at `data`: "output 'o'", "input 'x'", or else the
  /// arena, "the temporaries".
  std::string describeMemory(const void *data) const;

private:
  EntryCall(std::shared_ptr<const Session> session, Invocation invocation)
      : session(std::move(session)), invocation(std::move(invocation)) {}
  Status makeOutputs();

  std::shared_ptr<const Session> session;
  Invocation invocation;
  std::vector<OwnedTensor> inputs, results;
  std::vector<TensorView> inputViews, resultViews;
  std::vector<int64_t> boundDims;
};

} // namespace headgate

#endif // HEADGATE_TOOLS_ENTRYCALL_H
