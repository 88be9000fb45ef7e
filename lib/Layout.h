// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which thread holds which element of a tile, and in which register.
//
// A place is a register, a lane of 32 and a warp; each of the three is a
// mixed-radix number, and each of its digits moves along one dimension of the
// tile:
//
//   product of mma.sync, 128x64 on 4 warps:
//     reg [2:c1, 2:r8, 8:c8, 2:r16], lane [4:c2, 8:r1], warp [4:r32]
//
// The element of a place is the sum over all digits. Digits are lists of any
// extents, so widths that are no power of two need nothing of their own, and
// two layouts are one if their normal forms are equal.

#ifndef HEADGATE_LIB_LAYOUT_H
#define HEADGATE_LIB_LAYOUT_H

#include <array>
#include <cstdint>
#include <vector>

namespace headgate {

/// One digit: its value, times `stride`, is added to the coordinate of
/// dimension `dim`.
struct Digit {
  /// The `dim` of a digit that moves nowhere: its places hold copies.
  static constexpr int64_t copy = -1;

  int64_t extent = 1, dim = copy, stride = 0;

  bool operator==(const Digit &) const = default;
};

/// Least significant first.
using Digits = std::vector<Digit>;

/// A row and a column; of a vector the second is 0.
using Element = std::array<int64_t, 2>;

/// How many numbers the digits count.
int64_t countOf(const Digits &digits);
/// Where the number `i` of these digits is.
Element elementAt(const Digits &digits, int64_t i);

class Layout {
public:
  static constexpr int64_t laneCount = 32;

  Layout() = default;
  /// In normal form: no digit of extent 1, none that continues the one before.
  Layout(const Digits &reg, const Digits &lane, const Digits &warp);

  const Digits &reg() const { return reg_; }
  const Digits &lane() const { return lane_; }
  const Digits &warp() const { return warp_; }
  int64_t registers() const { return countOf(reg_); }
  int64_t warps() const { return countOf(warp_); }

  Element at(int64_t reg, int64_t lane, int64_t warp) const;

  /// The layout of a vector along the other dimension, such that each thread
  /// has the elements that belong to its own. Registers lose the digits of
  /// `dim`; lanes and warps hold copies there.
  Layout slice(int64_t dim) const;
  /// For each register, the register of slice(dim) that belongs to it.
  std::vector<int64_t> sliceRegisters(int64_t dim) const;
  /// Columns of which each lane has its own: one partial result of a row for
  /// each lane that the row lies in. Of a layout whose warps split no row.
  Layout partials() const;

  /// How many consecutive registers hold consecutive elements along `dim`.
  int64_t contiguous(int64_t dim) const;
  /// True if lanes and warps hold copies of elements.
  bool hasCopies() const;

  bool operator==(const Layout &) const = default;

private:
  Digits reg_, lane_, warp_;
};

//===-- layouts of mma.sync.m16n8k16 -------------------------------------===//

/// The sums of a product, `rows` a multiple of 16 * warps, `cols` of 8. The
/// left factor [rows, cols] has the same layout, `cols` then a multiple of 16:
/// the scores of one product are the left factor of the next as they are.
/// Source: PTX ISA, matrix fragments for mma.m16n8k16.
Layout mmaResult(int64_t rows, int64_t cols, int64_t warps);
/// The right factor of `cols` columns and `terms` terms, as (column, term).
Layout mmaRight(int64_t cols, int64_t terms, int64_t warps);

/// Where each lane's row of an ldmatrix.x4 begins, relative to the first of
/// four 8x8 matrices, which are those that registers 0, 2, 4, 6 lie in. With
/// `trans` a row in memory runs along the other dimension than registers 0 and
/// 1 do, and ldmatrix transposes.
Digits ldmatrixLanes(const Layout &fragment, bool trans);

//===-- layouts of copies ------------------------------------------------===//

/// How threads walk over a tile in accesses of `width` columns: consecutive
/// lanes along a run of columns, then rows, then the next run. `width` divides
/// `run`, which divides `cols`. Threads for which nothing is left hold copies.
Layout copyLayout(int64_t rows, int64_t cols, int64_t width, int64_t run,
                  int64_t warps);

} // namespace headgate

#endif // HEADGATE_LIB_LAYOUT_H
