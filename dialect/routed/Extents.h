// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arithmetic on extents that may be dynamic and that a user may have made up.

#ifndef HEADGATE_DIALECT_ROUTED_EXTENTS_H
#define HEADGATE_DIALECT_ROUTED_EXTENTS_H

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/CheckedArithmetic.h"

#include <optional>

namespace headgate::routed {

inline constexpr int64_t dynamicExtent = mlir::ShapedType::kDynamic;

inline bool isDynamic(int64_t extent) { return extent == dynamicExtent; }

/// Both are static, and they differ.
inline bool disagree(int64_t a, int64_t b) {
  return !isDynamic(a) && !isDynamic(b) && a != b;
}

/// The product, dynamic if a factor is; nothing if it is no int64.
inline std::optional<int64_t> product(llvm::ArrayRef<int64_t> extents) {
  int64_t result = 1;
  for (int64_t extent : extents) {
    if (isDynamic(extent))
      return dynamicExtent;
    std::optional<int64_t> next = llvm::checkedMul(result, extent);
    if (!next)
      return std::nullopt;
    result = *next;
  }
  return result;
}

} // namespace headgate::routed

#endif // HEADGATE_DIALECT_ROUTED_EXTENTS_H
