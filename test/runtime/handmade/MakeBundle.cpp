// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// make-handmade OUT.hgb KERNELS.so PLAN.json.in: puts a compiled kernel file
// and a plan together, as an exporter would: the image is named by its content
// and the plan has its size and SHA-256.

#include "lib/PlanText.h"
#include "lib/Sha256.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>

namespace fs = std::filesystem;

namespace {

std::string readAll(const char *path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

bool writeAll(const fs::path &path, const std::string &bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  return static_cast<bool>(file.flush());
}

void replaceAll(std::string &text, std::string_view from,
                const std::string &to) {
  for (size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size())
    text.replace(at, from.size(), to);
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s OUT.hgb KERNELS.so PLAN.json.in\n",
                 argv[0]);
    return 2;
  }
  std::string image = readAll(argv[2]), plan = readAll(argv[3]);
  std::string sha256 = headgate::sha256Hex(image);
  std::string file = "kernels/host-" + sha256.substr(0, 8) + ".so";
  replaceAll(plan, "@FILE@", file);
  replaceAll(plan, "@BYTES@", std::to_string(image.size()));
  replaceAll(plan, "@SHA256@", sha256);
  auto parsed = headgate::parsePlan(plan);
  if (!parsed) {
    std::fprintf(stderr, "error: %s: %s\n", argv[3],
                 parsed.error().message().c_str());
    return 1;
  }
  fs::path out = argv[1];
  std::error_code failure;
  fs::remove_all(out, failure);
  fs::create_directories(out / "kernels", failure);
  if (failure || !writeAll(out / file, image) ||
      !writeAll(out / "plan.json", headgate::printPlan(*parsed))) {
    std::fprintf(stderr, "error: cannot write %s\n", argv[1]);
    return 1;
  }
  return 0;
}
