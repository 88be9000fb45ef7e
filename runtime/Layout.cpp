// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/Layout.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace headgate::runtime {

bool isEmpty(const TensorView &view) {
  auto extents = view.extents();
  return std::find(extents.begin(), extents.end(), 0) != extents.end();
}

bool strideMatters(const TensorView &view, int i) { return view.shape[i] > 1; }

bool contiguousStrides(const TensorView &view,
                       std::array<int64_t, maxRank> &strides) {
  int64_t stride = 1;
  for (int i = view.rank - 1; i >= 0; --i) {
    strides[i] = stride;
    if (__builtin_mul_overflow(stride, std::max<int64_t>(view.shape[i], 1),
                               &stride) ||
        stride > maxTensorBytes / byteWidth(view.dtype))
      return false;
  }
  return true;
}

bool elementRange(const TensorView &view, int64_t &first, int64_t &last) {
  first = last = 0;
  for (int i = 0; i < view.rank; ++i) {
    int64_t reach = 0;
    if (__builtin_mul_overflow(view.shape[i] - 1, view.strides[i], &reach) ||
        __builtin_add_overflow(reach < 0 ? first : last, reach,
                               reach < 0 ? &first : &last))
      return false;
  }
  int64_t limit = maxTensorBytes / byteWidth(view.dtype);
  return first >= -limit && last <= limit && last - first < limit;
}

bool overlapsItself(const TensorView &view) {
  std::array<std::pair<int64_t, int64_t>, maxRank> order; // stride, extent
  int count = 0;
  for (int i = 0; i < view.rank; ++i)
    if (strideMatters(view, i))
      order[count++] = {std::abs(view.strides[i]), view.shape[i]};
  std::sort(order.begin(), order.begin() + count);
  int64_t reach = 0; // distance to the last element of the dimensions before
  for (int i = 0; i < count; ++i) {
    if (order[i].first <= reach)
      return true;
    reach += order[i].first * (order[i].second - 1);
  }
  return false;
}

std::string formatExtents(std::span<const int64_t> extents) {
  std::string text = "[";
  for (int64_t extent : extents) {
    if (text.size() > 1)
      text += ',';
    text += std::to_string(extent);
  }
  return text + "]";
}

} // namespace headgate::runtime
