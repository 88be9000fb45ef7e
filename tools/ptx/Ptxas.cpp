// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/ptx/Ptxas.h"

#include "runtime/Subprocess.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <unistd.h>

namespace headgate {

namespace {

bool isProgram(const std::string &path) {
  std::error_code code;
  return std::filesystem::is_regular_file(path, code) &&
         access(path.c_str(), X_OK) == 0;
}

std::string environment(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : "";
}

/// The number before `unit` in a line such as
/// "ptxas info    : Used 13 registers, used 1 barriers, 512 bytes smem".
std::optional<int64_t> numberBefore(std::string_view line,
                                    std::string_view unit) {
  size_t end = line.find(unit);
  if (end == line.npos)
    return std::nullopt;
  size_t begin = end;
  while (begin > 0 && line[begin - 1] >= '0' && line[begin - 1] <= '9')
    --begin;
  int64_t number = 0;
  auto [stop, failure] =
      std::from_chars(line.data() + begin, line.data() + end, number);
  if (failure != std::errc())
    return std::nullopt;
  return number;
}

} // namespace

Result<std::string> findPtxas(const std::string &asked) {
  if (!asked.empty()) {
    if (isProgram(asked))
      return asked;
    return Error(ErrorCode::unavailable,
                 "--ptxas=" + asked + " is no program that can be run");
  }
  std::vector<std::string> candidates = {environment("TRITON_PTXAS_PATH")};
  if (std::string cuda = environment("CUDA_HOME"); !cuda.empty())
    candidates.push_back(cuda + "/bin/ptxas");
  std::string path = environment("PATH");
  for (size_t begin = 0; begin <= path.size();) {
    size_t end = std::min(path.find(':', begin), path.size());
    if (end > begin)
      candidates.push_back(path.substr(begin, end - begin) + "/ptxas");
    begin = end + 1;
  }
  for (const std::string &candidate : candidates)
    if (isProgram(candidate))
      return candidate;
  return Error(ErrorCode::unavailable,
               "no ptxas found ($TRITON_PTXAS_PATH, $CUDA_HOME/bin, PATH): "
               "install NVIDIA's CUDA toolkit or the Python package "
               "nvidia-cuda-nvcc, or pass --ptxas=PATH");
}

PtxasReport parsePtxasOutput(std::string_view text) {
  PtxasReport report;
  KernelUse *kernel = nullptr;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.find("Compiling entry function '") != line.npos) {
      line.remove_prefix(line.find('\'') + 1);
      report.kernels.push_back({std::string(line.substr(0, line.find('\'')))});
      kernel = &report.kernels.back();
    } else if (line.find("Function properties for ") != line.npos) {
      // Those of device functions come between the kernels.
      line.remove_prefix(line.find(" for ") + 5);
      auto named = std::ranges::find(report.kernels, line, &KernelUse::name);
      kernel = named == report.kernels.end() ? nullptr : &*named;
    } else if (kernel && line.find("bytes spill stores") != line.npos) {
      kernel->stack = numberBefore(line, " bytes stack frame").value_or(0);
      kernel->spillStores =
          numberBefore(line, " bytes spill stores").value_or(0);
      kernel->spillLoads = numberBefore(line, " bytes spill loads").value_or(0);
    } else if (kernel && line.find("Used ") != line.npos) {
      kernel->registers = numberBefore(line, " registers").value_or(0);
      kernel->barriers = numberBefore(line, " barriers").value_or(0);
      kernel->staticShared = numberBefore(line, " bytes smem").value_or(0);
    } else if (line.find("warning") != line.npos ||
               line.find("(C7") != line.npos) {
      report.notes.emplace_back(line);
    }
  }
  std::ranges::sort(report.kernels, {}, &KernelUse::name);
  return report;
}

Result<PtxasReport> runPtxas(const std::string &ptxas,
                             const std::string &ptxFile,
                             const std::string &arch,
                             const std::string &cubinFile) {
  auto done = runtime::runProcess(
      {ptxas, "-v", "--gpu-name=" + arch, ptxFile, "-o", cubinFile});
  if (!done)
    return std::move(done).error();
  if (done->exitCode != 0)
    return Error(ErrorCode::badInput, "ptxas refuses '" + ptxFile + "' for " +
                                          arch + ":\n" + done->errorText);
  return parsePtxasOutput(done->errorText);
}

} // namespace headgate
