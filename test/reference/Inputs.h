// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which tensors a layer takes, and those of one case. The list is what a case
// is checked against when it is read, and what MakeCase fills when it makes
// one.

#ifndef HEADGATE_TEST_REFERENCE_INPUTS_H
#define HEADGATE_TEST_REFERENCE_INPUTS_H

#include "Case.h"
#include "headgate/Reference.h"
#include "headgate/Result.h"
#include "lib/Array.h"

#include <map>
#include <string>
#include <vector>

namespace headgate::reference {

/// What an input holds, as far as making one needs to know.
enum class Content {
  rows,   ///< tokens, queries, keys, values
  logits, ///< of a choice of experts
  matrix,
  bias,
  cosines,
  sines,
  mask,    ///< u8; 0 hides a key
  kvStart, ///< i32
};

struct InputSpec {
  std::string name;
  Content content = Content::rows;
  std::vector<int64_t> shape;
  bool optional = false;
  int64_t fanIn = 1; ///< of a matrix: how many terms its products add

  DType dtype() const;
  /// RoPE tables may have more rows than positions.
  bool mayBeLonger() const;
};

std::vector<InputSpec> inputsOf(const Case &c);

/// The inputs of one case. f32, f16 and f64 files are widened.
struct Inputs {
  std::map<std::string, Tensor<double>> numbers;
  Tensor<uint8_t> mask;
  Tensor<int32_t> kvStart;

  /// Not given if there is none of this name.
  Numbers operator[](const std::string &name) const;
  /// Takes the array over after checking it against its spec.
  Status add(const InputSpec &spec, const Array &array);
};

} // namespace headgate::reference

#endif // HEADGATE_TEST_REFERENCE_INPUTS_H
