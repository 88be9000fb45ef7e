// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A kernel as two C files, as python -m triton.tools.compile writes them
// (Triton 3.9.0, tools/extra/cuda/compile.{h,c}), with two differences: the
// grid is computed from the sizes, and errors are returned instead of ending
// the process.

#include "lib/Expr.h"
#include "lib/Sha256.h"
#include "tools/ptx/TritonKernel.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <set>

namespace headgate {

namespace {

/// A parameter of the C function.
struct CParameter {
  std::string type, name; ///< "int32_t S"
  std::string plan;       ///< the parameter of the plan's kernel, or ""
};

std::string cType(std::string_view type) {
  return type[0] == '*'  ? "CUdeviceptr"
         : type == "i32" ? "int32_t"
         : type == "i64" ? "int64_t"
                         : "float";
}

/// `X` as a C expression of type float.
std::string floatText(double number) {
  if (std::isnan(number))
    return "NAN";
  if (std::isinf(number))
    return number > 0 ? "INFINITY" : "-INFINITY";
  std::array<char, 40> text;
  std::snprintf(text.data(), text.size(), "%.9e", number);
  return std::string(text.data()) + "f";
}

bool isIdentifierPart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '_';
}

class Launcher {
public:
  explicit Launcher(const TritonKernel &kernel) : kernel_(kernel) {
    collectScalars();
    std::set<std::string> taken;
    for (const TritonArgument &argument : kernel.arguments) {
      taken.insert(argument.name);
      if (isGiven(argument))
        parameters_.push_back(
            {cType(argument.type), argument.name, argument.plan->text});
    }
    for (const PlanParameter *scalar : scalars_)
      if (std::ranges::find(parameters_, scalar->name, &CParameter::plan) ==
          parameters_.end())
        parameters_.push_back(
            {scalar->type == ParameterType::i32 ? "int32_t" : "int64_t",
             takeIdentifier(scalar->name, taken), scalar->name});
  }

  std::string signature() const;
  std::string suffix() const;
  Result<std::string> body() const;

private:
  /// Those of the kernel's sizes that its grid, its condition and the values
  /// that are no parameters of it need.
  void collectScalars();
  Result<std::string> calls(const std::string &expression) const;
  static bool isGiven(const TritonArgument &argument) {
    using Kind = PlanArgument::Kind;
    return argument.plan->kind == Kind::parameter ||
           argument.plan->kind == Kind::workspace;
  }

  const TritonKernel &kernel_;
  std::vector<const PlanParameter *> scalars_;
  std::vector<CParameter> parameters_;
};

void Launcher::collectScalars() {
  std::string text = kernel_.variant->when;
  for (const SizeText &extent : kernel_.launch->grid)
    text += " " + extent;
  for (const TritonArgument &argument : kernel_.arguments)
    if (argument.plan->kind == PlanArgument::Kind::i32 ||
        argument.plan->kind == PlanArgument::Kind::i64)
      text += " " + argument.plan->text;
  std::set<std::string> words;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = begin;
    while (end < text.size() &&
           (isIdentifierPart(text[end]) || text[end] == '.'))
      ++end;
    words.insert(text.substr(begin, end - begin));
    begin = std::max(end, begin + 1);
  }
  for (const PlanParameter &parameter : kernel_.kernel->parameters)
    if ((parameter.type == ParameterType::i32 ||
         parameter.type == ParameterType::i64) &&
        words.contains(parameter.name))
      scalars_.push_back(&parameter);
}

std::string Launcher::signature() const {
  std::string text;
  for (const CParameter &parameter : parameters_)
    text += (text.empty() ? "" : ", ") + parameter.type + " " + parameter.name;
  return text;
}

/// "0d3d": arguments 0 and 3 must be divisible by 16.
std::string Launcher::suffix() const {
  std::string text;
  for (size_t i = 0; i < parameters_.size(); ++i)
    for (const TritonArgument &argument : kernel_.arguments)
      if (argument.name == parameters_[i].name && argument.align >= 16)
        text += std::to_string(i) + "d";
  return text;
}

/// `expression` of the plan in C.
Result<std::string> Launcher::calls(const std::string &expression) const {
  std::vector<std::string> names, cNames;
  for (const PlanParameter *scalar : scalars_) {
    names.push_back(scalar->name);
    cNames.push_back(
        std::ranges::find(parameters_, scalar->name, &CParameter::plan)->name);
  }
  Result<Expr> parsed = Expr::parse(expression, names);
  if (!parsed)
    return std::move(parsed).error();
  return parsed->asCalls("hg_", cNames);
}

Result<std::string> Launcher::body() const {
  std::string text;
  Result<std::string> when = calls(kernel_.variant->when);
  if (!when)
    return when;
  if (*when != "1")
    text += "  if (!" + *when + ")\n    return CUDA_ERROR_INVALID_VALUE;\n";
  for (int i = 0; i < 3; ++i) {
    Result<std::string> extent = calls(kernel_.launch->grid[i]);
    if (!extent)
      return extent;
    text += std::string("  int64_t grid") + "XYZ"[i] + " = " + *extent + ";\n";
  }
  text += "  if (gridX < 0 || gridY < 0 || gridZ < 0 || gridX > INT32_MAX ||\n"
          "      gridY > 65535 || gridZ > 65535)\n"
          "    return CUDA_ERROR_INVALID_VALUE;\n"
          "  if (gridX == 0 || gridY == 0 || gridZ == 0)\n"
          "    return CUDA_SUCCESS;\n";
  std::string addresses;
  for (const TritonArgument &argument : kernel_.arguments) {
    addresses += (addresses.empty() ? "&" : ", &") + argument.name;
    if (isGiven(argument))
      continue;
    if (argument.plan->kind == PlanArgument::Kind::f32) {
      text += "  float " + argument.name + " = " +
              floatText(argument.plan->number) + ";\n";
      continue;
    }
    Result<std::string> value = calls(argument.plan->text);
    if (!value)
      return value;
    if (argument.type == "i32")
      text += "  int32_t " + argument.name +
              ";\n  {\n    int64_t wide = " + *value +
              ";\n    if (wide < INT32_MIN || wide > INT32_MAX)\n"
              "      return CUDA_ERROR_INVALID_VALUE;\n    " +
              argument.name + " = (int32_t)wide;\n  }\n";
    else
      text += "  int64_t " + argument.name + " = " + *value + ";\n";
  }
  text += "  CUresult loaded = load();\n"
          "  if (loaded != CUDA_SUCCESS)\n"
          "    return loaded;\n"
          "  void *arguments[] = {" +
          (addresses.empty() ? "NULL" : addresses) +
          "};\n"
          "  return cuLaunchKernel(function, (unsigned)gridX, "
          "(unsigned)gridY, (unsigned)gridZ,\n"
          "                        " +
          std::to_string(kernel_.launch->block) + ", 1, 1, " +
          std::to_string(kernel_.launch->sharedBytes) +
          ", stream, arguments, NULL);\n";
  return text;
}

/// A word for the linker: which of several ways to do the same.
std::string algorithm(const TritonKernel &kernel) {
  std::string text =
      "warps" + std::to_string(kernel.warps()) + "x" + kernel.variant->id;
  for (char &c : text)
    if (!isIdentifierPart(c))
      c = '_';
  return text;
}

/// What Expr::asCalls calls. A division by 0 or less has no value: the least
/// number, which no grid has.
constexpr std::pair<const char *, const char *> sizeFunctions[] = {
    {"add", "a + b"},
    {"sub", "a - b"},
    {"mul", "a * b"},
    {"div", "b > 0 ? a / b - (a % b < 0) : INT64_MIN"},
    {"rem", "b > 0 ? (a % b + b) % b : INT64_MIN"},
    {"cdiv", "b > 0 ? a / b + (a % b > 0) : INT64_MIN"},
    {"align", "b > 0 ? (a / b + (a % b > 0)) * b : INT64_MIN"},
    {"min", "a < b ? a : b"},
    {"max", "a > b ? a : b"},
    {"lt", "a < b"},
    {"le", "a <= b"},
    {"gt", "a > b"},
    {"ge", "a >= b"},
    {"eq", "a == b"},
    {"ne", "a != b"},
    {"both", "a && b"},
};

/// Those that `body` calls.
std::string functionsFor(const std::string &body) {
  std::string text;
  for (const auto &[name, value] : sizeFunctions)
    if (body.find(std::string("hg_") + name + "(") != body.npos)
      text += std::string("static int64_t hg_") + name +
              "(int64_t a, int64_t b) { return " + value + "; }\n";
  return text;
}

std::string byteText(const std::string &bytes) {
  std::string text;
  size_t column = 0;
  for (unsigned char byte : bytes) {
    std::string number = std::to_string(byte) + ",";
    bool wraps = column + number.size() > 78;
    column = wraps ? number.size() : column + number.size();
    text += (wraps ? "\n" : "") + number;
  }
  return text;
}

} // namespace

std::string launcherName(const TritonKernel &kernel) {
  Launcher launcher(kernel);
  std::string identity =
      kernel.code.ptx + launcher.signature() + kernel.variant->id;
  return kernel.name() + "_" + sha256Hex(identity).substr(0, 8) + "_" +
         launcher.suffix();
}

std::string formatHeader(const TritonKernel &kernel) {
  Launcher launcher(kernel);
  std::string name = launcherName(kernel), guard = "HEADGATE_" + name + "_H";
  std::string parameters = launcher.signature();
  return "/* " + kernel.name() + " for " + kernel.target +
         ": made by headgate. */\n#ifndef " + guard + "\n#define " + guard +
         "\n\n#include <cuda.h>\n#include <stdint.h>\n\n"
         "// tt-linker-backend: cuda\n\n"
         "/* Loads the code into the current context; the first launch does "
         "it too. */\nvoid load_" +
         name + "(void);\nvoid unload_" + name +
         "(void);\n"
         "// tt-linker: " +
         name + ":" + parameters + ":" + algorithm(kernel) + "\nCUresult " +
         name + "(CUstream stream" + (parameters.empty() ? "" : ", ") +
         parameters + ");\n\n#endif\n";
}

Result<std::string> formatSource(const TritonKernel &kernel) {
  Launcher launcher(kernel);
  Result<std::string> body = launcher.body();
  if (!body)
    return body;
  bool isCubin = !kernel.code.cubin.empty();
  std::string name = launcherName(kernel), parameters = launcher.signature();
  // A driver that is given text wants its end marked.
  std::string image = isCubin ? kernel.code.cubin : kernel.code.ptx + '\0';
  std::string text = "#include \"" + kernel.name() +
                     ".h\"\n\n#include <math.h>\n#include <stddef.h>\n";
  text += "\n" + functionsFor(*body) + "\n/* " +
          (isCubin ? "The cubin." : "PTX, which the driver assembles.") +
          " */\nstatic const unsigned char image[] = {\n" + byteText(image) +
          "\n};\nstatic CUmodule module;\nstatic CUfunction function;\n\n"
          "static CUresult load(void) {\n"
          "  if (function)\n    return CUDA_SUCCESS;\n"
          "  CUresult result = cuModuleLoadData(&module, image);\n"
          "  CUfunction loaded = NULL;\n"
          "  if (result == CUDA_SUCCESS)\n"
          "    result = cuModuleGetFunction(&loaded, module, \"" +
          kernel.name() + "\");\n";
  if (kernel.launch->sharedBytes > 48 << 10)
    text +=
        "  if (result == CUDA_SUCCESS)\n"
        "    result = cuFuncSetAttribute(\n"
        "        loaded, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, " +
        std::to_string(kernel.launch->sharedBytes) + ");\n";
  text += "  if (result == CUDA_SUCCESS)\n    function = loaded;\n"
          "  return result;\n}\n\n"
          "void load_" +
          name +
          "(void) {\n  load(); /* what fails here fails in the launch, which "
          "says so */\n}\n\nvoid unload_" +
          name +
          "(void) {\n  if (function)\n    cuModuleUnload(module);\n"
          "  function = NULL;\n}\n\nCUresult " +
          name + "(CUstream stream" + (parameters.empty() ? "" : ", ") +
          parameters + ") {\n" + *body + "}\n";
  return text;
}

} // namespace headgate
