// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tensors of a command line: what `--input=`, `--expected_output=` and
// `--output=` of the tools accept. Text to values; no file is opened here.
//
//   INPUT  := [NAME "="] VALUE
//   VALUE  := "@" FILE.npy          of its own type and shape
//           | DTYPE "=@" FILE.npy   converted; takes 2-byte words as bf16
//           | TYPE "=@" FILE        .npy: of this shape (extents of 1 apart);
//                                   else row-major elements without a header
//           | TYPE "=" NUMBERS      as many as elements, or one for all
//           | TYPE "=~" SEED        normal with mean 0 and deviation 1
//   TYPE   := {EXTENT "x"} DTYPE    "2x3xf32"; a scalar has no extent
//   OUTPUT := [NAME "="] [DTYPE "="] ("@" FILE.npy | "-")
//
// A first component that reads as a type or a shape is never a name.

#ifndef HEADGATE_LIB_INPUTVALUE_H
#define HEADGATE_LIB_INPUTVALUE_H

#include "headgate/Result.h"
#include "headgate/Tensor.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace headgate {

/// An INPUT as it was written.
struct InputValue {
  enum class Source : uint8_t { npy, raw, numbers, normal };

  std::string name; ///< "": by position
  std::optional<DType> dtype;
  std::optional<std::vector<int64_t>> shape;
  Source source = Source::npy;
  std::string file;    ///< npy, raw
  std::string numbers; ///< numbers: the words, not yet read
  uint64_t seed = 0;   ///< normal
};

/// An OUTPUT as it was written.
struct OutputTarget {
  std::string name; ///< "": by position
  std::optional<DType> dtype;
  std::string file; ///< "": print
};

Result<InputValue> parseInputValue(std::string_view text);
Result<OutputTarget> parseOutputTarget(std::string_view text);

} // namespace headgate

#endif // HEADGATE_LIB_INPUTVALUE_H
