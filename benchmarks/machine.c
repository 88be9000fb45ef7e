/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * What this machine can do, measured beside the kernels and not taken from a
 * data sheet: multiply-adds in registers, and reads of given memory. Built by
 * the benchmark scripts with the compiler at hand (cc -O3 -march=native).
 */
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

enum { maxThreads = 64, chains = 12 };

typedef struct {
  void (*work)(void *);
  void *argument;
} Task;

static void *runTask(void *task) {
  ((Task *)task)->work(((Task *)task)->argument);
  return NULL;
}

/* Seconds that `threads` threads take for `work` on arguments of `size` bytes
   each. */
static double timeThreads(int threads, void (*work)(void *), char *arguments,
                          size_t size) {
  pthread_t ids[maxThreads];
  Task tasks[maxThreads];
  double start = now();
  for (int i = 0; i < threads; ++i) {
    tasks[i] = (Task){work, arguments + (size_t)i * size};
    if (i > 0)
      pthread_create(&ids[i], NULL, runTask, &tasks[i]);
  }
  runTask(&tasks[0]);
  for (int i = 1; i < threads; ++i)
    pthread_join(ids[i], NULL);
  return now() - start;
}

typedef struct {
  long steps;
  float result;
} Fma;

#if defined(__AVX512F__)
#include <immintrin.h>
enum { lanes = 16 };
typedef __m512 Vector;
#define KEEP(x) __asm__ volatile("" : "+v"(x))
static Vector multiplyAdd(Vector a, Vector b, Vector c) {
  return _mm512_fmadd_ps(a, b, c);
}
static Vector splat(float x) { return _mm512_set1_ps(x); }
#elif defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
enum { lanes = 8 };
typedef __m256 Vector;
#define KEEP(x) __asm__ volatile("" : "+x"(x))
static Vector multiplyAdd(Vector a, Vector b, Vector c) {
  return _mm256_fmadd_ps(a, b, c);
}
static Vector splat(float x) { return _mm256_set1_ps(x); }
#else
#error "the peak measurement is written for AVX2 and AVX-512"
#endif

static void runFma(void *argument) {
  Fma *task = argument;
  Vector a = splat(0.999f), b = splat(1e-6f), c[chains];
#pragma GCC unroll 12
  for (int i = 0; i < chains; ++i)
    c[i] = splat(1.0f);
  for (long n = 0; n < task->steps; ++n) {
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i)
      c[i] = multiplyAdd(c[i], a, b);
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i)
      KEEP(c[i]);
  }
#pragma GCC unroll 12
  for (int i = 0; i < chains; ++i)
    task->result += c[i][0];
}

/* GFLOP/s of f32 multiply-adds on `threads` threads. */
double peakF32(int threads) {
  Fma tasks[maxThreads];
  for (int i = 0; i < threads; ++i)
    tasks[i] = (Fma){20000000, 0};
  double seconds = timeThreads(threads, runFma, (char *)tasks, sizeof(Fma));
  return 2e-9 * lanes * chains * 20000000.0 * threads / seconds;
}

#if defined(__AVX512BF16__)
static void runDotBf16(void *argument) {
  Fma *task = argument;
  __m512bh a = (__m512bh)_mm512_set1_epi32(0x3f003f00);
  __m512bh b = (__m512bh)_mm512_set1_epi32(0x3a003a00);
  Vector c[chains];
#pragma GCC unroll 12
  for (int i = 0; i < chains; ++i)
    c[i] = splat(1.0f);
  for (long n = 0; n < task->steps; ++n) {
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i)
      c[i] = _mm512_dpbf16_ps(c[i], a, b);
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i)
      KEEP(c[i]);
  }
#pragma GCC unroll 12
  for (int i = 0; i < chains; ++i)
    task->result += c[i][0];
}

/* GFLOP/s of vdpbf16ps. */
double peakBf16(int threads) {
  Fma tasks[maxThreads];
  for (int i = 0; i < threads; ++i)
    tasks[i] = (Fma){20000000, 0};
  double seconds = timeThreads(threads, runDotBf16, (char *)tasks, sizeof(Fma));
  return 4e-9 * lanes * chains * 20000000.0 * threads / seconds;
}
#else
/* 0: the CPU has no such instruction. */
double peakBf16(int threads) {
  (void)threads;
  return 0;
}
#endif

typedef struct {
  const void *const *blocks;
  const size_t *bytes;
  int count, part, parts;
  float result;
} Read;

/* This thread's part of each block. */
static void runRead(void *argument) {
  Read *task = argument;
  Vector s[8];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i)
    s[i] = splat(0);
  for (int block = 0; block < task->count; ++block) {
    size_t length = task->bytes[block] / sizeof(float) / (size_t)task->parts;
    length = length / 128 * 128;
    const float *begin =
        (const float *)task->blocks[block] + length * (size_t)task->part;
    for (size_t n = 0; n + 8 * lanes <= length; n += 8 * lanes)
#pragma GCC unroll 8
      for (int i = 0; i < 8; ++i)
        s[i] += *(const Vector *)(begin + n + (size_t)i * lanes);
  }
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i)
    task->result += s[i][0];
}

/* Seconds to read `count` blocks (64-aligned) once, each in `threads`
   contiguous parts. */
double readSeconds(const void *const *blocks, const size_t *bytes, int count,
                   int threads) {
  Read tasks[maxThreads];
  for (int i = 0; i < threads; ++i)
    tasks[i] = (Read){blocks, bytes, count, i, threads, 0};
  return timeThreads(threads, runRead, (char *)tasks, sizeof(Read));
}
