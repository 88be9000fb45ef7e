// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arguments of a kernel as people type them; the forms are in the help of
// headgate-ptx.

#ifndef HEADGATE_TOOLS_PTX_PTXARGUMENT_H
#define HEADGATE_TOOLS_PTX_PTXARGUMENT_H

#include "lib/InputValue.h"

namespace headgate {

struct PtxArgument {
  enum class Kind : uint8_t { scalar, input, output, zeros };
  Kind kind = Kind::scalar;
  uint64_t bits = 0;  ///< scalar
  uint32_t bytes = 8; ///< scalar: 4 or 8
  InputValue value;   ///< input; output and zeros: type and shape
  std::string file;   ///< output and zeros; "": print
};

Result<PtxArgument> parsePtxArgument(std::string_view text);

} // namespace headgate

#endif // HEADGATE_TOOLS_PTX_PTXARGUMENT_H
