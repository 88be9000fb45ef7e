// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/compiler/LinkImage.h"

#include "runtime/Subprocess.h"

namespace headgate {

namespace {

std::vector<std::string> commandFor(const std::string &linker,
                                    const std::vector<std::string> &objects,
                                    const std::string &output) {
  // cc takes linker options behind -Wl; ld and lld take them as they are.
  size_t slash = linker.rfind('/');
  std::string program =
      slash == std::string::npos ? linker : linker.substr(slash + 1);
  bool isDriver = !program.starts_with("ld") && !program.ends_with("-ld") &&
                  program.find("lld") == program.npos;
  std::vector<std::string> command = {linker, "-shared", "-nostdlib", "-o",
                                      output};
  if (isDriver)
    command.insert(command.end(),
                   {"-Wl,-z,noexecstack", "-Wl,--build-id=none"});
  else
    command.insert(command.end(), {"-z", "noexecstack", "--build-id=none"});
  command.insert(command.end(), objects.begin(), objects.end());
  return command;
}

Status failure(const std::string &linker, const runtime::ProcessResult &done) {
  return Error(ErrorCode::failed,
               "linker '" + linker + "' failed with exit code " +
                   std::to_string(done.exitCode) +
                   (done.errorText.empty() ? "" : ":\n" + done.errorText));
}

} // namespace

Status linkImage(const std::vector<std::string> &objects,
                 const HostTarget &target, const std::string &output,
                 const std::string &linker) {
  bool isForeign = !target.isOfThisArchitecture();
  std::vector<std::string> candidates = {HEADGATE_LLVM_TOOLS "/ld.lld",
                                         "ld.lld"};
  if (!isForeign)
    candidates.insert(candidates.end(), {"ld", "cc"});
  if (!linker.empty())
    candidates = {linker};
  std::string tried;
  for (const std::string &candidate : candidates) {
    auto done = runtime::runProcess(commandFor(candidate, objects, output));
    if (done && done->exitCode == 0)
      return Success{};
    if (done)
      return failure(candidate, *done);
    if (done.error().code() != ErrorCode::notFound)
      return std::move(done).error();
    tried += (tried.empty() ? "" : ", ") + candidate;
  }
  return Error(ErrorCode::unavailable,
               isForeign
                   ? "no linker found that links code for " + target.name +
                         " on this machine (tried " + tried +
                         "); install lld-22, or pass --linker=PATH"
                   : "no linker found (tried " + tried +
                         "); install lld-22 or binutils, or pass "
                         "--linker=PATH");
}

} // namespace headgate
