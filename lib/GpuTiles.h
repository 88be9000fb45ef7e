// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which tiles of sm_80 ptxas keeps in registers. No formula says it: "used" of
// ptxas is not what a kernel needs, so benchmarks/gpu_tiles.py assembles them
// and writes what GpuTiles.cpp has. The kernels of a kind that it has not, such
// as those with another score region, may still spill a few bytes;
// headgate-compile --report and headgate-tune say so.

#ifndef HEADGATE_LIB_GPUTILES_H
#define HEADGATE_LIB_GPUTILES_H

#include <cstdint>

namespace headgate {

/// The widest heads, padded to 16, that there are tiles for.
constexpr int64_t gpuMaxWidth = 256;

/// What an attention keeps in registers beside its tiles. Of each kind the
/// sweep has the kernel with most of it.
enum class TileKind {
  dense,        ///< heads of whole 16s, no bounds, no window
  routed,       ///< chosen experts, bounds, a window, or padded heads
  merged,       ///< the same, and rows of several heads
  masked,       ///< routed, and a mask tensor
  mergedMasked, ///< both
  narrow,       ///< the same, and rows that only copies of 4 bytes can take
  scored,       ///< the same, and a score region: a soft cap
};

/// The most keys of an attention's tile whose warps have `rowTiles` times 16
/// rows and whose heads are `width` wide (a multiple of 16 up to gpuMaxWidth);
/// 0 if there is no such tile.
int64_t mostKeysOfTile(int64_t width, int64_t rowTiles, TileKind kind);

/// The same for columns of a projection.
int64_t mostColsOfTile(int64_t rowTiles);

} // namespace headgate

#endif // HEADGATE_LIB_GPUTILES_H
