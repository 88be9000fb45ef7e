// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/Array.h"

#include "lib/Float16.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <string>

namespace headgate {

static_assert(std::endian::native == std::endian::little,
              "arrays, .npy files and plans are little-endian");

Array Array::zeros(DType dtype, std::vector<int64_t> shape) {
  Array array;
  array.dtype = dtype;
  array.shape = std::move(shape);
  array.bytes.resize(static_cast<size_t>(array.elements() * byteWidth(dtype)));
  return array;
}

namespace {
template <typename T>
Array arrayOf(DType dtype, std::vector<int64_t> shape,
              std::span<const T> values) {
  Array array = Array::zeros(dtype, std::move(shape));
  assert(array.bytes.size() == values.size_bytes() &&
         "as many values as the extents make");
  std::copy_n(reinterpret_cast<const std::byte *>(values.data()),
              values.size_bytes(), array.bytes.data());
  return array;
}

template <typename T> T load(const Array &array, int64_t i) {
  T value;
  std::memcpy(&value, array.bytes.data() + sizeof(T) * static_cast<size_t>(i),
              sizeof(T));
  return value;
}

template <typename T> void store(Array &array, int64_t i, T value) {
  std::memcpy(array.bytes.data() + sizeof(T) * static_cast<size_t>(i), &value,
              sizeof(T));
}
} // namespace

Array Array::of(std::vector<int64_t> shape, std::span<const double> values) {
  return arrayOf(DType::f64, std::move(shape), values);
}

Array Array::of(std::vector<int64_t> shape, std::span<const int32_t> values) {
  return arrayOf(DType::i32, std::move(shape), values);
}

int64_t Array::elements() const {
  // First, because the other extents may overflow.
  if (std::find(shape.begin(), shape.end(), 0) != shape.end())
    return 0;
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  return count;
}

double Array::at(int64_t i) const {
  switch (dtype) {
  case DType::f32:
    return load<float>(*this, i);
  case DType::f16:
    return widenF16(load<uint16_t>(*this, i));
  case DType::bf16:
    return widenBF16(load<uint16_t>(*this, i));
  case DType::f64:
    return load<double>(*this, i);
  default:
    return static_cast<double>(integerAt(i));
  }
}

int64_t Array::integerAt(int64_t i) const {
  switch (dtype) {
  case DType::i8:
    return load<int8_t>(*this, i);
  case DType::i16:
    return load<int16_t>(*this, i);
  case DType::i32:
    return load<int32_t>(*this, i);
  case DType::i64:
    return load<int64_t>(*this, i);
  case DType::u8:
    return load<uint8_t>(*this, i);
  case DType::i1:
    return load<uint8_t>(*this, i) != 0;
  default:
    assert(false && "floats are read with at()");
    return 0;
  }
}

void Array::set(int64_t i, double value) {
  switch (dtype) {
  case DType::f32:
    return store(*this, i, static_cast<float>(value));
  case DType::f16:
    return store(*this, i, narrowToF16(value));
  case DType::bf16:
    return store(*this, i, narrowToBF16(value));
  case DType::f64:
    return store(*this, i, value);
  default:
    assert(false && "integers are written with setInteger()");
  }
}

void Array::setInteger(int64_t i, int64_t value) {
  assert(!isFloat(dtype) && "floats are written with set()");
  if (dtype == DType::i1)
    value = value != 0;
  // Little-endian two's complement: the low bytes are the number.
  size_t width = static_cast<size_t>(byteWidth(dtype));
  std::memcpy(bytes.data() + width * static_cast<size_t>(i), &value, width);
}

std::vector<int64_t> unravel(int64_t i, std::span<const int64_t> shape) {
  std::vector<int64_t> index(shape.size());
  for (size_t d = shape.size(); d-- > 0; i /= shape[d])
    index[d] = i % shape[d];
  return index;
}

namespace {
Result<Array> convertIntegers(const Array &from, DType dtype) {
  Array to = Array::zeros(dtype, from.shape);
  bool truth = from.dtype == DType::u8 && dtype == DType::i1;
  for (int64_t i = 0, n = from.elements(); i < n; ++i) {
    int64_t value = from.integerAt(i);
    to.setInteger(i, value);
    if (!truth && to.integerAt(i) != value)
      return Error(ErrorCode::badInput,
                   std::string(name(from.dtype)) + " cannot become " +
                       std::string(name(dtype)) + ": element " +
                       std::to_string(i) + " is " + std::to_string(value));
  }
  return to;
}
} // namespace

Result<Array> convert(const Array &array, DType dtype) {
  if (array.dtype == dtype)
    return array;
  if (isFloat(array.dtype) != isFloat(dtype))
    return Error(ErrorCode::badInput,
                 std::string(name(array.dtype)) + " cannot become " +
                     std::string(name(dtype)) +
                     ": floats and integers do not convert into each other");
  if (!isFloat(dtype))
    return convertIntegers(array, dtype);
  Array to = Array::zeros(dtype, array.shape);
  for (int64_t i = 0, n = array.elements(); i < n; ++i)
    to.set(i, array.at(i));
  return to;
}

} // namespace headgate
