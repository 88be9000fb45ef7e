// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels of token-local ops as text, and their results against the reference.

#ifndef HEADGATE_TEST_PASSES_TILE_ROWSKERNEL_H
#define HEADGATE_TEST_PASSES_TILE_ROWSKERNEL_H

#include "headgate/Reference.h"
#include "lib/Tolerance.h"
#include "test/passes/tile/Numbers.h"

#include <gtest/gtest.h>

namespace headgate::test {

//===-- kernels ----------------------------------------------------------===//

/// A buffer of a kernel: "B", "S" or a number for each dimension.
struct Argument {
  std::string name, element;
  std::vector<std::string> dims;

  std::string shape() const {
    std::string text;
    for (const std::string &dim : dims)
      text += (isdigit(dim[0]) ? dim : "?") + "x";
    return text + element;
  }
};

/// A kernel that reads `inputs` as %NAME and stores each output's %NAME.
inline std::string kernel(const std::vector<Argument> &inputs,
                          const std::vector<Argument> &outputs, int64_t rows,
                          const std::string &body) {
  std::string arguments, loads, stores;
  auto add = [&](const Argument &argument, bool isOutput) {
    std::string dims;
    for (const std::string &dim : argument.dims)
      dims += (dims.empty() ? "" : ", ") +
              (isdigit(dim[0]) ? dim : "\"" + dim + "\"");
    arguments += (arguments.empty() ? "%" : ", %") + argument.name +
                 "_buffer: memref<" + argument.shape() +
                 "> {headgate.dims = [" + dims + "]" +
                 (isOutput ? ", headgate.output}" : "}");
  };
  for (const Argument &input : inputs) {
    add(input, false);
    loads += "  %" + input.name + " = bufferization.to_tensor %" + input.name +
             "_buffer restrict : memref<" + input.shape() + "> to tensor<" +
             input.shape() + ">\n";
  }
  for (const Argument &output : outputs) {
    add(output, true);
    stores += "  bufferization.materialize_in_destination %" + output.name +
              " in restrict writable %" + output.name + "_buffer : (tensor<" +
              output.shape() + ">, memref<" + output.shape() + ">) -> ()\n";
  }
  return "func.func private @k(" + arguments +
         ") attributes {headgate.kernel = \"rows\", headgate.tokens = [\"B\", "
         "\"S\"], tile.schedule = #tile.schedule<rows = " +
         text(rows) + ">} {\n" + loads + "  " + body + "\n" + stores +
         "  return\n}\n";
}

//===-- numbers ----------------------------------------------------------===//

inline reference::Tensor<double> doubles(const Numbers &numbers) {
  reference::Tensor<double> tensor(numbers.extents);
  for (int64_t i = 0; i < numbers.size(); ++i)
    tensor.elements[i] = numbers.at(i);
  return tensor;
}
template <typename T> reference::Tensor<T> integers(const Numbers &numbers) {
  reference::Tensor<T> tensor(numbers.extents);
  for (int64_t i = 0; i < numbers.size(); ++i)
    tensor.elements[i] = static_cast<T>(numbers.at(i));
  return tensor;
}

inline DType dtypeOf(const std::string &element) {
  return element == "f32"    ? DType::f32
         : element == "bf16" ? DType::bf16
                             : DType::f16;
}

/// Reports the first element that is off.
inline void expectNear(const Numbers &found,
                       const reference::Tensor<double> &expected,
                       const std::string &what) {
  ASSERT_EQ(found.size(), int64_t(expected.elements.size())) << what;
  double most = 0;
  for (double x : expected.elements)
    if (std::isfinite(x))
      most = std::max(most, std::abs(x));
  Tolerance tolerance =
      deriveToleranceWithoutAttention(dtypeOf(found.type), most);
  for (int64_t i = 0; i < found.size(); ++i) {
    double x = found.at(i), y = expected.elements[i];
    bool isGood =
        std::isnan(y) ? std::isnan(x)
        : std::isinf(y)
            ? x == y
            : std::abs(x - y) <= tolerance.atol + tolerance.rtol * std::abs(y);
    if (!isGood) {
      ADD_FAILURE() << what << ": element " << i << " of " << found.size()
                    << " is " << x << ", expected " << y;
      return;
    }
  }
}

/// Experts of [0, M), some -1.
inline Numbers someExperts(std::vector<int64_t> extents, int64_t M,
                           unsigned seed) {
  Numbers experts("i32", std::move(extents));
  std::minstd_rand generator(seed);
  for (int64_t i = 0; i < experts.size(); ++i)
    experts.set(i, double(generator() % (M + 1)) - 1);
  return experts;
}

} // namespace headgate::test

#endif // HEADGATE_TEST_PASSES_TILE_ROWSKERNEL_H
