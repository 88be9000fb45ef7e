// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The `tile` dialect: the program of one row group, written on whole tiles.
// README.md is the guide; each op's meaning is in its description in
// TileOps.td.

#ifndef HEADGATE_DIALECT_TILE_TILE_H
#define HEADGATE_DIALECT_TILE_TILE_H

#include "headgate/Schedule.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TensorEncoding.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialect/tile/TileDialect.h.inc"
#include "dialect/tile/TileEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/tile/TileAttrs.h.inc"

namespace headgate::tile {

/// The function attribute that holds a kernel's schedule.
inline constexpr llvm::StringLiteral scheduleAttrName = "tile.schedule";

} // namespace headgate::tile

#define GET_OP_CLASSES
#include "dialect/tile/TileOps.h.inc"

#endif // HEADGATE_DIALECT_TILE_TILE_H
