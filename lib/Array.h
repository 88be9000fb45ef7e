// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An N-d array that owns its elements, on the host: what tools read, convert,
// compare and write. TensorView is its borrowed counterpart.

#ifndef HEADGATE_LIB_ARRAY_H
#define HEADGATE_LIB_ARRAY_H

#include "headgate/Result.h"
#include "headgate/Tensor.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace headgate {

/// Elements in row-major order, little-endian, without gaps:
/// bytes.size() == elements() * byteWidth(dtype).
struct Array {
  DType dtype = DType::f32;
  std::vector<int64_t> shape; ///< empty for a scalar
  std::vector<std::byte> bytes;

  /// All elements 0.
  static Array zeros(DType dtype, std::vector<int64_t> shape);
  /// An f64 array of these numbers; as many as the extents make.
  static Array of(std::vector<int64_t> shape, std::span<const double> values);
  /// An i32 array of these numbers.
  static Array of(std::vector<int64_t> shape, std::span<const int32_t> values);

  /// Product of the extents; 1 for a scalar.
  int64_t elements() const;

  /// Element `i` in row-major order. Exact, except for an i64 beyond 2^53.
  double at(int64_t i) const;
  /// Element `i` of an array of integers.
  int64_t integerAt(int64_t i) const;

  /// Rounds to the element type: to nearest even among floats; only for arrays
  /// of floats.
  void set(int64_t i, double value);
  /// Keeps the low bits; only for arrays of integers. i1 becomes 0 or 1.
  void setInteger(int64_t i, int64_t value);
};

/// The index of element `i` in row-major order. `shape` has no extent of 0.
std::vector<int64_t> unravel(int64_t i, std::span<const int64_t> shape);

/// The same numbers as another element type.
///   - Floats become any float type, rounded once to nearest even.
///   - Integers become any integer type that holds all of them; u8 becomes i1
///     with everything but 0 as true.
///   - Floats and integers do not become each other: an error.
Result<Array> convert(const Array &array, DType dtype);

} // namespace headgate

#endif // HEADGATE_LIB_ARRAY_H
