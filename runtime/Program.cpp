// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/Program.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <charconv>
#include <utility>

namespace headgate::runtime {

namespace {

int indexOf(const std::vector<std::string> &names, std::string_view name) {
  auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? -1 : static_cast<int>(found - names.begin());
}

/// Whether `text` is one name, so that it can bind.
bool isName(std::string_view text) {
  auto letter = [](char c) {
    return std::isalpha(static_cast<unsigned char>(c)) || c == '_';
  };
  if (text.empty() || !letter(text[0]))
    return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return letter(c) || c == '.' || std::isdigit(static_cast<unsigned char>(c));
  });
}

std::string at(const char *list, size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

/// Builds one kernel or entry; keeps the first error, so that the code which
/// builds is straight-line.
class Builder {
public:
  explicit Builder(const std::vector<std::string> &scope) : scope(scope) {}

  std::optional<Error> error;

protected:
  void fail(std::string message) {
    if (!error)
      error.emplace(ErrorCode::corrupt, std::move(message));
  }

  SizeExpr parse(const SizeText &text, const std::string &where) {
    Result<Expr> expr = Expr::parse(text, scope);
    if (expr)
      return {*std::move(expr), text};
    if (!error)
      error = std::move(expr).error().in(where);
    return {};
  }

  const std::vector<std::string> &scope;
};

class KernelBuilder : Builder {
public:
  KernelBuilder(const Plan &plan, const PlanKernel &kernel)
      : Builder(program.scalars), plan(plan), kernel(kernel) {}

  Result<KernelProgram> build() {
    program.plan = &kernel;
    for (const PlanParameter &parameter : kernel.parameters)
      if (parameter.type == ParameterType::i32 ||
          parameter.type == ParameterType::i64)
        program.scalars.push_back(parameter.name);
    for (size_t i = 0; i < kernel.variants.size(); ++i)
      program.variants.push_back(
          variant(kernel.variants[i], at("variants", i)));
    if (error)
      return *std::move(error);
    return std::move(program);
  }

private:
  VariantProgram variant(const PlanVariant &variant, const std::string &where) {
    VariantProgram result;
    result.plan = &variant;
    for (const PlanImage &image : plan.images)
      if (image.id == variant.image)
        result.image = &image;
    if (!result.image)
      fail(where + ".image: no image '" + variant.image + "'");
    result.when = parse(variant.when, where + ".when");
    result.workspaceBytes =
        parse(variant.workspaceBytes, where + ".workspaceBytes");
    for (size_t i = 0; i < variant.launches.size(); ++i)
      result.launches.push_back(
          launch(variant.launches[i], where + "." + at("launches", i)));
    return result;
  }

  LaunchProgram launch(const PlanLaunch &launch, const std::string &where) {
    LaunchProgram result;
    result.plan = &launch;
    for (size_t i = 0; i < 3; ++i)
      result.grid[i] = parse(launch.grid[i], where + "." + at("grid", i));
    result.scratchBytes = parse(launch.scratchBytes, where + ".scratchBytes");
    for (size_t i = 0; i < launch.arguments.size(); ++i)
      result.arguments.push_back(
          argument(launch.arguments[i], where + "." + at("arguments", i)));
    return result;
  }

  ArgumentProgram argument(const PlanArgument &argument,
                           const std::string &where) {
    using Kind = ArgumentProgram::Kind;
    ArgumentProgram result;
    switch (argument.kind) {
    case PlanArgument::Kind::parameter:
      return parameterArgument(argument.text, where);
    case PlanArgument::Kind::workspace:
      result.kind = Kind::workspace;
      break;
    case PlanArgument::Kind::i32:
    case PlanArgument::Kind::i64:
      result.kind =
          argument.kind == PlanArgument::Kind::i32 ? Kind::i32 : Kind::i64;
      result.expr = parse(argument.text, where);
      break;
    case PlanArgument::Kind::f32:
      result.kind = Kind::f32;
      result.number = static_cast<float>(argument.number);
      break;
    case PlanArgument::Kind::tensorMap:
      // Only a variant of a GPU image has one; it is not usable here, and the
      // session says so before anything reads this argument.
      result.index = findParameter(kernel, argument.map.base);
      break;
    }
    return result;
  }

  ArgumentProgram parameterArgument(const std::string &name,
                                    const std::string &where) {
    using Kind = ArgumentProgram::Kind;
    ArgumentProgram result;
    result.index = findParameter(kernel, name);
    if (result.index < 0) {
      fail(where + ": no parameter '" + name + "'");
      return result;
    }
    switch (kernel.parameters[result.index].type) {
    case ParameterType::ptr:
      result.kind = Kind::pointer;
      break;
    case ParameterType::i32:
      result.kind = Kind::i32;
      result.expr = parse(name, where);
      break;
    case ParameterType::i64:
      result.kind = Kind::i64;
      result.expr = parse(name, where);
      break;
    case ParameterType::f32:
      result.kind = Kind::f32;
      break;
    }
    return result;
  }

  KernelProgram program;
  const Plan &plan;
  const PlanKernel &kernel;
};

class EntryBuilder : Builder {
public:
  EntryBuilder(const Plan &plan, const PlanEntry &entry)
      : Builder(program.names), plan(plan), entry(entry) {}

  Result<EntryProgram> build() {
    program.plan = &entry;
    collectNames();
    program.inputs = entry.inputs.size();
    for (size_t i = 0; i < entry.inputs.size(); ++i)
      tensor(entry.inputs[i], false, at("inputs", i));
    for (size_t i = 0; i < entry.outputs.size(); ++i)
      tensor(entry.outputs[i], true, at("outputs", i));
    checkDimsAreBound();
    for (size_t i = 0; i < entry.requirements.size(); ++i)
      program.requirements.push_back(
          parse(entry.requirements[i].that, at("requires", i)));
    for (size_t i = 0; i < entry.temporaries.size(); ++i)
      program.temporaries.push_back(
          {&entry.temporaries[i],
           parse(entry.temporaries[i].bytes, at("temporaries", i))});
    for (size_t i = 0; i < entry.steps.size(); ++i)
      step(entry.steps[i], at("steps", i));
    if (error)
      return *std::move(error);
    return std::move(program);
  }

private:
  void collectNames() {
    for (const auto &[name, range] : entry.dims)
      program.names.push_back(name);
    program.dims = program.names.size();
    for (const auto *tensors : {&entry.inputs, &entry.outputs})
      for (const PlanTensor &tensor : *tensors)
        if (tensor.strides)
          for (const PlanExtent &stride : *tensor.strides)
            if (const auto *text = std::get_if<SizeText>(&stride))
              if (isName(*text) && indexOf(program.names, *text) < 0)
                program.names.push_back(*text);
  }

  ExtentProgram extent(const PlanExtent &extent, const std::string &where) {
    ExtentProgram result;
    if (const auto *number = std::get_if<int64_t>(&extent)) {
      result.number = *number;
      return result;
    }
    const auto &text = *std::get_if<SizeText>(&extent);
    result.expr = parse(text, where);
    if (isName(text))
      result.name = indexOf(program.names, text);
    return result;
  }

  void tensor(const PlanTensor &tensor, bool output, const std::string &where) {
    TensorProgram result;
    result.plan = &tensor;
    result.output = output;
    result.align = byteWidth(tensor.dtype);
    if (tensor.shape.size() > maxRank)
      fail(where + ": rank " + std::to_string(tensor.shape.size()) +
           " is above " + std::to_string(maxRank));
    for (const PlanExtent &size : tensor.shape)
      result.shape.push_back(extent(size, where + ".shape"));
    if (tensor.strides) {
      if (tensor.strides->size() != tensor.shape.size())
        fail(where + ".strides: as many as extents are needed");
      for (const PlanExtent &stride : *tensor.strides)
        result.strides.push_back(extent(stride, where + ".strides"));
    }
    if (!tensor.alias.empty()) {
      result.alias = findTensor(tensor.alias);
      if (!output || result.alias < 0 ||
          static_cast<size_t>(result.alias) >= program.inputs)
        fail(where + ".alias: no input '" + tensor.alias + "'");
    }
    program.tensors.push_back(std::move(result));
  }

  /// A dim takes its value from the first input extent that is its name.
  void checkDimsAreBound() {
    for (size_t dim = 0; dim < program.dims; ++dim) {
      bool bound = false;
      for (size_t i = 0; i < program.inputs; ++i)
        for (const ExtentProgram &extent : program.tensors[i].shape)
          bound |= extent.name == static_cast<int>(dim);
      if (!bound)
        fail("dims: '" + program.names[dim] + "' is the extent of no input");
    }
  }

  int findTensor(const std::string &name) const {
    for (size_t i = 0; i < program.tensors.size(); ++i)
      if (program.tensors[i].plan->name == name)
        return static_cast<int>(i);
    return -1;
  }

  void step(const PlanStep &step, const std::string &where) {
    StepProgram result;
    result.plan = &step;
    for (size_t i = 0; i < plan.kernels.size(); ++i)
      if (plan.kernels[i].name == step.kernel)
        result.kernel = static_cast<int>(i);
    if (result.kernel < 0)
      return fail(where + ": no kernel '" + step.kernel + "'");
    for (const PlanParameter &parameter :
         plan.kernels[result.kernel].parameters) {
      auto given = std::find_if(
          step.with.begin(), step.with.end(),
          [&](const auto &pair) { return pair.first == parameter.name; });
      if (given == step.with.end())
        return fail(where + ".with: '" + parameter.name + "' is missing");
      result.operands.push_back(
          operand(parameter, given->second, where + ".with." + given->first));
    }
    program.steps.push_back(std::move(result));
  }

  OperandProgram operand(const PlanParameter &parameter,
                         const std::string &text, const std::string &where) {
    OperandProgram result;
    result.type = parameter.type;
    switch (parameter.type) {
    case ParameterType::ptr:
      return pointer(parameter, text, where);
    case ParameterType::i32:
    case ParameterType::i64:
      result.expr = parse(text, where);
      break;
    case ParameterType::f32: {
      const char *end = text.data() + text.size();
      auto [rest, failure] = std::from_chars(text.data(), end, result.number);
      if (failure != std::errc() || rest != end)
        fail(where + ": '" + text + "' is not a number");
    }
    }
    return result;
  }

  OperandProgram pointer(const PlanParameter &parameter,
                         const std::string &name, const std::string &where) {
    OperandProgram result;
    if (parameter.align > maxAlign ||
        (parameter.align > 0 &&
         !std::has_single_bit(uint64_t(parameter.align))))
      fail(where + ": an alignment of " + std::to_string(parameter.align) +
           " is not a power of two up to " + std::to_string(maxAlign));
    result.tensor = findTensor(name);
    if (result.tensor >= 0) {
      int64_t &align = program.tensors[result.tensor].align;
      align = std::max(align, parameter.align);
      return result;
    }
    for (size_t i = 0; i < entry.temporaries.size(); ++i)
      if (entry.temporaries[i].name == name)
        result.temporary = static_cast<int>(i);
    if (result.temporary < 0)
      fail(where + ": no tensor or temporary '" + name + "'");
    return result;
  }

  /// What the arena gives every temporary.
  static constexpr int64_t maxAlign = 256;

  EntryProgram program;
  const Plan &plan;
  const PlanEntry &entry;
};

} // namespace

int findParameter(const PlanKernel &kernel, std::string_view name) {
  for (size_t i = 0; i < kernel.parameters.size(); ++i)
    if (kernel.parameters[i].name == name)
      return static_cast<int>(i);
  return -1;
}

Result<Program> buildProgram(const Plan &plan) {
  Program program;
  for (const PlanKernel &kernel : plan.kernels) {
    Result<KernelProgram> built = KernelBuilder(plan, kernel).build();
    if (!built)
      return std::move(built).error().in("kernel '" + kernel.name + "'");
    program.kernels.push_back(*std::move(built));
  }
  for (const PlanEntry &entry : plan.entries) {
    Result<EntryProgram> built = EntryBuilder(plan, entry).build();
    if (!built)
      return std::move(built).error().in("entry '" + entry.name + "'");
    program.entries.push_back(*std::move(built));
  }
  return program;
}

} // namespace headgate::runtime
