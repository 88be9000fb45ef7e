// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Proves what the decomposition computes: entries of one op each, compiled by
// headgate-compile and run by the runtime, against lib/Reference.
//
//   for (Setting at : settings(dtype)) {
//     Array x = at.rows({at.B, at.S, 2, 3});
//     at.expectRows("rows", "mean_heads", {x}, {meanHeads(numbers(x))});
//   }

#ifndef HEADGATE_TEST_PASSES_MEANING_MEANING_H
#define HEADGATE_TEST_PASSES_MEANING_MEANING_H

#include "headgate/Reference.h"
#include "headgate/Runtime.h"
#include "lib/Array.h"
#include "lib/Tolerance.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>
#include <vector>

namespace headgate::test {

/// The elements of an array as the reference takes them.
reference::Tensor<double> numbers(const Array &array);
reference::Tensor<int32_t> integers(const Array &array);
reference::Tensor<uint8_t> flags(const Array &array);

/// What an entry should return: numbers, or integers that are exact.
struct Expected {
  Expected(const reference::Tensor<double> &tensor);
  Expected(const reference::Tensor<int32_t> &tensor);
  Expected(double scalar);
  Array array;
};

/// Extents, an element type of rows and a source of inputs.
class Setting {
public:
  Setting(DType rowType, int64_t B, int64_t S, int64_t T, bool special,
          uint64_t seed);

  const DType rowType;
  const int64_t B, S, T;
  const bool special; ///< some rows hold NaN and infinities

  /// Numbers in [-2, 2) of type `rowType`, or f32. With `special` a few are NaN
  /// or infinite.
  Array rows(std::vector<int64_t> shape);
  Array weights(std::vector<int64_t> shape);
  /// Integers in [low, high).
  Array ints(std::vector<int64_t> shape, int64_t low, int64_t high);
  /// Experts of `M`, of which some are holes.
  Array experts(std::vector<int64_t> shape, int64_t M) {
    return ints(std::move(shape), -1, M);
  }
  /// Booleans of which three in four are true.
  Array mask(std::vector<int64_t> shape);
  /// A choice in [0, n).
  int64_t below(int64_t n);

  /// Runs `entry` of the bundle `program` and compares each result. Floats have
  /// the tolerance of attention over T keys with scores up to `maxScore`, or of
  /// a plain sum. Input `values` of an attention has its values, and the first
  /// result is its output, of one head or of all side by side.
  void expectAttention(const char *program, const char *entry,
                       const std::vector<Array> &inputs,
                       const std::vector<Expected> &expected,
                       double maxScore = assumedMaxScore, size_t values = 2);
  void expectRows(const char *program, const char *entry,
                  const std::vector<Array> &inputs,
                  const std::vector<Expected> &expected);

  std::string describe() const;

private:
  void expect(const char *program, const char *entry,
              const std::vector<Array> &inputs,
              const std::vector<Expected> &expected,
              const std::function<Tolerance(double maxReference)> &tolerance,
              const Array *tileValues = nullptr);
  Array floats(DType dtype, std::vector<int64_t> shape);
  double uniform();

  std::mt19937_64 random;
};

/// Small extents that are all different, single tokens, longer rows, and
/// extents of 0; each with plain and with special numbers.
std::vector<Setting> settings(DType rowType);

/// What one CPU level computed.
struct LevelResults {
  std::string image;
  std::vector<Array> results;
};

/// Runs `entry` of the bundle `program` whose rows are `rowType`, at each of
/// its CPU levels that this machine has. Results that nothing writes come out
/// as NaN.
std::vector<LevelResults> runLevels(const std::string &program, DType rowType,
                                    const std::string &entry,
                                    const std::vector<Array> &inputs);

/// The same for entries without sums of several terms: all levels must give
/// the same numbers, to the bit.
std::vector<Array> run(const std::string &program, DType rowType,
                       const std::string &entry,
                       const std::vector<Array> &inputs);

/// Tests that run for each type of rows.
class Meaning : public testing::TestWithParam<DType> {};

inline std::string nameOf(const testing::TestParamInfo<DType> &info) {
  return std::string(name(info.param));
}
#define HEADGATE_MEANING_OF_ROWS(SUITE)                                        \
  INSTANTIATE_TEST_SUITE_P(                                                    \
      , SUITE, testing::Values(DType::f32, DType::bf16, DType::f16), nameOf)

} // namespace headgate::test

#endif // HEADGATE_TEST_PASSES_MEANING_MEANING_H
