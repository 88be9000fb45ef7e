// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// fuzz-NAME DIRECTORY: runs a fuzz target once on each file of the directory,
// for builds and compilers without libFuzzer.

#include "test/fuzz/Require.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

int main(int argc, char **argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
    return 2;
  }
  int files = 0;
  std::error_code failure;
  for (const auto &entry :
       std::filesystem::directory_iterator(argv[1], failure)) {
    std::ifstream file(entry.path(), std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    std::string bytes = std::move(text).str();
    std::fprintf(stderr, "%s\n", entry.path().c_str());
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t *>(bytes.data()),
                           bytes.size());
    ++files;
  }
  std::printf("%d files\n", files);
  return files == 0;
}
