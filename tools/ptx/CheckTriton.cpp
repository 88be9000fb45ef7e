// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Triton 3.9 finds a kernel by the first match of
//   \.(?:visible|extern)\s+\.(?:entry|func)\s+(\w+)\s*\(([^)]*)\)
// and its parameters by \.param\s+\.(\w+); compiler/compiler.py. Its launcher
// knows the types of extraction_map in backends/nvidia/driver.c.

#include "tools/ptx/CheckTriton.h"

#include <algorithm>
#include <bit>
#include <charconv>

namespace headgate {

using namespace runtime::sim;

std::optional<int> parsePtxVersion(std::string_view text) {
  int major = 0, minor = 0;
  const char *end = text.data() + text.size();
  auto [dot, badMajor] = std::from_chars(text.data(), end, major);
  if (badMajor != std::errc() || dot == end || *dot != '.')
    return std::nullopt;
  auto [rest, badMinor] = std::from_chars(dot + 1, end, minor);
  if (badMinor != std::errc() || rest != end || major < 1 || major > 99 ||
      minor < 0 || minor > 9)
    return std::nullopt;
  return major * 10 + minor;
}

int tritonPtxVersion(std::string_view target) {
  int capability = 0;
  if (target.starts_with("sm_"))
    std::from_chars(target.data() + 3, target.data() + target.size(),
                    capability);
  return capability < 90 ? 88 : 94; // ptxas 12.9 and 13.4
}

namespace {
std::string quote(const std::string &text) { return "'" + text + "'"; }

std::string versionText(int version) {
  return std::to_string(version / 10) + "." + std::to_string(version % 10);
}

bool isWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '_';
}

class Checker {
public:
  Checker(const Module &module, int latest)
      : module_(module), latest_(latest) {}

  std::vector<TritonFault> check() {
    checkVersion();
    checkKernels();
    for (const Kernel &kernel : module_.kernels) {
      checkFunctionsBefore(kernel);
      checkName(kernel);
      checkParameters(kernel);
      checkBlock(kernel);
    }
    std::ranges::sort(faults_);
    return std::move(faults_);
  }

private:
  void checkVersion();
  void checkKernels();
  void checkFunctionsBefore(const Kernel &kernel);
  void checkName(const Kernel &kernel);
  void checkParameters(const Kernel &kernel);
  void checkBlock(const Kernel &kernel);
  void add(uint32_t line, std::string message) {
    faults_.push_back({line, std::move(message)});
  }

  const Module &module_;
  int latest_;
  std::vector<TritonFault> faults_;
};

void Checker::checkVersion() {
  std::optional<int> version = parsePtxVersion(module_.version);
  uint32_t line = std::max(module_.versionLine, 1u);
  if (!version)
    return add(line, "the file needs a .version such as 7.0");
  if (*version > latest_)
    add(line, "PTX " + module_.version + " is newer than " +
                  versionText(latest_) + ", the latest that ptxas takes");
}

void Checker::checkKernels() {
  if (module_.kernels.empty())
    return add(1, "the file has no kernel; Triton loads one");
  for (const Kernel &kernel : module_.kernels) {
    if (!kernel.visible)
      add(kernel.line, "kernel " + quote(kernel.name) +
                           " is not .visible: Triton does not find it");
    if (&kernel != &module_.kernels[0])
      add(kernel.line, "kernel " + quote(kernel.name) + " stands beside " +
                           quote(module_.kernels[0].name) + " (line " +
                           std::to_string(module_.kernels[0].line) +
                           "); Triton loads files with one kernel");
  }
}

/// The first match is the kernel, be it a function.
void Checker::checkFunctionsBefore(const Kernel &kernel) {
  if (&kernel != &module_.kernels[0])
    return;
  for (const DeviceFunction &function : module_.functions)
    if (function.line <= kernel.line && !function.returns &&
        (function.visible || function.external)) {
      add(function.line, "function " + quote(function.name) +
                             " stands before kernel " + quote(kernel.name) +
                             ": Triton takes it for the kernel");
      return;
    }
}

void Checker::checkName(const Kernel &kernel) {
  if (!std::ranges::all_of(kernel.name, isWordCharacter))
    add(kernel.line, "the name " + quote(kernel.name) +
                         " may have letters, digits and '_' only");
}

void Checker::checkParameters(const Kernel &kernel) {
  for (const Parameter &parameter : kernel.parameters) {
    bool isPassed = parameter.type == ".u64" || parameter.type == ".u32" ||
                    parameter.type == ".u16" || parameter.type == ".u8" ||
                    parameter.type == ".f32";
    if (parameter.array)
      add(parameter.line, "parameter " + quote(parameter.name) + " is " +
                              std::to_string(parameter.bytes) +
                              " bytes by value; Triton passes pointers and "
                              "numbers");
    else if (!isPassed)
      add(parameter.line, "parameter " + quote(parameter.name) + " has type " +
                              parameter.type +
                              "; Triton passes .u64, .u32, .u16, .u8 and .f32");
  }
}

/// A block is 32 * num_warps threads in one dimension.
void Checker::checkBlock(const Kernel &kernel) {
  auto [x, y, z] = kernel.requiredBlock;
  if (x == 0)
    return;
  if (y > 1 || z > 1)
    return add(kernel.line, "blocks of " + std::to_string(x) + "x" +
                                std::to_string(y) + "x" + std::to_string(z) +
                                " threads; Triton's have one dimension");
  if (x % 32 != 0)
    return add(kernel.line, "blocks of " + std::to_string(x) +
                                " threads; Triton's are whole warps of 32");
  if (!std::has_single_bit(x / 32))
    faults_.push_back({kernel.line,
                       "blocks of " + std::to_string(x) + " threads are " +
                           std::to_string(x / 32) +
                           " warps; triton.compile takes a power of two",
                       true});
}
} // namespace

std::vector<TritonFault> checkTriton(const Module &module, int latest) {
  return Checker(module, latest).check();
}

} // namespace headgate
