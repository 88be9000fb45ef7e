// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The command line of headgate-compile.

#ifndef HEADGATE_TOOLS_COMPILER_COMPILEOPTIONS_H
#define HEADGATE_TOOLS_COMPILER_COMPILEOPTIONS_H

#include "lib/Dims.h"
#include "passes/Export.h"
#include "llvm/Support/CommandLine.h"

#include <string>
#include <vector>

namespace headgate {

namespace cl = llvm::cl;

enum class Report { none, text, json };

/// Flags as LLVM reads them: one object a process.
struct CompileOptions {
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

/// The options beside those that are taken as they are.
struct CompileRequest {
  passes::ExportOptions exportOptions;
  std::vector<NamedDims> sizes;
};

/// Reads those; an error says which flag is wrong, and is one of usage.
Result<CompileRequest> readRequest(const CompileOptions &options);

} // namespace headgate

#endif // HEADGATE_TOOLS_COMPILER_COMPILEOPTIONS_H
