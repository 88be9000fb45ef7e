// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arrays of the element types of tiles, seen as double.

#ifndef HEADGATE_TEST_PASSES_TILE_NUMBERS_H
#define HEADGATE_TEST_PASSES_TILE_NUMBERS_H

#include "lib/Float16.h"
#include "test/passes/tile/TileProgram.h"

#include <cmath>
#include <cstring>
#include <numeric>
#include <random>

namespace headgate::test {

class Numbers {
public:
  /// All elements 0. `type` is written as in MLIR.
  Numbers(std::string type, std::vector<int64_t> extents)
      : type(std::move(type)), extents(std::move(extents)),
        bytes(size() * width()) {}

  int64_t size() const {
    return std::accumulate(extents.begin(), extents.end(), int64_t(1),
                           std::multiplies<>());
  }
  /// Uniform in [-scale, scale].
  Numbers &random(unsigned seed, double scale = 1) {
    std::minstd_rand generator(seed);
    std::uniform_real_distribution<double> values(-scale, scale);
    for (int64_t i = 0; i < size(); ++i)
      set(i, values(generator));
    return *this;
  }
  Numbers &fill(double value) {
    for (int64_t i = 0; i < size(); ++i)
      set(i, value);
    return *this;
  }

  double at(int64_t i) const {
    if (type == "f32")
      return read<float>(i);
    if (type == "bf16")
      return widenBF16(read<uint16_t>(i));
    if (type == "f16")
      return widenF16(read<uint16_t>(i));
    if (type == "i32")
      return read<int32_t>(i);
    return read<uint8_t>(i);
  }
  double at(std::initializer_list<int64_t> indices) const {
    return at(linear(indices));
  }
  void set(int64_t i, double value) {
    if (type == "f32")
      write<float>(i, value);
    else if (type == "bf16")
      write<uint16_t>(i, narrowToBF16(value));
    else if (type == "f16")
      write<uint16_t>(i, narrowToF16(value));
    else if (type == "i32")
      write<int32_t>(i, value);
    else
      write<uint8_t>(i, value);
  }
  void set(std::initializer_list<int64_t> indices, double value) {
    set(linear(indices), value);
  }

  Buffer buffer() { return {bytes.data(), extents}; }

  std::string type;
  std::vector<int64_t> extents;

private:
  size_t width() const {
    return type == "f32" || type == "i32"    ? 4
           : type == "bf16" || type == "f16" ? 2
                                             : 1;
  }
  int64_t linear(std::initializer_list<int64_t> indices) const {
    int64_t at = 0, d = 0;
    for (int64_t index : indices)
      at = at * extents[d++] + index;
    return at;
  }
  template <typename T> T read(int64_t i) const {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    return value;
  }
  template <typename T> void write(int64_t i, double value) {
    T narrow = static_cast<T>(value);
    std::memcpy(bytes.data() + i * sizeof(T), &narrow, sizeof(T));
  }

  std::vector<char> bytes;
};

/// `text` with each {key} replaced.
inline std::string
replaced(std::string text,
         const std::vector<std::pair<std::string, std::string>> &values) {
  for (const auto &[key, value] : values)
    for (size_t at; (at = text.find("{" + key + "}")) != std::string::npos;)
      text.replace(at, key.size() + 2, value);
  return text;
}
inline std::string text(int64_t value) { return std::to_string(value); }

} // namespace headgate::test

#endif // HEADGATE_TEST_PASSES_TILE_NUMBERS_H
