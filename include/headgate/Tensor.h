// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Element types and borrowed arrays: what a caller hands to the runtime.

#ifndef HEADGATE_TENSOR_H
#define HEADGATE_TENSOR_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace headgate {

/// Element types of tensors, spelled in plans and on command lines as here.
enum class DType : uint8_t {
  f32,
  f16,
  bf16,
  f64,
  i8,
  i16,
  i32,
  i64,
  u8,
  i1, ///< one byte an element, 0 or 1
};

/// Bytes of one element.
int64_t byteWidth(DType type);
/// "f32", "bf16", ...
std::string_view name(DType type);
/// The type spelled `text`, or nothing.
std::optional<DType> parseDType(std::string_view text);
/// f32, f16, bf16 or f64.
bool isFloat(DType type);

enum class DeviceKind : uint8_t { host, cuda };

constexpr int maxRank = 8;

/// A borrowed N-d array; owns nothing. Strides count elements, not bytes.
/// The same meaning as a DLTensor.
struct TensorView {
  void *data = nullptr;
  DType dtype = DType::f32;
  int rank = 0;
  std::array<int64_t, maxRank> shape = {};
  std::array<int64_t, maxRank> strides = {};
  DeviceKind device = DeviceKind::host;
  int deviceIndex = 0;

  /// A row-major view. `shape` has at most maxRank extents.
  static TensorView contiguous(void *data, DType dtype,
                               std::span<const int64_t> shape);
  std::span<const int64_t> extents() const {
    return {shape.data(), static_cast<size_t>(rank)};
  }
  /// Product of the extents; 1 for a scalar.
  int64_t elements() const;
};

} // namespace headgate

#endif // HEADGATE_TENSOR_H
