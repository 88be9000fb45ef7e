// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arithmetic that folds, of indices or integers of any width.

#ifndef HEADGATE_PASSES_FOLDINGBUILDER_H
#define HEADGATE_PASSES_FOLDINGBUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace headgate::passes {

class FoldingBuilder : public mlir::ImplicitLocOpBuilder {
public:
  using ImplicitLocOpBuilder::ImplicitLocOpBuilder;
  using Value = mlir::Value;

  Value add(Value a, Value b);
  Value sub(Value a, Value b);
  Value mul(Value a, Value b);
  Value div(Value a, Value b); ///< unsigned
  Value rem(Value a, Value b); ///< unsigned
  Value compare(mlir::arith::CmpIPredicate predicate, Value a, Value b);
  Value either(Value a, Value b); ///< of conditions; one may be null
  Value both(Value a, Value b);   ///< the same
  Value select(Value condition, Value a, Value b);
};

} // namespace headgate::passes

#endif // HEADGATE_PASSES_FOLDINGBUILDER_H
