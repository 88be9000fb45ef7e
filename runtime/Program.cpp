// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/Program.h"

#include "lib/CheckPlan.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <utility>

namespace headgate::runtime {

namespace {

int indexOf(const std::vector<std::string> &names, std::string_view name) {
  auto found = std::ranges::find(names, name);
  return found == names.end() ? -1 : static_cast<int>(found - names.begin());
}

SizeExpr parse(const SizeText &text, const std::vector<std::string> &scope) {
  Result<Expr> expr = Expr::parse(text, scope);
  assert(expr && "checkPlan parsed every expression");
  return {*std::move(expr), text};
}

class KernelBuilder {
public:
  KernelBuilder(const Plan &plan, const PlanKernel &kernel)
      : plan(plan), kernel(kernel), scope(scalarNames(kernel)) {}

  KernelProgram build() {
    KernelProgram program;
    program.plan = &kernel;
    program.scalars = scope;
    for (const PlanVariant &variant : kernel.variants)
      program.variants.push_back(build(variant));
    return program;
  }

private:
  VariantProgram build(const PlanVariant &variant) {
    VariantProgram program;
    program.plan = &variant;
    program.image = image(variant.image);
    program.when = parse(variant.when, scope);
    program.workspaceBytes = parse(variant.workspaceBytes, scope);
    for (const PlanLaunch &launch : variant.launches)
      program.launches.push_back(build(launch, variant));
    return program;
  }

  const PlanImage *image(const std::string &id) {
    return &*std::ranges::find(plan.images, id, &PlanImage::id);
  }

  LaunchProgram build(const PlanLaunch &launch, const PlanVariant &variant) {
    LaunchProgram program;
    program.plan = &launch;
    program.image = image(launch.image.empty() ? variant.image : launch.image);
    for (size_t i = 0; i < 3; ++i)
      program.grid[i] = parse(launch.grid[i], scope);
    program.scratchBytes = parse(launch.scratchBytes, scope);
    for (const PlanArgument &argument : launch.arguments)
      program.arguments.push_back(build(argument));
    return program;
  }

  ArgumentProgram build(const PlanArgument &argument) {
    using Kind = ArgumentProgram::Kind;
    ArgumentProgram program;
    switch (argument.kind) {
    case PlanArgument::Kind::parameter:
      return buildParameter(argument.text);
    case PlanArgument::Kind::workspace:
      program.kind = Kind::workspace;
      break;
    case PlanArgument::Kind::i32:
      program.kind = Kind::i32;
      program.expr = parse(argument.text, scope);
      break;
    case PlanArgument::Kind::i64:
      program.kind = Kind::i64;
      program.expr = parse(argument.text, scope);
      break;
    case PlanArgument::Kind::f32:
      program.kind = Kind::f32;
      program.number = static_cast<float>(argument.number);
      break;
    case PlanArgument::Kind::tensorMap:
      // Only a variant of a GPU image has one; it is not usable here, and the
      // session says so before anything reads this argument.
      program.index = findParameter(kernel, argument.map.base);
      break;
    }
    return program;
  }

  ArgumentProgram buildParameter(const std::string &name) {
    using Kind = ArgumentProgram::Kind;
    ArgumentProgram program;
    program.index = findParameter(kernel, name);
    switch (kernel.parameters[program.index].type) {
    case ParameterType::ptr:
      program.kind = Kind::pointer;
      break;
    case ParameterType::i32:
      program.kind = Kind::i32;
      program.expr = parse(name, scope);
      break;
    case ParameterType::i64:
      program.kind = Kind::i64;
      program.expr = parse(name, scope);
      break;
    case ParameterType::f32:
      program.kind = Kind::f32;
      break;
    }
    return program;
  }

  const Plan &plan;
  const PlanKernel &kernel;
  const std::vector<std::string> scope;
};

class EntryBuilder {
public:
  EntryBuilder(const Plan &plan, const PlanEntry &entry)
      : plan(plan), entry(entry), scope(scopeNames(entry)) {}

  EntryProgram build() {
    program.plan = &entry;
    program.names = scope;
    program.dims = entry.dims.size();
    program.inputs = entry.inputs.size();
    for (const PlanTensor &input : entry.inputs)
      program.tensors.push_back(build(input, false));
    for (const PlanTensor &output : entry.outputs)
      program.tensors.push_back(build(output, true));
    for (const PlanRequirement &requirement : entry.requirements)
      program.requirements.push_back(parse(requirement.that, scope));
    for (const PlanTemporary &temporary : entry.temporaries)
      program.temporaries.push_back(
          {&temporary, parse(temporary.bytes, scope)});
    for (const PlanStep &step : entry.steps)
      program.steps.push_back(build(step));
    return std::move(program);
  }

private:
  ExtentProgram build(const PlanExtent &extent) {
    ExtentProgram result;
    if (const auto *number = std::get_if<int64_t>(&extent)) {
      result.number = *number;
      return result;
    }
    const auto &text = std::get<SizeText>(extent);
    result.expr = parse(text, scope);
    result.name = indexOf(scope, text);
    return result;
  }

  TensorProgram build(const PlanTensor &tensor, bool output) {
    TensorProgram result;
    result.plan = &tensor;
    result.output = output;
    result.align = byteWidth(tensor.dtype);
    for (const PlanExtent &size : tensor.shape)
      result.shape.push_back(build(size));
    if (tensor.strides)
      for (const PlanExtent &stride : *tensor.strides)
        result.strides.push_back(build(stride));
    if (output && !tensor.alias.empty())
      result.alias = findTensor(tensor.alias);
    return result;
  }

  int findTensor(const std::string &name) const {
    for (size_t i = 0; i < program.tensors.size(); ++i)
      if (program.tensors[i].plan->name == name)
        return static_cast<int>(i);
    return -1;
  }

  StepProgram build(const PlanStep &step) {
    StepProgram result;
    result.plan = &step;
    auto kernel =
        std::ranges::find(plan.kernels, step.kernel, &PlanKernel::name);
    result.kernel = static_cast<int>(kernel - plan.kernels.begin());
    for (const PlanParameter &parameter : kernel->parameters) {
      auto given =
          std::ranges::find(step.with, parameter.name,
                            [](const auto &pair) { return pair.first; });
      result.operands.push_back(build(parameter, given->second));
    }
    return result;
  }

  OperandProgram build(const PlanParameter &parameter,
                       const std::string &text) {
    OperandProgram result;
    result.type = parameter.type;
    switch (parameter.type) {
    case ParameterType::ptr:
      setPointer(result, parameter, text);
      break;
    case ParameterType::i32:
    case ParameterType::i64:
      result.expr = parse(text, scope);
      break;
    case ParameterType::f32:
      std::from_chars(text.data(), text.data() + text.size(), result.number);
      break;
    }
    return result;
  }

  void setPointer(OperandProgram &operand, const PlanParameter &parameter,
                  const std::string &name) {
    operand.tensor = findTensor(name);
    if (operand.tensor >= 0) {
      int64_t &align = program.tensors[operand.tensor].align;
      align = std::max(align, parameter.align);
      return;
    }
    auto temporary =
        std::ranges::find(entry.temporaries, name, &PlanTemporary::name);
    operand.temporary = static_cast<int>(temporary - entry.temporaries.begin());
  }

  EntryProgram program;
  const Plan &plan;
  const PlanEntry &entry;
  const std::vector<std::string> scope;
};

} // namespace

int findParameter(const PlanKernel &kernel, std::string_view name) {
  for (size_t i = 0; i < kernel.parameters.size(); ++i)
    if (kernel.parameters[i].name == name)
      return static_cast<int>(i);
  return -1;
}

Program buildProgram(const Plan &plan) {
  Program program;
  for (const PlanKernel &kernel : plan.kernels)
    program.kernels.push_back(KernelBuilder(plan, kernel).build());
  for (const PlanEntry &entry : plan.entries)
    program.entries.push_back(EntryBuilder(plan, entry).build());
  return program;
}

} // namespace headgate::runtime
