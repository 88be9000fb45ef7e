// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products through shared memory: every width of heads, both types, both ways
// that a right factor lies, left factors in shared memory and in registers.

#include "test/passes/gpu/GpuProgram.h"
#include "test/passes/tile/Numbers.h"

#include <gtest/gtest.h>

using namespace headgate;
using namespace headgate::test;

namespace {

struct Product {
  std::string type;
  int64_t rows, terms, cols, warps;
  bool transpose; ///< the right factor is [cols, terms]
  bool isLeftShared;
};

std::string describe(const Product &p) {
  return p.type + " " + text(p.rows) + "x" + text(p.terms) + "x" +
         text(p.cols) + " on " + text(p.warps) +
         (p.transpose ? " transposed" : "") +
         (p.isLeftShared ? "" : " from registers");
}

int64_t padded(int64_t width) { return (width + 15) / 16 * 16; }

/// Tiles are as wide as sixteens are; memrefs as wide as they are.
std::string program(const Product &p) {
  std::string B = p.transpose ? "{n}x{k}" : "{k}x{n}",
              BP = p.transpose ? "{N}x{K}" : "{K}x{N}",
              window = p.transpose ? "{N}, {K}" : "{K}, {N}";
  std::string left = p.isLeftShared ? "%as" : "%at",
              leftType = p.isLeftShared ? "!tile.shared<tensor<{M}x{K}x{T}>>"
                                        : "tensor<{M}x{K}x{T}>",
              share = p.isLeftShared
                          ? "  %as = tile.share %at : tensor<{M}x{K}x{T}> -> "
                            "!tile.shared<tensor<{M}x{K}x{T}>>\n"
                          : "";
  return replaced(
      "func.func private @f(%a: memref<{M}x{k}x{T}>, %b: memref<" + B +
          "x{T}>, %c: memref<{M}x{n}xf32>) attributes {tile.schedule = "
          "#tile.schedule<rows = {M}, warps = {W}>} {\n"
          "  %c0 = arith.constant 0 : index\n"
          "  %at = tile.load %a[%c0, %c0] [{M}, {K}] : memref<{M}x{k}x{T}> -> "
          "tensor<{M}x{K}x{T}>\n" +
          share + "  %bt = tile.load %b[%c0, %c0] [" + window + "] : memref<" +
          B + "x{T}> -> tensor<" + BP +
          "x{T}>\n"
          "  %bs = tile.share %bt : tensor<" +
          BP + "x{T}> -> !tile.shared<tensor<" + BP +
          "x{T}>>\n"
          "  %p = tile.start " +
          left + ", " + (p.transpose ? "transpose " : "") +
          "%bs : " + leftType + ", !tile.shared<tensor<" + BP +
          "x{T}>> -> !tile.pending<tensor<{M}x{N}xf32>>\n"
          "  %s = tile.await %p : !tile.pending<tensor<{M}x{N}xf32>>\n"
          "  tile.store %s, %c[%c0, %c0] [{M}, {N}] : tensor<{M}x{N}xf32>, "
          "memref<{M}x{n}xf32>\n"
          "  return\n}\n",
      {{"T", p.type},
       {"M", text(p.rows)},
       {"W", text(p.warps)},
       {"k", text(p.terms)},
       {"n", text(p.cols)},
       {"K", text(padded(p.terms))},
       {"N", text(padded(p.cols))}});
}

void expectProduct(const Product &p) {
  Numbers a(p.type, {p.rows, p.terms}),
      b(p.type, p.transpose ? std::vector{p.cols, p.terms}
                            : std::vector{p.terms, p.cols}),
      c("f32", {p.rows, p.cols});
  a.random(p.terms);
  b.random(p.cols + 1);
  c.fill(99);
  GpuProgram compiled(program(p));
  compiled.run({a.buffer(), b.buffer(), c.buffer()});
  for (int64_t i = 0; i < p.rows; ++i)
    for (int64_t j = 0; j < p.cols; ++j) {
      double sum = 0, size = 0;
      for (int64_t k = 0; k < p.terms; ++k) {
        double term =
            a.at({i, k}) * (p.transpose ? b.at({j, k}) : b.at({k, j}));
        sum += term;
        size += std::abs(term);
      }
      // Terms are exact in f32; each sum in any order rounds once a term.
      ASSERT_NEAR(c.at({i, j}), sum, size * p.terms * 0x1p-24)
          << describe(p) << " at " << i << ", " << j;
    }
  // Neither copies nor ldmatrix collide in a bank.
  EXPECT_EQ(compiled.counters.sharedWavefronts, compiled.counters.sharedIdeal)
      << describe(p);
}

TEST(Products, ofEveryHeadWidth) {
  for (int64_t width : {16, 24, 32, 40, 64, 72, 76, 80, 96, 100, 128, 192, 256})
    for (bool transpose : {true, false})
      expectProduct(
          {"bf16", 64, width, width == 64 ? 48 : 64, 4, transpose, true});
}

TEST(Products, ofEveryWidthOfTheRightFactor) {
  for (int64_t cols : {16, 24, 40, 64, 72, 76, 100, 112, 176, 256})
    for (bool transpose : {true, false})
      expectProduct({"f16", 32, 48, cols, 2, transpose, true});
}

TEST(Products, ofLeftFactorsInRegisters) {
  for (int64_t warps : {1, 2, 4})
    for (int64_t bands : {1, 2})
      for (const char *type : {"bf16", "f16"})
        expectProduct(
            {type, 16 * warps * bands, 80, 32, warps, bands == 1, false});
}

//===-- projections ------------------------------------------------------===//

/// y[r] = x[picked[r]] w, in blocks of 32 x 48 that turn over terms by 32.
const char *projection = R"mlir(
func.func private @f(%x: memref<?x{K}x{T}> {headgate.dims = ["X", {K}]}, %picked: memref<?xi32> {headgate.dims = ["N"]},
                     %w: memref<{K}x{N}x{T}> {headgate.dims = [{K}, {N}]}, %y: memref<?x{N}x{T}> {headgate.dims = ["N", {N}]})
    attributes {tile.schedule = #tile.schedule<rows = 32, warps = 2, stages = {S}>,
                headgate.launch = {kernel = "f", index = 0 : i64, grid = ["cdiv({N},48)", "cdiv(N,32)", "1"]}} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c32 = arith.constant 32 : index
  %c48 = arith.constant 48 : index
  %turns = arith.constant {turns} : index
  %bx = gpu.block_id x
  %by = gpu.block_id y
  %n0 = arith.muli %bx, %c48 : index
  %r0 = arith.muli %by, %c32 : index
  %rows = tile.load %picked[%r0] [32] : memref<?xi32> -> tensor<32xi32>
  %zero = arith.constant dense<0.0> : tensor<32x48xf32>
  %sum = scf.for %i = %c0 to %turns step %c1 iter_args(%acc = %zero) -> (tensor<32x48xf32>) {
    %k0 = arith.muli %i, %c32 : index
    %a = tile.load %x[%c0, %k0] [1, 32] rows(%rows at [0] : tensor<32xi32>) : memref<?x{K}x{T}> -> tensor<32x32x{T}>
    %b = tile.load %w[%k0, %n0] [32, 48] : memref<{K}x{N}x{T}> -> tensor<32x48x{T}>
    %d = tile.dot %a, %b acc %acc : tensor<32x32x{T}>, tensor<32x48x{T}>, tensor<32x48xf32> -> tensor<32x48xf32>
    scf.yield %d : tensor<32x48xf32>
  }
  %o = arith.truncf %sum : tensor<32x48xf32> to tensor<32x48x{T}>
  tile.store %o, %y[%r0, %n0] [32, 48] : tensor<32x48x{T}>, memref<?x{N}x{T}>
  return
})mlir";

// Rows that are picked, -1 among them; terms and columns that end in a block.
TEST(Products, projectPickedRows) {
  for (const char *type : {"bf16", "f16"})
    for (auto [K, N] : std::vector<std::pair<int64_t, int64_t>>{
             {96, 48}, {100, 76}, {24, 40}, {130, 98}})
      for (int64_t stages : {2, 3}) {
        GpuProgram compiled(
            replaced(projection, {{"T", type},
                                  {"K", text(K)},
                                  {"N", text(N)},
                                  {"S", text(stages)},
                                  {"turns", text((K + 31) / 32)}}));
        int64_t count = 50, sources = 37;
        Numbers x(type, {sources, K}), picked("i32", {count}), w(type, {K, N}),
            y(type, {count, N});
        x.random(K);
        w.random(N);
        y.fill(99);
        for (int64_t i = 0; i < count; ++i)
          picked.set(i, i % 9 == 4 ? -1 : (i * 7) % sources);
        compiled.run({x.buffer(), picked.buffer(), w.buffer(), y.buffer()});
        double unit = std::string(type) == "bf16" ? 0x1p-8 : 0x1p-11;
        for (int64_t i = 0; i < count; ++i)
          for (int64_t n = 0; n < N; ++n) {
            double sum = 0, size = 0;
            for (int64_t k = 0; k < K && picked.at(i) >= 0; ++k) {
              double term = x.at({int64_t(picked.at(i)), k}) * w.at({k, n});
              sum += term;
              size += std::abs(term);
            }
            ASSERT_NEAR(y.at({i, n}), sum,
                        size * K * 0x1p-24 + std::abs(sum) * unit * 1.01)
                << type << " " << K << "x" << N << ", " << stages
                << " stages, at " << i << ", " << n;
          }
      }
}

} // namespace
