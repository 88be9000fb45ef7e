// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Any bytes as a .npy file, which lies in memory.

#include "lib/Npy.h"
#include "test/fuzz/Require.h"

#include <sys/mman.h>
#include <unistd.h>

using namespace headgate;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  int file = memfd_create("npy", 0);
  test::require(file >= 0 && write(file, data, size) == ssize_t(size),
                "a file of these bytes");
  std::string path = "/proc/self/fd/" + std::to_string(file);
  for (std::optional<DType> wanted : {std::optional<DType>(), {DType::bf16}}) {
    Result<Array> array = readNpy(path, wanted);
    if (!array)
      continue;
    int64_t bytes = int64_t(array->bytes.size());
    test::require(array->shape.size() <= maxRank, "the rank is bounded");
    test::require(bytes == array->elements() * byteWidth(array->dtype),
                  "bytes are those of the elements");
    test::require(bytes < int64_t(size), "no more is read than there is");
  }
  close(file);
  return 0;
}
