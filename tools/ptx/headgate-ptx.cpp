// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Looks into PTX files of any compiler, checks and runs them. stdout is the
// result only.

#include "headgate/Bundle.h"
#include "tools/Ptxas.h"
#include "tools/ptx/CheckTriton.h"
#include "tools/ptx/DescribePtx.h"
#include "tools/ptx/PtxCommandLine.h"
#include "tools/ptx/ReadPtx.h"
#include "tools/ptx/RunPtx.h"
#include "tools/ptx/TritonDir.h"

#include <nlohmann/json.hpp>

#include <cstdio>

using namespace headgate;
using runtime::sim::Module;
using Json = nlohmann::ordered_json;

namespace {

std::string dump(const Json &json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

ExitCode print(const std::string &text, ExitCode code = exitDone) {
  Status printed = printText(text);
  return printed ? code : fail(printed.error());
}

Result<PtxDescription> readDescription(const std::string &file) {
  Result<Module> module = readPtx(file);
  if (!module)
    return std::move(module).error();
  Result<PtxDescription> description =
      describePtx(file, *module, readMetadata(file));
  if (!description)
    return std::move(description).error().in(file);
  return description;
}

ExitCode run(const PtxInfoOptions &options) {
  std::vector<PtxDescription> descriptions;
  std::string text;
  for (const std::string &file : options.files) {
    Result<PtxDescription> description = readDescription(file);
    if (!description)
      return fail(description.error());
    text += formatText(*description);
    descriptions.push_back(std::move(*description));
  }
  return print(options.json ? formatJson(descriptions) : text);
}

ExitCode run(const PtxDiffOptions &options) {
  Result<PtxDescription> before = readDescription(options.before);
  if (!before)
    return fail(before.error());
  Result<PtxDescription> after = readDescription(options.after);
  if (!after)
    return fail(after.error());
  return print(formatDifferences(*before, *after));
}

//===-- check ------------------------------------------------------------===//

ExitCode run(const PtxCheckOptions &options) {
  std::string text;
  Json list = Json::array();
  for (const std::string &file : options.files) {
    Result<Module> module = readPtx(file);
    if (!module)
      return fail(module.error());
    int latest = options.ptxVersion.value_or(tritonPtxVersion(module->target));
    std::vector<TritonFault> faults = checkTriton(*module, latest);
    for (const TritonFault &fault : faults)
      list.push_back(
          {{"file", file}, {"line", fault.line}, {"message", fault.message}});
    if (faults.empty())
      text += file + ": Triton loads '" + module->kernels[0].name + "'\n";
  }
  for (const Json &fault : list)
    std::fprintf(
        stderr, "%s:%d: error: %s\n", fault["file"].get<std::string>().c_str(),
        fault["line"].get<int>(), fault["message"].get<std::string>().c_str());
  ExitCode code = list.empty() ? exitDone : exitCheckFailed;
  if (options.json)
    text = dump({{"format", "headgate.ptx-check"},
                 {"version", 1},
                 {"faults", std::move(list)}});
  return print(text, code);
}

//===-- regs -------------------------------------------------------------===//

std::string textOf(const std::string &file, const std::string &arch,
                   const PtxasListing &listing) {
  std::string text = file + ": " + arch + "\n";
  for (const KernelUse &use : listing.kernels)
    text += use.name + ": " + std::to_string(use.registers) + " registers, " +
            std::to_string(use.spillStores) + " bytes spill stores, " +
            std::to_string(use.spillLoads) + " bytes spill loads, " +
            std::to_string(use.stack) + " bytes of stack, " +
            std::to_string(use.staticShared) + " bytes of shared memory, " +
            std::to_string(use.barriers) + " barriers\n";
  for (const std::string &note : listing.notes)
    text += "  " + note + "\n";
  return text;
}

Json jsonOf(const std::string &file, const std::string &arch,
            const PtxasListing &listing) {
  Json kernels = Json::array();
  for (const KernelUse &use : listing.kernels)
    kernels.push_back({{"name", use.name},
                       {"registers", use.registers},
                       {"spillStoreBytes", use.spillStores},
                       {"spillLoadBytes", use.spillLoads},
                       {"stackBytes", use.stack},
                       {"staticSharedBytes", use.staticShared},
                       {"barriers", use.barriers}});
  return {{"file", file},
          {"arch", arch},
          {"kernels", std::move(kernels)},
          {"notes", listing.notes}};
}

ExitCode run(const PtxRegsOptions &options) {
  Result<Ptxas> ptxas = Ptxas::find(options.ptxas);
  if (!ptxas)
    return fail(ptxas.error());
  std::string text;
  Json list = Json::array();
  for (const std::string &file : options.files) {
    Result<Module> module = readPtx(file);
    if (!module)
      return fail(module.error());
    std::string arch = options.arch.empty() ? module->target : options.arch;
    Result<PtxasListing> listing = ptxas->list(file, arch);
    if (!listing)
      return fail(listing.error());
    text += textOf(file, arch, *listing);
    list.push_back(jsonOf(file, arch, *listing));
  }
  if (options.json)
    text = dump({{"format", "headgate.ptx-regs"},
                 {"version", 1},
                 {"ptxas", ptxas->path()},
                 {"files", std::move(list)}});
  return print(text);
}

//===-- triton -----------------------------------------------------------===//

Result<GpuCode> readCode(const Bundle &bundle, const PlanImage &image) {
  GpuCode code;
  for (const PlanForm &form : image.forms) {
    Result<std::string> bytes = bundle.read(form);
    if (!bytes)
      return std::move(bytes).error();
    (form.kind == "cubin" ? code.cubin : code.ptx) = std::move(*bytes);
  }
  return code;
}

/// The assembler to make cubins with, or none: Triton has its own.
Result<std::optional<Ptxas>> findPtxasIfAny(const std::string &asked) {
  if (asked == "none")
    return std::optional<Ptxas>();
  Result<Ptxas> ptxas = Ptxas::find(asked);
  if (ptxas)
    return std::optional<Ptxas>(std::move(*ptxas));
  if (ptxas.error().code() == ErrorCode::unavailable)
    return std::optional<Ptxas>();
  return std::move(ptxas).error();
}

Status writeForTriton(const PtxTritonOptions &options) {
  Result<std::optional<Ptxas>> ptxas = findPtxasIfAny(options.ptxas);
  if (!ptxas)
    return std::move(ptxas).error();
  Result<Bundle> bundle = Bundle::open(options.bundle);
  if (!bundle)
    return std::move(bundle).error();
  Result<std::vector<TritonKernel>> kernels =
      tritonKernels(bundle->plan(), [&](const PlanImage &image) {
        return readCode(*bundle, image);
      });
  if (!kernels)
    return std::move(kernels).error().in(options.bundle);
  return writeTritonDir(std::move(*kernels), options.directory,
                        *ptxas ? &**ptxas : nullptr);
}

ExitCode run(const PtxTritonOptions &options) {
  Status done = writeForTriton(options);
  return done ? exitDone : fail(done.error());
}

ExitCode run(const PtxRunOptions &options) { return runPtxKernel(options); }

} // namespace

int main(int argc, char **argv) {
  std::variant<PtxCommand, int> parsed = parsePtxCommandLine(argc, argv);
  if (const int *code = std::get_if<int>(&parsed))
    return *code;
  return std::visit([](const auto &options) { return run(options); },
                    std::get<PtxCommand>(parsed));
}
