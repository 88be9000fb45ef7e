// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The call convention of a host kernel, in C so that a kernel may be written by
// hand. An image is a shared object; each kernel is one exported symbol of type
// HgHostKernel, called once for each block of the grid, from any thread, in
// grid order (x fastest, then y, then z) but with blocks running side by side.
//
//   void scale(const HgBlock *block, const void *const *arguments) {
//     const float *x = *(const float *const *)arguments[0];
//     float *y = *(float *const *)arguments[1];
//     int32_t n = *(const int32_t *)arguments[2];
//     ...
//   }
//
// arguments[i] points to the i-th argument, as in CUDA's kernelParams: to a
// pointer, an int32_t, an int64_t or a float, as the plan's launch lists them.

#ifndef HEADGATE_HOSTKERNEL_H
#define HEADGATE_HOSTKERNEL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct HgBlock {
  uint32_t block[3]; /* which block this is: 0 <= block[i] < grid[i] */
  uint32_t grid[3];  /* how many blocks there are */
  /* The launch's scratchBytes, 64-aligned, uninitialised, of this thread alone
     while the block runs; null when the launch has none. */
  void *scratch;
} HgBlock;

typedef void (*HgHostKernel)(const HgBlock *block,
                             const void *const *arguments);

#ifdef __cplusplus
}
#endif

#endif /* HEADGATE_HOSTKERNEL_H */
