// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise work, reductions, loops and branches on tiles.

#include "test/passes/tile/Numbers.h"

#include <gtest/gtest.h>
#include <limits>

using namespace headgate;
using namespace headgate::test;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double notANumber = std::numeric_limits<double>::quiet_NaN();

class Sweeps : public testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Levels, Sweeps, testing::ValuesIn(levels()),
                         [](const auto &info) {
                           std::string name = info.param;
                           for (char &c : name)
                             c = isalnum(c) ? c : '_';
                           return name;
                         });

const char *exp2Program = R"mlir(
func.func private @f(%x: memref<?x53xf32> {headgate.dims = ["N", 53]}, %y: memref<?x53xf32> {headgate.dims = ["N", 53]})
    attributes {tile.schedule = #tile.schedule<rows = 3>, headgate.launch = {kernel = "f", index = 0 : i64, grid = ["1", "cdiv(N,3)", "1"]}} {
  %c0 = arith.constant 0 : index
  %c3 = arith.constant 3 : index
  %y0 = gpu.block_id y
  %r0 = arith.muli %y0, %c3 : index
  %t = tile.load %x[%r0, %c0] [3, 53] : memref<?x53xf32> -> tensor<3x53xf32>
  %e = math.exp2 %t : tensor<3x53xf32>
  tile.store %e, %y[%r0, %c0] [3, 53] : tensor<3x53xf32>, memref<?x53xf32>
  return
})mlir";

/// In units in the last place of the f32 result.
double ulps(double value, double expected) {
  double unit = std::exp2(std::floor(std::log2(expected)) - 23);
  return std::abs(value - expected) / unit;
}

// Every 2^-10th of [-126, 128), and what lies beyond. The bound is that of the
// polynomial, 9e-8 or 1.5 units, and half a unit for each of the last two
// steps.
TEST_P(Sweeps, exp2IsAccurateAndExactAtItsEnds) {
  int64_t steps = 254 * 1024, rows = steps / 53 + 2;
  Numbers x("f32", {rows, 53}), y("f32", {rows, 53});
  for (int64_t i = 0; i < x.size(); ++i)
    x.set(i, -126 + i / 1024.0);
  std::vector<std::pair<double, double>> special = {
      {-infinity, 0},  {infinity, infinity}, {0, 1},
      {1, 2},          {-1e30, 0},           {1e30, infinity},
      {128, infinity}, {127, 0x1p127},       {-126, 0x1p-126},
      {-200, 0},       {-3, 0.125},          {-0.0, 1}};
  for (size_t i = 0; i < special.size(); ++i)
    x.set(steps + i, special[i].first);
  TileProgram(exp2Program, GetParam()).run({x.buffer(), y.buffer()});
  double worst = 0;
  for (int64_t i = 0; i < steps; ++i)
    worst = std::max(worst, ulps(y.at(i), std::exp2(x.at(i))));
  EXPECT_LE(worst, 3);
  for (size_t i = 0; i < special.size(); ++i)
    EXPECT_EQ(y.at(steps + i), special[i].second) << special[i].first;
}

// Whatever its payload: the sum of the exponent's bits must not make it a
// number.
TEST_P(Sweeps, exp2OfNaNIsNaN) {
  Numbers x("f32", {3, 53}), y("f32", {3, 53});
  for (uint32_t i = 0; i < 159; ++i) {
    uint32_t bits = (i % 2 ? 0x80000000u : 0u) | 0x7f800001u | (i * 0x10f0fu);
    std::memcpy(static_cast<char *>(x.buffer().data) + 4 * i, &bits, 4);
  }
  TileProgram(exp2Program, GetParam()).run({x.buffer(), y.buffer()});
  for (int64_t i = 0; i < 159; ++i)
    EXPECT_TRUE(std::isnan(y.at(i))) << i;
}

// Widths that are no multiple of a register; NaN is skipped by max and min.
TEST_P(Sweeps, reductionsOfAnyWidth) {
  for (int64_t width : {1, 5, 16, 37, 64, 72, 256}) {
    // On a GPU there are as many partial results as lanes that share a row.
    bool isHost = GetParam().starts_with("host");
    std::string parts =
        isHost ? "%parts = tile.reduce add %u : tensor<7x{C}xf32> -> "
                 "tensor<7x{w}xf32>\n  %again = tile.reduce add %parts : "
                 "tensor<7x{w}xf32> -> tensor<7xf32>"
               : "%again = tile.reduce add %u : tensor<7x{C}xf32> -> "
                 "tensor<7xf32>";
    std::string program = replaced(R"mlir(
func.func private @f(%x: memref<7x{C}xf32>, %y: memref<4x7xf32>)
    attributes {tile.schedule = #tile.schedule<rows = 7>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %t = tile.load %x[%c0, %c0] [7, {C}] : memref<7x{C}xf32> -> tensor<7x{C}xf32>
  %u = arith.addf %t, %t : tensor<7x{C}xf32>
  %max = tile.reduce max %u : tensor<7x{C}xf32> -> tensor<7xf32>
  %min = tile.reduce min %u : tensor<7x{C}xf32> -> tensor<7xf32>
  %sum = tile.reduce add %u : tensor<7x{C}xf32> -> tensor<7xf32>
  {parts}
  tile.store %max, %y[%c0, %c0] [1, 7] : tensor<7xf32>, memref<4x7xf32>
  tile.store %min, %y[%c1, %c0] [1, 7] : tensor<7xf32>, memref<4x7xf32>
  tile.store %sum, %y[%c2, %c0] [1, 7] : tensor<7xf32>, memref<4x7xf32>
  tile.store %again, %y[%c3, %c0] [1, 7] : tensor<7xf32>, memref<4x7xf32>
  return
})mlir",
                                   {{"parts", parts},
                                    {"C", text(width)},
                                    {"w", text(std::gcd(width, 16))}});
    Numbers x("f32", {7, width}), y("f32", {4, 7});
    x.random(width);
    if (width > 1) {
      x.set({2, width / 2}, notANumber);
      x.set({3, 0}, -infinity);
    }
    TileProgram(program, GetParam()).run({x.buffer(), y.buffer()});
    for (int64_t r = 0; r < 7; ++r) {
      double max = -infinity, min = infinity, sum = 0, size = 0;
      for (int64_t c = 0; c < width; ++c) {
        double value = 2 * x.at({r, c});
        max = std::fmax(max, value);
        min = std::fmin(min, value);
        sum += value;
        size += std::abs(value);
      }
      EXPECT_EQ(y.at({0, r}), max) << width;
      EXPECT_EQ(y.at({1, r}), min) << width;
      for (int64_t way : {2, 3}) {
        if (std::isfinite(sum))
          EXPECT_NEAR(y.at({way, r}), sum, size * 0x1p-22) << width;
        else
          EXPECT_EQ(std::isnan(y.at({way, r})), std::isnan(sum)) << width;
      }
    }
  }
}

// Integers are signed; a mask crosses from one sweep to the next as a buffer.
TEST_P(Sweeps, integersAndMasks) {
  const char *program = R"mlir(
func.func private @f(%x: memref<5x40xi32>, %y: memref<5x40xi32>, %z: memref<5xi32>)
    attributes {tile.schedule = #tile.schedule<rows = 5>} {
  %c0 = arith.constant 0 : index
  %t = tile.load %x[%c0, %c0] [5, 40] : memref<5x40xi32> -> tensor<5x40xi32>
  %r = tile.iota : tensor<5xi32>
  %c = tile.iota : tensor<40xi32>
  %rows = tile.broadcast %r along 1 : tensor<5xi32> -> tensor<5x40xi32>
  %cols = tile.broadcast %c along 0 : tensor<40xi32> -> tensor<5x40xi32>
  %sum = arith.addi %rows, %cols : tensor<5x40xi32>
  %three = arith.constant dense<3> : tensor<5x40xi32>
  %zero = arith.constant dense<0> : tensor<5x40xi32>
  %rem = arith.remui %sum, %three : tensor<5x40xi32>
  %mask = arith.cmpi eq, %rem, %zero : tensor<5x40xi32>
  %a = arith.select %mask, %t, %zero : tensor<5x40xi1>, tensor<5x40xi32>
  %max = tile.reduce max %a : tensor<5x40xi32> -> tensor<5xi32>
  %all = tile.broadcast %max along 1 : tensor<5xi32> -> tensor<5x40xi32>
  %b = arith.select %mask, %all, %t : tensor<5x40xi1>, tensor<5x40xi32>
  tile.store %b, %y[%c0, %c0] [5, 40] : tensor<5x40xi32>, memref<5x40xi32>
  %min = tile.reduce min %b : tensor<5x40xi32> -> tensor<5xi32>
  tile.store %min, %z[%c0] [5] : tensor<5xi32>, memref<5xi32>
  return
})mlir";
  Numbers x("i32", {5, 40}), y("i32", {5, 40}), z("i32", {5});
  x.random(1, 1000);
  TileProgram(program, GetParam()).run({x.buffer(), y.buffer(), z.buffer()});
  for (int64_t r = 0; r < 5; ++r) {
    double max = 0, min = infinity;
    for (int64_t c = 0; c < 40; ++c)
      if ((r + c) % 3 == 0)
        max = std::max(max, x.at({r, c}));
    for (int64_t c = 0; c < 40; ++c) {
      double expected = (r + c) % 3 == 0 ? max : x.at({r, c});
      EXPECT_EQ(y.at({r, c}), expected);
      min = std::min(min, expected);
    }
    EXPECT_EQ(z.at(r), min);
  }
}

// A loop that hands one tile on to another, a tile that it only reads, a branch
// that gives a new tile or the old one, and a loop of no turns.
TEST_P(Sweeps, loopsAndBranchesCarryTiles) {
  const char *program = R"mlir(
func.func private @f(%x: memref<4x20xf32>, %n: memref<1xi32>, %y: memref<3x4x20xf32>)
    attributes {tile.schedule = #tile.schedule<rows = 4>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %n32 = memref.load %n[%c0] : memref<1xi32>
  %turns = arith.index_cast %n32 : i32 to index
  %t = tile.load %x[%c0, %c0] [4, 20] : memref<4x20xf32> -> tensor<4x20xf32>
  %zero = arith.constant dense<0.0> : tensor<4x20xf32>
  %one = arith.constant dense<1.0> : tensor<4x20xf32>
  %r:3 = scf.for %i = %c0 to %turns step %c1 iter_args(%a = %one, %b = %zero, %c = %t)
      -> (tensor<4x20xf32>, tensor<4x20xf32>, tensor<4x20xf32>) {
    %sum = arith.addf %a, %b : tensor<4x20xf32>
    %odd = arith.remui %i, %c2 : index
    %isOdd = arith.cmpi eq, %odd, %c1 : index
    %next = scf.if %isOdd -> tensor<4x20xf32> {
      %p = arith.mulf %sum, %t : tensor<4x20xf32>
      scf.yield %p : tensor<4x20xf32>
    } else {
      scf.yield %sum : tensor<4x20xf32>
    }
    %d = arith.subf %c, %a : tensor<4x20xf32>
    scf.yield %next, %a, %d : tensor<4x20xf32>, tensor<4x20xf32>, tensor<4x20xf32>
  }
  tile.store %r#0, %y[%c0, %c0, %c0] [1, 4, 20] : tensor<4x20xf32>, memref<3x4x20xf32>
  tile.store %r#1, %y[%c1, %c0, %c0] [1, 4, 20] : tensor<4x20xf32>, memref<3x4x20xf32>
  tile.store %r#2, %y[%c2, %c0, %c0] [1, 4, 20] : tensor<4x20xf32>, memref<3x4x20xf32>
  return
})mlir";
  TileProgram compiled(program, GetParam());
  for (int64_t turns : {0, 1, 2, 5}) {
    Numbers x("f32", {4, 20}), n("i32", {1}), y("f32", {3, 4, 20});
    x.random(turns + 1);
    n.set(0, turns);
    compiled.run({x.buffer(), n.buffer(), y.buffer()});
    for (int64_t i = 0; i < 80; ++i) {
      float a = 1, b = 0, c = x.at(i), t = x.at(i);
      for (int64_t turn = 0; turn < turns; ++turn) {
        float sum = a + b, next = turn % 2 ? sum * t : sum;
        c = c - a;
        b = a;
        a = next;
      }
      EXPECT_EQ(y.at(i), a) << turns;
      EXPECT_EQ(y.at(80 + i), b) << turns;
      EXPECT_EQ(y.at(160 + i), c) << turns;
    }
  }
}

// Numbers of a block: functions of them, truth values in memory, and a branch
// with a loop of its own before which nothing else was read.
TEST_P(Sweeps, branchesOnNumbersHoldLoops) {
  const char *program = R"mlir(
func.func private @f(%x: memref<4x20xf32>, %h: memref<1xf32>, %is: memref<2xi1>, %y: memref<5x20xf32>)
    attributes {tile.schedule = #tile.schedule<rows = 1>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %write = memref.load %is[%c1] : memref<2xi1>
  scf.if %write {
    scf.for %i = %c0 to %c4 step %c1 {
      %t = tile.load %x[%i, %c0] [1, 20] : memref<4x20xf32> -> tensor<1x20xf32>
      tile.store %t, %y[%i, %c0] [1, 20] : tensor<1x20xf32>, memref<5x20xf32>
    }
  }
  %number = memref.load %h[%c0] : memref<1xf32>
  %power = math.exp2 %number : f32
  %log = math.log %power : f32
  %all = tensor.splat %log : tensor<1x20xf32>
  tile.store %all, %y[%c4, %c0] [1, 20] : tensor<1x20xf32>, memref<5x20xf32>
  return
})mlir";
  TileProgram compiled(program, GetParam());
  for (double write : {0, 1}) {
    Numbers x("f32", {4, 20}), h("f32", {1}), is("i1", {2}), y("f32", {5, 20});
    x.random(1);
    h.set(0, -1.5);
    is.set(1, write);
    compiled.run({x.buffer(), h.buffer(), is.buffer(), y.buffer()});
    for (int64_t i = 0; i < 80; ++i)
      EXPECT_EQ(y.at(i), write ? x.at(i) : 0);
    EXPECT_NEAR(y.at({4, 7}), -1.5 * std::log(2), 1e-6);
  }
}

// Functions that upstream approximates, in a chain that two sweeps need: the
// softmax of 3 tanh(x). A row that sees nothing is 0, not NaN.
TEST_P(Sweeps, softmaxOfACappedRow) {
  const char *program = R"mlir(
func.func private @f(%x: memref<6x44xf32>, %y: memref<6x44xf32>)
    attributes {tile.schedule = #tile.schedule<rows = 6>} {
  %c0 = arith.constant 0 : index
  %ninf = arith.constant dense<0xFF800000> : tensor<6xf32>
  %ninf2 = arith.constant dense<0xFF800000> : tensor<6x44xf32>
  %zero = arith.constant dense<0.0> : tensor<6xf32>
  %one = arith.constant dense<1.0> : tensor<6xf32>
  %cap = arith.constant dense<3.0> : tensor<6x44xf32>
  %t = tile.load %x[%c0, %c0] [6, 44] : memref<6x44xf32> -> tensor<6x44xf32>
  %h = math.tanh %t : tensor<6x44xf32>
  %capped = arith.mulf %h, %cap : tensor<6x44xf32>
  %hidden = arith.cmpf oeq, %t, %ninf2 : tensor<6x44xf32>
  %s = arith.select %hidden, %ninf2, %capped : tensor<6x44xi1>, tensor<6x44xf32>
  %m = tile.reduce max %s : tensor<6x44xf32> -> tensor<6xf32>
  %some = arith.cmpf one, %m, %ninf : tensor<6xf32>
  %shift = arith.select %some, %m, %zero : tensor<6xi1>, tensor<6xf32>
  %sb = tile.broadcast %shift along 1 : tensor<6xf32> -> tensor<6x44xf32>
  %d = arith.subf %s, %sb : tensor<6x44xf32>
  %p = math.exp %d : tensor<6x44xf32>
  %l = tile.reduce add %p : tensor<6x44xf32> -> tensor<6xf32>
  %i = arith.divf %one, %l : tensor<6xf32>
  %inv = arith.select %some, %i, %zero : tensor<6xi1>, tensor<6xf32>
  %ib = tile.broadcast %inv along 1 : tensor<6xf32> -> tensor<6x44xf32>
  %o = arith.mulf %p, %ib : tensor<6x44xf32>
  tile.store %o, %y[%c0, %c0] [6, 44] : tensor<6x44xf32>, memref<6x44xf32>
  return
})mlir";
  Numbers x("f32", {6, 44}), y("f32", {6, 44});
  x.random(3, 2);
  for (int64_t c = 0; c < 44; ++c) {
    x.set({2, c}, -infinity);
    x.set({4, c}, c % 3 ? x.at({4, c}) : -infinity);
  }
  TileProgram(program, GetParam()).run({x.buffer(), y.buffer()});
  for (int64_t r = 0; r < 6; ++r) {
    double sum = 0;
    auto p = [&](int64_t c) {
      double value = x.at({r, c});
      return value == -infinity ? 0 : std::exp(3 * std::tanh(value));
    };
    for (int64_t c = 0; c < 44; ++c)
      sum += p(c);
    for (int64_t c = 0; c < 44; ++c)
      EXPECT_NEAR(y.at({r, c}), sum ? p(c) / sum : 0, 2e-6);
  }
}

} // namespace
