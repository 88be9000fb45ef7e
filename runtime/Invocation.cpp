// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs an entry: bind the tensors, prepare the sizes if they are new, make
// room, fill in the addresses, launch.

#include "headgate/Runtime.h"

#include "runtime/Bind.h"
#include "runtime/Prepare.h"
#include "runtime/Session.h"

#include <utility>

namespace headgate {

using namespace runtime;

struct Invocation::State {
  State(std::shared_ptr<const LoadedSession> session, const PlanEntry &plan)
      : session(std::move(session)), entry(this->session->program(plan)),
        binder(entry, this->session->deviceKind(),
               this->session->device()->info().index) {}

  Status prepareFor(const std::vector<int64_t> &values) {
    if (call.valid && call.values == values)
      return Success{};
    Status prepared = prepare(*session, entry, values, call);
    if (!prepared)
      return std::move(prepared).error().in("entry '" + entry.plan->name + "'");
    return prepared;
  }
  Status growArena(int64_t bytes, Stream stream);
  Status beginCall(std::span<const TensorView> inputs,
                   std::span<const TensorView> outputs, Stream stream);
  Status runStep(size_t index, Stream stream);
  Status launchStep(size_t index, Stream stream);
  Status clearTemporaries(int64_t step, Stream stream);

  std::shared_ptr<const LoadedSession> session;
  const EntryProgram &entry;
  Binder binder;
  Prepared call;
  Buffer arena; ///< only ever grows
};

/// Work that still uses the old arena is waited for before it goes.
Status Invocation::State::growArena(int64_t bytes, Stream stream) {
  if (bytes <= arena.bytes())
    return Success{};
  const std::shared_ptr<Device> &device = session->device();
  auto why = [&](Error error) {
    return std::move(error).in("entry '" + entry.plan->name + "' " +
                               describeArena(entry, call));
  };
  if (Status s = device->synchronize(stream); !s)
    return why(std::move(s).error());
  arena = Buffer();
  Result<Buffer> grown = device->allocate(bytes);
  if (!grown)
    return why(std::move(grown).error());
  arena = *std::move(grown);
  return Success{};
}

/// Clears what must be zero before step `step`, its first user: not earlier,
/// because other temporaries may have lain there.
Status Invocation::State::clearTemporaries(int64_t step, Stream stream) {
  for (size_t i = 0; i < entry.temporaries.size(); ++i) {
    const PlanTemporary &temporary = *entry.temporaries[i].plan;
    const PreparedMemory &memory = call.memory[i];
    if (!temporary.zero || temporary.live[0] != step || memory.bytes == 0)
      continue;
    char *begin = static_cast<char *>(arena.data()) + memory.offset;
    Status done = session->device()->fill(begin, 0, memory.bytes, stream);
    if (!done)
      return done;
  }
  return Success{};
}

Status Invocation::State::launchStep(size_t index, Stream stream) {
  const PreparedStep &step = call.steps[index];
  for (size_t i = 0; i < step.variant->launches.size(); ++i) {
    const PreparedLaunch &prepared = call.launches[step.firstLaunch + i];
    const PlanLaunch &plan = *prepared.program->plan;
    Launch launch;
    launch.function = prepared.program->function;
    launch.grid = prepared.grid;
    launch.block = static_cast<uint32_t>(plan.block);
    launch.cluster = static_cast<uint32_t>(plan.cluster);
    launch.sharedBytes = static_cast<uint32_t>(plan.sharedBytes);
    launch.scratchBytes = prepared.scratchBytes;
    launch.pdl = plan.pdl;
    launch.arguments = call.arguments.data() + prepared.firstArgument;
    if (Status s = session->device()->launch(launch, stream); !s)
      return std::move(s).error().in("kernel '" + plan.symbol + "'");
  }
  return Success{};
}

Result<Invocation> Invocation::create(std::shared_ptr<const Session> session,
                                      std::string_view entry) {
  Result<const PlanEntry *> plan = session->entry(entry);
  if (!plan)
    return std::move(plan).error();
  // Session::create is the only way to a session.
  auto loaded = std::static_pointer_cast<const LoadedSession>(session);
  return Invocation(std::make_unique<State>(std::move(loaded), **plan));
}

Invocation::Invocation(std::unique_ptr<State> state)
    : state_(std::move(state)) {}
Invocation::Invocation(Invocation &&) noexcept = default;
Invocation &Invocation::operator=(Invocation &&) noexcept = default;
Invocation::~Invocation() = default;

const PlanEntry &Invocation::entry() const { return *state_->entry.plan; }

Status Invocation::reserve(std::span<const int64_t> maxDims, Stream stream) {
  if (Status s = state_->binder.bindDims(maxDims); !s)
    return s;
  if (Status s = state_->prepareFor(state_->binder.values()); !s)
    return s;
  return state_->growArena(state_->call.arenaBytes, stream);
}

Result<std::vector<int64_t>>
Invocation::bind(std::span<const TensorView> inputs) {
  if (Status s = state_->binder.bindInputs(inputs); !s)
    return std::move(s).error();
  const std::vector<int64_t> &values = state_->binder.values();
  return std::vector<int64_t>(values.begin(),
                              values.begin() + state_->entry.dims);
}

Result<std::vector<OwnedTensor>>
Invocation::allocateOutputs(std::span<const TensorView> inputs) {
  if (Status s = state_->binder.bindInputs(inputs); !s)
    return std::move(s).error();
  std::vector<OwnedTensor> outputs;
  for (size_t i = 0; i < entry().outputs.size(); ++i) {
    int64_t elements = 0;
    Result<TensorView> view = state_->binder.outputView(i, elements);
    if (!view)
      return std::move(view).error();
    Result<Buffer> buffer =
        state_->session->device()->allocate(elements * byteWidth(view->dtype));
    if (!buffer)
      return std::move(buffer).error().in("output '" + entry().outputs[i].name +
                                          "'");
    view->data = buffer->data();
    outputs.push_back({*std::move(buffer), *view});
  }
  return outputs;
}

/// All that comes before the first step.
Status Invocation::State::beginCall(std::span<const TensorView> inputs,
                                    std::span<const TensorView> outputs,
                                    Stream stream) {
  if (Status s = binder.bindCall(inputs, outputs); !s)
    return s;
  if (Status s = prepareFor(binder.values()); !s)
    return s;
  if (Status s = growArena(call.arenaBytes, stream); !s)
    return s;
  patchPointers(
      call,
      [&](int tensor) {
        size_t index = static_cast<size_t>(tensor);
        return index < inputs.size() ? inputs[index].data
                                     : outputs[index - inputs.size()].data;
      },
      arena.data());
  return Success{};
}

Status Invocation::State::runStep(size_t index, Stream stream) {
  if (Status s = clearTemporaries(int64_t(index), stream); !s)
    return s;
  return launchStep(index, stream);
}

Status Invocation::run(std::span<const TensorView> inputs,
                       std::span<const TensorView> outputs, Stream stream) {
  if (Status s = state_->beginCall(inputs, outputs, stream); !s)
    return s;
  for (size_t i = 0; i < state_->call.steps.size(); ++i)
    if (Status s = state_->runStep(i, stream); !s)
      return s;
  return Success{};
}

Result<std::vector<double>>
Invocation::timeSteps(std::span<const TensorView> inputs,
                      std::span<const TensorView> outputs, Stream stream) {
  if (Status s = state_->beginCall(inputs, outputs, stream); !s)
    return std::move(s).error();
  Result<std::unique_ptr<Timer>> timer = state_->session->device()->timer();
  if (!timer)
    return std::move(timer).error();
  std::vector<double> nanoseconds;
  for (size_t i = 0; i < state_->call.steps.size(); ++i) {
    if (Status s = (*timer)->start(stream); !s)
      return std::move(s).error();
    if (Status s = state_->runStep(i, stream); !s)
      return std::move(s).error();
    if (Status s = (*timer)->stop(stream); !s)
      return std::move(s).error();
    Result<double> elapsed = (*timer)->elapsedNs();
    if (!elapsed)
      return std::move(elapsed).error();
    nanoseconds.push_back(*elapsed);
  }
  return nanoseconds;
}

Result<std::vector<Counters>>
Invocation::countSteps(std::span<const TensorView> inputs,
                       std::span<const TensorView> outputs, Stream stream) {
  if (Status s = state_->beginCall(inputs, outputs, stream); !s)
    return std::move(s).error();
  Device &device = *state_->session->device();
  std::vector<Counters> counted;
  Counters before = device.counters();
  for (size_t i = 0; i < state_->call.steps.size(); ++i) {
    if (Status s = state_->runStep(i, stream); !s)
      return std::move(s).error();
    if (Status s = device.synchronize(stream); !s)
      return std::move(s).error();
    Counters after = device.counters();
    Counters &step = counted.emplace_back(after);
    for (const auto &[name, value] : before)
      step[name] -= value;
    before = std::move(after);
  }
  return counted;
}

} // namespace headgate
