// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/tune/TuneCase.h"

#include "lib/Cost.h"
#include "lib/Expr.h"
#include "lib/RecordText.h"
#include "lib/Sha256.h"
#include "lib/Spelling.h"
#include "lib/Target.h"
#include "runtime/HostMachine.h"
#include "runtime/ReadFile.h"
#include "tools/DrawInputs.h"

#include <algorithm>

namespace headgate {

namespace {

/// Sizes of the two checks, by the names of dims: tails everywhere, several
/// tiles of keys and a part of one, more keys than queries.
struct CheckSizes {
  int64_t B, S, T, P, others;
};
constexpr CheckSizes checkSizes[] = {{2, 37, 613, 576, 64}, {1, 3, 67, 64, 32}};

int64_t sizeOf(const CheckSizes &sizes, const std::string &dim, int64_t tuned) {
  if (dim == "B")
    return sizes.B;
  if (dim == "S")
    return sizes.S;
  if (dim == "T")
    return sizes.T;
  if (dim == "P")
    return sizes.P;
  return std::min(tuned, sizes.others);
}

std::vector<NamedDims> checksOf(const PlanEntry &entry,
                                const std::vector<int64_t> &dims) {
  std::vector<NamedDims> checks;
  for (const CheckSizes &sizes : checkSizes) {
    NamedDims &check = checks.emplace_back();
    for (size_t i = 0; i < dims.size(); ++i) {
      const auto &[name, range] = entry.dims[i];
      check.push_back(
          {name, std::clamp(sizeOf(sizes, name, dims[i]), range[0], range[1])});
    }
  }
  return checks;
}

/// What the simulator may have to multiply and add for a candidate: a second or
/// so.
constexpr double simulatedFlops = double(1 << 28);

/// Half of the batches, or where there is one, half of all other sizes; the
/// same if that is as small as it gets. The keys of a call that appends to a
/// cache remain the old and the new ones.
std::vector<int64_t> halved(const PlanEntry &entry, std::vector<int64_t> dims) {
  auto find = [&](const char *name) -> int64_t * {
    for (size_t i = 0; i < dims.size(); ++i)
      if (entry.dims[i].first == name)
        return &dims[i];
    return nullptr;
  };
  int64_t *S = find("S"), *T = find("T"), *P = find("P");
  bool appends = S && T && P && *T == *P + *S;
  std::vector<int64_t> given = dims;
  auto halve = [&](size_t i) {
    dims[i] = std::max(entry.dims[i].second[0], (dims[i] + 1) / 2);
  };
  for (size_t i = 0; i < dims.size(); ++i)
    if (entry.dims[i].first == "B")
      halve(i);
  if (dims == given)
    for (size_t i = 0; i < dims.size(); ++i)
      halve(i);
  if (appends)
    *T = *P + *S;
  return dims;
}

bool hasDim(const PlanEntry &entry, const char *name) {
  return std::ranges::any_of(
      entry.dims, [&](const auto &dim) { return dim.first == name; });
}

/// Whether a range has other values where S is another: an attention of the
/// last rows alone is then not that of all.
bool dependsOnS(const PlanEntry &entry, const std::string &draw) {
  Result<InputDraw> parsed = parseInputDraw(draw);
  if (!parsed || parsed->experts)
    return false;
  std::vector<std::string> others;
  for (const auto &[name, range] : entry.dims)
    if (name != "S")
      others.push_back(name);
  return !Expr::parse(parsed->first, others) ||
         !Expr::parse(parsed->other, others);
}

/// What records say of the routing: "" where it changes nothing.
Result<std::string> routingIdentity(bool isGiven, const Problem &problem,
                                    const TuneOptions &options) {
  const auto *attend = std::get_if<AttendProblem>(&problem);
  if (!attend || !attend->gathered)
    return std::string();
  std::string seed = ":" + std::to_string(options.search.seed);
  if (!isGiven)
    return "computed" + seed;
  if (options.routing.front() != '@')
    return options.routing + seed;
  Result<std::string> trace =
      runtime::readFile(options.routing.substr(1), size_t(1) << 30);
  if (!trace)
    return std::move(trace).error();
  return "sha256:" + sha256Hex(*trace);
}

/// One kernel for one target at one size.
class CaseBuilder {
public:
  CaseBuilder(const ProblemList &list, const TuneOptions &options,
              const MeasuringDevice &device, const std::string &ptxas)
      : list(list), options(options), device(device), ptxas(ptxas) {}

  Result<TuneCase> build(const ListedKernel &kernel, const Target &target,
                         const NamedDims &given) {
    auto entry = std::ranges::find_if(list.entries, [&](const PlanEntry &e) {
      return std::ranges::any_of(e.steps, [&](const PlanStep &step) {
        return step.kernel == kernel.name;
      });
    });
    if (entry == list.entries.end())
      return Error(ErrorCode::notFound, "no entry runs it");
    Result<InputDraws> draws = drawsOf(*entry);
    if (!draws)
      return std::move(draws).error();
    Result<std::vector<int64_t>> dims = dimsOf(*entry, given);
    if (!dims)
      return std::move(dims).error();
    Result<ProblemSizes> sizes = sizesOf(*entry, kernel, *dims);
    if (!sizes)
      return std::move(sizes).error();
    TuneCase made{.entry = entry->name, .target = target, .sizes = *sizes};
    for (size_t i = 0; i < dims->size(); ++i)
      made.dims.push_back({entry->dims[i].first, (*dims)[i]});
    made.space =
        scheduleSpace(*kernel.problem, target, *sizes, unitsOf(target));
    made.checks = checksOf(*entry, *dims);
    Result<NamedDims> counted = countedSizes(*entry, kernel, *dims);
    if (!counted)
      return std::move(counted).error();
    made.countDims = std::move(*counted);
    made.draws = *std::move(draws);
    made.hasTail = hasDim(*entry, "S") && hasDim(*entry, "T") &&
                   std::ranges::none_of(made.draws, [&](const auto &draw) {
                     return dependsOnS(*entry, draw.second);
                   });
    if (std::ranges::any_of(entry->inputs, [&](const PlanTensor &input) {
          return isRouted(input, made.draws);
        }))
      made.routing = options.routing;
    if (Status identified = identify(made, kernel); !identified)
      return std::move(identified).error();
    return made;
  }

private:
  /// What the model counts with where nothing is measured: an A100 has 108.
  int64_t unitsOf(const Target &target) const {
    if (device.units)
      return device.units;
    return target.isGpu() ? 108 : runtime::usableCpus();
  }

  static Result<NamedDims> countedSizes(const PlanEntry &entry,
                                        const ListedKernel &kernel,
                                        std::vector<int64_t> dims) {
    for (;;) {
      Result<ProblemSizes> sizes = sizesOf(entry, kernel, dims);
      if (!sizes)
        return std::move(sizes).error();
      std::vector<int64_t> smaller = halved(entry, dims);
      if (leastWork(*kernel.problem, *sizes).flops <= simulatedFlops ||
          smaller == dims)
        break;
      dims = std::move(smaller);
    }
    NamedDims named;
    for (size_t i = 0; i < dims.size(); ++i)
      named.push_back({entry.dims[i].first, dims[i]});
    return named;
  }

  /// What is known of the inputs of integers, and what --draw says of them.
  Result<InputDraws> drawsOf(const ListedEntry &entry) const {
    InputDraws draws = entry.draws;
    for (const auto &[name, draw] : options.draws)
      if (std::ranges::find(entry.inputs, name, &PlanTensor::name) !=
          entry.inputs.end())
        draws[name] = draw;
    if (Status known = checkDraws(entry, draws); !known)
      return std::move(known).error();
    for (const PlanTensor &input : entry.inputs)
      if (!isFloat(input.dtype) && input.dtype != DType::i1 &&
          !draws.contains(input.name))
        return Error(ErrorCode::badInput,
                     "entry '" + entry.name + "' takes integers in '" +
                         input.name +
                         "', and what they mean is not known: say how to draw "
                         "them with --draw=" +
                         input.name + "=experts:M or FIRST..OTHER");
    return draws;
  }

  Status identify(TuneCase &made, const ListedKernel &kernel) {
    TuningKey &key = made.key;
    key.ir = kernel.ir;
    key.kernel = kernel.name;
    key.problem = *kernel.problem;
    for (const auto &[name, value] : made.dims)
      key.dims[name] = value;
    Result<std::string> routing =
        routingIdentity(!made.routing.empty(), *kernel.problem, options);
    if (!routing)
      return std::move(routing).error();
    key.routing = *routing;
    key.target = made.target.name;
    key.device = device.name;
    key.units = device.units;
    key.tools = list.producer;
    if (made.target.isGpu() && !ptxas.empty())
      key.tools["ptxas"] = ptxas;
    std::string flags = options.cold ? "--l2=cold" : "";
    for (const std::string &flag : options.compileFlags)
      flags += (flags.empty() ? "" : " ") + flag;
    for (const auto &[name, draw] : options.draws)
      flags += (flags.empty() ? "--draw=" : " --draw=") + name + "=" + draw;
    // How long the sequences of a ragged batch are; 1 is what it is without.
    const auto *attend = std::get_if<AttendProblem>(&*kernel.problem);
    if (attend && attend->bounds && options.search.seed != 1)
      flags += (flags.empty() ? "--seed=" : " --seed=") +
               std::to_string(options.search.seed);
    if (!flags.empty())
      key.tools["flags"] = flags;
    key.policy = TimingPolicy::version;
    for (const Schedule &schedule : made.space.schedules)
      made.ids.push_back(recordId(made.keyOf(schedule)));
    return Success{};
  }

  const ProblemList &list;
  const TuneOptions &options;
  const MeasuringDevice &device;
  const std::string &ptxas;
};

Status checkKernelNames(const ProblemList &list, const TuneOptions &options) {
  std::vector<std::string> names;
  for (const ListedKernel &kernel : list.kernels)
    names.push_back(kernel.name);
  for (const std::string &wanted : options.kernels) {
    auto found = std::ranges::find(list.kernels, wanted, &ListedKernel::name);
    if (found == list.kernels.end())
      return Error(ErrorCode::badInput, "no kernel is called '" + wanted +
                                            "'; there are " + listNames(names) +
                                            didYouMean(wanted, names));
    if (!found->problem)
      return Error(ErrorCode::badInput,
                   "kernel '" + wanted + "' has no schedules: " + found->why);
  }
  return Success{};
}

/// --draw names inputs.
Status checkInputNames(const ProblemList &list, const TuneOptions &options) {
  std::vector<std::string> names;
  for (const ListedEntry &entry : list.entries)
    for (const PlanTensor &input : entry.inputs)
      names.push_back(input.name);
  for (const auto &[name, draw] : options.draws)
    if (std::ranges::find(names, name) == names.end())
      return Error(ErrorCode::badInput, "--draw: no input is called '" + name +
                                            "'" + didYouMean(name, names));
  return Success{};
}

bool isWanted(const ListedKernel &kernel, const TuneOptions &options) {
  return kernel.problem && (options.kernels.empty() ||
                            std::ranges::find(options.kernels, kernel.name) !=
                                options.kernels.end());
}

} // namespace

TuningKey TuneCase::keyOf(const Schedule &schedule) const {
  TuningKey full = key;
  full.schedule = schedule;
  return full;
}

std::string TuneCase::title() const {
  return key.kernel + " for " + target.name + " at " + formatDims(dims);
}

Result<std::vector<TuneCase>> makeCases(const ProblemList &list,
                                        const TuneOptions &options,
                                        const MeasuringDevice &device,
                                        const std::string &ptxas) {
  if (Status known = checkKernelNames(list, options); !known)
    return std::move(known).error();
  if (Status known = checkInputNames(list, options); !known)
    return std::move(known).error();
  std::vector<TuneCase> cases;
  CaseBuilder builder(list, options, device, ptxas);
  for (const ListedKernel &kernel : list.kernels)
    for (const std::string &name : list.targets) {
      if (!isWanted(kernel, options))
        continue;
      Result<Target> target = findTarget(name);
      if (!target)
        return std::move(target).error();
      if (Status taken = checkProblem(*kernel.problem, *target); !taken)
        return std::move(taken).error().in("kernel '" + kernel.name + "'");
      for (const NamedDims &dims : options.sizes) {
        Result<TuneCase> made = builder.build(kernel, *target, dims);
        if (!made)
          return std::move(made).error().in("kernel '" + kernel.name + "'");
        cases.push_back(std::move(*made));
      }
    }
  if (cases.empty())
    return Error(ErrorCode::badInput, "no kernel of it has schedules");
  return cases;
}

} // namespace headgate
