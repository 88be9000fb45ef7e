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
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace headgate::tile {

/// A digit of the place of an element, in a #tile.frag: its value, times
/// `stride`, is added to the coordinate of dimension `dim`.
struct Digit {
  /// The `dim` of a digit that moves nowhere; its stride is 0.
  static constexpr int64_t copy = -1;

  int64_t extent = 1, dim = copy, stride = 0;

  bool operator==(const Digit &) const = default;
};

inline llvm::hash_code hash_value(const Digit &digit) {
  return llvm::hash_combine(digit.extent, digit.dim, digit.stride);
}

/// The text of digits: `[2:c1, 4:x]`.
mlir::ParseResult parseDigits(mlir::AsmParser &parser,
                              llvm::SmallVector<Digit> &digits);
void printDigits(mlir::AsmPrinter &printer, llvm::ArrayRef<Digit> digits);

} // namespace headgate::tile

#include "dialect/tile/TileDialect.h.inc"
#include "dialect/tile/TileEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/tile/TileAttrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialect/tile/TileTypes.h.inc"

namespace headgate::tile {

/// The function attribute that holds a kernel's schedule.
inline constexpr llvm::StringLiteral scheduleAttrName = "tile.schedule";

/// The tile of a value that is one or has one in shared memory: of a tensor, a
/// shared tile, a slot. Null for others.
mlir::RankedTensorType tileOf(mlir::Type type);

} // namespace headgate::tile

#define GET_OP_CLASSES
#include "dialect/tile/TileOps.h.inc"

#endif // HEADGATE_DIALECT_TILE_TILE_H
