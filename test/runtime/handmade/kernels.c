/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The kernels of handmade.hgb, the bundle that tests the runtime without a
 * compiler. The plan beside this file says how they are launched. */

#include "headgate/HostKernel.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define KERNEL __attribute__((visibility("default")))
#define IN(type, i) (*(const type *const *)arguments[i])
#define OUT(type, i) (*(type *const *)arguments[i])
#define SCALAR(type, i) (*(const type *)arguments[i])

/* t[s,n] = 2 x[s,n], four rows a block; the rows of x are x.s elements apart */
KERNEL void hg_double(const HgBlock *block, const void *const *arguments) {
  const float *x = IN(float, 0);
  float *t = OUT(float, 1);
  int32_t S = SCALAR(int32_t, 2), N = SCALAR(int32_t, 3);
  int64_t stride = SCALAR(int64_t, 4);
  int64_t first = (int64_t)block->block[0] * 4;
  for (int64_t s = first; s < first + 4 && s < S; ++s)
    for (int32_t n = 0; n < N; ++n)
      t[s * N + n] = 2 * x[s * stride + n];
}

/* y[s,n] = t[s,n] + scale * sum over n of t[s,n]; a row a block, kept in
   scratch memory meanwhile */
KERNEL void hg_sum_row(const HgBlock *block, const void *const *arguments) {
  int32_t N = SCALAR(int32_t, 2);
  float scale = SCALAR(float, 3), sum = 0, *row = block->scratch;
  const float *t = IN(float, 0) + (int64_t)block->block[0] * N;
  float *y = OUT(float, 1) + (int64_t)block->block[0] * N;
  for (int32_t n = 0; n < N; ++n) {
    row[n] = t[n];
    sum += t[n];
  }
  for (int32_t n = 0; n < N; ++n)
    y[n] = row[n] + scale * sum;
}

/* The same in two launches for long rows: sums into the workspace, ... */
KERNEL void hg_sum_wide_reduce(const HgBlock *block,
                               const void *const *arguments) {
  int32_t N = SCALAR(int32_t, 2);
  const float *t = IN(float, 0) + (int64_t)block->block[0] * N;
  float sum = 0;
  for (int32_t n = 0; n < N; ++n)
    sum += t[n];
  OUT(float, 1)[block->block[0]] = sum;
}

/* ... then one block for each 64 columns of each row. */
KERNEL void hg_sum_wide_add(const HgBlock *block,
                            const void *const *arguments) {
  int32_t N = SCALAR(int32_t, 3), first = (int32_t)block->block[0] * 64;
  float scale = SCALAR(float, 4);
  int64_t row = block->block[1];
  const float *t = IN(float, 0) + row * N;
  float sum = IN(float, 1)[row];
  float *y = OUT(float, 2) + row * N;
  for (int32_t n = first; n < first + 64 && n < N; ++n)
    y[n] = t[n] + scale * sum;
}

/* bins[i[j]] += 1, in one block; the bins were cleared by the runtime */
KERNEL void hg_count(const HgBlock *block, const void *const *arguments) {
  (void)block;
  const int32_t *index = IN(int32_t, 0);
  int32_t *bins = OUT(int32_t, 1);
  int32_t N = SCALAR(int32_t, 2), K = SCALAR(int32_t, 3);
  for (int32_t j = 0; j < N; ++j)
    if (index[j] >= 0 && index[j] < K)
      ++bins[index[j]];
}

/* y[k] = base[k] + bins[k] */
KERNEL void hg_add(const HgBlock *block, const void *const *arguments) {
  uint32_t k = block->block[0];
  OUT(int32_t, 2)[k] = IN(int32_t, 0)[k] + IN(int32_t, 1)[k];
}

/* cache[C-1,n] = row[n]; the other rows are copied unless they are there */
KERNEL void hg_append(const HgBlock *block, const void *const *arguments) {
  (void)block;
  const float *from = IN(float, 0), *row = IN(float, 1);
  float *to = OUT(float, 2);
  int32_t C = SCALAR(int32_t, 3), N = SCALAR(int32_t, 4);
  size_t kept = (size_t)(C - 1) * (size_t)N;
  if (to != from)
    memcpy(to, from, kept * sizeof *to);
  memcpy(to + kept, row, (size_t)N * sizeof *to);
}

/* y[b,s,n] = q[b,s,n], where all rows of q are q.s elements apart */
KERNEL void hg_take(const HgBlock *block, const void *const *arguments) {
  int32_t S = SCALAR(int32_t, 2), N = SCALAR(int32_t, 3);
  int64_t stride = SCALAR(int64_t, 4);
  int64_t row = (int64_t)block->block[1] * S + block->block[0];
  memcpy(OUT(float, 1) + row * N, IN(float, 0) + row * stride,
         (size_t)N * sizeof(float));
}

/* Writes all it was given, for tests of order, width and block numbers. */
KERNEL void hg_probe(const HgBlock *block, const void *const *arguments) {
  int64_t *out = OUT(int64_t, 2);
  const uint32_t *b = block->block, *g = block->grid;
  int64_t slot = ((int64_t)b[2] * g[1] + b[1]) * g[0] + b[0];
  int64_t bits = 0;
  float f32 = SCALAR(float, 1);
  memcpy(&bits, &f32, sizeof f32);
  out[4 * slot + 0] = SCALAR(int32_t, 0);
  out[4 * slot + 1] = bits;
  out[4 * slot + 2] = SCALAR(int64_t, 3);
  out[4 * slot + 3] = (intptr_t)block->scratch;
}

/* Where in the sequence of starts each block came; needs one thread. */
KERNEL void hg_order(const HgBlock *block, const void *const *arguments) {
  const uint32_t *b = block->block, *g = block->grid;
  int64_t *next = OUT(int64_t, 0), *started = OUT(int64_t, 1);
  started[((int64_t)b[2] * g[1] + b[1]) * g[0] + b[0]] = (*next)++;
}

/* y[i] = exp(x[i]): a call of libm that the image itself does not link. */
KERNEL void hg_exp(const HgBlock *block, const void *const *arguments) {
  uint32_t i = block->block[0];
  OUT(float, 1)[i] = expf(IN(float, 0)[i]);
}

/* Fills its scratch with its block number and counts what others disturb. */
KERNEL void hg_scratch(const HgBlock *block, const void *const *arguments) {
  int32_t words = SCALAR(int32_t, 1);
  int64_t wrong = 0;
  volatile uint32_t *mine = block->scratch;
  for (int32_t i = 0; i < words; ++i)
    mine[i] = block->block[0];
  for (int32_t i = 0; i < words; ++i)
    wrong += mine[i] != block->block[0];
  OUT(int64_t, 0)[block->block[0]] = wrong;
}
