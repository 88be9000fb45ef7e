// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where each tensor of an entry lives: in which buffer, seen through which
// views.
//
//   %slots = tensor.collapse_shape %o        o lives in columns [0, 512) of the
//   %cat = tensor.concat %slots, %sum   =>   concat's buffer, seen as heads;
//   ...                                      sum lives in columns [512, 576)
//
// A tensor that is returned lives in the entry's output; the parts of a concat
// live in windows of it; a reshape or slice lives where its source lives. Where
// that cannot be (an argument is returned, a tensor is needed in two places) a
// copy is put into the IR. Everything else gets a temporary.

#ifndef HEADGATE_PASSES_BUFFERPLACES_H
#define HEADGATE_PASSES_BUFFERPLACES_H

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "passes/ExtentTexts.h"

#include <memory>

namespace headgate::passes {

struct Buffer {
  enum class Kind { input, output, temporary };
  Kind kind;
  unsigned index; ///< argument or result number; unused for a temporary
  mlir::RankedTensorType type;
  llvm::SmallVector<std::string> extents;
};

/// One step from a buffer to what is seen of it.
struct BufferView {
  enum class Kind { expand, collapse, cast, window };
  Kind kind;
  mlir::RankedTensorType type; ///< of what is seen
  llvm::SmallVector<std::string> extents;
  llvm::SmallVector<mlir::ReassociationIndices> groups; ///< of a reshape
  /// Of a window: each offset is the sum of some texts. Strides are 1.
  llvm::SmallVector<llvm::SmallVector<std::string>> offsets;
};

struct Place {
  const Buffer *buffer = nullptr;
  llvm::SmallVector<BufferView> views;

  /// The buffer as it is seen; null if no strided view can show it.
  mlir::MemRefType type() const;
};

/// The type of `source` seen through `view`; null if there is none.
mlir::MemRefType viewedType(mlir::MemRefType source, const BufferView &view);
mlir::MemRefType bufferType(const Buffer &buffer);

class BufferPlaces {
public:
  /// What stands for an op that every kernel may compute for itself, and
  /// whether concats are windows of a buffer rather than ops.
  using IsFree = std::function<bool(mlir::Operation *)>;

  BufferPlaces(mlir::func::FuncOp func, ExtentTexts &texts, IsFree isFree,
               bool splitConcats);

  /// Gives returned tensors and parts of concats their places; adds copies to
  /// the function where one is needed.
  void placeDemanded();

  /// Where a tensor lives; a temporary is made for one without a place. Nothing
  /// if it is a view that only an op can compute.
  std::optional<Place> placeOf(mlir::Value tensor);

  /// Has the result of an op that is not free been asked for from outside of
  /// its kernel?
  bool isDemanded(mlir::Value tensor) const { return places.contains(tensor); }

private:
  bool demand(mlir::Value tensor, const Place &place);
  void demandParts(mlir::tensor::ConcatOp concat, const Place &place);
  mlir::Value copyTo(mlir::OpOperand &use, const Place &place);
  Buffer &newBuffer(Buffer::Kind kind, unsigned index, mlir::Value like);

  mlir::func::FuncOp func;
  ExtentTexts &texts;
  IsFree isFree;
  bool splitConcats;
  std::vector<std::unique_ptr<Buffer>> buffers;
  llvm::DenseMap<mlir::Value, Place> places;
};

/// Is `op` a view of its first operand: a reshape, a cast, or a slice with unit
/// strides, the rank of its source and offsets that `texts` knows?
bool isTensorView(mlir::Operation *op, const ExtentTexts &texts);

} // namespace headgate::passes

#endif // HEADGATE_PASSES_BUFFERPLACES_H
