// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The `routed` dialect: attention in which each token attends with the heads it
// selected. README.md is the guide; each op's meaning is in its description in
// the .td files.

#ifndef HEADGATE_DIALECT_ROUTED_ROUTED_H
#define HEADGATE_DIALECT_ROUTED_ROUTED_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialect/routed/RoutedDialect.h.inc"
#include "dialect/routed/RoutedEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/routed/RoutedAttrs.h.inc"

namespace headgate::routed {

/// How an attention is lowered; a function of its attributes alone.
enum class LoweringClass {
  A, ///< slots, the key-value head does not depend on the chosen expert
  B, ///< slots, the key-value head depends on it
  C, ///< slots, the keys themselves are routed
  D, ///< plain heads
};

/// A trait of ops with operand segments: each of the first `count` operands,
/// which are not optional, has a segment of 1. The generic form may say
/// anything.
template <unsigned count> struct RequiredOperands {
  template <typename Op>
  class Impl
      : public mlir::OpTrait::TraitBase<Op, RequiredOperands::template Impl> {
  public:
    static mlir::LogicalResult verifyTrait(mlir::Operation *op) {
      auto sizes = mlir::cast<Op>(op).getProperties().operandSegmentSizes;
      for (unsigned i = 0; i < count; ++i)
        if (sizes[i] != 1)
          return op->emitOpError("operand segment #")
                 << i << " must be 1, got " << sizes[i];
      return mlir::success();
    }
  };
};

} // namespace headgate::routed

#define GET_OP_CLASSES
#include "dialect/routed/RoutedOps.h.inc"

#endif // HEADGATE_DIALECT_ROUTED_ROUTED_H
