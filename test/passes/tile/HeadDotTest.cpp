// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of several heads side by side: read where they lie, and from a tile.

#include "test/passes/tile/Numbers.h"

#include <gtest/gtest.h>

using namespace headgate;
using namespace headgate::test;

namespace {

/// Query rows of each head, keys that there are, and the width of a head in
/// memory and (16 and more) in tiles; keys of the window before the first.
struct Shape {
  int64_t heads, rows, keys, width, padded, before = 0;
};

class HeadDots : public testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Levels, HeadDots, testing::ValuesIn(levels()),
                         [](const auto &info) {
                           std::string name = info.param;
                           for (char &c : name)
                             c = isalnum(c) ? c : '_';
                           return name;
                         });

/// s = q kᵀ and o = i + p k for 64 keys in the order of memory, from the
/// window's second head on; with `isTile` of twice the keys, which are then no
/// window.
std::string program(const std::string &type, Shape s, bool isTile) {
  return replaced(
      R"mlir(
func.func private @f(%q: memref<{R}x{W}x{T}> {headgate.dims = [{R}, {W}]}, %p: memref<{R}x64x{T}> {headgate.dims = [{R}, 64]},
                     %k: memref<?x{H1}x{W}x{T}> {headgate.dims = ["S", {H1}, {W}]},
                     %s: memref<{R}x64xf32> {headgate.dims = [{R}, 64]}, %o: memref<{R}x{D}xf32> {headgate.dims = [{R}, {D}]})
    attributes {tile.schedule = #tile.schedule<rows = {R}, stages = 0>,
                headgate.launch = {kernel = "f", index = 0 : i64, grid = ["1", "1", "1"]}} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %at = arith.constant {at} : index
  %qt = tile.load %q[%c0, %c0] [{R}, {D}] : memref<{R}x{W}x{T}> -> tensor<{R}x{D}x{T}>
  %pt = tile.load %p[%c0, %c0] [{R}, 64] : memref<{R}x64x{T}> -> tensor<{R}x64x{T}>
  %w = tile.load %k[%at, %c1, %c0] [64, {H}, {D}] : memref<?x{H1}x{W}x{T}> -> tensor<64x{HD}x{T}>
  {twice}
  %d = tile.dot %qt, transpose %{k} heads({H}) : tensor<{R}x{D}x{T}>, tensor<64x{HD}x{T}> -> tensor<{R}x64xf32>
  tile.store %d, %s[%c0, %c0] [{R}, 64] : tensor<{R}x64xf32>, memref<{R}x64xf32>
  %r = tile.iota : tensor<{R}xi32>
  %f = arith.sitofp %r : tensor<{R}xi32> to tensor<{R}xf32>
  %acc = tile.broadcast %f along 1 : tensor<{R}xf32> -> tensor<{R}x{D}xf32>
  %n = memref.dim %k, %c0 : memref<?x{H1}x{W}x{T}>
  %c64 = arith.constant 64 : index
  %end = arith.subi %n, %at : index
  %live = arith.minsi %end, %c64 : index
  %e = tile.dot %pt, %{k} acc %acc depth(%live) heads({H}) : tensor<{R}x64x{T}>, tensor<64x{HD}x{T}>, tensor<{R}x{D}xf32> -> tensor<{R}x{D}xf32>
  tile.store %e, %o[%c0, %c0] [{R}, {D}] : tensor<{R}x{D}xf32>, memref<{R}x{D}xf32>
  return
})mlir",
      {{"twice",
        isTile ? "%twice = arith.addf %w, %w : tensor<64x{HD}x{T}>" : ""},
       {"k", isTile ? "twice" : "w"},
       {"at", text(-s.before)},
       {"HD", text(s.heads * s.padded)},
       {"H1", text(s.heads + 1)},
       {"R", text(s.heads * s.rows)},
       {"H", text(s.heads)},
       {"W", text(s.width)},
       {"D", text(s.padded)},
       {"T", type}});
}

void check(const std::string &type, Shape s, bool isTile,
           const std::string &level) {
  int64_t rows = s.heads * s.rows;
  Numbers q(type, {rows, s.width}), p(type, {rows, 64}),
      k(type, {s.keys, s.heads + 1, s.width}), scores("f32", {rows, 64}),
      sums("f32", {rows, s.padded});
  q.random(1);
  p.random(2);
  k.random(3);
  scores.fill(99);
  sums.fill(99);
  TileProgram(program(type, s, isTile), level)
      .run(
          {q.buffer(), p.buffer(), k.buffer(), scores.buffer(), sums.buffer()});
  double factor = isTile ? 2 : 1;
  auto key = [&](int64_t j, int64_t row, int64_t d) {
    int64_t at = j - s.before;
    return 0 <= at && at < s.keys && d < s.width
               ? factor * k.at({at, 1 + row / s.rows, d})
               : 0;
  };
  std::string what = type + " heads " + text(s.heads) + "x" + text(s.rows) +
                     " keys " + text(s.keys) + " width " + text(s.width) +
                     (isTile ? " tile" : "");
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < 64; ++j) {
      double sum = 0, size = 0;
      for (int64_t d = 0; d < s.width; ++d) {
        sum += q.at({i, d}) * key(j, i, d);
        size += std::abs(q.at({i, d}) * key(j, i, d));
      }
      ASSERT_NEAR(scores.at({i, j}), sum, size * s.width * 0x1p-24)
          << what << " score " << i << "," << j;
    }
    for (int64_t d = 0; d < s.padded; ++d) {
      double sum = i, size = i;
      for (int64_t j = 0; j < 64; ++j) {
        sum += p.at({i, j}) * key(j, i, d);
        size += std::abs(p.at({i, j}) * key(j, i, d));
      }
      ASSERT_NEAR(sums.at({i, d}), sum, size * 64 * 0x1p-24)
          << what << " sum " << i << "," << d;
    }
  }
}

// More and fewer rows than a register has lanes, heads that are no power of
// two, widths that fill no vector, keys that begin and end in the tile.
TEST_P(HeadDots, whereTheyLie) {
  for (const char *type : {"f32", "bf16", "f16"})
    for (Shape s : {Shape{2, 1, 64, 16, 16}, Shape{8, 2, 100, 64, 64},
                    Shape{3, 2, 37, 24, 32}, Shape{5, 1, 64, 8, 16},
                    Shape{5, 7, 50, 40, 48}, Shape{2, 32, 64, 72, 80},
                    Shape{7, 3, 1, 128, 128}, Shape{3, 2, 40, 50, 64, 7},
                    Shape{4, 1, 64, 256, 256, 13}})
      check(type, s, /*isTile=*/false, GetParam());
}

TEST_P(HeadDots, fromTiles) {
  for (const char *type : {"f32", "bf16", "f16"})
    for (Shape s : {Shape{2, 1, 64, 16, 16}, Shape{3, 2, 37, 32, 32},
                    Shape{5, 7, 50, 16, 16}})
      check(type, s, /*isTile=*/true, GetParam());
}

} // namespace
