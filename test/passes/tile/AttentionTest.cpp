// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention of the chosen experts' queries through tiles to code: both ways to
// read keys and values, head widths that fill nothing, ends of sequences.

#include "test/passes/tile/Numbers.h"

#include <gtest/gtest.h>

using namespace headgate;
using namespace headgate::test;

namespace {

class Attention : public testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Levels, Attention, testing::ValuesIn(levels()),
                         [](const auto &info) {
                           std::string name = info.param;
                           for (char &c : name)
                             c = isalnum(c) ? c : '_';
                           return name;
                         });

/// Causal; 2 key heads with 3 experts each, of which a token takes one; or -1,
/// a hole. The last sequence ends early.
std::string program(const std::string &type, int64_t width, int64_t valueWidth,
                    int64_t rows, int64_t keys, bool isPacked) {
  return replaced(R"mlir(
func.func private @attend(
    %q: memref<?x?x2x3x{D}x{T}> {headgate.dims = ["B", "S", 2, 3, {D}]},
    %e: memref<?x?x2x1xi32> {headgate.dims = ["B", "S", 2, 1]},
    %k: memref<?x?x2x{D}x{T}> {headgate.dims = ["B", "T", 2, {D}]},
    %v: memref<?x?x2x{V}x{T}> {headgate.dims = ["B", "T", 2, {V}]},
    %n: memref<?xi32> {headgate.dims = ["B"]},
    %o: memref<?x?x2x1x{V}x{T}> {headgate.dims = ["B", "S", 2, 1, {V}], headgate.output},
    %l: memref<?x?x2x1xf32> {headgate.dims = ["B", "S", 2, 1], headgate.output})
    attributes {headgate.kernel = "attend", tile.schedule = #tile.schedule<rows = {R}, keys = {N}, stages = {stages}>} {
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
                   {"R", text(rows)},
                   {"N", text(keys)},
                   {"stages", text(isPacked)}});
}

struct Sizes {
  int64_t queries, keys;
};

void expectAttention(TileProgram &compiled, const std::string &type,
                     int64_t width, int64_t valueWidth, Sizes sizes,
                     const std::string &what) {
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

// Every width, from one row to many, with sequences that end anywhere.
TEST_P(Attention, ofEveryTypeAndWidth) {
  struct Case {
    const char *type;
    int64_t width, valueWidth, rows, keys;
  } cases[] = {{"f32", 64, 64, 12, 64},   {"f32", 24, 40, 5, 32},
               {"f32", 76, 100, 13, 128}, {"bf16", 64, 64, 12, 64},
               {"bf16", 72, 24, 7, 96},   {"bf16", 128, 128, 14, 64},
               {"f16", 16, 72, 6, 64},    {"f16", 100, 64, 2, 32}};
  for (const Case &c : cases)
    for (bool isPacked : {false, true}) {
      TileProgram compiled(
          program(c.type, c.width, c.valueWidth, c.rows, c.keys, isPacked),
          GetParam());
      for (Sizes sizes : {Sizes{1, 1}, {40, 40}, {5, 201}, {67, 67}, {9, 3}}) {
        std::string what = std::string(c.type) + " " + text(c.width) + "," +
                           text(c.valueWidth) + (isPacked ? " packed " : " ") +
                           text(sizes.queries) + "x" + text(sizes.keys);
        expectAttention(compiled, c.type, c.width, c.valueWidth, sizes, what);
        if (HasFatalFailure())
          return;
      }
    }
}

} // namespace
