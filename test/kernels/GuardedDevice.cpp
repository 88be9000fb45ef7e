// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "GuardedDevice.h"

#include <csignal>
#include <cstdio>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

namespace headgate::kernels {

static int64_t pageBytes() { return sysconf(_SC_PAGESIZE); }

/// Bytes of the pages that hold `bytes` bytes.
static int64_t pagesFor(int64_t bytes) {
  return (bytes + pageBytes() - 1) / pageBytes() * pageBytes();
}

Result<Buffer> GuardedDevice::allocate(int64_t bytes) {
  if (bytes == 0)
    return Buffer();
  int64_t inside = pagesFor(bytes), all = inside + 2 * pageBytes();
  void *pages =
      mmap(nullptr, size_t(all), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED)
    return Error(ErrorCode::outOfMemory, "no memory for guarded buffers");
  char *first = static_cast<char *>(pages) + pageBytes();
  mprotect(first, size_t(inside), PROT_READ | PROT_WRITE);
  std::memset(first, 0xff, size_t(inside));
  char *data = guard == Guard::before ? first : first + inside - bytes;
  return Buffer(shared_from_this(), data, bytes);
}

void GuardedDevice::free(void *data, int64_t bytes) {
  auto address = reinterpret_cast<uintptr_t>(data);
  char *first = static_cast<char *>(data) - address % uintptr_t(pageBytes());
  munmap(first - pageBytes(), size_t(pagesFor(bytes) + 2 * pageBytes()));
}

static char accessText[1024];

static void reportAccess(int) {
  if (write(STDOUT_FILENO, accessText, std::strlen(accessText)) < 0)
    _exit(2);
  _exit(1);
}

void describeAccesses(const std::string &text) {
  std::snprintf(accessText, sizeof accessText, "%s\n", text.c_str());
  std::signal(SIGSEGV, reportAccess);
  std::signal(SIGBUS, reportAccess);
}

} // namespace headgate::kernels
