// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/SizeCall.h"

#include "lib/CheckPlan.h"
#include "lib/Dims.h"
#include "lib/Expr.h"

#include <algorithm>
#include <map>

namespace headgate {

namespace {

/// Names and their values.
struct Scope {
  std::vector<std::string> names;
  std::vector<int64_t> values;

  Result<int64_t> evaluate(const SizeText &text) const {
    Result<Expr> expr = Expr::parse(text, names);
    Result<int64_t> value =
        expr ? expr->evaluate(values) : Result<int64_t>(expr.error());
    if (!value)
      return std::move(value).error().in("\"" + text + "\"");
    return value;
  }
};

class Sizer {
public:
  Sizer(const Plan &plan, const PlanEntry &entry, std::string_view target)
      : plan(plan), entry(entry), target(target) {}

  Result<SizedCall> run(std::span<const int64_t> dims) {
    for (size_t i = 0; i < dims.size(); ++i) {
      scope.names.push_back(entry.dims[i].first);
      scope.values.push_back(dims[i]);
    }
    if (Status s = tensors(dims); !s)
      return std::move(s).error();
    if (Status s = temporaries(); !s)
      return std::move(s).error();
    for (const PlanStep &planned : entry.steps)
      if (Status s = step(planned); !s)
        return std::move(s).error().in("kernel '" + planned.kernel + "'");
    if (Status s = memory(); !s)
      return std::move(s).error();
    return std::move(call);
  }

private:
  Status tensors(std::span<const int64_t> dims) {
    for (const auto *list : {&entry.inputs, &entry.outputs})
      for (const PlanTensor &tensor : *list) {
        auto shape = shapeOf(entry, tensor, dims);
        if (!shape)
          return std::move(shape).error();
        int64_t size = byteWidth(tensor.dtype);
        for (int64_t extent : *shape)
          if (__builtin_mul_overflow(size, extent, &size))
            return Error(ErrorCode::badInput,
                         "tensor '" + tensor.name + "' is too large");
        bytes[tensor.name] = size;
        bindStrides(tensor, *shape);
      }
    return Success{};
  }

  /// A stride that is a name of its own is that of a contiguous tensor.
  void bindStrides(const PlanTensor &tensor,
                   const std::vector<int64_t> &shape) {
    int64_t stride = 1;
    for (size_t i = shape.size(); tensor.strides && i-- > 0;) {
      const auto *name = std::get_if<SizeText>(&(*tensor.strides)[i]);
      if (name && isExprName(*name) &&
          std::ranges::find(scope.names, *name) == scope.names.end()) {
        scope.names.push_back(*name);
        scope.values.push_back(stride);
      }
      // Only that of an empty tensor can overflow, and it says nothing.
      if (__builtin_mul_overflow(stride, shape[i], &stride))
        stride = 0;
    }
  }

  Status temporaries() {
    for (const PlanTemporary &temporary : entry.temporaries) {
      Result<int64_t> size = scope.evaluate(temporary.bytes);
      if (!size)
        return std::move(size).error().in("temporary '" + temporary.name + "'");
      bytes[temporary.name] = *size;
      call.memory.push_back(
          {temporary.name, *size, temporary.live[0], temporary.live[1]});
    }
    return Success{};
  }

  Status step(const PlanStep &planned) {
    SizedStep sized;
    sized.kernel =
        &*std::ranges::find(plan.kernels, planned.kernel, &PlanKernel::name);
    Scope scalars{scalarNames(*sized.kernel), {}};
    for (const PlanParameter &parameter : sized.kernel->parameters) {
      const std::string &argument =
          std::ranges::find(planned.with, parameter.name,
                            &std::pair<std::string, std::string>::first)
              ->second;
      if (parameter.type == ParameterType::ptr)
        sized.tensorBytes += bytes[argument];
      if (parameter.type != ParameterType::i32 &&
          parameter.type != ParameterType::i64)
        continue;
      Result<int64_t> value = scope.evaluate(argument);
      if (!value)
        return std::move(value).error();
      scalars.values.push_back(*value);
    }
    Result<const PlanVariant *> chosen = choose(*sized.kernel, scalars);
    if (!chosen)
      return std::move(chosen).error();
    sized.variant = *chosen;
    Result<int64_t> workspace = scalars.evaluate(sized.variant->workspaceBytes);
    if (!workspace)
      return std::move(workspace).error().in("workspaceBytes");
    sized.workspaceBytes = *workspace;
    if (*workspace > 0) {
      int64_t index = static_cast<int64_t>(call.steps.size());
      call.memory.push_back(
          {"workspace of " + sized.variant->id, *workspace, index, index});
    }
    for (const PlanLaunch &launch : sized.variant->launches)
      if (Status s = addLaunch(launch, scalars, sized); !s)
        return std::move(s).error().in("launch '" + launch.symbol + "'");
    call.steps.push_back(std::move(sized));
    return Success{};
  }

  /// The first default for the target whose condition holds.
  Result<const PlanVariant *> choose(const PlanKernel &kernel,
                                     const Scope &scalars) const {
    auto listed = kernel.defaults.find(std::string(targetFamily(target)));
    if (listed != kernel.defaults.end())
      for (const std::string &id : listed->second) {
        auto variant = std::ranges::find(kernel.variants, id, &PlanVariant::id);
        auto image =
            std::ranges::find(plan.images, variant->image, &PlanImage::id);
        if (image->target != target)
          continue;
        Result<int64_t> holds = scalars.evaluate(variant->when);
        if (!holds)
          return std::move(holds).error().in("when");
        if (*holds != 0)
          return &*variant;
      }
    return Error(ErrorCode::unsupported, "it has no variant for these sizes "
                                         "on " +
                                             std::string(target));
  }

  static Status addLaunch(const PlanLaunch &launch, const Scope &scalars,
                          SizedStep &sized) {
    SizedLaunch result;
    result.launch = &launch;
    for (size_t i = 0; i < 3; ++i) {
      Result<int64_t> blocks = scalars.evaluate(launch.grid[i]);
      if (!blocks)
        return std::move(blocks).error().in("grid");
      result.grid[i] = *blocks;
    }
    Result<int64_t> scratch = scalars.evaluate(launch.scratchBytes);
    if (!scratch)
      return std::move(scratch).error().in("scratchBytes");
    result.scratchBytes = *scratch;
    sized.launches.push_back(result);
    return Success{};
  }

  Status memory() {
    Result<ArenaPlan> arena = planArena(call.memory);
    if (!arena)
      return std::move(arena).error();
    call.arenaBytes = arena->bytes;
    for (size_t i = 0; i < call.steps.size(); ++i) {
      int64_t step = static_cast<int64_t>(i), live = 0;
      for (const ArenaItem &item : call.memory)
        if (item.first <= step && step <= item.last)
          live += item.bytes;
      if (live > call.liveBytes) {
        call.liveBytes = live;
        call.liveStep = step;
      }
      for (const SizedLaunch &launch : call.steps[i].launches)
        call.scratchBytes = std::max(call.scratchBytes, launch.scratchBytes);
    }
    return Success{};
  }

  const Plan &plan;
  const PlanEntry &entry;
  std::string_view target;
  Scope scope;                          ///< of the entry
  std::map<std::string, int64_t> bytes; ///< of tensors and temporaries
  SizedCall call;
};

} // namespace

Result<SizedCall> sizeCall(const Plan &plan, const PlanEntry &entry,
                           std::string_view target,
                           std::span<const int64_t> dims) {
  Result<SizedCall> call = Sizer(plan, entry, target).run(dims);
  return call ? std::move(call)
              : std::move(call).error().in("entry '" + entry.name + "'");
}

} // namespace headgate
