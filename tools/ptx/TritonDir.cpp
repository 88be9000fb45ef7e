// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/ptx/TritonDir.h"

#include "tools/ptx/LoaderText.h"
#include "tools/ptx/ReadPtx.h"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace fs = std::filesystem;

namespace headgate {

namespace {

Status writeFile(const fs::path &path, const std::string &bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  file.close();
  if (file)
    return Success();
  return Error(ErrorCode::failed, "cannot write '" + path.string() + "'");
}

/// Files in the making, in a directory beside their place that is removed.
class Staging {
public:
  explicit Staging(fs::path place) : place_(std::move(place)), folder_(place_) {
    folder_ += ".tmp-" + std::to_string(getpid());
  }
  Staging(const Staging &) = delete;
  ~Staging() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  Status open() {
    std::error_code code;
    fs::create_directories(folder_, code);
    if (code)
      return Error(ErrorCode::failed,
                   "cannot make '" + folder_.string() + "': " + code.message());
    return Success();
  }
  fs::path file(const std::string &name) const { return folder_ / name; }
  Status add(const std::string &name, const std::string &bytes) {
    return writeFile(file(name), bytes);
  }
  /// Moves the files to their place, over older ones.
  Status commit() {
    std::error_code code;
    fs::create_directories(place_, code);
    for (const fs::directory_entry &entry :
         fs::directory_iterator(folder_, code))
      if (!code)
        fs::rename(entry.path(), place_ / entry.path().filename(), code);
    if (code)
      return Error(ErrorCode::failed, "cannot write into '" + place_.string() +
                                          "': " + code.message());
    return Success();
  }

private:
  fs::path place_, folder_;
};

/// Triton's list of the files of a kernel, by absolute paths.
std::string formatGroup(const std::vector<std::string> &files,
                        const fs::path &directory) {
  nlohmann::ordered_json paths = nlohmann::ordered_json::object();
  for (const std::string &file : files)
    paths[file] = (directory / file).string();
  return nlohmann::ordered_json{{"child_paths", paths}}.dump(
             2, ' ', false, nlohmann::json::error_handler_t::replace) +
         "\n";
}

Status addCubin(TritonKernel &kernel, Staging &staging, const Ptxas &ptxas) {
  std::string ptx = staging.file(kernel.name() + ".ptx").string();
  std::string cubin = staging.file(kernel.name() + ".cubin").string();
  Result<PtxasReport> report = ptxas.assemble(ptx, kernel.target, cubin);
  if (!report)
    return std::move(report).error();
  Result<std::string> bytes = readText(cubin);
  if (!bytes)
    return std::move(bytes).error();
  kernel.code.cubin = std::move(*bytes);
  return Success();
}

Status addKernel(TritonKernel &kernel, Staging &staging,
                 const fs::path &directory, const Ptxas *ptxas) {
  const std::string &name = kernel.name();
  if (Status done = staging.add(name + ".ptx", kernel.code.ptx); !done)
    return done;
  if (kernel.code.cubin.empty() && ptxas)
    if (Status done = addCubin(kernel, staging, *ptxas); !done)
      return done;
  std::vector<std::pair<std::string, std::string>> files = {
      {name + ".ptx", kernel.code.ptx},
      {name + ".json", formatMetadata(kernel)}};
  if (!kernel.code.cubin.empty())
    files.emplace_back(name + ".cubin", kernel.code.cubin);
  std::vector<std::string> group;
  for (const auto &[file, bytes] : files)
    group.push_back(file);
  files.emplace_back("__grp__" + name + ".json", formatGroup(group, directory));
  if (kernel.notCompiled.empty())
    files.emplace_back(name + ".stub.ttir", formatStub(kernel));
  files.emplace_back(name + ".h", formatHeader(kernel));
  Result<std::string> source = formatSource(kernel);
  if (!source)
    return std::move(source).error();
  files.emplace_back(name + ".c", std::move(*source));
  for (const auto &[file, bytes] : files)
    if (Status done = staging.add(file, bytes); !done)
      return done;
  return Success();
}

} // namespace

Status writeTritonDir(std::vector<TritonKernel> kernels,
                      const std::string &directory, const Ptxas *ptxas) {
  std::error_code code;
  fs::path place = fs::absolute(directory, code).lexically_normal();
  if (!place.has_filename()) // "d/"
    place = place.parent_path();
  if (fs::exists(place, code) && !fs::is_directory(place, code))
    return Error(ErrorCode::badInput,
                 "'" + directory + "' exists and is no directory");
  Staging staging(place);
  if (Status done = staging.open(); !done)
    return done;
  for (TritonKernel &kernel : kernels)
    if (Status done = addKernel(kernel, staging, place, ptxas); !done)
      return std::move(done).error().in("kernel '" + kernel.name() + "'");
  if (Status done = staging.add("headgate_triton.py", loaderText); !done)
    return done;
  // What an earlier export wrote and this one does not, is of other code.
  for (const TritonKernel &kernel : kernels)
    for (const char *kind : {".cubin", ".stub.ttir"})
      if (!fs::exists(staging.file(kernel.name() + kind), code))
        fs::remove(place / (kernel.name() + kind), code);
  return staging.commit();
}

} // namespace headgate
