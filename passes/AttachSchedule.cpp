// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Asks lib/Schedule how to cut each kernel and writes the answers down: one
// function for each schedule, with the sizes it is for. Schedules that records
// say are good (headgate.tuned) come first, for any size: which call takes one
// of them is decided where it runs.
//
// Covered by test/passes/attach-schedule.mlir.

#include "lib/Schedule.h"
#include "lib/Target.h"
#include "passes/KernelAbi.h"
#include "passes/KernelLaunch.h"
#include "passes/KernelProblem.h"
#include "passes/Passes.h"
#include "passes/TunedSchedules.h"

namespace headgate::passes {
#define GEN_PASS_DEF_ATTACHSCHEDULE
#include "passes/Passes.h.inc"
} // namespace headgate::passes

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

/// What the ranges of lib/Schedule's choices count: tokens of a batch, or rows
/// of a projection.
std::optional<std::string> countText(func::FuncOp func) {
  if (func->getAttrOfType<StringAttr>(kernelName) == "gemm")
    return rowsText(func, std::get<GemmKernel>(matchGemmKernel(func)));
  return tokensText(func, std::get<AttendKernel>(matchAttendKernel(func)));
}

/// The op that makes a function the kernel it is.
Operation *opOf(func::FuncOp func) {
  if (func->getAttrOfType<StringAttr>(kernelName) == "gemm")
    return std::get<GemmKernel>(matchGemmKernel(func)).contract;
  return std::get<AttendKernel>(matchAttendKernel(func)).attend;
}

/// "S >= 2 && S <= 63"; "1" without limits.
std::string conditionOf(const ScheduleChoice &choice,
                        const std::string &count) {
  std::string text;
  if (choice.atLeast > 0)
    text = count + " >= " + std::to_string(choice.atLeast);
  if (choice.atMost >= 0)
    text += (text.empty() ? "" : " && ") + count +
            " <= " + std::to_string(choice.atMost);
  return text.empty() ? "1" : text;
}

/// The choices for `count`, only the one that fits where it is a number.
std::vector<ScheduleChoice> fitting(std::vector<ScheduleChoice> choices,
                                    StringRef count) {
  int64_t number;
  if (count.getAsInteger(10, number))
    return choices;
  std::erase_if(choices, [&](const ScheduleChoice &choice) {
    return number < choice.atLeast ||
           (choice.atMost >= 0 && number > choice.atMost);
  });
  for (ScheduleChoice &choice : choices)
    choice = {choice.schedule, 0, -1};
  return choices;
}

constexpr StringLiteral tunedName = "headgate.tuned";

struct AttachSchedule
    : headgate::passes::impl::AttachScheduleBase<AttachSchedule> {
  using AttachScheduleBase::AttachScheduleBase;

  void runOnOperation() override {
    Result<Target> machine = findTarget(target.getValue());
    if (!machine) {
      getOperation().emitError() << machine.error().message();
      return signalPassFailure();
    }
    SmallVector<func::FuncOp> kernels;
    for (auto func : getOperation().getOps<func::FuncOp>()) {
      auto kind = func->getAttrOfType<StringAttr>(kernelName);
      if (kind && (kind == "attend" || kind == "gemm") && !func.isExternal())
        kernels.push_back(func);
    }
    for (func::FuncOp func : kernels)
      if (failed(abiOf(func)) || failed(visit(func, *machine)))
        return signalPassFailure();
  }

private:
  LogicalResult visit(func::FuncOp func, const Target &machine) {
    auto problem = problemOf(func);
    if (auto *refusal = std::get_if<Refusal>(&problem)) {
      report(*refusal, func, "attach-schedule");
      return success();
    }
    Status taken = checkProblem(std::get<Problem>(problem), machine);
    if (!taken)
      return opOf(func)->emitOpError() << "has no kernel for " << machine.name
                                       << ": " << taken.error().message();
    if (scheduleOf(func))
      return check(func, std::get<Problem>(problem), machine);
    attach(func, std::get<Problem>(problem), machine);
    return success();
  }

  /// A schedule that somebody gave must be legal.
  LogicalResult check(func::FuncOp func, const Problem &problem,
                      const Target &machine) {
    Status status =
        checkSchedule(problem, machine, scheduleOf(func).toSchedule());
    if (status)
      return success();
    return func.emitError()
           << "the schedule of '" << func.getName() << "' is not legal for "
           << machine.name << ": " << status.error().message();
  }

  void attach(func::FuncOp func, const Problem &problem,
              const Target &machine) {
    auto variants = defaultVariants(func, problem, machine);
    if (!variants)
      return report({func, "its grid depends on data"}, func,
                    "attach-schedule");
    std::vector<ScheduledVariant> tuned;
    for (const Schedule &schedule : tunedSchedules(func, target.getValue()))
      tuned.push_back({schedule});
    variants->insert(variants->begin(), tuned.begin(), tuned.end());
    func->removeAttr(tunedName);
    std::string name = func.getName().str();
    SymbolTable symbols(getOperation());
    Operation *last = func;
    for (auto [i, made] : llvm::enumerate(*variants)) {
      func::FuncOp variant = func;
      if (i > 0) {
        variant = func.clone();
        variant.setName(name + "_v" + std::to_string(i));
        symbols.insert(variant, std::next(Block::iterator(last)));
        last = variant;
      }
      variant->setAttr(
          tile::scheduleAttrName,
          tile::ScheduleAttr::of(func.getContext(), made.schedule));
      Launch launch;
      launch.kernel = name;
      launch.variant = i;
      launch.when = made.when;
      setLaunch(variant, launch);
    }
  }
};

} // namespace

std::optional<std::vector<ScheduledVariant>>
headgate::passes::defaultVariants(func::FuncOp function, const Problem &problem,
                                  const Target &machine) {
  std::optional<std::string> count = countText(function);
  if (!count)
    return std::nullopt;
  std::vector<ScheduledVariant> variants;
  for (const ScheduleChoice &choice :
       fitting(defaultSchedules(problem, machine), *count))
    variants.push_back({choice.schedule, conditionOf(choice, *count)});
  return variants;
}

std::vector<Schedule> headgate::passes::tunedSchedules(func::FuncOp function,
                                                       StringRef target) {
  std::vector<Schedule> schedules;
  if (auto tuned = function->getAttrOfType<DictionaryAttr>(tunedName))
    if (auto list = tuned.getAs<ArrayAttr>(target))
      for (auto schedule : list.getAsRange<tile::ScheduleAttr>())
        schedules.push_back(schedule.toSchedule());
  return schedules;
}

void headgate::passes::setTunedSchedules(func::FuncOp function,
                                         StringRef target,
                                         ArrayRef<Schedule> schedules) {
  MLIRContext *context = function.getContext();
  SmallVector<Attribute> list;
  for (const Schedule &schedule : schedules)
    list.push_back(tile::ScheduleAttr::of(context, schedule));
  NamedAttrList tuned;
  if (auto known = function->getAttrOfType<DictionaryAttr>(tunedName))
    tuned = NamedAttrList(known);
  tuned.set(target, ArrayAttr::get(context, list));
  function->setAttr(tunedName, tuned.getDictionary(context));
}
