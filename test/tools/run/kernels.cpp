// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Host kernels of the bundle that the tests beside it run: small enough to know
// every result by heart. The calling convention is that of every host image: a
// block, and one pointer to each argument.

#include <cmath>
#include <cstdint>
#include <cstring>

struct HgBlock {
  uint32_t block[3], grid[3];
  void *scratch;
};

template <typename T> static T get(const void *const *arguments, int index) {
  T value;
  std::memcpy(&value, arguments[index], sizeof(value));
  return value;
}

#define HEADGATE_KERNEL extern "C" __attribute__((visibility("default"))) void

/// Copies the bytes of one tensor to another.
HEADGATE_KERNEL hg_copy(const HgBlock *, const void *const *arguments) {
  std::memcpy(get<void *>(arguments, 1), get<const void *>(arguments, 0),
              get<int64_t>(arguments, 2));
}

/// One row of y = keep ? x * scale + shift : 0, and in n how many were kept.
/// The grid is one block, so that n needs no atomic.
HEADGATE_KERNEL hg_mix(const HgBlock *, const void *const *arguments) {
  const float *x = get<const float *>(arguments, 0);
  const uint8_t *keep = get<const uint8_t *>(arguments, 1);
  const int32_t *shift = get<const int32_t *>(arguments, 2);
  float scale = *get<const float *>(arguments, 3);
  float *y = get<float *>(arguments, 4);
  int32_t *kept = get<int32_t *>(arguments, 5);
  int32_t rows = get<int32_t>(arguments, 6),
          columns = get<int32_t>(arguments, 7);
  *kept = 0;
  for (int32_t row = 0; row < rows; ++row) {
    *kept += keep[row];
    for (int32_t i = row * columns; i < (row + 1) * columns; ++i)
      y[i] = keep[row] ? x[i] * scale + static_cast<float>(shift[row]) : 0.0f;
  }
}

/// Writes 1 to every element of y and -1 to every one of n, but leaves out the
/// last `left` of each.
HEADGATE_KERNEL hg_part(const HgBlock *, const void *const *arguments) {
  float *y = get<float *>(arguments, 0);
  int8_t *n = get<int8_t *>(arguments, 1);
  int32_t count = get<int32_t>(arguments, 2) - get<int32_t>(arguments, 3);
  for (int32_t i = 0; i < count; ++i) {
    y[i] = 1.0f;
    n[i] = -1;
  }
}

/// Copies as hg_copy does, and writes one element before the first.
HEADGATE_KERNEL hg_early(const HgBlock *, const void *const *arguments) {
  float *y = get<float *>(arguments, 1);
  std::memcpy(y, get<const void *>(arguments, 0), get<int64_t>(arguments, 2));
  y[-1] = 1.0f;
}

/// Copies as hg_copy does, many times.
HEADGATE_KERNEL hg_slow(const HgBlock *, const void *const *arguments) {
  volatile char *y = get<char *>(arguments, 1);
  const volatile char *x = get<const char *>(arguments, 0);
  for (int64_t i = 0, bytes = get<int64_t>(arguments, 2); i < bytes; ++i)
    for (int again = 0; again < 4; ++again)
      y[i] = x[i];
}

HEADGATE_KERNEL hg_nothing(const HgBlock *, const void *const *) {}
