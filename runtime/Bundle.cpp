// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "headgate/Bundle.h"

#include "lib/PlanText.h"
#include "lib/Sha256.h"
#include "runtime/ReadFile.h"

#include <filesystem>
#include <system_error>
#include <utility>

namespace fs = std::filesystem;

namespace headgate {

namespace {

/// Why `path` is not a directory with a plan, in words that say what to do.
Error notABundle(const fs::path &path) {
  std::error_code failure;
  fs::file_status status = fs::status(path, failure);
  std::string name = path.string();
  if (status.type() == fs::file_type::not_found)
    return Error(ErrorCode::notFound, "no bundle at " + name);
  if (failure)
    return Error(ErrorCode::failed,
                 "cannot open bundle " + name + ": " + failure.message());
  if (fs::is_directory(status))
    return Error(ErrorCode::badInput,
                 name + " is a directory without plan.json, not a bundle");
  fs::path extension = path.extension();
  if (extension == ".mlir" || extension == ".mlirbc")
    return Error(ErrorCode::badInput,
                 name + " is IR, not a bundle: run headgate-compile " + name +
                     " -o " + path.stem().string() + ".hgb first");
  return Error(ErrorCode::badInput,
               name + " is a file, not a bundle (a directory with plan.json)");
}

Error damaged(const std::string &path, const std::string &why) {
  return Error(ErrorCode::corrupt,
               path + " is damaged (" + why + "): copy the bundle again");
}

} // namespace

Result<Bundle> Bundle::open(const std::string &path) {
  fs::path directory(path);
  // "gqe.hgb/" is named like "gqe.hgb" in messages.
  if (!directory.has_filename() && directory.has_parent_path() &&
      directory != directory.root_path())
    directory = directory.parent_path();
  fs::path planPath = directory / "plan.json";
  std::error_code ignored;
  if (!fs::is_regular_file(planPath, ignored))
    return notABundle(directory);
  Result<std::string> text = runtime::readJsonFile(planPath);
  if (!text)
    return std::move(text).error();
  Result<Plan> plan = parsePlan(*text);
  if (!plan)
    return std::move(plan).error().in(planPath.string());
  Bundle bundle;
  bundle.path_ = directory.string();
  bundle.plan_ = std::make_shared<const Plan>(*std::move(plan));
  return bundle;
}

Result<std::string> Bundle::pathOf(const PlanForm &form) const {
  std::string shown = path_ + "/" + form.file;
  std::error_code failure;
  fs::path root = fs::canonical(path_, failure);
  fs::path file;
  if (!failure)
    file = fs::canonical(root / form.file, failure);
  if (failure)
    return Error(ErrorCode::notFound, "cannot open " + shown + ": " +
                                          failure.message() +
                                          "; copy the bundle again");
  // Both are free of links, so this sees a link that leads out.
  fs::path inside = file.lexically_relative(root);
  if (inside.empty() || *inside.begin() == "..")
    return Error(ErrorCode::corrupt,
                 shown + " leads out of the bundle, to " + file.string());
  if (!fs::is_regular_file(file, failure))
    return Error(ErrorCode::corrupt, shown + " is not a file");
  return file.string();
}

Result<std::string> Bundle::read(const PlanForm &form) const {
  Result<std::string> path = pathOf(form);
  if (!path)
    return std::move(path).error();
  std::string shown = path_ + "/" + form.file;
  Result<std::string> bytes =
      runtime::readFile(*path, static_cast<size_t>(form.bytes) + 1);
  if (!bytes)
    return std::move(bytes).error();
  if (bytes->size() != static_cast<size_t>(form.bytes)) {
    std::error_code failure;
    return damaged(shown,
                   "it has " + std::to_string(fs::file_size(*path, failure)) +
                       " bytes, plan.json says " + std::to_string(form.bytes));
  }
  std::string found = sha256Hex(*bytes);
  if (found != form.sha256)
    return damaged(shown, "sha256 " + found.substr(0, 8) +
                              ".., plan.json says " + form.sha256.substr(0, 8) +
                              "..");
  return bytes;
}

} // namespace headgate
