// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/GpuTiles.h"

namespace headgate {

namespace {

// By benchmarks/gpu_tiles.py: the most keys, by TileKind, for 16 and 32 rows of
// a warp, by the width of heads in steps of 16.
constexpr int16_t keysOf[][2][16] = {
    // dense
    {{128, 128, 128, 128, 128, 112, 128, 128, 128, 128, 128, 96, 128, 96, 128,
      80},
     {128, 128, 128, 128, 96, 96, 48, 64, 16, 16, 16, 16, 16, 0, 0, 0}},
    // routed
    {{128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 112, 128, 128, 128,
      64},
     {128, 128, 128, 96, 96, 80, 48, 32, 16, 16, 16, 16, 16, 0, 0, 0}},
    // merged
    {{128, 128, 128, 128, 128, 112, 128, 128, 128, 128, 128, 96, 128, 128, 128,
      80},
     {128, 128, 128, 112, 64, 48, 48, 16, 16, 16, 16, 0, 0, 0, 0, 0}},
    // masked
    {{112, 128, 128, 128, 128, 64, 128, 32, 112, 96, 112, 64, 112, 64, 48, 48},
     {128, 80, 80, 48, 48, 48, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0}},
    // mergedMasked
    {{128, 128, 128, 128, 128, 128, 128, 112, 112, 96, 96, 16, 96, 64, 80, 48},
     {96, 64, 48, 64, 48, 32, 16, 0, 16, 16, 0, 0, 0, 0, 0, 0}},
    // narrow
    {{112, 96, 128, 96, 128, 80, 112, 48, 112, 96, 80, 32, 80, 64, 64, 16},
     {96, 64, 48, 32, 32, 32, 32, 0, 16, 0, 0, 0, 0, 0, 0, 0}},
    // scored
    {{80, 80, 64, 64, 64, 64, 16, 48, 48, 48, 48, 32, 32, 32, 32, 16},
     {32, 32, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
};
// The most columns of a projection.
constexpr int16_t colsOf[2] = {128, 128};

bool isTile(int64_t rowTiles) { return rowTiles == 1 || rowTiles == 2; }

} // namespace

int64_t mostKeysOfTile(int64_t width, int64_t rowTiles, TileKind kind) {
  if (!isTile(rowTiles) || width < 1 || width > gpuMaxWidth)
    return 0;
  return keysOf[int(kind)][rowTiles - 1][(width + 15) / 16 - 1];
}

int64_t mostColsOfTile(int64_t rowTiles) {
  return isTile(rowTiles) ? colsOf[rowTiles - 1] : 0;
}

} // namespace headgate
