// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every extent of a function on tensors as a text over its arguments' extents:
//
//   %cat = tensor.concat dim(1) %past, %k     "B", "P+S", "8", "64"
//
// Two values of equal texts have equal extents whenever the entry is called:
// names that the ops themselves need to be equal are one name.

#ifndef HEADGATE_PASSES_EXTENTTEXTS_H
#define HEADGATE_PASSES_EXTENTTEXTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringMap.h"

#include <optional>
#include <string>

namespace headgate::passes {

class ExtentTexts {
public:
  /// Derives the texts of all tensors and index scalars in the entry block of
  /// `func`, whose body is one block without calls. Changes nothing.
  static mlir::FailureOr<ExtentTexts> of(mlir::func::FuncOp func);

  /// The text of an extent; nothing if it depends on data.
  std::optional<std::string> extent(mlir::Value tensor, int64_t d) const;
  /// The same for all extents; nothing if one depends on data.
  std::optional<llvm::SmallVector<std::string>>
  extents(mlir::Value tensor) const;
  /// The text of an index scalar.
  std::optional<std::string> index(mlir::Value scalar) const;

  /// Says that a tensor made since then has the extents of `like`, and that an
  /// index is extent `d` of it.
  void setLike(mlir::Value tensor, mlir::Value like);
  void setIndex(mlir::Value scalar, mlir::Value like, int64_t d);

  /// Builds the index value of a text that this object has returned.
  /// `arguments` are the function's arguments, as tensors or as buffers.
  mlir::Value build(mlir::OpBuilder &b, mlir::Location loc,
                    llvm::StringRef text, mlir::ValueRange arguments) const;

private:
  using Extent = std::pair<mlir::Value, int64_t>; // d = -1: a scalar
  llvm::DenseMap<Extent, std::string> texts;
  mlir::OwningOpRef<mlir::ModuleOp> probe; // keeps the values below
  llvm::StringMap<mlir::Value> values;     // text -> a value of the probe
};

} // namespace headgate::passes

#endif // HEADGATE_PASSES_EXTENTTEXTS_H
