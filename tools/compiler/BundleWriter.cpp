// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/compiler/BundleWriter.h"

#include "lib/PlanText.h"
#include "lib/Sha256.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <unistd.h>

namespace fs = std::filesystem;

namespace headgate {

namespace {

Error cannot(const std::string &what, const std::string &path,
             const std::error_code &why) {
  return Error(ErrorCode::failed,
               "cannot " + what + " " + path + ": " + why.message());
}

Status write(const std::string &path, const std::string &text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (file)
    return Success{};
  return Error(ErrorCode::failed, "cannot write " + path + " (disk full?)");
}

/// Directories PATH.tmp-PID and PATH.old-PID of processes that are gone.
void removeStale(const std::string &path) {
  fs::path place(path);
  fs::path folder = place.has_parent_path() ? place.parent_path() : ".";
  std::error_code ignored;
  for (const fs::directory_entry &entry :
       fs::directory_iterator(folder, ignored)) {
    std::string name = entry.path().filename().string();
    for (const char *kind : {".tmp-", ".old-"}) {
      std::string prefix = place.filename().string() + kind;
      if (!name.starts_with(prefix))
        continue;
      int pid = atoi(name.c_str() + prefix.size());
      if (pid > 0 && kill(pid, 0) != 0 && errno == ESRCH)
        fs::remove_all(entry.path(), ignored);
    }
  }
}

} // namespace

BundleWriter::BundleWriter(std::string place)
    : path(std::move(place)),
      temporary(path + ".tmp-" + std::to_string(getpid())) {}

BundleWriter::BundleWriter(BundleWriter &&other) noexcept
    : path(std::move(other.path)), temporary(std::move(other.temporary)) {
  other.temporary.clear();
}

BundleWriter::~BundleWriter() {
  std::error_code ignored;
  if (!temporary.empty())
    fs::remove_all(temporary, ignored);
}

Result<BundleWriter> BundleWriter::create(const std::string &given) {
  std::string path = given;
  while (path.size() > 1 && path.ends_with('/'))
    path.pop_back();
  std::error_code code;
  if (fs::exists(path, code) && !fs::exists(path + "/plan.json", code) &&
      !(fs::is_directory(path, code) && fs::is_empty(path, code)))
    return Error(ErrorCode::badInput,
                 path + " exists and is not a bundle: it is left as it is");
  removeStale(path);
  BundleWriter writer(path);
  fs::remove_all(writer.temporary, code); // of a dead process with our number
  if (!fs::create_directory(writer.temporary, code) ||
      !fs::create_directory(writer.temporary + "/kernels", code))
    return cannot("create", writer.temporary, code);
  return writer;
}

std::string BundleWriter::scratch(const std::string &name) const {
  return temporary + "/" + name;
}

Status BundleWriter::add(Plan &plan, const std::string &image, PlanForm form,
                         const std::string &name) {
  std::ifstream file(scratch(name), std::ios::binary);
  std::ostringstream contents;
  contents << file.rdbuf();
  std::string bytes = std::move(contents).str();
  if (!file || bytes.empty())
    return Error(ErrorCode::failed, "cannot read " + scratch(name));
  form.bytes = static_cast<int64_t>(bytes.size());
  form.sha256 = sha256Hex(bytes);
  form.file =
      "kernels/" + image + "-" + form.sha256.substr(0, 8) + "." + form.kind;
  std::error_code code;
  fs::rename(scratch(name), scratch(form.file), code);
  if (code)
    return cannot("write", scratch(form.file), code);
  for (PlanImage &entry : plan.images)
    if (entry.id == image)
      entry.forms.push_back(form);
  return Success{};
}

Status BundleWriter::addSource(const std::string &name,
                               const std::string &text) {
  std::error_code code;
  fs::create_directories(scratch("source"), code);
  return write(scratch("source/" + name), text);
}

Status BundleWriter::addTuning(const std::string &text) {
  return write(scratch("tuned.json"), text);
}

Status BundleWriter::commit(const Plan &plan) {
  std::string text = printPlan(plan);
  if (Result<Plan> readBack = parsePlan(text); !readBack)
    return std::move(readBack).error().in("no runtime would read this plan");
  if (Status done = write(scratch("plan.json"), text); !done)
    return done;
  std::error_code code;
  std::string old;
  if (fs::exists(path, code)) {
    old = path + ".old-" + std::to_string(getpid());
    fs::rename(path, old, code);
    if (code)
      return cannot("replace", path, code);
  }
  fs::rename(temporary, path, code);
  if (code) {
    std::error_code ignored;
    if (!old.empty())
      fs::rename(old, path, ignored);
    return cannot("write", path, code);
  }
  temporary.clear();
  if (!old.empty())
    fs::remove_all(old, code);
  return Success{};
}

} // namespace headgate
