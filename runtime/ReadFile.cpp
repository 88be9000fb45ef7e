// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/ReadFile.h"

#include <algorithm>
#include <fstream>
#include <system_error>

namespace headgate::runtime {

Result<std::string> readFile(const std::filesystem::path &path, size_t limit) {
  std::error_code failure;
  uintmax_t bytes = std::filesystem::file_size(path, failure);
  std::string text;
  std::ifstream file;
  if (!failure)
    file.open(path, std::ios::binary);
  if (failure || !file)
    return Error(ErrorCode::failed,
                 "cannot read " + path.string() +
                     (failure ? ": " + failure.message() : std::string()));
  text.resize(std::min<uintmax_t>(bytes, limit));
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

Result<std::string> readJsonFile(const std::filesystem::path &path) {
  constexpr size_t maxBytes = size_t(64) << 20;
  Result<std::string> text = readFile(path, maxBytes + 1);
  if (text && text->size() > maxBytes)
    return Error(ErrorCode::corrupt, path.string() + " is larger than " +
                                         std::to_string(maxBytes) + " bytes");
  return text;
}

} // namespace headgate::runtime
