// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/ptx/ReadPtx.h"

#include "lib/JsonReader.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace headgate {

Result<std::string> readText(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file)
    return Error(ErrorCode::notFound, "cannot read '" + path + "'");
  return std::move(text).str();
}

Status printText(const std::string &text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (std::fflush(stdout) != 0)
    return Error(ErrorCode::failed, "cannot write to stdout");
  return Success();
}

Result<runtime::sim::Module> readPtx(const std::string &path) {
  Result<std::string> text = readText(path);
  if (!text)
    return std::move(text).error();
  Result<runtime::sim::Module> module = runtime::sim::parsePtx(*text);
  if (!module)
    return std::move(module).error().in(path);
  return module;
}

std::optional<TritonMetadata> readMetadata(const std::string &ptxPath) {
  Result<std::string> text = readText(
      std::filesystem::path(ptxPath).replace_extension(".json").string());
  if (!text)
    return std::nullopt;
  Result<JsonReader> reader = JsonReader::parse(*text);
  if (!reader || !reader->root().isObject())
    return std::nullopt;
  JsonValue root = reader->root();
  JsonValue shared = root["shared"];
  if (!shared.isInteger())
    return std::nullopt;
  return TritonMetadata{shared.integer(0, INT32_MAX),
                        bool(root["triton_version"]) && !root["headgate"]};
}

} // namespace headgate
