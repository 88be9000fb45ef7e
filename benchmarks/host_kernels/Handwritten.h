/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The kernels that generated ones are measured against: causal prefill of one
 * sequence in AVX-512 intrinsics, f32 and bf16, for heads of 64 or 128
 * components, each head's rows one below the other. A shared library of its
 * own, because no other part of the tree may need such a CPU.
 */

#ifndef HEADGATE_BENCHMARKS_HOST_KERNELS_HANDWRITTEN_H
#define HEADGATE_BENCHMARKS_HOST_KERNELS_HANDWRITTEN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* NULL, or what this CPU lacks; call nothing else then. */
const char *handwrittenMissing(void);

typedef struct Handwritten Handwritten;
/* A pool of `threads` threads and working memory; NULL where D is neither 64
   nor 128. */
Handwritten *handwrittenCreate(int64_t D, int isBf16, int threads);
void handwrittenFree(Handwritten *);

/* Dense attention: q, o: [H, S, D]; k, v: [G, S, D]; H is a multiple of G. */
void handwrittenDense(Handwritten *, const void *q, const void *k,
                      const void *v, void *o, int64_t S, int64_t H, int64_t G);

/* The routed core with 8 groups of 2 experts, of which the better one runs: the
   router's softmax, attention of the chosen heads and of one shared head over
   the mean of keys and values, the weighted sum, all side by side.
   q: [8, 2, S, D]; k, v: [8, S, D]; shared: [S, D]; logits: f32 [S, 8, 2];
   concat: [S, 10 * D]. */
void handwrittenCore(Handwritten *, const void *q, const void *k, const void *v,
                     const void *shared, const float *logits, void *concat,
                     int64_t S);

#ifdef __cplusplus
}
#endif

#endif /* HEADGATE_BENCHMARKS_HOST_KERNELS_HANDWRITTEN_H */
