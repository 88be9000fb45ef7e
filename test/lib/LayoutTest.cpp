// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/Layout.h"

#include "lib/SharedMemory.h"

#include <gtest/gtest.h>
#include <map>
#include <set>

using namespace headgate;

namespace {

constexpr int64_t row = 0, col = 1;

/// How many places hold each element; fails for elements outside the tile.
std::map<Element, int> ownersOf(const Layout &layout, int64_t rows,
                                int64_t cols) {
  std::map<Element, int> owners;
  for (int64_t w = 0; w < layout.warps(); ++w)
    for (int64_t l = 0; l < Layout::laneCount; ++l)
      for (int64_t r = 0; r < layout.registers(); ++r) {
        Element at = layout.at(r, l, w);
        EXPECT_TRUE(at[0] < rows && at[1] < cols) << at[0] << ", " << at[1];
        ++owners[at];
      }
  return owners;
}

/// Each element of a rows x cols tile has `copies` places.
void expectCovers(const Layout &layout, int64_t rows, int64_t cols,
                  int copies) {
  std::map<Element, int> owners = ownersOf(layout, rows, cols);
  EXPECT_EQ(owners.size(), size_t(rows * cols));
  for (auto [element, count] : owners)
    EXPECT_EQ(count, copies) << element[0] << ", " << element[1];
}

TEST(Layout, NormalFormMergesNeighboursAndDropsOnes) {
  Layout split({{2, col, 1}, {1, row, 7}, {4, col, 2}}, {{4}, {8}}, {{1}});
  Layout merged({{8, col, 1}}, {{32}}, {});
  EXPECT_EQ(split, merged);
  EXPECT_NE(split, Layout({{2, col, 1}, {4, col, 4}}, {{32}}, {}));
  EXPECT_EQ(split.registers(), 8);
}

// The formula of the ISA, for every width that a tile can have.
TEST(Layout, ResultOfMmaIsThatOfTheIsa) {
  for (int64_t warps : {1, 2, 4, 8})
    for (int64_t tiles : {1, 2, 3})
      for (int64_t cols = 8; cols <= 256; cols += 8) {
        int64_t band = 16 * tiles, rows = band * warps;
        Layout layout = mmaResult(rows, cols, warps);
        ASSERT_EQ(layout.registers(), rows * cols / (32 * warps));
        for (int64_t w = 0; w < warps; ++w)
          for (int64_t l = 0; l < 32; ++l)
            for (int64_t i = 0; i < layout.registers(); ++i) {
              int64_t mma = i / 4 % (cols / 8), tile = i / (cols / 2);
              Element expected = {w * band + tile * 16 + (i / 2 % 2) * 8 +
                                      l / 4,
                                  mma * 8 + l % 4 * 2 + i % 2};
              ASSERT_EQ(layout.at(i, l, w), expected);
            }
        if (cols % 56 == 8) // bijective; the formula has shown the rest
          expectCovers(layout, rows, cols, 1);
      }
}

// a0..a7 of the ISA: what two neighbouring results are.
TEST(Layout, ResultIsTheNextLeftFactorAsItIs) {
  for (int64_t cols = 16; cols <= 256; cols += 16) {
    Layout layout = mmaResult(64, cols, 4);
    for (int64_t l = 0; l < 32; ++l)
      for (int64_t k = 0; k < cols / 16; ++k)
        for (int64_t i = 0; i < 8; ++i) {
          Element expected = {l / 4 + (i & 2 ? 8 : 0),
                              k * 16 + l % 4 * 2 + (i & 1) + (i & 4 ? 8 : 0)};
          ASSERT_EQ(layout.at(8 * k + i, l, 0), expected);
        }
  }
}

TEST(Layout, RightFactorIsThatOfTheIsa) {
  Layout layout = mmaRight(48, 32, 4);
  for (int64_t l = 0; l < 32; ++l)
    for (int64_t i = 0; i < layout.registers(); ++i) {
      int64_t n = i / 4 % 6, k = i / 24;
      Element expected = {n * 8 + l / 4,
                          k * 16 + (i & 2 ? 8 : 0) + l % 4 * 2 + i % 2};
      ASSERT_EQ(layout.at(i, l, 3), expected);
    }
  expectCovers(layout, 48, 32, 4); // every warp has all of it
}

TEST(Layout, SlicesBelongToTheirTile) {
  for (const Layout &layout :
       {mmaResult(128, 80, 4), copyLayout(24, 96, 8, 96, 4),
        copyLayout(64, 64, 8, 64, 8), mmaRight(48, 32, 2)})
    for (int64_t dim : {row, col}) {
      Layout slice = layout.slice(dim);
      std::vector<int64_t> registers = layout.sliceRegisters(dim);
      std::set<int64_t> used(registers.begin(), registers.end());
      EXPECT_EQ(int64_t(used.size()), slice.registers());
      for (int64_t w = 0; w < layout.warps(); ++w)
        for (int64_t l = 0; l < 32; ++l)
          for (int64_t i = 0; i < layout.registers(); ++i)
            ASSERT_EQ(slice.at(registers[i], l, w)[0],
                      layout.at(i, l, w)[1 - dim]);
    }
  EXPECT_TRUE(mmaResult(128, 64, 4).slice(col).hasCopies());
  EXPECT_FALSE(mmaResult(128, 64, 4).hasCopies());
  EXPECT_EQ(mmaResult(128, 64, 4).slice(col), mmaResult(128, 96, 4).slice(col));
}

// One column for each lane of the four that share a row.
TEST(Layout, PartialsHaveAColumnForEachLane) {
  Layout layout = mmaResult(128, 48, 4), partials = layout.partials();
  expectCovers(partials, 128, 4, 1);
  EXPECT_EQ(partials.slice(col), layout.slice(col));
}

TEST(Layout, CopiesCoverTheTile) {
  struct Case {
    int64_t rows, cols, width, run, warps;
    int copies;
  };
  for (Case c : {Case{64, 64, 8, 64, 4, 1}, Case{80, 128, 8, 64, 8, 1},
                 Case{16, 64, 8, 64, 8, 2}, Case{16, 128, 8, 64, 8, 1},
                 Case{64, 80, 8, 16, 4, 1}, Case{12, 72, 8, 72, 4, 32},
                 Case{128, 8, 4, 8, 4, 1}, Case{1, 4096, 8, 4096, 4, 1},
                 Case{1, 96, 4, 96, 4, 16}, Case{48, 64, 4, 64, 1, 1}}) {
    Layout layout = copyLayout(c.rows, c.cols, c.width, c.run, c.warps);
    expectCovers(layout, c.rows, c.cols, c.copies);
    EXPECT_EQ(layout.contiguous(col) % c.width, 0);
    EXPECT_EQ(layout.warps(), c.warps);
    EXPECT_EQ(layout.hasCopies(), c.copies > 1);
  }
  // 8 lanes a row of 128 bytes.
  EXPECT_EQ(copyLayout(64, 64, 8, 64, 4),
            Layout({{8, col, 1}, {4, row, 16}}, {{8, col, 8}, {4, row, 1}},
                   {{4, row, 4}}));
}

//===-- with shared memory -----------------------------------------------===//

/// What ldmatrix puts into the registers of a lane: register pair m of lane
/// 4 g + t gets columns 2 t, 2 t + 1 of row g of matrix m, or, transposed, rows
/// 2 t, 2 t + 1 of column g. Lane 8 m + g of the address says where row g is.
Element loaded(const Digits &lanes, bool trans, int64_t pairDim, int64_t lane,
               int64_t reg) {
  int64_t g = lane / 4, t = lane % 4, within = 2 * t + reg % 2;
  int64_t memoryRow = trans ? within : g, memoryCol = trans ? g : within;
  Element at = elementAt(lanes, reg / 2 * 8 + memoryRow);
  at[trans ? 1 - pairDim : pairDim] += memoryCol;
  return at;
}

TEST(Layout, LdmatrixBringsTheFragments) {
  struct Case {
    Layout fragment;
    bool trans;
  };
  for (const Case &c : {Case{mmaResult(64, 64, 4), false},  // left factor
                        Case{mmaRight(64, 64, 4), false},   // [columns, terms]
                        Case{mmaRight(64, 64, 4), true}}) { // [terms, columns]
    Digits lanes = ldmatrixLanes(c.fragment, c.trans);
    for (int64_t l = 0; l < 32; ++l)
      for (int64_t i = 0; i < 8; ++i)
        ASSERT_EQ(loaded(lanes, c.trans, c.fragment.reg()[0].dim, l, i),
                  c.fragment.at(i, l, 0));
  }
}

/// Passes over the banks that `count` accesses of `bytes` each take beyond what
/// they need.
int64_t conflicts(const std::vector<int64_t> &addresses, int64_t bytes) {
  std::map<int64_t, std::set<int64_t>> words; // of each bank
  for (int64_t address : addresses)
    for (int64_t b = 0; b < bytes; b += 4)
      words[(address + b) / 4 % 32].insert((address + b) / 4);
  size_t most = 0;
  for (const auto &[bank, its] : words)
    most = std::max(most, its.size());
  return int64_t(most) - (int64_t(addresses.size()) * bytes + 127) / 128;
}

// Each phase of an ldmatrix reads 8 rows of 16 bytes, which lie in 8 different
// groups of banks: for every width, both factors, and everywhere in the tile.
TEST(Layout, LdmatrixHasNoBankConflicts) {
  for (int64_t cols = 16; cols <= 256; cols += 16)
    for (int64_t rows : {16, 48, 64}) {
      SharedTile tile{rows, cols, 2};
      for (int64_t c = 0; c < cols; c += 8)
        for (int64_t r = 0; r < rows; r += 8) {
          std::vector<int64_t> phase;
          for (int64_t i = 0; i < 8; ++i)
            phase.push_back(tile.offset(r + i, c));
          ASSERT_EQ(conflicts(phase, 16), 0) << rows << "x" << cols;
        }
    }
}

// A quarter of a warp writes 16 bytes a lane at a time, half a warp 8 bytes.
TEST(Layout, CopiesHaveNoBankConflicts) {
  for (int64_t cols = 16; cols <= 256; cols += 16)
    for (int64_t bytes : {16, 8, 4})
      for (int64_t warps : {1, 4, 8}) {
        SharedTile tile{64, cols, 2};
        Layout layout = copyLayout(64, cols, bytes / 2, tile.slabCols(), warps);
        int64_t group = 128 / bytes;
        for (int64_t w = 0; w < warps; ++w)
          for (int64_t r = 0; r < layout.registers(); r += bytes / 2)
            for (int64_t l = 0; l < 32; l += group) {
              std::vector<int64_t> phase;
              for (int64_t i = l; i < l + group; ++i) {
                Element at = layout.at(r, i, w);
                phase.push_back(tile.offset(at[0], at[1]));
              }
              ASSERT_EQ(conflicts(phase, bytes), 0)
                  << cols << " " << bytes << " " << warps;
            }
      }
}

// What code does: one address for each lane, then constants.
TEST(Layout, StepsReachEveryElement) {
  for (int64_t cols : {16, 32, 48, 64, 80, 96, 112, 128, 256}) {
    SharedTile tile{64, cols, 2};
    for (int64_t warps : {1, 2, 4})
      for (const Layout &layout :
           {mmaResult(64, cols, warps),
            copyLayout(64, cols, 8, tile.slabCols(), warps),
            copyLayout(64, cols, 4, tile.slabCols(), warps),
            copyLayout(64, cols, 2, tile.slabCols(), warps)})
        for (int64_t w = 0; w < warps; ++w)
          for (int64_t l = 0; l < 32; ++l) {
            Element base = layout.at(0, l, w);
            for (int64_t i = 0; i < layout.registers(); ++i) {
              Element at = layout.at(i, l, w), by = elementAt(layout.reg(), i);
              SharedTile::Step step = tile.step(by[0], by[1]);
              // A step within a chunk goes to its own bytes.
              ASSERT_EQ((tile.offset(base[0], base[1]) ^ step.flip) + step.add,
                        tile.offset(at[0], at[1]))
                  << cols << " " << i;
            }
          }
  }
}

} // namespace
