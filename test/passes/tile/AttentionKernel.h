// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An attend kernel as text, and its results against plain loops.

#ifndef HEADGATE_TEST_PASSES_TILE_ATTENTIONKERNEL_H
#define HEADGATE_TEST_PASSES_TILE_ATTENTIONKERNEL_H

#include "test/passes/tile/Numbers.h"

#include <gtest/gtest.h>

namespace headgate::test {

/// Causal; 2 key heads with 3 experts each, of which a token takes one; or -1,
/// a hole. The last sequence ends early.
inline std::string attendKernel(const std::string &type, int64_t width,
                                int64_t valueWidth,
                                const std::string &schedule) {
  return replaced(R"mlir(
func.func private @attend(
    %q: memref<?x?x2x3x{D}x{T}> {headgate.dims = ["B", "S", 2, 3, {D}]},
    %e: memref<?x?x2x1xi32> {headgate.dims = ["B", "S", 2, 1]},
    %k: memref<?x?x2x{D}x{T}> {headgate.dims = ["B", "T", 2, {D}]},
    %v: memref<?x?x2x{V}x{T}> {headgate.dims = ["B", "T", 2, {V}]},
    %n: memref<?xi32> {headgate.dims = ["B"]},
    %o: memref<?x?x2x1x{V}x{T}> {headgate.dims = ["B", "S", 2, 1, {V}], headgate.output},
    %l: memref<?x?x2x1xf32> {headgate.dims = ["B", "S", 2, 1], headgate.output})
    attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<{schedule}>} {
  %qt = bufferization.to_tensor %q restrict : memref<?x?x2x3x{D}x{T}> to tensor<?x?x2x3x{D}x{T}>
  %et = bufferization.to_tensor %e restrict : memref<?x?x2x1xi32> to tensor<?x?x2x1xi32>
  %kt = bufferization.to_tensor %k restrict : memref<?x?x2x{D}x{T}> to tensor<?x?x2x{D}x{T}>
  %vt = bufferization.to_tensor %v restrict : memref<?x?x2x{V}x{T}> to tensor<?x?x2x{V}x{T}>
  %nt = bufferization.to_tensor %n restrict : memref<?xi32> to tensor<?xi32>
  %g = routed.gather %qt[%et] : tensor<?x?x2x3x{D}x{T}>, tensor<?x?x2x1xi32>
  %out, %lse = routed.attend %g, %kt, %vt causal kv_len(%nt : tensor<?xi32>) experts(%et of 3 : tensor<?x?x2x1xi32>)
      : tensor<?x?x2x1x{D}x{T}>, tensor<?x?x2x{D}x{T}>, tensor<?x?x2x{V}x{T}>
  bufferization.materialize_in_destination %out in restrict writable %o
      : (tensor<?x?x2x1x{V}x{T}>, memref<?x?x2x1x{V}x{T}>) -> ()
  bufferization.materialize_in_destination %lse in restrict writable %l
      : (tensor<?x?x2x1xf32>, memref<?x?x2x1xf32>) -> ()
  return
})mlir",
                  {{"T", type},
                   {"D", text(width)},
                   {"V", text(valueWidth)},
                   {"schedule", schedule}});
}

struct Sizes {
  int64_t queries, keys;
};

/// `Program` is TileProgram, or runs as it does.
template <typename Program>
void expectAttention(Program &compiled, const std::string &type, int64_t width,
                     int64_t valueWidth, Sizes sizes, const std::string &what) {
  int64_t B = 2, S = sizes.queries, T = sizes.keys;
  Numbers q(type, {B, S, 2, 3, width}), e("i32", {B, S, 2, 1}),
      k(type, {B, T, 2, width}), v(type, {B, T, 2, valueWidth}), n("i32", {B}),
      o(type, {B, S, 2, 1, valueWidth}), l("f32", {B, S, 2, 1});
  q.random(S, 2);
  k.random(T, 2);
  v.random(T + 1);
  for (int64_t i = 0; i < e.size(); ++i)
    e.set(i, i % 7 == 5 ? -1 : i % 3);
  n.set(0, T);
  n.set(1, std::max<int64_t>(T - 5, 0));
  o.fill(99);
  l.fill(99);
  compiled.run({q.buffer(), e.buffer(), k.buffer(), v.buffer(), n.buffer(),
                o.buffer(), l.buffer()});
  // P is rounded to the type where the CPU multiplies it, the output always.
  double unit = type == "f32" ? 0x1p-24 : type == "bf16" ? 0x1p-8 : 0x1p-11;
  for (int64_t b = 0; b < B; ++b)
    for (int64_t s = 0; s < S; ++s)
      for (int64_t g = 0; g < 2; ++g) {
        int64_t expert = e.at({b, s, g, 0});
        // The last query sees the last key that there is.
        int64_t end = s + n.at(b) - S + 1;
        std::vector<double> sums(valueWidth);
        double max = -INFINITY, sum = 0;
        auto score = [&](int64_t t) {
          double x = 0;
          for (int64_t d = 0; d < width; ++d)
            x += q.at({b, s, g, expert, d}) * k.at({b, t, g, d});
          return x / std::sqrt(double(width));
        };
        if (expert >= 0) {
          for (int64_t t = 0; t < end; ++t)
            max = std::max(max, score(t));
          for (int64_t t = 0; t < end; ++t) {
            double p = std::exp(score(t) - max);
            sum += p;
            for (int64_t d = 0; d < valueWidth; ++d)
              sums[d] += p * v.at({b, t, g, d});
          }
        }
        double lse = max + std::log(sum);
        if (sum)
          ASSERT_NEAR(l.at({b, s, g, 0}), lse, 4e-6 * (1 + std::abs(lse)))
              << what << " lse at " << b << "," << s << "," << g;
        else
          ASSERT_EQ(l.at({b, s, g, 0}), -INFINITY) << what;
        for (int64_t d = 0; d < valueWidth; ++d)
          ASSERT_NEAR(o.at({b, s, g, 0, d}), sum ? sums[d] / sum : 0,
                      sum ? 2 * unit + 2e-6 : 0)
              << what << " at " << b << "," << s << "," << g << "," << d;
      }
}

} // namespace headgate::test

#endif // HEADGATE_TEST_PASSES_TILE_ATTENTIONKERNEL_H
