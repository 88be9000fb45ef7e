// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Built with -fexceptions, as CommandLine.cpp.

#include "tools/ptx/PtxCommandLine.h"

#include "tools/CommandLine.h"
#include "tools/ReadFlags.h"
#include "tools/ptx/CheckTriton.h"

#include <charconv>

namespace headgate {

namespace {
constexpr const char *runFooter = R"(
ARG is one of, in the order of the kernel's parameters,
  i32:5 u32:5 i64:5 u64:5 f32:0.5 f64:0.5   a number by value
  @q.npy, bf16=@q.npy, 2x3xf32=~7, ...      the address of such an array; as an
                                            input of headgate-run
  out:2x3xf32, out:2x3xf32=@o.npy           the address of memory that nobody has
                                            written; printed, or written to a file
  zero:2x3xf32, zero:2x3xf32=@o.npy         the same, but zeros at first

Exit codes: 0 done, 1 error, 2 wrong usage, 3 the simulator found something, 4
the device is not on this machine.)";

/// "x", "x,y" or "x,y,z"; what is left away is 1.
bool readExtent(const std::string &text, std::array<uint32_t, 3> &extent) {
  std::string_view rest = text;
  for (uint32_t &value : extent) {
    std::string_view digits = rest.substr(0, rest.find(','));
    auto [end, failure] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (failure != std::errc() || end != digits.data() + digits.size())
      return false;
    rest.remove_prefix(digits.size());
    if (rest.empty())
      return true;
    rest.remove_prefix(1);
  }
  return false;
}

/// What of `headgate-ptx run` CLI11 leaves as text.
struct RawRun {
  std::string grid = "1", block = "1";
  std::vector<std::string> arguments;
};

void declareRun(CLI::App &app, PtxRunOptions &options, RawRun &raw) {
  app.add_option("FILE", options.file, "PTX text, of any compiler")->required();
  app.add_option("--entry", options.entry,
                 "Kernel to run (default: the only one)")
      ->type_name("NAME");
  app.add_option("--grid", raw.grid, "Blocks (default: 1)")
      ->type_name("X[,Y[,Z]]");
  app.add_option("--block", raw.block, "Threads of a block (default: 1)")
      ->type_name("X[,Y[,Z]]");
  app.add_option("--shared", options.sharedBytes,
                 "Dynamic shared memory of a block (default: 0)")
      ->type_name("BYTES");
  addValues(app, "--arg", raw.arguments, "ARG",
            "An argument; repeat in the order of the parameters");
  app.add_option("--device", options.device,
                 "sim:sm_80 or sim:sm_90a, with options of "
                 "runtime/sim/README.md (default: sim:sm_80)")
      ->type_name("URI");
  app.add_flag("--counters", options.counters,
               "Print instructions, bank conflicts and sectors");
  app.add_flag("--json", options.json,
               "Print findings and counters as one JSON value");
  app.footer(runFooter);
}

std::optional<std::string> finishRun(const RawRun &raw,
                                     PtxRunOptions &options) {
  if (!readExtent(raw.grid, options.grid))
    return "--grid takes one to three numbers, not '" + raw.grid + "'";
  if (!readExtent(raw.block, options.block))
    return "--block takes one to three numbers, not '" + raw.block + "'";
  return readAll("--arg", raw.arguments, parsePtxArgument, options.arguments);
}

/// The subcommands that look into files without running anything.
struct RawLook {
  std::vector<std::string> files;
  std::string ptxVersion;
  bool isTriton = false, json = false;
};

CLI::App *declareLook(CLI::App &app, const char *name, const char *help,
                      RawLook &raw) {
  CLI::App *look = app.add_subcommand(name, help);
  look->add_option("FILE", raw.files, "PTX text, of any compiler")->required();
  look->add_flag("--json", raw.json, "Print one JSON value");
  return look;
}

void declareCheck(CLI::App &check, RawLook &raw) {
  check.add_flag("--triton", raw.isTriton,
                 "Whether Triton loads the file: docs/triton.md");
  check
      .add_option("--ptx-version", raw.ptxVersion,
                  "The latest .version that ptxas may meet (default: that of "
                  "Triton 3.9's: 8.8 below sm_90, 9.4 from there on)")
      ->type_name("M.N");
  check.footer("\nExit codes: 0 done, 1 error, 2 wrong usage, 3 a check "
               "failed.");
}

constexpr const char *ptxasHelp =
    "The assembler (default: of $TRITON_PTXAS_PATH, $CUDA_HOME/bin and PATH)";

void declareRegs(CLI::App &regs, PtxRegsOptions &options) {
  regs.add_option("--arch", options.arch,
                  "What to assemble for (default: .target of the file)")
      ->type_name("sm_N");
  regs.add_option("--ptxas", options.ptxas, ptxasHelp)->type_name("PATH");
  regs.footer("\nExit codes: 0 done, 1 error, 2 wrong usage, 4 no ptxas on "
              "this machine.");
}

void declareTriton(CLI::App &triton, PtxTritonOptions &options) {
  triton.add_option("BUNDLE", options.bundle, "What headgate-compile wrote")
      ->required();
  triton.add_option("-o", options.directory, "Where to write")
      ->required()
      ->type_name("DIRECTORY");
  triton.add_option("--ptxas", options.ptxas, ptxasHelp)
      ->type_name("PATH|none");
  triton.footer(
      "\nWithout a ptxas kernels have no .cubin unless the bundle has "
      "it; Triton's own then\nassembles them. docs/triton.md says "
      "what the files are.");
}

std::optional<std::string> finishCheck(const RawLook &raw,
                                       PtxCheckOptions &options) {
  if (!raw.isTriton)
    return "say what to check: --triton";
  if (raw.ptxVersion.empty())
    return std::nullopt;
  options.ptxVersion = parsePtxVersion(raw.ptxVersion);
  if (!options.ptxVersion)
    return "--ptx-version takes a version such as 8.8, not '" + raw.ptxVersion +
           "'";
  return std::nullopt;
}
} // namespace

std::variant<PtxCommand, int> parsePtxCommandLine(int argc, char **argv) {
  PtxRunOptions run;
  PtxDiffOptions diff;
  PtxRegsOptions regs;
  PtxTritonOptions triton;
  RawRun rawRun;
  RawLook look;
  CLI::App app("Looks into PTX files, checks and runs them.", "headgate-ptx");
  app.require_subcommand(1);
  app.set_version_flag("--version", "headgate " HEADGATE_VERSION);
  CLI::App *toRun =
      app.add_subcommand("run", "Launch one kernel on the simulator");
  declareRun(*toRun, run, rawRun);
  CLI::App *toInfo = declareLook(app, "info",
                                 "Kernels, parameters, blocks, shared memory, "
                                 "instructions",
                                 look);
  CLI::App *toRegs =
      declareLook(app, "regs", "Registers and spills, by ptxas", look);
  declareRegs(*toRegs, regs);
  CLI::App *toCheck =
      declareLook(app, "check", "Rules that a file breaks", look);
  declareCheck(*toCheck, look);
  CLI::App *toDiff =
      app.add_subcommand("diff", "What info says differently of two files");
  toDiff->add_option("BEFORE", diff.before, "PTX text")->required();
  toDiff->add_option("AFTER", diff.after, "PTX text")->required();
  CLI::App *toTriton = app.add_subcommand(
      "triton", "Write the GPU kernels of a bundle as files for Triton and C");
  declareTriton(*toTriton, triton);
  if (std::optional<int> code = parseArguments(app, argc, argv))
    return *code;
  if (*toTriton)
    return triton;
  if (*toInfo)
    return PtxInfoOptions{look.files, look.json};
  if (*toDiff)
    return diff;
  if (*toRegs) {
    regs.files = look.files;
    regs.json = look.json;
    return regs;
  }
  if (*toCheck) {
    PtxCheckOptions check{look.files, {}, look.json};
    if (auto why = finishCheck(look, check))
      return usageError("headgate-ptx check", *why);
    return check;
  }
  if (auto why = finishRun(rawRun, run))
    return usageError("headgate-ptx run", *why);
  return run;
}

} // namespace headgate
