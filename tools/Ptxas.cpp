// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/Ptxas.h"

#include "runtime/Subprocess.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <regex>
#include <unistd.h>
#include <vector>

namespace headgate {

namespace {

bool canRun(const std::string &path) { return access(path.c_str(), X_OK) == 0; }

std::string environment(const char *name) {
  const char *value = getenv(name);
  return value ? value : "";
}

/// The first ptxas in the directories of PATH.
std::string onPath() {
  std::string path = environment("PATH");
  for (size_t begin = 0; begin <= path.size();) {
    size_t end = std::min(path.find(':', begin), path.size());
    std::string program = path.substr(begin, end - begin) + "/ptxas";
    if (end > begin && canRun(program))
      return program;
    begin = end + 1;
  }
  return "";
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

Result<Ptxas> Ptxas::find(const std::string &given) {
  const std::pair<const char *, std::string> named[] = {
      {"--ptxas", given},
      {"TRITON_PTXAS_PATH", environment("TRITON_PTXAS_PATH")}};
  for (const auto &[who, path] : named) {
    if (path.empty())
      continue;
    if (canRun(path))
      return Ptxas(path);
    return Error(ErrorCode::notFound, std::string(who) + " names '" + path +
                                          "', which cannot be run");
  }
  // A toolkit may be there without its compiler.
  if (std::string home = environment("CUDA_HOME");
      !home.empty() && canRun(home + "/bin/ptxas"))
    return Ptxas(home + "/bin/ptxas");
  if (std::string path = onPath(); !path.empty())
    return Ptxas(path);
  return Error(ErrorCode::unavailable,
               "no ptxas is on this machine (--ptxas, TRITON_PTXAS_PATH, "
               "CUDA_HOME and PATH have none)");
}

Result<std::string> Ptxas::version() const {
  auto done = runtime::runProcess({program, "--version"});
  if (!done)
    return std::move(done).error();
  std::smatch match;
  if (!std::regex_search(done->outputText, match,
                         std::regex("V([0-9]+(?:\\.[0-9]+)*)")))
    return Error(ErrorCode::failed,
                 "'" + program + "' does not say which version it is");
  return match[1].str();
}

/// What ptxas says while it assembles.
Result<std::string> Ptxas::run(const std::string &ptx,
                               const std::string &target,
                               const std::string &cubin) const {
  auto done =
      runtime::runProcess({program, "-v", "-arch=" + target, ptx, "-o", cubin});
  if (!done)
    return std::move(done).error();
  if (done->exitCode != 0)
    return Error(ErrorCode::failed, "'" + program + "' failed with exit code " +
                                        std::to_string(done->exitCode) + ":\n" +
                                        done->errorText);
  return std::move(done->errorText);
}

Result<PtxasReport> Ptxas::assemble(const std::string &ptx,
                                    const std::string &target,
                                    const std::string &cubin) const {
  Result<std::string> text = run(ptx, target, cubin);
  if (!text)
    return std::move(text).error();
  return readPtxasReport(*text);
}

Result<PtxasListing> Ptxas::list(const std::string &ptx,
                                 const std::string &target) const {
  Result<std::string> text = run(ptx, target, "/dev/null");
  if (!text)
    return std::move(text).error();
  return readPtxasListing(*text);
}

PtxasListing readPtxasListing(std::string_view text) {
  PtxasListing listing;
  KernelUse *kernel = nullptr;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.find("Compiling entry function '") != line.npos) {
      line.remove_prefix(line.find('\'') + 1);
      listing.kernels.push_back({std::string(line.substr(0, line.find('\'')))});
      kernel = &listing.kernels.back();
    } else if (line.find("Function properties for ") != line.npos) {
      // Those of device functions come between the kernels.
      line.remove_prefix(line.find(" for ") + 5);
      auto named = std::ranges::find(listing.kernels, line, &KernelUse::name);
      kernel = named == listing.kernels.end() ? nullptr : &*named;
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
      listing.notes.emplace_back(line);
    }
  }
  std::ranges::sort(listing.kernels, {}, &KernelUse::name);
  return listing;
}

Result<PtxasReport> readPtxasReport(const std::string &text) {
  PtxasListing listing = readPtxasListing(text);
  if (listing.kernels.size() != 1)
    return Error(ErrorCode::failed, "ptxas speaks of " +
                                        std::to_string(listing.kernels.size()) +
                                        " kernels, not of one:\n" + text);
  return PtxasReport{listing.kernels[0].registers,
                     listing.kernels[0].spillStores};
}

} // namespace headgate
