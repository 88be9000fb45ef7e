// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The shape of all of them: for one key head after another, keys and values are
// copied into panels of 32 columns; then threads take blocks of 12 query rows,
// the longest first, and walk tiles of 256 keys with an online softmax.
// Products keep 12 rows of 32 columns in registers: 24 sums, 2 columns, 1 row
// element.

#include "benchmarks/host_kernels/Handwritten.h"

#include "benchmarks/host_kernels/Kernel.h"

#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

namespace headgate::handwritten {

namespace {

constexpr int64_t groups = 8; ///< of the routed core, with 2 experts each

/// Threads that take parts of a job in order.
class Pool {
public:
  explicit Pool(int threads) : threads(threads), arena(threads) {}

  /// Calls `work(worker, i)` for all i below `count`.
  template <typename Work> void forEach(int64_t count, Work work) {
    std::atomic<int64_t> next = 0;
    auto body = [&](int worker) {
      for (int64_t i;
           (i = next.fetch_add(1, std::memory_order_relaxed)) < count;)
        work(worker, i);
    };
    if (threads == 1)
      return body(0);
    arena.execute([&] {
      tbb::parallel_for(0, threads, body, tbb::simple_partitioner());
    });
  }

  const int threads;

private:
  tbb::task_arena arena;
};

/// 64-aligned memory that only grows.
template <typename T> class Workspace {
public:
  T *get(int64_t count) {
    if (count > size) {
      memory.reset(static_cast<T *>(
          std::aligned_alloc(64, (count * sizeof(T) + 63) / 64 * 64)));
      size = count;
    }
    return memory.get();
  }

private:
  struct Free {
    void operator()(T *data) const { std::free(data); }
  };
  std::unique_ptr<T, Free> memory;
  int64_t size = 0;
};

template <typename T, int D> class Attention {
public:
  using Element = typename T::Element;

  explicit Attention(int threads) : pool(threads), kernels(threads) {}

  void dense(const Element *q, const Element *k, const Element *v, Element *o,
             int64_t S, int64_t H, int64_t G) {
    int64_t perKey = H / G;
    for (int64_t g = 0; g < G; ++g) {
      pack(k + g * S * D, v + g * S * D, S);
      attend(S, perKey, [&](int64_t head) {
        int64_t at = (g * perKey + head) * S * D;
        return Rows<Element>{q + at, o + at, D};
      });
    }
  }

  void core(const Element *q, const Element *k, const Element *v,
            const Element *shared, const float *logits, Element *concat,
            int64_t S) {
    constexpr int64_t width = (groups + 2) * D;
    int32_t *chosen = experts.get(S * groups);
    float *weight = weights.get(S * groups);
    Element *keys = means.get(2 * S * D), *values = keys + S * D;
    forTokens(S, [&](int64_t s) {
      route(logits + s * 2 * groups, chosen + s * groups, weight + s * groups);
      meanOfHeads<T, groups, D>(k + s * D, S * D, keys + s * D);
      meanOfHeads<T, groups, D>(v + s * D, S * D, values + s * D);
    });
    for (int64_t g = 0; g < groups; ++g) {
      pack(k + g * S * D, v + g * S * D, S);
      attend(S, 1, [&](int64_t) {
        return Rows<Element>{q + g * 2 * S * D, concat + g * D, width,
                             chosen + g,        groups,         S * D};
      });
    }
    pack(keys, values, S);
    attend(S, 1, [&](int64_t) {
      return Rows<Element>{shared, concat + (groups + 1) * D, width};
    });
    forTokens(S, [&](int64_t s) {
      Element *heads = concat + s * width;
      weightedSum<T, groups, D>(heads, weight + s * groups, heads + groups * D);
    });
  }

private:
  template <typename Work> void forTokens(int64_t S, Work work) {
    pool.forEach((S + 63) / 64, [&](int, int64_t block) {
      for (int64_t s = 64 * block; s < std::min(S, 64 * block + 64); ++s)
        work(s);
    });
  }

  void pack(const Element *k, const Element *v, int64_t S) {
    panels.place(S, storage.get(Panels<T, D>::elements(S)));
    pool.forEach((S + 255) / 256, [&](int, int64_t block) {
      panels.pack(k, v, 256 * block, std::min(S, 256 * block + 256));
    });
  }

  /// All query rows of `heads` heads, the longest first.
  template <typename RowsOf>
  void attend(int64_t S, int64_t heads, RowsOf rowsOf) {
    int64_t blocks = (S + blockRows - 1) / blockRows;
    pool.forEach(blocks * heads, [&](int worker, int64_t i) {
      kernels[worker].run(panels, rowsOf(i % heads),
                          (blocks - 1 - i / heads) * blockRows);
    });
  }

  Pool pool;
  std::vector<Kernel<T, D>> kernels; ///< one for each thread
  Panels<T, D> panels;
  Workspace<Element> storage, means;
  Workspace<int32_t> experts;
  Workspace<float> weights;
};

} // namespace

} // namespace headgate::handwritten

using namespace headgate::handwritten;

struct Handwritten {
  virtual ~Handwritten() = default;
  virtual void dense(const void *q, const void *k, const void *v, void *o,
                     int64_t S, int64_t H, int64_t G) = 0;
  virtual void core(const void *q, const void *k, const void *v,
                    const void *shared, const float *logits, void *concat,
                    int64_t S) = 0;
};

namespace {

template <typename T, int D> struct Typed : Handwritten {
  using Element = typename T::Element;
  explicit Typed(int threads) : attention(threads) {}
  static const Element *in(const void *data) {
    return static_cast<const Element *>(data);
  }
  void dense(const void *q, const void *k, const void *v, void *o, int64_t S,
             int64_t H, int64_t G) override {
    attention.dense(in(q), in(k), in(v), static_cast<Element *>(o), S, H, G);
  }
  void core(const void *q, const void *k, const void *v, const void *shared,
            const float *logits, void *concat, int64_t S) override {
    attention.core(in(q), in(k), in(v), in(shared), logits,
                   static_cast<Element *>(concat), S);
  }
  Attention<T, D> attention;
};

} // namespace

Handwritten *handwrittenCreate(int64_t D, int isBf16, int threads) {
  if (D == 64 && isBf16)
    return new Typed<Bf16, 64>(threads);
  if (D == 64)
    return new Typed<F32, 64>(threads);
  if (D == 128 && isBf16)
    return new Typed<Bf16, 128>(threads);
  if (D == 128)
    return new Typed<F32, 128>(threads);
  return nullptr;
}

void handwrittenFree(Handwritten *kernels) { delete kernels; }

void handwrittenDense(Handwritten *kernels, const void *q, const void *k,
                      const void *v, void *o, int64_t S, int64_t H, int64_t G) {
  kernels->dense(q, k, v, o, S, H, G);
}

void handwrittenCore(Handwritten *kernels, const void *q, const void *k,
                     const void *v, const void *shared, const float *logits,
                     void *concat, int64_t S) {
  kernels->core(q, k, v, shared, logits, concat, S);
}
