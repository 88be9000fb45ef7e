// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// headgate-compile INPUT.mlir -o OUT.hgb: a routed-attention module to a
// bundle. Exit codes: 0 done, 1 error, 2 usage, 4 no linker on this machine.
//
// The work runs in a child process: LLVM ends the process on errors it holds to
// be impossible, and a user's module must never look like a crash of ours.

#include "lib/PlanReport.h"
#include "lib/Sha256.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "tools/compiler/BuildId.h"
#include "tools/compiler/BundleWriter.h"
#include "tools/compiler/CompileOptions.h"
#include "tools/compiler/FatalErrors.h"
#include "tools/compiler/MakeImages.h"
#include "tools/compiler/ReadTuning.h"
#include "tools/compiler/Registry.h"
#include "tools/ptx/TritonDir.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ToolOutputFile.h"

#include <csignal>
#include <cstring>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace headgate;
using namespace llvm;

namespace {

constexpr int usageError = 2;

int fail(const headgate::Error &error) {
  errs() << "error: " << error.message() << "\n";
  return error.code() == ErrorCode::unavailable ? 4 : 1;
}

int usage(const Twine &message) {
  errs() << "error: " << message << "\n";
  return usageError;
}

/// What makes the code, as plans name it.
std::map<std::string, std::string> thisCompiler() {
  return {{"headgate", HEADGATE_VERSION}, {"llvm", LLVM_VERSION_STRING}};
}

/// As records name it: what was measured of another build's code is of other
/// code. Plans leave the build out, as bundles are the same from all that make
/// the same code.
std::map<std::string, std::string> thisBuild() {
  std::map<std::string, std::string> tools = thisCompiler();
  if (std::string id = buildId(); !id.empty())
    tools["build"] = id.substr(0, 16);
  return tools;
}

//===-- doing it ---------------------------------------------------------===//

class Compiler {
public:
  Compiler(const CompileOptions &options, const CompileRequest &request)
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
    auto tuning = readTuningRecords(
        {options.tuningRecords.begin(), options.tuningRecords.end()});
    if (!tuning)
      return fail(tuning.error());
    passes::ExportOptions exportOptions = request.exportOptions;
    exportOptions.tuning = {*std::move(tuning), thisBuild(),
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
  int write(passes::Exported &exported) {
    if (options.emit == "bundle")
      return writeBundle(exported);
    if (options.emit == "triton-dir")
      return writeForTriton(exported);
    if (options.emit == "problems") {
      exported.problems.producer = thisBuild();
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

  const CompileOptions &options;
  const CompileRequest &request;
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
  static CompileOptions options;
  cl::HideUnrelatedOptions(options.category);
  cl::SetVersionPrinter([](raw_ostream &os) {
    os << "headgate-compile " HEADGATE_VERSION " (plan version "
       << Plan::version << ", LLVM " LLVM_VERSION_STRING ")\n";
  });
  if (!cl::ParseCommandLineOptions(
          argc, argv, "compile a routed-attention module to a bundle\n",
          &errs()))
    return usageError;
  Result<CompileRequest> request = readRequest(options);
  if (!request)
    return usage(request.error().message());
  keepFreedMemory();
  return guarded([&] { return Compiler(options, *request).run(); });
}
