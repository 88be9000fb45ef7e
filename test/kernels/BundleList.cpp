// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "BundleList.h"

#include <fstream>
#include <sstream>

namespace headgate::kernels {

static std::filesystem::path fileIn(const std::filesystem::path &folder) {
  return folder / "bundles.txt";
}

Status writeBundleList(const std::filesystem::path &folder,
                       const BundleList &list) {
  std::ofstream file(fileIn(folder));
  file << "seed=" << list.seed << " full=" << list.full << " targets=";
  for (size_t i = 0; i < list.targets.size(); ++i)
    file << (i ? "," : "") << list.targets[i];
  file << "\n";
  for (const BundleList::Batch &batch : list.batches) {
    file << batch.bundle;
    for (size_t number : batch.cases)
      file << " " << number;
    file << "\n";
  }
  if (!file.flush())
    return Error(ErrorCode::failed, "cannot write " + fileIn(folder).string());
  return Success{};
}

/// What follows "KEY=" in the next word.
static bool readValue(std::istream &words, const std::string &key,
                      std::string &value) {
  std::string word;
  if (!(words >> word) || !word.starts_with(key + "="))
    return false;
  value = word.substr(key.size() + 1);
  return !value.empty();
}

Result<BundleList> readBundleList(const std::filesystem::path &folder) {
  std::ifstream file(fileIn(folder));
  if (!file)
    return Error(ErrorCode::notFound, "cannot read " + fileIn(folder).string());
  Error damaged(ErrorCode::corrupt,
                fileIn(folder).string() + " is no list of bundles");
  BundleList list;
  std::string line, seed, full, targets;
  std::getline(file, line);
  std::istringstream head(line);
  if (!readValue(head, "seed", seed) || !readValue(head, "full", full) ||
      !readValue(head, "targets", targets) ||
      !(std::istringstream(seed) >> list.seed))
    return damaged;
  list.full = full == "1";
  std::istringstream names(targets);
  for (std::string name; std::getline(names, name, ',');)
    list.targets.push_back(name);
  while (std::getline(file, line)) {
    std::istringstream words(line);
    BundleList::Batch batch;
    words >> batch.bundle;
    for (size_t number; words >> number;)
      batch.cases.push_back(number);
    if (batch.cases.empty() || !words.eof())
      return damaged;
    list.batches.push_back(std::move(batch));
  }
  return list;
}

} // namespace headgate::kernels
