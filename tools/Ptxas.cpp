// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/Ptxas.h"

#include "runtime/Subprocess.h"

#include <cstdlib>
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

/// The only number that `pattern` finds in `text`.
Result<int64_t> numberIn(const std::string &text, const char *pattern,
                         const char *what) {
  std::regex expression(pattern);
  std::sregex_iterator match(text.begin(), text.end(), expression), none;
  if (match == none || std::next(match) != none)
    return Error(ErrorCode::failed,
                 std::string("ptxas does not say once what ") + what +
                     " are:\n" + text);
  return std::stoll((*match)[1].str());
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

Result<PtxasReport> Ptxas::assemble(const std::string &ptx,
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
  return readPtxasReport(done->errorText);
}

Result<PtxasReport> readPtxasReport(const std::string &text) {
  Result<int64_t> registers =
      numberIn(text, "Used ([0-9]+) registers", "registers");
  if (!registers)
    return std::move(registers).error();
  Result<int64_t> spills =
      numberIn(text, "([0-9]+) bytes spill stores", "spill stores");
  if (!spills)
    return std::move(spills).error();
  return PtxasReport{*registers, *spills};
}

} // namespace headgate
