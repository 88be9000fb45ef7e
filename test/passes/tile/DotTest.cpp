// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products: from panels that a launch before packs, and from rows in memory.

#include "test/passes/tile/Numbers.h"

#include <gtest/gtest.h>
#include <limits>

using namespace headgate;
using namespace headgate::test;

namespace {

struct Shape {
  int64_t rows, columns, terms;
};

class Dots : public testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Levels, Dots, testing::ValuesIn(levels()),
                         [](const auto &info) {
                           std::string name = info.param;
                           for (char &c : name)
                             c = isalnum(c) ? c : '_';
                           return name;
                         });

/// y[b] = x[b] w[b] (+ x[b] columns as an accumulator), for buffers of `B`
/// matrices; w is [terms, columns] or, transposed, [columns, terms].
std::string product(const std::string &type, bool isTransposed, Shape s,
                    bool isPacked, bool hasAcc) {
  int64_t wRows = isTransposed ? s.columns : s.terms;
  int64_t wColumns = isTransposed ? s.terms : s.columns;
  return replaced(
      R"mlir(
func.func private @f(%x: memref<?x{R}x{K}x{T}> {headgate.dims = ["B", {R}, {K}]}, %w: memref<?x{P}x{Q}x{T}> {headgate.dims = ["B", {P}, {Q}]},
                     %y: memref<?x{R}x{N}xf32> {headgate.dims = ["B", {R}, {N}], headgate.output})
    attributes {tile.schedule = #tile.schedule<rows = {R}, stages = {stages}>,
                headgate.launch = {kernel = "f", index = 0 : i64, grid = ["B", "1", "1"]}} {
  %c0 = arith.constant 0 : index
  %b = gpu.block_id x
  %a = tile.load %x[%b, %c0, %c0] [1, {R}, {K}] : memref<?x{R}x{K}x{T}> -> tensor<{R}x{K}x{T}>
  %m = tile.load %w[%b, %c0, %c0] [1, {P}, {Q}] : memref<?x{P}x{Q}x{T}> -> tensor<{P}x{Q}x{T}>
  %r = tile.iota : tensor<{R}xi32>
  %f = arith.sitofp %r : tensor<{R}xi32> to tensor<{R}xf32>
  %acc = tile.broadcast %f along 1 : tensor<{R}xf32> -> tensor<{R}x{N}xf32>
  %d = tile.dot %a, {transpose} %m {acc} : tensor<{R}x{K}x{T}>, tensor<{P}x{Q}x{T}> {accType} -> tensor<{R}x{N}xf32>
  tile.store %d, %y[%b, %c0, %c0] [1, {R}, {N}] : tensor<{R}x{N}xf32>, memref<?x{R}x{N}xf32>
  return
})mlir",
      {{"accType", hasAcc ? ", tensor<{R}x{N}xf32>" : ""},
       {"acc", hasAcc ? "acc %acc" : ""},
       {"transpose", isTransposed ? "transpose" : ""},
       {"stages", isPacked ? "1" : "0"},
       {"T", type},
       {"R", text(s.rows)},
       {"K", text(s.terms)},
       {"N", text(s.columns)},
       {"P", text(wRows)},
       {"Q", text(wColumns)}});
}

/// The sum of the products' sizes bounds the error of any order; factors of 16
/// bits multiply exactly in f32.
void expectProduct(const Numbers &x, const Numbers &w, const Numbers &y,
                   Shape s, bool isTransposed, bool hasAcc,
                   const std::string &what) {
  for (int64_t b = 0; b < x.extents[0]; ++b)
    for (int64_t i = 0; i < s.rows; ++i)
      for (int64_t j = 0; j < s.columns; ++j) {
        double sum = hasAcc ? i : 0, size = sum;
        for (int64_t k = 0; k < s.terms; ++k) {
          double term = x.at({b, i, k}) *
                        (isTransposed ? w.at({b, j, k}) : w.at({b, k, j}));
          sum += term;
          size += std::abs(term);
        }
        ASSERT_NEAR(y.at({b, i, j}), sum, size * s.terms * 0x1p-24)
            << what << " at " << b << "," << i << "," << j;
      }
}

// Every kind of factor, with rows, columns and terms that fill registers and
// panels and that do not.
TEST_P(Dots, ofEveryTypeAndShape) {
  std::vector<Shape> shapes = {{12, 64, 32}, {1, 16, 16},  {5, 40, 24},
                               {13, 72, 72}, {30, 33, 50}, {2, 100, 7}};
  for (const char *type : {"f32", "bf16", "f16"})
    for (Shape s : shapes)
      for (bool isTransposed : {false, true})
        for (bool isPacked : {false, true}) {
          bool hasAcc = (s.rows + isPacked) % 2;
          std::string what = std::string(type) + " " + text(s.rows) + "x" +
                             text(s.columns) + "x" + text(s.terms) +
                             (isTransposed ? " transposed" : "") +
                             (isPacked ? " packed" : "");
          Numbers x(type, {2, s.rows, s.terms}),
              w(type, isTransposed
                          ? std::vector<int64_t>{2, s.columns, s.terms}
                          : std::vector<int64_t>{2, s.terms, s.columns}),
              y("f32", {2, s.rows, s.columns});
          x.random(s.rows);
          w.random(s.columns);
          y.fill(99);
          TileProgram(product(type, isTransposed, s, isPacked, hasAcc),
                      GetParam())
              .run({x.buffer(), w.buffer(), y.buffer()});
          expectProduct(x, w, y, s, isTransposed, hasAcc, what);
        }
}

// A walk along the rows of a buffer, each sequence with its own bounds: rows
// outside them are 0, whatever the buffer holds there; windows run over the end
// and start before the first row.
TEST_P(Dots, readOnlyWhatASequenceHas) {
  for (const char *type : {"f32", "bf16"})
    for (const char *stages : {"0", "1"}) {
      std::string program = replaced(
          R"mlir(
func.func private @f(%x: memref<?x4x32x{T}> {headgate.dims = ["B", 4, 32]}, %k: memref<?x?x2x32x{T}> {headgate.dims = ["B", "S", 2, 32]},
    %first: memref<?xi32> {headgate.dims = ["B"]}, %n: memref<?xi32> {headgate.dims = ["B"]},
    %s: memref<?x2x4x?xf32> {headgate.dims = ["B", 2, 4, "U"]}, %o: memref<?x2x4x32xf32> {headgate.dims = ["B", 2, 4, 32]})
    attributes {tile.schedule = #tile.schedule<rows = 4, stages = {stages}>,
                headgate.launch = {kernel = "f", index = 0 : i64, grid = ["2*B", "1", "1"]}} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c64 = arith.constant 64 : index
  %block = gpu.block_id x
  %b = arith.divui %block, %c2 : index
  %h = arith.remui %block, %c2 : index
  %f32 = memref.load %first[%b] : memref<?xi32>
  %n32 = memref.load %n[%b] : memref<?xi32>
  %f = arith.index_cast %f32 : i32 to index
  %count = arith.index_cast %n32 : i32 to index
  %U = memref.dim %s, %c1 : memref<?x2x4x?xf32>
  %end = arith.addi %f, %count : index
  %view = memref.subview %k[%b, %f, 0, 0] [1, %count, 2, 32] [1, 1, 1, 1]
      : memref<?x?x2x32x{T}> to memref<1x?x2x32x{T}, strided<[?, 64, 32, 1], offset: ?>>
  %a = tile.load %x[%b, %c0, %c0] [1, 4, 32] : memref<?x4x32x{T}> -> tensor<4x32x{T}>
  %z = arith.constant dense<0.0> : tensor<4x32xf32>
  %out = scf.for %k0 = %c0 to %end step %c64 iter_args(%acc = %z) -> tensor<4x32xf32> {
    %at = arith.subi %k0, %f : index
    %kt = tile.load %view[%c0, %at, %h, %c0] [1, 64, 1, 32] : memref<1x?x2x32x{T}, strided<[?, 64, 32, 1], offset: ?>> -> tensor<64x32x{T}>
    %d = tile.dot %a, transpose %kt : tensor<4x32x{T}>, tensor<64x32x{T}> -> tensor<4x64xf32>
    tile.store %d, %s[%b, %h, %c0, %k0] [1, 1, 4, 64] : tensor<4x64xf32>, memref<?x2x4x?xf32>
    {narrow}
    %r = tile.dot {p}, %kt acc %acc : tensor<4x64x{T}>, tensor<64x32x{T}>, tensor<4x32xf32> -> tensor<4x32xf32>
    scf.yield %r : tensor<4x32xf32>
  }
  tile.store %out, %o[%b, %h, %c0, %c0] [1, 1, 4, 32] : tensor<4x32xf32>, memref<?x2x4x32xf32>
  return
})mlir",
          {{"narrow", std::string(type) == "f32" ? ""
                                                 : "%p = arith.truncf %d : "
                                                   "tensor<4x64xf32> to "
                                                   "tensor<4x64x{T}>"},
           {"p", std::string(type) == "f32" ? "%d" : "%p"},
           {"T", type},
           {"stages", stages}});
      TileProgram compiled(program, GetParam());
      Numbers x(type, {3, 4, 32}), k(type, {3, 150, 2, 32}), first("i32", {3}),
          n("i32", {3}), s("f32", {3, 2, 4, 192}), o("f32", {3, 2, 4, 32});
      x.random(1);
      k.random(2);
      s.fill(-5);
      int64_t from[] = {0, 70, 3}, count[] = {150, 41, 0};
      for (int64_t b = 0; b < 3; ++b) {
        first.set(b, from[b]);
        n.set(b, count[b]);
        for (int64_t t = 0; t < 150; ++t)
          if (t < from[b] || t >= from[b] + count[b])
            for (int64_t i = 0; i < 64; ++i)
              k.set(((b * 150 + t) * 64) + i,
                    std::numeric_limits<double>::quiet_NaN());
      }
      compiled.run({x.buffer(), k.buffer(), first.buffer(), n.buffer(),
                    s.buffer(), o.buffer()});
      for (int64_t b = 0; b < 3; ++b)
        for (int64_t h = 0; h < 2; ++h)
          for (int64_t i = 0; i < 4; ++i) {
            std::vector<double> sums(32), sizes(32);
            int64_t end = from[b] + count[b];
            for (int64_t t = 0; t < (end + 63) / 64 * 64; ++t) {
              double score = 0;
              if (t >= from[b] && t < end)
                for (int64_t d = 0; d < 32; ++d)
                  score += x.at({b, i, d}) * k.at({b, t, h, d});
              ASSERT_NEAR(s.at({b, h, i, t}), score, 1e-5) << type << stages;
              for (int64_t d = 0; score && d < 32; ++d) {
                sums[d] += score * k.at({b, t, h, d});
                sizes[d] += std::abs(score * k.at({b, t, h, d}));
              }
            }
            // Scores are rounded to bf16 where the CPU multiplies bf16.
            double unit = std::string(type) == "f32" ? 0x1p-16 : 0x1p-8;
            for (int64_t d = 0; d < 32; ++d)
              ASSERT_NEAR(o.at({b, h, i, d}), sums[d], sizes[d] * unit + 1e-6)
                  << type << stages << b << h << i << d;
          }
    }
}

// Columns from `cols` on hold anything, terms from `depth` on are left out: the
// sums over what is masked do not change, and NaN there has no influence.
TEST_P(Dots, shortenedByClauses) {
  for (const char *stages : {"0", "1"}) {
    std::string program = replaced(R"mlir(
func.func private @f(%x: memref<3x16xf32> {headgate.dims = [3, 16]}, %k: memref<?x16xf32> {headgate.dims = ["T", 16]},
                     %m: memref<3xf32> {headgate.dims = [3], headgate.output}, %y: memref<3x16xf32> {headgate.dims = [3, 16], headgate.output})
    attributes {tile.schedule = #tile.schedule<rows = 3, stages = {stages}>,
                headgate.launch = {kernel = "f", index = 0 : i64, grid = ["1", "1", "1"]}} {
  %c0 = arith.constant 0 : index
  %c128 = arith.constant 128 : index
  %T = memref.dim %k, %c0 : memref<?x16xf32>
  %live = arith.minsi %T, %c128 : index
  %x0 = tile.load %x[%c0, %c0] [3, 16] : memref<3x16xf32> -> tensor<3x16xf32>
  %kt = tile.load %k[%c0, %c0] [128, 16] : memref<?x16xf32> -> tensor<128x16xf32>
  %s = tile.dot %x0, transpose %kt cols(%live) : tensor<3x16xf32>, tensor<128x16xf32> -> tensor<3x128xf32>
  %c = tile.iota : tensor<128xi32>
  %l32 = arith.index_cast %live : index to i32
  %limit = tensor.splat %l32 : tensor<128xi32>
  %see1 = arith.cmpi slt, %c, %limit : tensor<128xi32>
  %see = tile.broadcast %see1 along 0 : tensor<128xi1> -> tensor<3x128xi1>
  %ninf = arith.constant dense<0xFF800000> : tensor<3x128xf32>
  %zero = arith.constant dense<0.0> : tensor<3x128xf32>
  %masked = arith.select %see, %s, %ninf : tensor<3x128xi1>, tensor<3x128xf32>
  %max = tile.reduce max %masked : tensor<3x128xf32> -> tensor<3xf32>
  tile.store %max, %m[%c0] [3] : tensor<3xf32>, memref<3xf32>
  %p = math.exp2 %masked : tensor<3x128xf32>
  %vt = tile.load %k[%c0, %c0] [128, 16] : memref<?x16xf32> -> tensor<128x16xf32>
  %o = tile.dot %p, %vt depth(%live) : tensor<3x128xf32>, tensor<128x16xf32> -> tensor<3x16xf32>
  tile.store %o, %y[%c0, %c0] [3, 16] : tensor<3x16xf32>, memref<3x16xf32>
  return
})mlir",
                                   {{"stages", stages}});
    TileProgram compiled(program, GetParam());
    for (int64_t keys : {1, 31, 32, 33, 100, 128, 140}) {
      Numbers x("f32", {3, 16}), k("f32", {keys, 16}), m("f32", {3}),
          y("f32", {3, 16});
      x.random(keys);
      k.random(keys + 1);
      compiled.run({x.buffer(), k.buffer(), m.buffer(), y.buffer()});
      int64_t live = std::min<int64_t>(keys, 128);
      for (int64_t i = 0; i < 3; ++i) {
        double max = -1e30;
        std::vector<double> sums(16);
        for (int64_t t = 0; t < live; ++t) {
          double score = 0;
          for (int64_t d = 0; d < 16; ++d)
            score += x.at({i, d}) * k.at({t, d});
          max = std::max(max, score);
          for (int64_t d = 0; d < 16; ++d)
            sums[d] += std::exp2(score) * k.at({t, d});
        }
        EXPECT_NEAR(m.at(i), max, 1e-5) << keys;
        for (int64_t d = 0; d < 16; ++d)
          EXPECT_NEAR(y.at({i, d}), sums[d], 1e-3) << keys;
      }
    }
  }
}

} // namespace
