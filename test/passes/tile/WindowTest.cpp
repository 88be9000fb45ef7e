// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Windows: what lies outside a memref reads 0 and is not written.

#include "test/passes/tile/Numbers.h"

#include <gtest/gtest.h>

using namespace headgate;
using namespace headgate::test;

namespace {

class Windows : public testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Levels, Windows, testing::ValuesIn(levels()),
                         [](const auto &info) {
                           std::string name = info.param;
                           for (char &c : name)
                             c = isalnum(c) ? c : '_';
                           return name;
                         });

/// `value`, or 0 outside [0, extent) of each pair.
double orZero(const Numbers &array, std::initializer_list<int64_t> indices) {
  size_t d = 0;
  for (int64_t index : indices)
    if (index < 0 || index >= array.extents[d++])
      return 0;
  return array.at(indices);
}

// From any origin, in any element type; the column's extent is known or not.
TEST_P(Windows, moveOutsideOnEverySide) {
  for (const char *type : {"f32", "bf16", "f16", "i32", "i8", "i1"})
    for (const char *extent : {"23", "?"}) {
      std::string program = replaced(R"mlir(
func.func private @f(%x: memref<?x{N}x{T}>, %at: memref<2xi32>, %y: memref<5x40x{T}>, %z: memref<?x{N}x{T}>)
    attributes {tile.schedule = #tile.schedule<rows = 5>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r32 = memref.load %at[%c0] : memref<2xi32>
  %c32 = memref.load %at[%c1] : memref<2xi32>
  %r = arith.index_cast %r32 : i32 to index
  %c = arith.index_cast %c32 : i32 to index
  %t = tile.load %x[%r, %c] [5, 40] : memref<?x{N}x{T}> -> tensor<5x40x{T}>
  tile.store %t, %y[%c0, %c0] [5, 40] : tensor<5x40x{T}>, memref<5x40x{T}>
  tile.store %t, %z[%r, %c] [5, 40] : tensor<5x40x{T}>, memref<?x{N}x{T}>
  return
})mlir",
                                     {{"T", type}, {"N", extent}});
      TileProgram compiled(program, GetParam());
      std::string stored = std::string(type) == "i1" ? "i8" : type;
      for (auto [r, c] : std::vector<std::pair<int, int>>{
               {0, 0}, {3, 2}, {-2, -7}, {6, 21}, {-9, 0}, {2, 23}, {0, -40}}) {
        Numbers x(stored, {7, 23}), at("i32", {2}), y(stored, {5, 40}),
            z(stored, {7, 23});
        for (int64_t i = 0; i < x.size(); ++i)
          x.set(i, stored == "i8" ? i % 2 : i + 1);
        at.set(0, r);
        at.set(1, c);
        y.fill(1);
        z.fill(0);
        compiled.run({x.buffer(), at.buffer(), y.buffer(), z.buffer()});
        for (int64_t i = 0; i < 5; ++i)
          for (int64_t j = 0; j < 40; ++j)
            EXPECT_EQ(y.at({i, j}), orZero(x, {r + i, c + j}))
                << type << extent << r << "," << c;
        for (int64_t i = 0; i < 7; ++i)
          for (int64_t j = 0; j < 23; ++j) {
            bool isInside = i >= r && i < r + 5 && j >= c && j < c + 40;
            EXPECT_EQ(z.at({i, j}), isInside ? x.at({i, j}) : 0);
          }
      }
    }
}

// Wider than the memref: a head width that is no multiple of anything.
TEST_P(Windows, areWiderThanTheirMemref) {
  for (int64_t width : {1, 7, 24, 33, 72, 76, 100}) {
    std::string program =
        replaced(R"mlir(
func.func private @f(%x: memref<3x{D}xf32>, %y: memref<3x{P}xf32>, %z: memref<3x{D}xf32>)
    attributes {tile.schedule = #tile.schedule<rows = 3>} {
  %c0 = arith.constant 0 : index
  %t = tile.load %x[%c0, %c0] [3, {P}] : memref<3x{D}xf32> -> tensor<3x{P}xf32>
  %u = arith.addf %t, %t : tensor<3x{P}xf32>
  tile.store %u, %y[%c0, %c0] [3, {P}] : tensor<3x{P}xf32>, memref<3x{P}xf32>
  tile.store %u, %z[%c0, %c0] [3, {P}] : tensor<3x{P}xf32>, memref<3x{D}xf32>
  return
})mlir",
                 {{"D", text(width)}, {"P", text((width + 15) / 16 * 16)}});
    int64_t padded = (width + 15) / 16 * 16;
    Numbers x("f32", {3, width}), y("f32", {3, padded}), z("f32", {3, width});
    x.random(width);
    y.fill(7);
    TileProgram(program, GetParam()).run({x.buffer(), y.buffer(), z.buffer()});
    for (int64_t r = 0; r < 3; ++r)
      for (int64_t c = 0; c < padded; ++c)
        EXPECT_EQ(y.at({r, c}), 2 * orZero(x, {r, c})) << width;
    for (int64_t i = 0; i < z.size(); ++i)
      EXPECT_EQ(z.at(i), 2 * x.at(i));
  }
}

// Rows of several dimensions, rows picked by number (-1 is nowhere), columns of
// several dimensions, and columns of one element.
TEST_P(Windows, rowsAndColumnsOfSeveralDimensions) {
  const char *program = R"mlir(
func.func private @f(%x: memref<?x3x2x20xf32> {headgate.dims = ["N", 3, 2, 20]}, %e: memref<?xi32> {headgate.dims = ["M"]},
                     %merged: memref<12x20xf32>, %picked: memref<6x20xf32>, %wide: memref<4x40xf32>, %thin: memref<4x3xf32>)
    attributes {tile.schedule = #tile.schedule<rows = 6>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %m = tile.load %x[%c1, %c0, %c0, %c0] [2, 3, 2, 20] : memref<?x3x2x20xf32> -> tensor<12x20xf32>
  tile.store %m, %merged[%c0, %c0] [12, 20] : tensor<12x20xf32>, memref<12x20xf32>
  %r = tile.iota : tensor<6xi32>
  %rows = tile.load %e[%c0] [6] : memref<?xi32> -> tensor<6xi32>
  %p = tile.load %x[%c0, %c0, %c1, %c0] [1, 1, 1, 20] rows(%r, %rows at [0, 1] : tensor<6xi32>, tensor<6xi32>)
      : memref<?x3x2x20xf32> -> tensor<6x20xf32>
  tile.store %p, %picked[%c0, %c0] [6, 20] : tensor<6x20xf32>, memref<6x20xf32>
  %w = tile.load %x[%c2, %c2, %c0, %c0] [4, 1, 2, 20] : memref<?x3x2x20xf32> -> tensor<4x40xf32>
  tile.store %w, %wide[%c0, %c0] [4, 40] : tensor<4x40xf32>, memref<4x40xf32>
  %column = memref.subview %x[0, 0, 1, 19] [%c2, 3, 1, 1] [1, 1, 1, 1]
      : memref<?x3x2x20xf32> to memref<?x3x1x1xf32, strided<[120, 40, 20, 1], offset: 39>>
  %v = tile.load %column[%c0, %c2, %c0, %c0] [4, 1, 1, 1] : memref<?x3x1x1xf32, strided<[120, 40, 20, 1], offset: 39>> -> tensor<4xf32>
  tile.store %v, %thin[%c0, %c1] [4, 1] : tensor<4xf32>, memref<4x3xf32>
  return
})mlir";
  Numbers x("f32", {5, 3, 2, 20}), e("i32", {4}), merged("f32", {12, 20}),
      picked("f32", {6, 20}), wide("f32", {4, 40}), thin("f32", {4, 3});
  for (int64_t i = 0; i < x.size(); ++i)
    x.set(i, i + 1);
  for (auto [i, expert] : {std::pair{0, 2}, {1, -1}, {2, 0}, {3, 3}})
    e.set(i, expert);
  TileProgram(program, GetParam())
      .run({x.buffer(), e.buffer(), merged.buffer(), picked.buffer(),
            wide.buffer(), thin.buffer()});
  for (int64_t c = 0; c < 20; ++c) {
    for (int64_t r = 0; r < 12; ++r)
      EXPECT_EQ(merged.at({r, c}), x.at({1 + r / 6, r / 2 % 3, r % 2, c}));
    for (int64_t r = 0; r < 6; ++r)
      EXPECT_EQ(picked.at({r, c}),
                orZero(x, {r, int64_t(orZero(e, {r})), 1, c}))
          << r;
  }
  for (int64_t r = 0; r < 4; ++r) {
    for (int64_t c = 0; c < 40; ++c)
      EXPECT_EQ(wide.at({r, c}), orZero(x, {2 + r, 2, c / 20, c % 20}));
    EXPECT_EQ(thin.at({r, 1}), r < 2 ? x.at({r, 2, 1, 19}) : 0);
    EXPECT_EQ(thin.at({r, 0}), 0);
    EXPECT_EQ(thin.at({r, 2}), 0);
  }
}

// A vector of columns, long enough to be read in registers, and its end.
TEST_P(Windows, columnVectors) {
  const char *program = R"mlir(
func.func private @f(%x: memref<?xf32> {headgate.dims = ["N"]}, %y: memref<2x50xf32>)
    attributes {tile.schedule = #tile.schedule<rows = 2>} {
  %c0 = arith.constant 0 : index
  %c7 = arith.constant 7 : index
  %v = tile.load %x[%c7] [50] : memref<?xf32> -> tensor<50xf32>
  %b = tile.broadcast %v along 0 : tensor<50xf32> -> tensor<2x50xf32>
  %n = arith.negf %b : tensor<2x50xf32>
  tile.store %n, %y[%c0, %c0] [2, 50] : tensor<2x50xf32>, memref<2x50xf32>
  return
})mlir";
  TileProgram compiled(program, GetParam());
  for (int64_t size : {60, 57, 40, 3}) {
    Numbers x("f32", {size}), y("f32", {2, 50});
    x.random(size);
    compiled.run({x.buffer(), y.buffer()});
    for (int64_t i = 0; i < 100; ++i)
      EXPECT_EQ(y.at(i), -orZero(x, {7 + i % 50}));
  }
}

// A buffer that is read and written: every load keeps its place.
TEST_P(Windows, loadsStayBeforeStores) {
  const char *program = R"mlir(
func.func private @f(%x: memref<4x24xf32>) attributes {tile.schedule = #tile.schedule<rows = 4>} {
  %c0 = arith.constant 0 : index
  %t = tile.load %x[%c0, %c0] [4, 24] : memref<4x24xf32> -> tensor<4x24xf32>
  %u = arith.addf %t, %t : tensor<4x24xf32>
  tile.store %u, %x[%c0, %c0] [4, 24] : tensor<4x24xf32>, memref<4x24xf32>
  %v = tile.load %x[%c0, %c0] [4, 24] : memref<4x24xf32> -> tensor<4x24xf32>
  %w = arith.addf %v, %t : tensor<4x24xf32>
  tile.store %w, %x[%c0, %c0] [4, 24] : tensor<4x24xf32>, memref<4x24xf32>
  return
})mlir";
  Numbers x("f32", {4, 24}), before = x.random(5);
  TileProgram(program, GetParam()).run({x.buffer()});
  for (int64_t i = 0; i < x.size(); ++i)
    EXPECT_EQ(x.at(i), static_cast<float>(3 * before.at(i)));
}

} // namespace
