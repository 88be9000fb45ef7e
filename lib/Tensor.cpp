// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "headgate/Tensor.h"

#include <algorithm>
#include <cassert>

namespace headgate {

namespace {
struct TypeName {
  DType type;
  std::string_view name;
  int64_t bytes;
};
constexpr TypeName types[] = {
    {DType::f32, "f32", 4}, {DType::f16, "f16", 2}, {DType::bf16, "bf16", 2},
    {DType::f64, "f64", 8}, {DType::i8, "i8", 1},   {DType::i16, "i16", 2},
    {DType::i32, "i32", 4}, {DType::i64, "i64", 8}, {DType::u8, "u8", 1},
    {DType::i1, "i1", 1},
};
} // namespace

int64_t byteWidth(DType type) { return types[static_cast<int>(type)].bytes; }

std::string_view name(DType type) { return types[static_cast<int>(type)].name; }

std::optional<DType> parseDType(std::string_view text) {
  for (const TypeName &entry : types)
    if (entry.name == text)
      return entry.type;
  return std::nullopt;
}

bool isFloat(DType type) {
  return type == DType::f32 || type == DType::f16 || type == DType::bf16 ||
         type == DType::f64;
}

TensorView TensorView::contiguous(void *data, DType dtype,
                                  std::span<const int64_t> shape) {
  assert(shape.size() <= maxRank && "more extents than a view can hold");
  TensorView view;
  view.data = data;
  view.dtype = dtype;
  view.rank = static_cast<int>(shape.size());
  int64_t stride = 1;
  for (int i = view.rank - 1; i >= 0; --i) {
    view.shape[i] = shape[i];
    view.strides[i] = stride;
    // Only where there is no such memory; whoever binds the view says so.
    if (__builtin_mul_overflow(stride, shape[i], &stride))
      stride = 0;
  }
  return view;
}

int64_t TensorView::elements() const {
  // First, because the other extents may overflow.
  if (std::ranges::find(extents(), 0) != extents().end())
    return 0;
  int64_t count = 1;
  for (int64_t extent : extents())
    count *= extent;
  return count;
}

} // namespace headgate
