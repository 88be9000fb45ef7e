// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef HEADGATE_RUNTIME_READFILE_H
#define HEADGATE_RUNTIME_READFILE_H

#include "headgate/Result.h"

#include <cstddef>
#include <filesystem>
#include <string>

namespace headgate::runtime {

/// The contents of a regular file of at most `limit` bytes; a longer one is
/// cut behind them.
Result<std::string> readFile(const std::filesystem::path &path, size_t limit);

/// The contents of a JSON file, which may not be larger than any of ours is.
Result<std::string> readJsonFile(const std::filesystem::path &path);

} // namespace headgate::runtime

#endif // HEADGATE_RUNTIME_READFILE_H
