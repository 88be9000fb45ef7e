// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where tiles lie in the shared memory of a block, and where in it their
// elements do. The latter follows from the tile's type alone, and is what the
// hardware of sm_90a swizzles to as well.
//
// A row is cut into slabs of W bytes, W the largest of 128, 64 and 32 that
// divides it. Slab after slab lie rows of W bytes, and 16-byte chunks are
// exchanged within 128 bytes so that any 8 rows of one chunk column lie in
// different banks:
//
//   a = (slab * rows + row) * W + byte,  a ^= (a / 128 mod W / 16) * 16

#ifndef HEADGATE_LIB_SHAREDMEMORY_H
#define HEADGATE_LIB_SHAREDMEMORY_H

#include <cstdint>
#include <vector>

namespace headgate {

struct SharedTile {
  int64_t rows, cols, elementBytes;

  /// Whether it can lie in shared memory: rows a multiple of 8, a row of 32
  /// bytes.
  bool isLegal() const;

  int64_t slabBytes() const; ///< W
  int64_t slabCols() const { return slabBytes() / elementBytes; }
  int64_t bytes() const { return rows * cols * elementBytes; }
  /// Of the tile's first byte, so that the exchange stays in the tile.
  int64_t alignment() const { return 8 * slabBytes(); }

  /// The byte at which an element begins.
  int64_t offset(int64_t row, int64_t col) const;

  /// The way from (r, c) to (r + row, c + col), where in the bits of rows below
  /// 8, and in those of columns within a slab, the sums have no carry:
  ///
  ///   offset(r + row, c + col) == (offset(r, c) ^ flip) + add
  struct Step {
    int64_t flip, add;
  };
  Step step(int64_t row, int64_t col) const;

  bool operator==(const SharedTile &) const = default;
};

/// A wish for memory from time `begin` to time `end`, both included.
struct SharedRequest {
  int64_t bytes, alignment, begin, end;
};

struct SharedPlaces {
  std::vector<int64_t> offsets; ///< of each request
  int64_t bytes = 0;            ///< in all
};

/// Places requests, which are ordered by `begin`, each as low as it can be.
/// Those that live at one time do not overlap.
SharedPlaces placeShared(const std::vector<SharedRequest> &requests);

} // namespace headgate

#endif // HEADGATE_LIB_SHAREDMEMORY_H
