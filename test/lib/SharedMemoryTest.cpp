// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/SharedMemory.h"

#include <gtest/gtest.h>
#include <random>
#include <set>

using namespace headgate;

namespace {

TEST(SharedMemory, SlabsAreAsWideAsTheRowAllows) {
  EXPECT_EQ((SharedTile{64, 64, 2}.slabBytes()), 128);
  EXPECT_EQ((SharedTile{64, 256, 2}.slabBytes()), 128);
  EXPECT_EQ((SharedTile{64, 96, 2}.slabBytes()), 64);
  EXPECT_EQ((SharedTile{64, 80, 2}.slabBytes()), 32);
  EXPECT_EQ((SharedTile{64, 32, 4}.slabBytes()), 128);
  EXPECT_FALSE((SharedTile{64, 8, 2}.isLegal()));
  EXPECT_FALSE((SharedTile{12, 64, 2}.isLegal()));
  EXPECT_TRUE((SharedTile{8, 16, 2}.isLegal()));
}

// The swizzles of 128, 64 and 32 bytes, as sm_90a has them.
TEST(SharedMemory, OffsetsAreThoseOfTheHardware) {
  for (int64_t cols : {64, 96, 80, 128}) {
    SharedTile tile{24, cols, 2};
    int64_t width = tile.slabBytes() / 2;
    for (int64_t r = 0; r < 24; ++r)
      for (int64_t c = 0; c < cols; ++c) {
        int64_t plain = (c / width * 24 + r) * width * 2 + c % width * 2;
        int64_t bits = width == 64 ? 7 : width == 32 ? 3 : 1;
        ASSERT_EQ(tile.offset(r, c), plain ^ (((plain >> 7) & bits) << 4));
      }
  }
}

// No two elements share bytes, none is outside.
TEST(SharedMemory, TilesAreFilledExactly) {
  for (int64_t bytes : {2, 4})
    for (int64_t cols = 16; cols <= 256; cols += 16)
      for (int64_t rows : {8, 24, 80}) {
        SharedTile tile{rows, cols, bytes};
        std::set<int64_t> seen;
        for (int64_t r = 0; r < rows; ++r)
          for (int64_t c = 0; c < cols; ++c) {
            int64_t at = tile.offset(r, c);
            ASSERT_TRUE(at >= 0 && at < tile.bytes() && at % bytes == 0);
            seen.insert(at);
          }
        ASSERT_EQ(int64_t(seen.size()), rows * cols);
      }
}

// What ends before something else begins gives it its place.
TEST(SharedMemory, PlacesAreUsedAgain) {
  SharedPlaces places = placeShared({{1024, 1024, 0, 10},    // ring
                                     {2048, 1024, 1, 10},    // ring
                                     {512, 256, 2, 3},       // dies early
                                     {512, 256, 4, 10},      // in its place
                                     {2048, 1024, 11, 12}}); // behind the loop
  EXPECT_EQ(places.offsets, (std::vector<int64_t>{0, 1024, 3072, 3072, 0}));
  EXPECT_EQ(places.bytes, 3584);
  EXPECT_EQ(placeShared({}).bytes, 0);
}

TEST(SharedMemory, WhatLivesAtOneTimeDoesNotOverlap) {
  std::minstd_rand random(7);
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<SharedRequest> requests;
    for (int64_t i = 0, time = 0; i < 12; ++i) {
      time += random() % 3;
      requests.push_back({int64_t(256 * (1 + random() % 9)),
                          int64_t(256 << random() % 3), time,
                          time + int64_t(random() % 8)});
    }
    SharedPlaces places = placeShared(requests);
    for (size_t i = 0; i < requests.size(); ++i) {
      const SharedRequest &a = requests[i];
      ASSERT_EQ(places.offsets[i] % a.alignment, 0);
      ASSERT_LE(places.offsets[i] + a.bytes, places.bytes);
      for (size_t j = 0; j < i; ++j) {
        const SharedRequest &b = requests[j];
        bool live = a.begin <= b.end && b.begin <= a.end;
        bool apart = places.offsets[i] + a.bytes <= places.offsets[j] ||
                     places.offsets[j] + b.bytes <= places.offsets[i];
        ASSERT_TRUE(!live || apart);
      }
    }
  }
}

} // namespace
