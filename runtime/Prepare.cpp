// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/Prepare.h"

#include "lib/Arena.h"

#include <cstdio>
#include <cstring>
#include <limits>
#include <utility>

namespace headgate::runtime {

namespace {

constexpr int64_t maxBytes = int64_t(1) << 47;

/// "with S=-3, T=5": the values an expression saw.
std::string withValues(const std::vector<std::string> &names,
                       const int64_t *values) {
  std::string text = names.empty() ? "" : " with ";
  for (size_t i = 0; i < names.size(); ++i)
    text += (i ? ", " : "") + names[i] + "=" + std::to_string(values[i]);
  return text;
}

class Preparer {
public:
  Preparer(const LoadedSession &session, const EntryProgram &entry,
           Prepared &call)
      : session(session), entry(entry), call(call) {}

  Status run() {
    call.steps.clear();
    call.launches.clear();
    call.scalars.clear();
    call.memory.clear();
    call.slots.clear();
    call.patches.clear();
    for (const TemporaryProgram &temporary : entry.temporaries)
      if (Status s = addTemporary(temporary); !s)
        return s;
    for (const StepProgram &step : entry.steps)
      if (Status s = chooseStep(step); !s)
        return std::move(s).error().in("step '" + step.plan->kernel + "'");
    if (Status s = placeMemory(); !s)
      return s;
    for (size_t i = 0; i < entry.steps.size(); ++i)
      if (Status s = prepareStep(i); !s)
        return std::move(s).error().in("step '" + entry.steps[i].plan->kernel +
                                       "', variant '" +
                                       call.steps[i].variant->plan->id + "'");
    call.arguments.resize(call.slots.size());
    for (size_t i = 0; i < call.slots.size(); ++i)
      call.arguments[i] = &call.slots[i];
    return Success{};
  }

private:
  /// An expression's value, which must lie in [low, high].
  Result<int64_t> evaluate(const SizeExpr &size, const char *what,
                           const std::vector<std::string> &names,
                           const int64_t *values, int64_t low, int64_t high) {
    Result<int64_t> value = size.expr.evaluate({values, names.size()});
    if (value && *value >= low && *value <= high)
      return value;
    std::string where = std::string(what) + " \"" + size.text + "\"" +
                        withValues(names, values);
    if (!value)
      return std::move(value).error().in(where);
    return Error(ErrorCode::badInput,
                 where + " is " + std::to_string(*value) + ", not within " +
                     std::to_string(low) + " and " + std::to_string(high));
  }

  Status addTemporary(const TemporaryProgram &temporary) {
    Result<int64_t> bytes = evaluate(temporary.bytes, "bytes", entry.names,
                                     call.values.data(), 0, maxBytes);
    if (!bytes)
      return std::move(bytes).error().in("temporary '" + temporary.plan->name +
                                         "'");
    call.memory.push_back({*bytes, 0});
    return Success{};
  }

  Status chooseStep(const StepProgram &step) {
    const KernelProgram &kernel = session.program().kernels[step.kernel];
    PreparedStep prepared;
    prepared.firstScalar = call.scalars.size();
    for (size_t i = 0; i < step.operands.size(); ++i) {
      const OperandProgram &operand = step.operands[i];
      bool i32 = operand.type == ParameterType::i32;
      if (!i32 && operand.type != ParameterType::i64)
        continue;
      using Limits = std::numeric_limits<int64_t>;
      Result<int64_t> value = evaluate(
          operand.expr, kernel.plan->parameters[i].name.c_str(), entry.names,
          call.values.data(), i32 ? INT32_MIN : Limits::min(),
          i32 ? INT32_MAX : Limits::max());
      if (!value)
        return std::move(value).error();
      call.scalars.push_back(*value);
    }
    const int64_t *scalars = call.scalars.data() + prepared.firstScalar;
    Result<VariantChoice> choice =
        session.choose(step.kernel, {scalars, kernel.scalars.size()});
    if (!choice)
      return std::move(choice).error();
    prepared.variant = &kernel.variants[choice->variant];
    prepared.why = std::move(choice->why);
    Result<int64_t> workspace =
        evaluate(prepared.variant->workspaceBytes, "workspaceBytes",
                 kernel.scalars, scalars, 0, maxBytes);
    if (!workspace)
      return std::move(workspace).error();
    prepared.workspaceBytes = *workspace;
    call.steps.push_back(std::move(prepared));
    call.memory.push_back({*workspace, 0});
    return Success{};
  }

  /// One arena for the temporaries of the call and the workspace of each step.
  Status placeMemory() {
    std::vector<ArenaItem> items;
    for (size_t i = 0; i < entry.temporaries.size(); ++i) {
      const PlanTemporary &temporary = *entry.temporaries[i].plan;
      items.push_back({temporary.name, call.memory[i].bytes, temporary.live[0],
                       temporary.live[1]});
    }
    for (size_t i = 0; i < call.steps.size(); ++i)
      items.push_back({"workspace." + std::to_string(i), workspace(i).bytes,
                       int64_t(i), int64_t(i)});
    Result<ArenaPlan> plan = planArena(items);
    if (!plan)
      return std::move(plan).error();
    for (size_t i = 0; i < items.size(); ++i)
      call.memory[i].offset = plan->offsets[i];
    call.arenaBytes = plan->bytes;
    return Success{};
  }

  Status prepareStep(size_t index) {
    PreparedStep &step = call.steps[index];
    step.firstLaunch = call.launches.size();
    for (const LaunchProgram &launch : step.variant->launches)
      if (Status s = prepareLaunch(index, launch); !s)
        return std::move(s).error().in("launch '" + launch.plan->symbol + "'");
    return Success{};
  }

  Status prepareLaunch(size_t index, const LaunchProgram &launch) {
    const StepProgram &step = entry.steps[index];
    const KernelProgram &kernel = session.program().kernels[step.kernel];
    const int64_t *scalars =
        call.scalars.data() + call.steps[index].firstScalar;
    PreparedLaunch prepared;
    prepared.program = &launch;
    prepared.firstArgument = call.slots.size();
    bool isHost = session.deviceKind() == DeviceKind::host;
    for (int i = 0; i < 3; ++i) {
      constexpr const char *what[] = {"grid[0]", "grid[1]", "grid[2]"};
      Result<int64_t> blocks =
          evaluate(launch.grid[i], what[i], kernel.scalars, scalars, 0,
                   i == 0 || isHost ? INT32_MAX : 65535);
      if (!blocks)
        return std::move(blocks).error();
      prepared.grid[i] = static_cast<uint32_t>(*blocks);
    }
    Result<int64_t> scratch = evaluate(launch.scratchBytes, "scratchBytes",
                                       kernel.scalars, scalars, 0, maxBytes);
    if (!scratch)
      return std::move(scratch).error();
    prepared.scratchBytes = *scratch;
    for (const ArgumentProgram &argument : launch.arguments)
      if (Status s = addArgument(index, argument); !s)
        return s;
    call.launches.push_back(prepared);
    return Success{};
  }

  Status addArgument(size_t index, const ArgumentProgram &argument) {
    using Kind = ArgumentProgram::Kind;
    const StepProgram &step = entry.steps[index];
    const KernelProgram &kernel = session.program().kernels[step.kernel];
    const int64_t *scalars =
        call.scalars.data() + call.steps[index].firstScalar;
    uint64_t slot = 0;
    switch (argument.kind) {
    case Kind::pointer: {
      const OperandProgram &operand = step.operands[argument.index];
      int64_t offset =
          operand.tensor >= 0 ? 0 : call.memory[operand.temporary].offset;
      call.patches.push_back({call.slots.size(), operand.tensor, offset});
      break;
    }
    case Kind::workspace:
      call.patches.push_back({call.slots.size(), -1, workspace(index).offset});
      break;
    case Kind::i32:
    case Kind::i64: {
      bool i32 = argument.kind == Kind::i32;
      using Limits = std::numeric_limits<int64_t>;
      Result<int64_t> value =
          evaluate(argument.expr, i32 ? "i32 argument" : "i64 argument",
                   kernel.scalars, scalars, i32 ? INT32_MIN : Limits::min(),
                   i32 ? INT32_MAX : Limits::max());
      if (!value)
        return std::move(value).error();
      if (i32)
        store(slot, static_cast<int32_t>(*value));
      else
        store(slot, *value);
      break;
    }
    case Kind::f32:
      store(slot, argument.index >= 0 ? step.operands[argument.index].number
                                      : argument.number);
      break;
    }
    call.slots.push_back(slot);
    return Success{};
  }

  /// A kernel reads an argument through a pointer to its own type.
  template <typename T> static void store(uint64_t &slot, T value) {
    std::memcpy(&slot, &value, sizeof value);
  }

  const PreparedMemory &workspace(size_t step) const {
    return call.memory[entry.temporaries.size() + step];
  }

  const LoadedSession &session;
  const EntryProgram &entry;
  Prepared &call;
};

} // namespace

Status prepare(const LoadedSession &session, const EntryProgram &entry,
               const std::vector<int64_t> &values, Prepared &call) {
  call.valid = false;
  call.values = values;
  Status done = Preparer(session, entry, call).run();
  call.valid = static_cast<bool>(done);
  return done;
}

/// What block `index` of a call's memory holds.
static std::string memoryName(const EntryProgram &entry, const Prepared &call,
                              size_t index) {
  size_t temporaries = entry.temporaries.size();
  if (index < temporaries)
    return entry.temporaries[index].plan->name;
  return "workspace of " + call.steps[index - temporaries].variant->plan->id;
}

std::string describeArena(const EntryProgram &entry, const Prepared &call) {
  std::string text =
      "needs " + formatBytes(call.arenaBytes) + " of temporaries";
  size_t largest = 0;
  for (size_t i = 1; i < call.memory.size(); ++i)
    if (call.memory[i].bytes > call.memory[largest].bytes)
      largest = i;
  if (call.memory.empty() || call.memory[largest].bytes == 0)
    return text;
  return text + " (" + memoryName(entry, call, largest) + " " +
         formatBytes(call.memory[largest].bytes) + ")";
}

std::string describeCall(const LoadedSession &session,
                         const EntryProgram &entry, const Prepared &call) {
  const DeviceInfo &device = session.device()->info();
  std::string text = "entry '" + entry.plan->name + "' on " + device.uri +
                     " (" + device.name + ")" +
                     withValues(entry.names, call.values.data()) + "\n";
  text += "temporaries: " + formatBytes(call.arenaBytes) + " in one arena\n";
  for (size_t i = 0; i < call.memory.size(); ++i) {
    const PreparedMemory &memory = call.memory[i];
    if (i >= entry.temporaries.size() && memory.bytes == 0)
      continue; // A step without workspace.
    text += "  " + memoryName(entry, call, i) + ": " +
            formatBytes(memory.bytes) + " at " + std::to_string(memory.offset) +
            "\n";
  }
  for (size_t i = 0; i < call.steps.size(); ++i) {
    const PreparedStep &step = call.steps[i];
    const KernelProgram &kernel =
        session.program().kernels[entry.steps[i].kernel];
    text += "step " + std::to_string(i) + ": kernel '" + kernel.plan->name +
            "'" +
            withValues(kernel.scalars, call.scalars.data() + step.firstScalar) +
            "\n  variant '" + step.variant->plan->id + "' (image '" +
            step.variant->image->id + "'): " + step.why + "\n";
    for (size_t l = 0; l < step.variant->launches.size(); ++l) {
      const PreparedLaunch &launch = call.launches[step.firstLaunch + l];
      const auto &grid = launch.grid;
      text += "  " + launch.program->plan->symbol + ": grid [" +
              std::to_string(grid[0]) + "," + std::to_string(grid[1]) + "," +
              std::to_string(grid[2]) + "]";
      if (launch.scratchBytes > 0)
        text += ", scratch " + formatBytes(launch.scratchBytes) + " a thread";
      if (grid[0] == 0 || grid[1] == 0 || grid[2] == 0)
        text += ", skipped";
      text += "\n";
    }
  }
  return text;
}

} // namespace headgate::runtime
