// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/Layout.h"

#include <algorithm>
#include <cassert>
#include <numeric>

using namespace headgate;

namespace {

constexpr int64_t rowDim = 0, colDim = 1;

/// Whether `next` counts on where `digit` ends.
bool continues(const Digit &digit, const Digit &next) {
  return next.dim == digit.dim && (next.dim == Digit::copy ||
                                   next.stride == digit.stride * digit.extent);
}

Digits normal(const Digits &digits) {
  Digits result;
  for (Digit digit : digits) {
    if (digit.extent == 1)
      continue;
    if (digit.dim == Digit::copy)
      digit.stride = 0;
    if (!result.empty() && continues(result.back(), digit))
      result.back().extent *= digit.extent;
    else
      result.push_back(digit);
  }
  return result;
}

/// `digits` as those of a vector along the other dimension than `dim`.
Digits without(const Digits &digits, int64_t dim, bool keepsCopies) {
  Digits result;
  for (const Digit &digit : digits) {
    if (digit.dim != dim && digit.dim != Digit::copy)
      result.push_back({digit.extent, rowDim, digit.stride});
    else if (keepsCopies)
      result.push_back({digit.extent});
  }
  return result;
}

/// The largest power of two that divides `n`, at most `limit`.
int64_t powerIn(int64_t n, int64_t limit) { return std::min(n & -n, limit); }

} // namespace

int64_t headgate::countOf(const Digits &digits) {
  int64_t count = 1;
  for (const Digit &digit : digits)
    count *= digit.extent;
  return count;
}

Element headgate::elementAt(const Digits &digits, int64_t i) {
  Element element = {0, 0};
  for (const Digit &digit : digits) {
    if (digit.dim != Digit::copy)
      element[digit.dim] += i % digit.extent * digit.stride;
    i /= digit.extent;
  }
  return element;
}

//===-- algebra ----------------------------------------------------------===//

Layout::Layout(const Digits &reg, const Digits &lane, const Digits &warp)
    : reg_(normal(reg)), lane_(normal(lane)), warp_(normal(warp)) {
  assert(countOf(lane_) == laneCount && "a warp has 32 lanes");
}

Element Layout::at(int64_t reg, int64_t lane, int64_t warp) const {
  Element sum = elementAt(reg_, reg);
  for (Element part : {elementAt(lane_, lane), elementAt(warp_, warp)})
    for (int64_t dim : {rowDim, colDim})
      sum[dim] += part[dim];
  return sum;
}

Layout Layout::slice(int64_t dim) const {
  return {without(reg_, dim, false), without(lane_, dim, true),
          without(warp_, dim, true)};
}

std::vector<int64_t> Layout::sliceRegisters(int64_t dim) const {
  std::vector<int64_t> result(registers());
  for (size_t i = 0; i < result.size(); ++i) {
    int64_t rest = static_cast<int64_t>(i), factor = 1;
    for (const Digit &digit : reg_) {
      if (digit.dim != dim && digit.dim != Digit::copy) {
        result[i] += rest % digit.extent * factor;
        factor *= digit.extent;
      }
      rest /= digit.extent;
    }
  }
  return result;
}

Layout Layout::partials() const {
  Digits reg, lane;
  for (const Digit &digit : reg_)
    if (digit.dim == rowDim)
      reg.push_back(digit);
  int64_t cols = 1;
  for (const Digit &digit : lane_) {
    bool isColumn = digit.dim == colDim;
    lane.push_back(isColumn ? Digit{digit.extent, colDim, cols} : digit);
    if (isColumn)
      cols *= digit.extent;
  }
  return {reg, lane, warp_};
}

int64_t Layout::contiguous(int64_t dim) const {
  bool runs = !reg_.empty() && reg_[0].dim == dim && reg_[0].stride == 1;
  return runs ? reg_[0].extent : 1;
}

bool Layout::hasCopies() const {
  auto isCopy = [](const Digit &digit) { return digit.dim == Digit::copy; };
  return std::ranges::any_of(lane_, isCopy) ||
         std::ranges::any_of(warp_, isCopy);
}

//===-- mma.sync ---------------------------------------------------------===//

Layout headgate::mmaResult(int64_t rows, int64_t cols, int64_t warps) {
  int64_t band = rows / warps; // of a warp: contiguous
  return {{{2, colDim, 1},
           {2, rowDim, 8},
           {cols / 8, colDim, 8},
           {band / 16, rowDim, 16}},
          {{4, colDim, 2}, {8, rowDim, 1}},
          {{warps, rowDim, band}}};
}

Layout headgate::mmaRight(int64_t cols, int64_t terms, int64_t warps) {
  return {{{2, colDim, 1},
           {2, colDim, 8},
           {cols / 8, rowDim, 8},
           {terms / 16, colDim, 16}},
          {{4, colDim, 2}, {8, rowDim, 1}},
          {{warps}}};
}

Digits headgate::ldmatrixLanes(const Layout &fragment, bool trans) {
  // Registers 2 and 4 say where the second and the third matrix lie.
  int64_t pair = fragment.reg()[0].dim;
  Digits lanes = {{8, trans ? pair : 1 - pair, 1}};
  for (int64_t reg : {2, 4}) {
    Element to = elementAt(fragment.reg(), reg);
    int64_t dim = to[rowDim] ? rowDim : colDim;
    lanes.push_back({2, dim, to[dim]});
  }
  return lanes;
}

//===-- copies -----------------------------------------------------------===//

Layout headgate::copyLayout(int64_t rows, int64_t cols, int64_t width,
                            int64_t run, int64_t warps) {
  int64_t accesses = run / width, runs = cols / run;
  int64_t across = powerIn(accesses, Layout::laneCount);
  int64_t down = powerIn(rows, Layout::laneCount / across);
  int64_t spare = Layout::laneCount / (across * down);
  int64_t downWarps = std::gcd(warps, rows / down), left = warps / downWarps;
  int64_t pass = down * downWarps;
  int64_t acrossWarps = std::gcd(left, accesses / across);
  left /= acrossWarps;
  int64_t step = width * across * acrossWarps;
  int64_t runWarps = std::gcd(left, runs);
  return {{{width, colDim, 1},
           {run / step, colDim, step},
           {rows / pass, rowDim, pass},
           {runs / runWarps, colDim, run * runWarps}},
          {{across, colDim, width}, {down, rowDim, 1}, {spare}},
          {{downWarps, rowDim, down},
           {acrossWarps, colDim, width * across},
           {runWarps, colDim, run},
           {left / runWarps}}};
}
