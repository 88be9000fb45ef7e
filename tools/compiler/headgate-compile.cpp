// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// headgate-compile INPUT.mlir -o OUT.hgb: a routed-attention module to a
// bundle. Exit codes: 0 done, 1 error, 2 usage, 4 no linker on this machine.
//
// The work runs in a child process: LLVM ends the process on errors it holds to
// be impossible, and a user's module must never look like a crash of ours.

#include "lib/PlanReport.h"
#include "lib/ScheduleText.h"
#include "lib/Sha256.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "passes/Export.h"
#include "tools/compiler/BundleWriter.h"
#include "tools/compiler/FatalErrors.h"
#include "tools/compiler/MakeImages.h"
#include "tools/compiler/ReadTuning.h"
#include "tools/compiler/Registry.h"
#include "tools/ptx/TritonDir.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ToolOutputFile.h"

#include <csignal>
#include <cstring>
#include <malloc.h>
#include <set>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace headgate;
using namespace llvm;

namespace {

constexpr int usageError = 2;

enum class Report { none, text, json };

struct Options {
  cl::OptionCategory category{"headgate-compile options"};
  cl::opt<std::string> input{cl::Positional,
                             cl::desc("INPUT.mlir (- reads "
                                      "standard input)"),
                             cl::Required, cl::cat(category)};
  cl::opt<std::string> output{
      "o",
      cl::desc("the bundle, object or text to write (- writes text to "
               "standard output)"),
      cl::value_desc("OUT"), cl::cat(category)};
  cl::opt<std::string> target{
      "target",
      cl::desc("comma-separated targets: host (on x86-64: x86-64-v3, "
               "x86-64-v4 and x86-64-v4+avx512bf16), host:native, host:LEVEL "
               "(one of these, x86-64-v2 or aarch64), sm_80"),
      cl::init("host"), cl::value_desc("LIST"), cl::cat(category)};
  cl::opt<std::string> emit{
      "emit",
      cl::desc(
          "what to write: bundle, routed (checked and simplified), "
          "linalg (decomposed, on tensors), kernels (entries that call "
          "kernels), problems (what of them headgate-tune can tune, as JSON), "
          "tile (kernels on tiles), vector (these as loops over "
          "vectors; host), buffers (all kernels on buffers; host), nvvm (LLVM "
          "and NVVM dialects; GPU), llvm (LLVM IR), ptx (all kernels in one "
          "file; GPU), obj (one object, one host target), triton-dir (files "
          "for Triton and C, one GPU target; docs/triton.md); tile to ptx are "
          "those of the first target"),
      cl::init("bundle"), cl::value_desc("KIND"), cl::cat(category)};
  cl::opt<passes::Lowering> lowering{
      "lowering", cl::desc("how kernels are made"),
      cl::values(clEnumValN(passes::Lowering::kernels, "kernels",
                            "several kernels an entry (default)"),
                 clEnumValN(passes::Lowering::decompose, "decompose",
                            "one kernel an entry: what the ops mean, slowly")),
      cl::init(passes::Lowering::kernels), cl::cat(category)};
  cl::list<std::string> schedules{
      "schedule",
      cl::desc("the schedule of a kernel, or of all whose names begin with "
               "KERNEL if a * follows, instead of the default ones; an error "
               "if a target cannot have it"),
      cl::value_desc("KERNEL={\"rows\": 12, ...}"), cl::cat(category)};
  cl::list<std::string> tuningRecords{
      "tuning-records",
      cl::desc("records of headgate-tune (a file or a directory) to take more "
               "schedules from, as variants that tuned.json of the bundle "
               "chooses by size; repeat: the first that has any for a kernel's "
               "sizes decides (docs/records.md)"),
      cl::value_desc("PATH"), cl::cat(category)};
  cl::opt<unsigned> maxVariants{
      "max-variants",
      cl::desc("how many schedules of records a kernel may have for a target, "
               "beside the default ones (default: 4)"),
      cl::init(4), cl::value_desc("N"), cl::cat(category)};
  cl::opt<bool> assertHit{
      "assert-hit",
      cl::desc("an error if a kernel that can be tuned has no record of its "
               "very code and these tools"),
      cl::cat(category)};
  cl::opt<bool> allowReassociation{
      "allow-reassociation",
      cl::desc("let kernels add in another order where that makes a layer "
               "cheaper: results differ by rounding"),
      cl::cat(category)};
  cl::opt<bool> explain{
      "explain",
      cl::desc("say on standard error how layers were rewritten, which kernels "
               "were formed, and why"),
      cl::cat(category)};
  cl::opt<Report> report{
      "report",
      cl::desc(
          "say on standard output what the bundle has: kernels and what is "
          "fused in each, schedules, launches, memory"),
      cl::values(clEnumValN(Report::text, "", "for people"),
                 clEnumValN(Report::text, "text", "for people"),
                 clEnumValN(Report::json, "json", "one JSON object")),
      cl::ValueOptional,
      cl::init(Report::none),
      cl::cat(category)};
  cl::list<std::string> sizes{
      "dims",
      cl::desc("sizes at which the report gives grids and bytes; repeat for "
               "several"),
      cl::value_desc("B=1,S=2048,..."), cl::cat(category)};
  cl::opt<std::string> linker{"linker",
                              cl::desc("the linker to make host images with"),
                              cl::value_desc("PATH"), cl::cat(category)};
  cl::opt<std::string> ptxas{
      "ptxas",
      cl::desc("NVIDIA's assembler, for cubins beside PTX (default: "
               "TRITON_PTXAS_PATH, then bin/ptxas below CUDA_HOME, then one on "
               "PATH; without any, or with none, a bundle has PTX alone)"),
      cl::value_desc("PATH"), cl::cat(category)};
  cl::opt<bool> embedSource{"embed-source",
                            cl::desc("keep the input in the bundle"),
                            cl::cat(category)};
};

int fail(const headgate::Error &error) {
  errs() << "error: " << error.message() << "\n";
  return error.code() == ErrorCode::unavailable ? 4 : 1;
}

int usage(const Twine &message) {
  errs() << "error: " << message << "\n";
  return usageError;
}

/// The level and whether the result is text, or nothing for an unknown kind.
std::optional<passes::Level> levelOf(StringRef kind) {
  return StringSwitch<std::optional<passes::Level>>(kind)
      .Case("routed", passes::Level::routed)
      .Case("linalg", passes::Level::linalg)
      .Case("kernels", passes::Level::kernels)
      .Case("problems", passes::Level::problems)
      .Case("tile", passes::Level::tiles)
      .Case("vector", passes::Level::vectors)
      .Case("buffers", passes::Level::buffers)
      .Case("nvvm", passes::Level::nvvm)
      .Case("llvm", passes::Level::llvm)
      .Case("ptx", passes::Level::ptx)
      .Cases({"obj", "bundle", "triton-dir"}, passes::Level::object)
      .Default(std::nullopt);
}

//===-- what is asked for ------------------------------------------------===//

/// The options beside those that are taken as they are.
struct Request {
  passes::ExportOptions exportOptions;
  std::vector<NamedDims> sizes;
};

headgate::Error wrong(const Twine &message) {
  return {ErrorCode::badInput, message.str()};
}

Result<passes::Level> readLevel(StringRef kind) {
  if (std::optional<passes::Level> level = levelOf(kind))
    return *level;
  return wrong("unknown --emit=" + kind +
               "; known are bundle, routed, linalg, kernels, problems, tile, "
               "vector, buffers, nvvm, llvm, ptx, obj and triton-dir");
}

Result<std::vector<CodeTarget>> readTargets(const Options &options) {
  std::vector<CodeTarget> targets;
  std::set<std::string> seen;
  SmallVector<StringRef> names;
  StringRef(options.target).split(names, ',');
  for (StringRef text : names) {
    auto named = parseCodeTargets(text.str());
    if (!named)
      return std::move(named).error();
    for (CodeTarget &target : *named)
      if (seen.insert(nameOf(target)).second)
        targets.push_back(std::move(target));
  }
  if (options.emit == "obj" && options.target.getNumOccurrences() == 0)
    targets.resize(1);
  return targets;
}

/// Levels that only one kind of target has.
Status checkLevel(const Options &options, ArrayRef<CodeTarget> targets) {
  bool isOfHost = is_contained({"vector", "buffers", "obj"}, options.emit);
  bool isOfGpu = is_contained({"nvvm", "ptx", "triton-dir"}, options.emit);
  const CodeTarget &first = targets.front();
  if ((isOfHost && isGpu(first)) || (isOfGpu && !isGpu(first)))
    return wrong("--emit=" + options.emit + " is of " +
                 (isOfHost ? "the host" : "a GPU") + ", not of " +
                 nameOf(first));
  if (options.lowering == passes::Lowering::decompose && any_of(targets, isGpu))
    return wrong("--lowering=decompose is for the host: a GPU has kernels on "
                 "tiles alone");
  return Success{};
}

Status checkOutput(const Options &options, size_t targets) {
  if (options.emit == "bundle" &&
      (options.output.empty() || options.output == "-"))
    return wrong("a bundle is a directory: say where with -o OUT.hgb");
  if (options.emit == "triton-dir" &&
      (options.output.empty() || options.output == "-"))
    return wrong("files for Triton are a directory: say where with -o DIR");
  if (options.emit == "triton-dir" && targets != 1)
    return wrong("--emit=triton-dir is of one target: name one");
  if (options.emit == "obj" && options.output.empty())
    return wrong("an object is not text: say where with -o OUT.o");
  if (options.emit == "obj" && targets != 1)
    return wrong("--emit=obj writes one object: name one target");
  return Success{};
}

Result<std::vector<passes::ForcedSchedule>>
readSchedules(const Options &options) {
  std::vector<passes::ForcedSchedule> schedules;
  for (StringRef text : options.schedules) {
    auto [kernel, json] = text.split('=');
    auto schedule = parseSchedule(json.str());
    if (!schedule)
      return wrong("--schedule=" + text + ": " + schedule.error().message());
    if (kernel.empty())
      return wrong("--schedule=" + text + ": no kernel is named");
    schedules.push_back({kernel.str(), *schedule});
  }
  return schedules;
}

/// The sizes that a report is for.
Result<std::vector<NamedDims>> readSizes(const Options &options) {
  if (options.report != Report::none && options.emit != "bundle")
    return wrong("--report is of a bundle, not of --emit=" + options.emit);
  if (options.report == Report::none && !options.sizes.empty())
    return wrong("--dims is for --report, which is not given");
  std::vector<NamedDims> sizes;
  for (const std::string &text : options.sizes) {
    auto dims = parseDims(text);
    if (!dims)
      return wrong("--dims=" + dims.error().message());
    sizes.push_back(*dims);
  }
  return sizes;
}

Result<Request> readRequest(const Options &options) {
  auto level = readLevel(options.emit);
  if (!level)
    return std::move(level).error();
  auto targets = readTargets(options);
  if (!targets)
    return std::move(targets).error();
  if (Status level = checkLevel(options, *targets); !level)
    return std::move(level).error();
  if (Status output = checkOutput(options, targets->size()); !output)
    return std::move(output).error();
  auto schedules = readSchedules(options);
  if (!schedules)
    return std::move(schedules).error();
  auto sizes = readSizes(options);
  if (!sizes)
    return std::move(sizes).error();
  bool isTuned = !options.tuningRecords.empty();
  if (!isTuned &&
      (options.assertHit || options.maxVariants.getNumOccurrences()))
    return wrong("--assert-hit and --max-variants are about --tuning-records, "
                 "which is not given");
  return Request{{.targets = *std::move(targets),
                  .level = *level,
                  .lowering = options.lowering,
                  .schedules = *std::move(schedules),
                  .allowReassociation = options.allowReassociation,
                  .parts = options.emit == "bundle" ? 2u : 1u},
                 *std::move(sizes)};
}

/// What makes the code, as plans and records name it.
std::map<std::string, std::string> thisCompiler() {
  return {{"headgate", HEADGATE_VERSION}, {"llvm", LLVM_VERSION_STRING}};
}

//===-- doing it ---------------------------------------------------------===//

class Compiler {
public:
  Compiler(const Options &options, const Request &request)
      : options(options), request(request) {}

  int run() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    mlir::MLIRContext context(registry);
    context.printOpOnDiagnostic(false); // the source line says more
    std::string why;
    std::unique_ptr<MemoryBuffer> file =
        mlir::openInputFile(options.input, &why);
    if (!file)
      return fail({ErrorCode::notFound, why});
    source = file->getBuffer().str();
    auto manager = std::make_shared<SourceMgr>();
    manager->AddNewSourceBuffer(std::move(file), SMLoc());
    mlir::SourceMgrDiagnosticHandler diagnostics(*manager, &context);
    auto module = mlir::parseSourceFile<mlir::ModuleOp>(manager, &context);
    if (!module)
      return 1; // parser or verifier has said why
    if (options.explain && failed(explainTo(context)))
      return fail({ErrorCode::failed, "remarks cannot be enabled"});
    auto tuning = readTuningRecords(
        {options.tuningRecords.begin(), options.tuningRecords.end()});
    if (!tuning)
      return fail(tuning.error());
    passes::ExportOptions exportOptions = request.exportOptions;
    exportOptions.tuning = {*std::move(tuning), thisCompiler(),
                            options.maxVariants, options.assertHit};
    auto exported = passes::exportModule(*module, exportOptions);
    if (!exported)
      return fail(exported.error());
    if (options.explain)
      for (const std::string &note : exported->tuningNotes)
        errs() << "tuned: " << note << "\n";
    return write(*exported);
  }

private:
  static LogicalResult explainTo(mlir::MLIRContext &context) {
    mlir::remark::RemarkCategories categories{".*", ".*", ".*", ".*", ".*"};
    return mlir::remark::enableOptimizationRemarks(
        context, nullptr,
        std::make_unique<mlir::remark::RemarkEmittingPolicyAll>(), categories,
        /*printAsEmitRemarks=*/true);
  }

  int write(passes::Exported &exported) {
    if (options.emit == "bundle")
      return writeBundle(exported);
    if (options.emit == "triton-dir")
      return writeForTriton(exported);
    if (options.emit == "problems") {
      exported.problems.producer = thisCompiler();
      return writeFile(
          [&](raw_ostream &os) { os << printProblemList(exported.problems); });
    }
    if (options.emit == "obj")
      return writeFile(
          [&](raw_ostream &os) { os << exported.images[0].objects[0]; });
    return writeFile([&](raw_ostream &os) { os << exported.text; });
  }

  int writeFile(function_ref<void(raw_ostream &)> print) {
    std::string why,
        path = options.output.empty() ? "-" : options.output.getValue();
    auto file = mlir::openOutputFile(path, &why);
    if (!file)
      return fail({ErrorCode::failed, why});
    print(file->os());
    file->keep();
    return 0;
  }

  int writeBundle(passes::Exported &exported) {
    std::string name = options.input == "-"
                           ? "stdin.mlir"
                           : sys::path::filename(options.input).str();
    exported.plan.producer = thisCompiler();
    exported.plan.producer["source"] = name;
    exported.plan.producer["sourceSha256"] = sha256Hex(source);
    auto writer = BundleWriter::create(options.output);
    if (!writer)
      return fail(writer.error());
    auto tools = findTools(exported);
    if (!tools)
      return fail(tools.error());
    if (Status done = makeImages(*writer, exported, *tools); !done)
      return fail(done.error());
    if (options.embedSource)
      if (Status done = writer->addSource(name, source); !done)
        return fail(done.error());
    auto report = reportPlan(exported.plan, request.sizes);
    if (!report)
      return fail(report.error());
    if (!exported.tuned.devices.empty())
      if (Status done = writer->addTuning(printTuned(exported.tuned)); !done)
        return fail(done.error());
    if (Status done = writer->commit(exported.plan); !done)
      return fail(done.error());
    if (options.report != Report::none)
      outs() << (options.report == Report::json ? formatJson(*report)
                                                : formatText(*report));
    return 0;
  }

  int writeForTriton(passes::Exported &exported) {
    auto tools = findTools(exported);
    if (!tools)
      return fail(tools.error());
    auto read = [&](const PlanImage &image) -> Result<GpuCode> {
      return GpuCode{llvm::find_if(exported.ptx,
                                   [&](const passes::ExportedPtx &code) {
                                     return code.image == image.id;
                                   })
                         ->ptx,
                     ""};
    };
    auto kernels = tritonKernels(exported.plan, read);
    if (!kernels)
      return fail(kernels.error());
    Status done = writeTritonDir(*std::move(kernels), options.output,
                                 tools->ptxas ? &*tools->ptxas : nullptr);
    return done ? 0 : fail(done.error());
  }

  /// A machine without ptxas has no cubins: drivers assemble PTX themselves.
  Result<ImageTools> findTools(passes::Exported &exported) {
    ImageTools tools{.linker = options.linker, .ptxas = std::nullopt};
    if (exported.ptx.empty() || options.ptxas == "none")
      return tools;
    auto ptxas = Ptxas::find(options.ptxas);
    if (!ptxas && ptxas.error().code() == ErrorCode::unavailable)
      return tools;
    if (!ptxas)
      return std::move(ptxas).error();
    auto version = ptxas->version();
    if (!version)
      return std::move(version).error();
    exported.plan.producer["ptxas"] = *version;
    tools.ptxas = *std::move(ptxas);
    return tools;
  }

  const Options &options;
  const Request &request;
  std::string source;
};

/// Runs `body` in a child and returns its exit code; a child that dies of a
/// signal is an error with words.
int guarded(function_ref<int()> body) {
  pid_t child = fork();
  if (child < 0)
    return fail({ErrorCode::failed, "cannot start a process"});
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL); // whoever kills us means this one
    exitOnFatalErrors();
    int code = body();
    outs().flush();
    errs().flush();
    _exit(code);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR)
    ;
  if (!WIFSIGNALED(status))
    return WEXITSTATUS(status);
  int signal = WTERMSIG(status);
  if (signal == SIGINT || signal == SIGPIPE) // who reads has seen enough
    return 128 + signal;
  return fail({ErrorCode::failed,
               std::string("the compiler stopped (") + strsignal(signal) +
                   "): this is a bug in it; headgate-reduce makes a small "
                   "input to report"});
}

/// A compiler frees and allocates all the time, and ends soon: pages that go
/// back to the system between two passes only have to be cleared again.
void keepFreedMemory() {
#ifdef __GLIBC__
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TOP_PAD, 16 << 20);
#endif
}

} // namespace

int main(int argc, char **argv) {
  static Options options;
  cl::HideUnrelatedOptions(options.category);
  cl::SetVersionPrinter([](raw_ostream &os) {
    os << "headgate-compile " HEADGATE_VERSION " (plan version "
       << Plan::version << ", LLVM " LLVM_VERSION_STRING ")\n";
  });
  if (!cl::ParseCommandLineOptions(
          argc, argv, "compile a routed-attention module to a bundle\n",
          &errs()))
    return usageError;
  Result<Request> request = readRequest(options);
  if (!request)
    return usage(request.error().message());
  keepFreedMemory();
  return guarded([&] { return Compiler(options, *request).run(); });
}
