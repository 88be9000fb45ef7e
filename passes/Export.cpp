// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Entries are recorded from what the user wrote, formed into kernels, and read
// back as steps. Kernels are then lowered once for each target, in contexts of
// their own and at the same time; each gives an image, and each kernel a
// variant (or several) in it.

#include "passes/Export.h"

#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Pass/PassManager.h"
#include "passes/EntryRecord.h"
#include "passes/ExportPlan.h"
#include "passes/ExportProblems.h"
#include "passes/HostObject.h"
#include "passes/InputDraws.h"
#include "passes/Passes.h"
#include "passes/Pipelines.h"
#include "passes/ShowRemarks.h"
#include "passes/TargetLevel.h"
#include "passes/TuneKernels.h"
#include "passes/TunedSchedules.h"

#include <set>
#include <thread>

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

using BuildPipeline = llvm::function_ref<void(OpPassManager &)>;

class Exporter {
public:
  Exporter(ModuleOp module, const ExportOptions &options)
      : module(module), options(options) {}

  Result<Exported> run() {
    if (options.explain && !showRemarks(*module.getContext()))
      return Error(ErrorCode::failed, "remarks cannot be enabled");
    if (Status done = lower(buildInlinePipeline); !done)
      return std::move(done).error();
    if (options.level == Level::linalg) {
      if (Status done = lower(buildDecomposePipeline); !done)
        return std::move(done).error();
      return withText();
    }
    if (options.lowering == Lowering::kernels)
      if (Status done = simplify(); !done)
        return std::move(done).error();
    if (options.level == Level::routed)
      return withText();
    if (Status done = formKernels(); !done)
      return std::move(done).error();
    if (options.level == Level::kernels)
      return withText();
    if (options.level == Level::problems)
      return withProblems();
    if (Status done = lowerKernels(); !done)
      return std::move(done).error();
    return std::move(exported);
  }

private:
  /// Runs one pipeline. Its diagnostics say what is wrong and where.
  Status lower(BuildPipeline build) {
    PassManager pm(module.getContext());
    build(pm);
    return check(pm.run(module));
  }

  static Status check(LogicalResult result) {
    if (succeeded(result))
      return Success{};
    return Error(ErrorCode::badInput, "the module cannot be compiled");
  }

  Result<Exported> withText() {
    llvm::raw_string_ostream(exported.text) << module << "\n";
    return std::move(exported);
  }

  /// The target whose form of layers and kernels all have: a GPU, which has no
  /// kernels for some that a host has; else the first.
  const CodeTarget &leadingTarget() const {
    for (const CodeTarget &target : options.targets)
      if (isGpu(target))
        return target;
    return options.targets.front();
  }

  Status simplify() {
    return lower([&](OpPassManager &pm) {
      buildSimplifyPipeline(pm, nameOf(leadingTarget()),
                            options.allowReassociation);
    });
  }

  Status formKernels() {
    FailureOr<std::vector<PlanEntry>> entries = recordEntries(module);
    if (Status done = check(entries); !done)
      return done;
    if (options.level == Level::problems)
      for (const PlanEntry &entry : *entries)
        draws.push_back(
            inputDraws(module.lookupSymbol<func::FuncOp>(entry.name), entry));
    bool whole = options.lowering == Lowering::decompose;
    Status done = lower([&](OpPassManager &pm) {
      buildFormKernelsPipeline(pm, whole, isGpu(leadingTarget()));
    });
    if (!done)
      return done;
    for (PlanEntry &entry : *entries) {
      auto function = module.lookupSymbol<func::FuncOp>(entry.name);
      if (Status done = check(exportSteps(function, entry)); !done)
        return done;
      exported.plan.entries.push_back(std::move(entry));
    }
    for (auto function : module.getOps<func::FuncOp>()) {
      if (!function->hasAttr(kernelName))
        continue;
      FailureOr<PlanKernel> kernel = exportKernel(function);
      if (Status done = check(kernel); !done)
        return done;
      exported.plan.kernels.push_back(std::move(*kernel));
    }
    // Behind the export: a kernel is the same one with any schedule.
    if (Status done = forceSchedules(); !done)
      return done;
    return tuneKernels();
  }

  Result<Exported> withProblems() {
    ProblemList &list = exported.problems;
    for (const CodeTarget &target : options.targets)
      list.targets.push_back(nameOf(target));
    for (const auto &[entry, draw] : llvm::zip(exported.plan.entries, draws))
      list.entries.push_back({{.name = entry.name,
                               .dims = entry.dims,
                               .inputs = entry.inputs,
                               .steps = entry.steps},
                              draw});
    for (const PlanKernel &kernel : exported.plan.kernels)
      list.kernels.push_back(
          listKernel(module.lookupSymbol<func::FuncOp>(kernel.name), kernel));
    return std::move(exported);
  }

  Status tuneKernels() {
    if (options.tuning.records.empty())
      return Success{};
    module.getContext()->loadDialect<tile::TileDialect>();
    auto found = passes::tuneKernels(module, exported.plan, options,
                                     exported.tuningNotes);
    if (!found)
      return std::move(found).error();
    tuned = *std::move(found);
    return Success{};
  }

  Status forceSchedules() {
    module.getContext()->loadDialect<tile::TileDialect>();
    for (const ForcedSchedule &forced : options.schedules) {
      StringRef name = forced.kernel;
      bool isPrefix = name.consume_back("*"), isUsed = false;
      for (auto function : module.getOps<func::FuncOp>()) {
        if (!function->hasAttr(kernelName) ||
            !(isPrefix ? function.getName().starts_with(name)
                       : function.getName() == name))
          continue;
        isUsed = true;
        function->setAttr(
            tile::scheduleAttrName,
            tile::ScheduleAttr::of(module.getContext(), forced.schedule));
      }
      if (!isUsed)
        return Error(ErrorCode::badInput,
                     "no kernel is called '" + forced.kernel +
                         "', for which there is a schedule");
    }
    return Success{};
  }

  /// The module, to be read into another context.
  Result<std::string> moduleBytecode() {
    std::string bytecode;
    llvm::raw_string_ostream stream(bytecode);
    if (failed(writeBytecodeToFile(module, stream)))
      return Error(ErrorCode::failed, "the module cannot be written down");
    return bytecode;
  }

  Status lowerKernels() {
    Result<std::string> bytecode = moduleBytecode();
    if (!bytecode)
      return std::move(bytecode).error();
    bool isText = options.level < Level::object;
    size_t count = isText ? 1 : options.targets.size();
    initializeHostCodegen();
    initializeGpuCodegen();
    std::vector<Result<TargetLevel>> levels(
        count, Result<TargetLevel>(Error(ErrorCode::failed, "not lowered")));
    std::vector<std::vector<ForeignDiagnostic>> diagnostics(count);
    std::vector<size_t> sources = sourcesOfCode(count);
    std::vector<std::thread> threads;
    const DialectRegistry &registry = module.getContext()->getDialectRegistry();
    for (size_t i = 0; i < count; ++i)
      if (sources[i] == i)
        threads.emplace_back([&, i] {
          levels[i] = lowerForTarget(*bytecode, registry, options.targets[i],
                                     options, diagnostics[i]);
        });
    for (std::thread &thread : threads)
      thread.join();
    std::set<ForeignDiagnostic> said; // what targets have in common, once
    for (size_t i = 0; i < count; ++i) {
      for (const ForeignDiagnostic &diagnostic : diagnostics[i])
        if (diagnostic.severity != DiagnosticSeverity::Remark ||
            said.insert(diagnostic).second)
          emit(diagnostic);
      Result<TargetLevel> &level = levels[sources[i]];
      if (!level)
        return std::move(level).error();
      if (isText)
        exported.text = std::move(level->text);
      else
        std::visit([&](const auto &target) { addLevel(target, *level); },
                   options.targets[i]);
    }
    orderHostDefaults();
    exported.tuned = tuningOf(exported.plan, std::move(tuned));
    return Success{};
  }

  /// For each of the first `count` targets, the first whose code is the same.
  std::vector<size_t> sourcesOfCode(size_t count) {
    bool hasBf16 = usesBf16();
    std::vector<size_t> sources(count);
    for (size_t i = 0; i < count; ++i)
      while (sources[i] < i &&
             (hasBf16 ||
              !haveOneCode(options.targets[sources[i]], options.targets[i]) ||
              !haveOneTuning(options.targets[sources[i]], options.targets[i])))
        ++sources[i];
    return sources;
  }

  /// Of modules without bf16.
  static bool haveOneCode(const CodeTarget &a, const CodeTarget &b) {
    return !isGpu(a) && !isGpu(b) &&
           differOnlyInBf16(std::get<HostTarget>(a), std::get<HostTarget>(b));
  }

  bool haveOneTuning(const CodeTarget &a, const CodeTarget &b) {
    return llvm::all_of(module.getOps<func::FuncOp>(), [&](auto function) {
      return tunedSchedules(function, nameOf(a)) ==
             tunedSchedules(function, nameOf(b));
    });
  }

  bool usesBf16() {
    auto isBf16 = [](Type type) { return getElementTypeOrSelf(type).isBF16(); };
    return module
        .walk([&](Operation *op) {
          bool found = llvm::any_of(op->getResultTypes(), isBf16);
          for (Region &region : op->getRegions())
            for (Block &block : region)
              found |= llvm::any_of(block.getArgumentTypes(), isBf16);
          return found ? WalkResult::interrupt() : WalkResult::advance();
        })
        .wasInterrupted();
  }

  void emit(const ForeignDiagnostic &diagnostic) {
    MLIRContext *context = module.getContext();
    Location location = UnknownLoc::get(context);
    if (!diagnostic.file.empty())
      location = FileLineColLoc::get(context, diagnostic.file, diagnostic.line,
                                     diagnostic.column);
    context->getDiagEngine().emit(location, diagnostic.severity)
        << diagnostic.message;
  }

  PlanKernel &kernelOf(const std::string &name) {
    for (PlanKernel &kernel : exported.plan.kernels)
      if (kernel.name == name)
        return kernel;
    llvm_unreachable("a variant is of a kernel");
  }

  PlanVariant &addVariant(PlanKernel &kernel, const PlanVariant &variant,
                          const std::string &target) {
    PlanVariant &added = kernel.variants.emplace_back(variant);
    added.id = kernel.name + "." + std::to_string(kernel.variants.size() - 1);
    // The schedules of records are the first variants, and run where tuned.json
    // says so.
    auto made = llvm::count_if(kernel.variants, [&](const PlanVariant &known) {
      return !known.image.empty() && imageOf(known).target == target;
    });
    for (const TunedKernel &of : tuned)
      if (of.kernel == kernel.name && nameOf(of.target) == target &&
          size_t(made) < of.schedules.size())
        tunedIds.insert(added.id);
    return added;
  }

  void addLevel(const HostTarget &target, const TargetLevel &level) {
    exported.plan.images.push_back(
        {target.image, target.name, target.needs, {}});
    exported.images.push_back({target, level.objects});
    for (const auto &[name, variant] : level.variants)
      addVariant(kernelOf(name), variant, target.name).image = target.image;
  }

  /// Each launch has an image of its own. Its kernels have what lowering could
  /// count on: addresses that the widest copy takes.
  void addLevel(const GpuTarget &target, const TargetLevel &level) {
    constexpr int64_t copyBytes = 16;
    for (const PtxKernel &made : level.kernels) {
      std::string image = target.name + "-" + made.symbol;
      exported.plan.images.push_back({image, target.name, {}, {}});
      exported.ptx.push_back({target, image, made.ptx});
    }
    for (const auto &[name, variant] : level.variants) {
      PlanKernel &kernel = kernelOf(name);
      for (PlanParameter &parameter : kernel.parameters)
        if (parameter.type == ParameterType::ptr)
          parameter.align = std::max(parameter.align, copyBytes);
      PlanVariant &added = addVariant(kernel, variant, target.name);
      for (PlanLaunch &launch : added.launches)
        launch.image = target.name + "-" + launch.symbol;
      std::swap(added.image, added.launches.front().image);
      if (!tunedIds.contains(added.id))
        kernel.defaults[target.name].push_back(added.id);
    }
  }

  /// Best first: code that needs more of a CPU does more with it.
  void orderHostDefaults() {
    for (PlanKernel &kernel : exported.plan.kernels)
      for (size_t words = maxNeeds() + 1; words-- > 0;)
        for (const PlanVariant &variant : kernel.variants)
          if (imageOf(variant).target.starts_with("host") &&
              imageOf(variant).needs.size() == words &&
              !tunedIds.contains(variant.id))
            kernel.defaults["host"].push_back(variant.id);
  }

  const PlanImage &imageOf(const PlanVariant &variant) const {
    for (const PlanImage &known : exported.plan.images)
      if (known.id == variant.image)
        return known;
    llvm_unreachable("a variant has an image");
  }

  size_t maxNeeds() const {
    size_t most = 0;
    for (const PlanImage &image : exported.plan.images)
      most = std::max(most, image.needs.size());
    return most;
  }

  ModuleOp module;
  const ExportOptions &options;
  Exported exported;
  std::vector<InputDraws> draws; ///< of the entries, for the tuner
  std::vector<TunedKernel> tuned;
  std::set<std::string> tunedIds; ///< variants that are no defaults
};

} // namespace

Result<Exported> headgate::passes::exportModule(ModuleOp module,
                                                const ExportOptions &options) {
  return Exporter(module, options).run();
}
