// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Small tensors for tests, and how to look at results.

#ifndef HEADGATE_TEST_REFERENCE_TESTTENSORS_H
#define HEADGATE_TEST_REFERENCE_TESTTENSORS_H

#include "headgate/Reference.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace headgate::reference::test {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double NaN = std::numeric_limits<double>::quiet_NaN();

template <typename T>
Tensor<T> tensorOf(std::vector<int64_t> shape, std::vector<T> elements) {
  Tensor<T> result(std::move(shape));
  EXPECT_EQ(result.elements.size(), elements.size());
  result.elements = std::move(elements);
  return result;
}
inline Tensor<double> numbers(std::vector<int64_t> shape,
                              std::vector<double> elements) {
  return tensorOf(std::move(shape), std::move(elements));
}
inline Tensor<int32_t> integers(std::vector<int64_t> shape,
                                std::vector<int32_t> elements) {
  return tensorOf(std::move(shape), std::move(elements));
}
inline Tensor<uint8_t> flags(std::vector<int64_t> shape,
                             std::vector<uint8_t> elements) {
  return tensorOf(std::move(shape), std::move(elements));
}
/// 0, 1, 2, ..
inline Tensor<double> counting(std::vector<int64_t> shape) {
  Tensor<double> result(std::move(shape));
  for (size_t i = 0; i < result.elements.size(); ++i)
    result.elements[i] = static_cast<double>(i);
  return result;
}

using Ints = std::vector<int32_t>;
using Shape = std::vector<int64_t>;

/// Within a few roundings of double; equal infinities and two NaN agree.
inline void expectNear(const Tensor<double> &found,
                       const std::vector<double> &expected) {
  ASSERT_EQ(found.elements.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    SCOPED_TRACE("element " + std::to_string(i));
    if (std::isnan(expected[i]))
      EXPECT_TRUE(std::isnan(found.elements[i])) << found.elements[i];
    else if (std::isinf(expected[i]))
      EXPECT_EQ(found.elements[i], expected[i]);
    else
      EXPECT_NEAR(found.elements[i], expected[i],
                  1e-13 * (1 + std::fabs(expected[i])));
  }
}

} // namespace headgate::reference::test

#endif // HEADGATE_TEST_REFERENCE_TESTTENSORS_H
