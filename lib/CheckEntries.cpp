// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rules of a plan's entries; checkPlan calls them.

#include "lib/CheckPlan.h"
#include "lib/PlanRules.h"

#include <charconv>

namespace headgate {

namespace {

bool isNumberText(std::string_view text) {
  float value;
  auto [rest, failure] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  return failure == std::errc() && rest == text.data() + text.size();
}

class EntryChecker : PlanRules {
public:
  using PlanRules::PlanRules;

  std::optional<Error> run() {
    entries();
    return error;
  }

private:
  void entries() {
    std::set<std::string> known;
    for (size_t i = 0; i < plan.entries.size(); ++i) {
      std::string path = at("", "entries", i);
      define(known, plan.entries[i].name, at(path, "name"), "entry");
      entry(plan.entries[i], path);
    }
  }

  void entry(const PlanEntry &entry, const std::string &path) {
    dims(entry, at(path, "dims"));
    const Names scope = scopeNames(entry);
    std::set<std::string> names; // of what a pointer may be
    for (size_t i = 0; i < entry.inputs.size(); ++i)
      tensor(entry, entry.inputs[i], false, scope, names,
             at(path, "inputs", i));
    for (size_t i = 0; i < entry.outputs.size(); ++i)
      tensor(entry, entry.outputs[i], true, scope, names,
             at(path, "outputs", i));
    aliases(entry, path);
    for (size_t i = 0; i < entry.requirements.size(); ++i) {
      std::string where = at(path, "requires", i);
      expression(entry.requirements[i].that, scope, at(where, "that"));
      need(!entry.requirements[i].otherwise.empty(), at(where, "else"),
           "a requirement says what the user reads");
    }
    for (size_t i = 0; i < entry.temporaries.size(); ++i)
      temporary(entry, entry.temporaries[i], scope, names,
                at(path, "temporaries", i));
    for (size_t i = 0; i < entry.steps.size(); ++i)
      step(entry, i, scope, at(path, "steps", i));
  }

  void dims(const PlanEntry &entry, const std::string &path) {
    std::set<std::string> known;
    for (const auto &[name, limits] : entry.dims) {
      std::string where = at(path, name);
      define(known, name, where, "dim");
      need(isExprName(name), where,
           "'" + name + "' cannot be the name of a dim");
      range(limits[0], 0, maxExtent, jsonPath(where, 0));
      range(limits[1], limits[0], maxExtent, jsonPath(where, 1));
      bool bound = false;
      for (const PlanTensor &input : entry.inputs)
        bound |= std::ranges::find(input.shape, PlanExtent(name)) !=
                 input.shape.end();
      need(bound, where, "it is the extent of no input");
    }
  }

  void tensor(const PlanEntry &entry, const PlanTensor &tensor, bool output,
              const Names &scope, std::set<std::string> &names,
              const std::string &path) {
    define(names, tensor.name, at(path, "name"), "tensor");
    need(tensor.shape.size() <= maxRank, at(path, "shape"),
         "rank " + std::to_string(tensor.shape.size()) + " is above " +
             std::to_string(maxRank));
    // A stride says nothing about extents.
    const Names dims(scope.begin(),
                     scope.begin() + static_cast<ptrdiff_t>(entry.dims.size()));
    for (size_t i = 0; i < tensor.shape.size(); ++i)
      extent(tensor.shape[i], 0, dims, at(path, "shape", i));
    if (tensor.strides) {
      need(tensor.strides->size() == tensor.shape.size(), at(path, "strides"),
           "expected " + std::to_string(tensor.shape.size()) +
               " strides, found " + std::to_string(tensor.strides->size()));
      for (size_t i = 0; i < tensor.strides->size(); ++i)
        extent((*tensor.strides)[i], -maxExtent, scope, at(path, "strides", i));
    }
    need(output || tensor.alias.empty(), at(path, "alias"),
         "only an output has one");
  }

  /// An output in the place of an input is all of it.
  void aliases(const PlanEntry &entry, const std::string &base) {
    std::set<std::string> known;
    for (size_t i = 0; i < entry.outputs.size(); ++i) {
      const PlanTensor &output = entry.outputs[i];
      std::string path = at(at(base, "outputs", i), "alias");
      if (output.alias.empty())
        continue;
      reference(namesOf(entry.inputs, &PlanTensor::name), output.alias, path,
                "input");
      listOnce(known, output.alias, path);
      for (const PlanTensor &input : entry.inputs)
        need(input.name != output.alias ||
                 (input.dtype == output.dtype && input.shape == output.shape),
             path,
             "'" + input.name + "' and '" + output.name +
                 "' have different types or shapes");
    }
  }

  void extent(const PlanExtent &extent, int64_t low, const Names &scope,
              const std::string &path) {
    if (const auto *number = std::get_if<int64_t>(&extent))
      range(*number, low, maxExtent, path);
    else
      expression(std::get<SizeText>(extent), scope, path);
  }

  void temporary(const PlanEntry &entry, const PlanTemporary &temporary,
                 const Names &scope, std::set<std::string> &names,
                 const std::string &path) {
    define(names, temporary.name, at(path, "name"), "tensor");
    expression(temporary.bytes, scope, at(path, "bytes"));
    int64_t last = static_cast<int64_t>(entry.steps.size()) - 1;
    need(last >= 0, at(path, "live"), "the entry has no steps");
    range(temporary.live[0], 0, last, at(path, "live", 0));
    range(temporary.live[1], temporary.live[0], last, at(path, "live", 1));
  }

  void step(const PlanEntry &entry, size_t index, const Names &scope,
            const std::string &path) {
    const PlanStep &step = entry.steps[index];
    reference(namesOf(plan.kernels, &PlanKernel::name), step.kernel,
              at(path, "kernel"), "kernel");
    auto kernel =
        std::ranges::find(plan.kernels, step.kernel, &PlanKernel::name);
    if (kernel == plan.kernels.end())
      return;
    std::string with = at(path, "with");
    std::set<std::string> given;
    for (const auto &[name, text] : step.with) {
      define(given, name, at(with, name), "operand");
      reference(namesOf(kernel->parameters, &PlanParameter::name), name,
                at(with, name), "parameter");
      for (const PlanParameter &parameter : kernel->parameters)
        if (parameter.name == name)
          operand(entry, index, parameter.type, text, scope, at(with, name));
    }
    for (const PlanParameter &parameter : kernel->parameters)
      need(given.contains(parameter.name), with,
           "parameter '" + parameter.name + "' of kernel '" + kernel->name +
               "' is missing");
  }

  void operand(const PlanEntry &entry, size_t step, ParameterType type,
               const std::string &text, const Names &scope,
               const std::string &path) {
    if (type == ParameterType::f32)
      return need(isNumberText(text), path, "'" + text + "' is not a number");
    if (type != ParameterType::ptr)
      return expression(text, scope, path);
    Names names = namesOf(entry.inputs, &PlanTensor::name);
    for (const PlanTensor &output : entry.outputs)
      names.push_back(output.name);
    for (const PlanTemporary &temporary : entry.temporaries) {
      names.push_back(temporary.name);
      int64_t index = static_cast<int64_t>(step);
      need(temporary.name != text ||
               (temporary.live[0] <= index && index <= temporary.live[1]),
           path,
           "temporary '" + text + "' does not live in step " +
               std::to_string(step));
    }
    reference(names, text, path, "tensor or temporary");
  }

  static constexpr int64_t maxExtent = int64_t(1) << 47;
};

} // namespace

std::optional<Error> checkEntries(const Plan &plan) {
  return EntryChecker(plan).run();
}

std::vector<std::string> scopeNames(const PlanEntry &entry) {
  std::vector<std::string> names;
  for (const auto &[name, limits] : entry.dims)
    names.push_back(name);
  for (const auto *tensors : {&entry.inputs, &entry.outputs})
    for (const PlanTensor &tensor : *tensors)
      if (tensor.strides)
        for (const PlanExtent &stride : *tensor.strides)
          if (const auto *text = std::get_if<SizeText>(&stride))
            if (isExprName(*text) &&
                std::ranges::find(names, *text) == names.end())
              names.push_back(*text);
  return names;
}

} // namespace headgate
