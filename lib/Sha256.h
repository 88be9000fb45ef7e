// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// SHA-256, as `sha256sum` prints it, so that users can check a bundle.

#ifndef HEADGATE_LIB_SHA256_H
#define HEADGATE_LIB_SHA256_H

#include <string>
#include <string_view>

namespace headgate {

/// The SHA-256 of `bytes` as 64 lower-case hex digits.
std::string sha256Hex(std::string_view bytes);

} // namespace headgate

#endif // HEADGATE_LIB_SHA256_H
