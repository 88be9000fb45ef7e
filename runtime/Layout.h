// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the extents and strides of a view say about the memory it reaches. All
// arithmetic is checked: extents come from the caller.

#ifndef HEADGATE_RUNTIME_LAYOUT_H
#define HEADGATE_RUNTIME_LAYOUT_H

#include "headgate/Tensor.h"

#include <array>
#include <string>

namespace headgate::runtime {

/// No tensor is larger: more than any memory, less than any overflow.
constexpr int64_t maxTensorBytes = int64_t(1) << 47;

bool isEmpty(const TensorView &view);
/// Whether the stride of dimension `i` says anything.
bool strideMatters(const TensorView &view, int i);
/// Row-major strides; false if the tensor would be above maxTensorBytes.
bool contiguousStrides(const TensorView &view,
                       std::array<int64_t, maxRank> &strides);
/// Offsets in elements of the first and last element of a view that is not
/// empty; false if they are more than maxTensorBytes apart.
bool elementRange(const TensorView &view, int64_t &first, int64_t &last);
/// Whether two elements of a view with an elementRange may share memory.
bool overlapsItself(const TensorView &view);
/// "[2,128,4,64]"
std::string formatExtents(std::span<const int64_t> extents);

} // namespace headgate::runtime

#endif // HEADGATE_RUNTIME_LAYOUT_H
