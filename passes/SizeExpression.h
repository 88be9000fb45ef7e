// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Index arithmetic in the IR as a size expression of the plan (lib/Expr).

#ifndef HEADGATE_PASSES_SIZEEXPRESSION_H
#define HEADGATE_PASSES_SIZEEXPRESSION_H

#include "mlir/IR/Value.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <optional>
#include <string>

namespace headgate::passes {

/// What a `tensor.dim` or `memref.dim` of a function argument is called:
/// (argument number, dimension) to an expression. An argument that is itself
/// an index is asked for with dimension -1.
using ExtentName =
    llvm::function_ref<std::string(unsigned argument, int64_t dimension)>;

/// The text of `value` (an index) over the extents of its function's arguments,
/// or nothing if it is not a function of them alone or needs an operation that
/// size expressions lack.
std::optional<std::string> sizeExpression(mlir::Value value, ExtentName name);

/// The same for extent `d` of a tensor or buffer.
std::optional<std::string> extentExpression(mlir::Value shaped, int64_t d,
                                            ExtentName name);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_SIZEEXPRESSION_H
