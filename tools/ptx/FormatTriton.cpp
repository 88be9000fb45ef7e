// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The files that triton.compile and CompiledKernel read (Triton 3.9.0,
// compiler/compiler.py). The constructor wants some of the keys, launching
// others, and which ones has moved between releases: all are written.

#include "lib/JsonNumber.h"
#include "lib/Sha256.h"
#include "tools/ptx/TritonKernel.h"

#include <nlohmann/json.hpp>

namespace headgate {

using Json = nlohmann::ordered_json;

namespace {

Json argumentJson(const TritonArgument &argument) {
  Json json = {{"name", argument.name}, {"type", argument.type}};
  using Kind = PlanArgument::Kind;
  switch (argument.plan->kind) {
  case Kind::parameter:
    json["parameter"] = argument.plan->text;
    break;
  case Kind::workspace:
  case Kind::tensorMap:
    break;
  case Kind::i32:
  case Kind::i64:
    json["value"] = argument.plan->text;
    break;
  case Kind::f32:
    json["value"] = numberToJson(argument.plan->number);
    break;
  }
  if (argument.align)
    json["align"] = argument.align;
  return json;
}

/// What Triton has no word for.
Json ownJson(const TritonKernel &kernel) {
  Json json = {{"kernel", kernel.kernel->name},
               {"variant", kernel.variant->id},
               {"target", kernel.target},
               {"schedule", Json::parse(kernel.variant->schedule)},
               {"when", kernel.variant->when},
               {"grid", kernel.launch->grid},
               {"workspaceBytes", kernel.variant->workspaceBytes},
               {"arguments", Json::array()}};
  for (const TritonArgument &argument : kernel.arguments)
    json["arguments"].push_back(argumentJson(argument));
  json["routes"] =
      kernel.notCompiled.empty() ? Json{"cubin", "compile"} : Json{"cubin"};
  if (!kernel.notCompiled.empty())
    json["notCompiled"] = kernel.notCompiled;
  return json;
}

/// A TTIR type of an argument.
std::string ttirType(std::string_view type) {
  if (type[0] == '*')
    return "!tt.ptr<" + ttirType(type.substr(1)) + ">";
  if (type.starts_with("fp"))
    return "f" + std::string(type.substr(2));
  if (type.starts_with("u"))
    return "i" + std::string(type.substr(1));
  return std::string(type);
}

} // namespace

std::string formatMetadata(const TritonKernel &kernel) {
  const PlanLaunch &launch = *kernel.launch;
  std::string arch = std::to_string(kernel.arch);
  Json json = {
      {"name", kernel.name()},
      {"hash", sha256Hex(kernel.code.ptx)},
      {"target",
       {{"backend", "cuda"}, {"arch", kernel.arch}, {"warp_size", 32}}},
      {"arch", "sm" + arch},
      {"backend_name", "cuda"},
      {"num_warps", kernel.warps()},
      {"num_ctas", 1},
      {"num_stages", 1},
      {"cluster_dims", {1, 1, 1}},
      {"warp_size", 32},
      {"shared", launch.sharedBytes},
      {"min_shared_mem", launch.sharedBytes},
      {"tmem_size", 0},
      {"global_scratch_size", 0},
      {"global_scratch_align", 1},
      {"profile_scratch_size", 0},
      {"profile_scratch_align", 1},
      {"tensordesc_meta", Json::array()},
      {"launch_cooperative_grid", false},
      {"launch_pdl", launch.pdl},
      {"maxnreg", nullptr},
      {"ptx_version", nullptr},
      {"ptx_options", nullptr},
      {"ir_override", nullptr},
      {"enable_fp_fusion", false},
      {"enable_reflect_ftz", false},
      {"fpsan_homomorphic_casts", false},
      {"sched4reg", false},
      {"clc", false},
      {"supported_fp8_dtypes", Json::array()},
      {"deprecated_fp8_dot_operand_dtypes", Json::array()},
      {"default_dot_input_precision", "ieee"},
      {"allowed_dot_input_precisions", {"ieee"}},
      {"max_num_imprecise_acc_default", 0},
      {"extern_libs", Json::array()},
      {"debug", false},
      {"sanitize_overflow", false},
      {"instrumentation_mode", ""},
      {"triton_version", "3.9.0"},
      {"headgate", ownJson(kernel)},
  };
  return json.dump(2) + "\n";
}

std::string formatStub(const TritonKernel &kernel) {
  std::string text = "module {\n  tt.func public @" + kernel.name() + "(";
  for (size_t i = 0; i < kernel.arguments.size(); ++i)
    text += (i ? ", %" : "%") + kernel.arguments[i].name + ": " +
            ttirType(kernel.arguments[i].type);
  return text + ") {\n    tt.return\n  }\n}\n";
}

} // namespace headgate
