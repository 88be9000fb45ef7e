// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/ptx/TritonKernel.h"

#include "tools/ptx/CheckTriton.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

namespace headgate {

namespace {

std::string tritonName(DType type) {
  switch (type) {
  case DType::f16:
    return "fp16";
  case DType::f32:
    return "fp32";
  case DType::f64:
    return "fp64";
  default:
    return std::string(name(type));
  }
}

/// What a pointer parameter points to: the type of the inputs and outputs that
/// steps give it. Bytes where that is memory between steps, or of two types.
std::string pointeeOf(const Plan &plan, const PlanKernel &kernel,
                      const std::string &parameter) {
  std::set<std::string> types;
  for (const PlanEntry &entry : plan.entries)
    for (const PlanStep &step : entry.steps) {
      if (step.kernel != kernel.name)
        continue;
      for (const auto &[name, value] : step.with) {
        if (name != parameter)
          continue;
        std::string type = "i8";
        for (const auto *tensors : {&entry.inputs, &entry.outputs})
          for (const PlanTensor &tensor : *tensors)
            if (tensor.name == value)
              type = tritonName(tensor.dtype);
        types.insert(type);
      }
    }
  return types.size() == 1 ? *types.begin() : "i8";
}

class KernelMaker {
public:
  KernelMaker(const Plan &plan, const PlanKernel &kernel,
              const PlanVariant &variant, const PlanLaunch &launch)
      : plan_(plan) {
    result_.kernel = &kernel;
    result_.variant = &variant;
    result_.launch = &launch;
  }

  Result<TritonKernel> make(const PlanImage &image, const ReadGpuCode &read);

private:
  Status checkLaunch();
  Status addArguments();
  Status checkPtx();

  static Error cannot(const std::string &why) {
    return {ErrorCode::unsupported, why};
  }

  const Plan &plan_;
  TritonKernel result_;
};

Status KernelMaker::checkLaunch() {
  const PlanLaunch &launch = *result_.launch;
  if (launch.cluster != 1)
    return cannot("its clusters cannot be written for Triton yet");
  if (launch.block % 32 != 0)
    return cannot("its blocks have " + std::to_string(launch.block) +
                  " threads; Triton launches whole warps of 32");
  return Success();
}

Status KernelMaker::addArguments() {
  std::set<std::string> taken;
  for (const PlanArgument &argument : result_.launch->arguments) {
    using Kind = PlanArgument::Kind;
    TritonArgument made;
    made.plan = &argument;
    if (argument.kind == Kind::tensorMap)
      return cannot("its tensor maps cannot be written for Triton yet");
    if (argument.kind == Kind::parameter) {
      auto parameter = std::ranges::find(result_.kernel->parameters,
                                         argument.text, &PlanParameter::name);
      made.name = argument.text;
      made.align = parameter->align;
      made.type = parameter->type == ParameterType::i32   ? "i32"
                  : parameter->type == ParameterType::i64 ? "i64"
                  : parameter->type == ParameterType::f32
                      ? "fp32"
                      : "*" + pointeeOf(plan_, *result_.kernel, argument.text);
    } else if (argument.kind == Kind::workspace) {
      made.name = "workspace";
      made.type = "*i8";
    } else {
      made.name = "constant";
      made.type = argument.kind == Kind::i32   ? "i32"
                  : argument.kind == Kind::i64 ? "i64"
                                               : "fp32";
    }
    if (argument.kind != Kind::workspace) // the only one of its name
      made.name = takeIdentifier(made.name, taken);
    result_.arguments.push_back(std::move(made));
  }
  return Success();
}

/// That the text is the kernel that the plan launches, and one that Triton
/// loads.
Status KernelMaker::checkPtx() {
  Result<runtime::sim::Module> module =
      runtime::sim::parsePtx(result_.code.ptx);
  if (!module)
    return std::move(module).error();
  for (const TritonFault &fault :
       checkTriton(*module, tritonPtxVersion(result_.target))) {
    if (!fault.onlyCompile)
      return cannot("line " + std::to_string(fault.line) +
                    " of its PTX: " + fault.message);
    result_.notCompiled = fault.message;
  }
  const runtime::sim::Kernel &kernel = module->kernels[0];
  if (kernel.name != result_.name())
    return cannot("its PTX has kernel '" + kernel.name + "' instead");
  if (kernel.parameters.size() != result_.arguments.size())
    return cannot("it takes " + std::to_string(kernel.parameters.size()) +
                  " parameters; the plan gives " +
                  std::to_string(result_.arguments.size()));
  for (size_t i = 0; i < kernel.parameters.size(); ++i) {
    const std::string &type = result_.arguments[i].type;
    uint32_t bytes = type[0] == '*' || type == "i64" ? 8 : 4;
    if (kernel.parameters[i].bytes != bytes)
      return cannot("parameter '" + kernel.parameters[i].name + "' has " +
                    std::to_string(kernel.parameters[i].bytes) +
                    " bytes; the plan gives an " + type);
  }
  uint32_t required = kernel.requiredBlock[0];
  if (required && required != result_.launch->block)
    return cannot("its PTX requires blocks of " + std::to_string(required) +
                  " threads; the plan has " +
                  std::to_string(result_.launch->block));
  return Success();
}

Result<TritonKernel> KernelMaker::make(const PlanImage &image,
                                       const ReadGpuCode &read) {
  result_.target = image.target;
  std::from_chars(image.target.data() + 3,
                  image.target.data() + image.target.size(), result_.arch);
  if (Status done = checkLaunch(); !done)
    return std::move(done).error();
  if (Status done = addArguments(); !done)
    return std::move(done).error();
  Result<GpuCode> code = read(image);
  if (!code)
    return std::move(code).error();
  result_.code = std::move(*code);
  if (Status done = checkPtx(); !done)
    return std::move(done).error();
  return std::move(result_);
}

/// Keywords that may be names in MLIR, and what FormatCLauncher.cpp declares.
constexpr std::string_view reserved[] = {
    "and",      "arguments", "as",        "assert",   "auto",     "break",
    "case",     "char",      "class",     "const",    "continue", "def",
    "default",  "del",       "do",        "double",   "elif",     "else",
    "enum",     "except",    "extern",    "finally",  "float",    "for",
    "from",     "function",  "global",    "goto",     "gridX",    "gridY",
    "gridZ",    "if",        "image",     "import",   "in",       "inline",
    "int",      "is",        "lambda",    "load",     "loaded",   "long",
    "module",   "nonlocal",  "not",       "or",       "pass",     "raise",
    "register", "restrict",  "return",    "short",    "signed",   "sizeof",
    "static",   "stream",    "struct",    "switch",   "try",      "typedef",
    "union",    "unsigned",  "void",      "volatile", "while",    "wide",
    "with",     "yield",     "workspace",
};

} // namespace

std::string takeIdentifier(const std::string &name,
                           std::set<std::string> &taken) {
  std::string text = name;
  std::ranges::replace(text, '.', '_');
  while (std::ranges::find(reserved, text) != std::end(reserved) ||
         taken.contains(text))
    text += '_';
  taken.insert(text);
  return text;
}

Result<std::vector<TritonKernel>> tritonKernels(const Plan &plan,
                                                const ReadGpuCode &read) {
  std::vector<TritonKernel> kernels;
  std::set<std::string> names;
  for (const PlanKernel &kernel : plan.kernels)
    for (const PlanVariant &variant : kernel.variants) {
      for (const PlanLaunch &launch : variant.launches) {
        const PlanImage &image = *std::ranges::find(
            plan.images, launch.image.empty() ? variant.image : launch.image,
            &PlanImage::id);
        if (!image.target.starts_with("sm_"))
          continue;
        if (!names.insert(launch.symbol).second)
          return Error(ErrorCode::badInput,
                       "two kernels are called '" + launch.symbol +
                           "'; Triton's files are for one target");
        Result<TritonKernel> made =
            KernelMaker(plan, kernel, variant, launch).make(image, read);
        if (!made)
          return std::move(made).error().in("kernel '" + launch.symbol + "'");
        kernels.push_back(std::move(*made));
      }
    }
  if (kernels.empty())
    return Error(ErrorCode::badInput,
                 "there is no code for a GPU; compile with --target=sm_80");
  return kernels;
}

} // namespace headgate
