// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What each op asks of its operands.

#include "dialect/tile/Tile.h"
#include "llvm/Support/MathExtras.h"

#define GET_OP_CLASSES
#include "dialect/tile/TileOps.cpp.inc"

using namespace mlir;
using namespace headgate::tile;

//===-- windows ----------------------------------------------------------===//

/// Elements of a window and its row tiles, or nothing if they pass 63 bits.
static std::optional<int64_t> countElements(ArrayRef<int64_t> extents) {
  int64_t count = 1;
  for (int64_t extent : extents)
    if (llvm::MulOverflow(count, extent, count))
      return {};
  return count;
}

/// Whether merging neighbours of `extents` gives `shape`, of rank 1 or 2.
static bool merges(ArrayRef<int64_t> extents, ArrayRef<int64_t> shape) {
  if (countElements(extents) != countElements(shape))
    return false;
  int64_t leading = 1;
  size_t i = 0;
  while (i < extents.size() && leading < shape.front())
    leading *= extents[i++];
  return leading == shape.front();
}

/// Whether `count` elements are the padded panels of `shape`, whose columns lie
/// along either dimension: which one, the dot that reads them knows.
static bool fillsPanels(int64_t count, ArrayRef<int64_t> shape,
                        PanelsAttr panels) {
  auto padded = [&](int64_t columns, int64_t terms) {
    return llvm::alignTo(columns, panels.getCols()) *
           llvm::alignTo(terms, panels.getDepth());
  };
  return count == int64_t(padded(shape[0], shape[1])) ||
         count == int64_t(padded(shape[1], shape[0]));
}

/// The constraints that load, store and put share.
template <typename Op>
static LogicalResult verifyWindow(Op op, MemRefType memref,
                                  RankedTensorType tile) {
  ArrayRef<int64_t> sizes = op.getSizes();
  // load (C1), store (C1), put (C1)
  if (int64_t(op.getCoords().size()) != memref.getRank() ||
      int64_t(sizes.size()) != memref.getRank())
    return op.emitOpError("has ")
           << op.getCoords().size() << " coordinates and " << sizes.size()
           << " sizes for a memref of rank " << memref.getRank();
  for (int64_t size : sizes)
    if (size < 1) // load (C1), store (C1), put (C1)
      return op.emitOpError("has a window of size ")
             << size << ", but at least 1 is needed";

  ArrayRef<int64_t> rowDims = op.getRowDims().value_or(ArrayRef<int64_t>());
  if (rowDims.size() != op.getRows().size()) // load (C3), store (C3), put (C3)
    return op.emitOpError("has ") << op.getRows().size() << " row tiles for "
                                  << rowDims.size() << " dimensions";
  SmallVector<int64_t> extents(sizes);
  for (auto [i, dim] : llvm::enumerate(rowDims)) {
    // load (C3), store (C3), put (C3)
    if (dim < 0 || dim >= memref.getRank() || sizes[dim] != 1)
      return op.emitOpError("moves its window along dimension ")
             << dim << ", in which it must have size 1";
    if (llvm::is_contained(rowDims.take_front(i),
                           dim)) // load (C3), store (C3), put (C3)
      return op.emitOpError("has two row tiles for dimension ") << dim;
    // load (C3), store (C3), put (C3)
    if (op.getRows()[i].getType() != op.getRows().front().getType())
      return op.emitOpError("has row tiles of different lengths");
  }
  if (!op.getRows().empty())
    extents.insert(
        extents.begin(),
        cast<RankedTensorType>(op.getRows().front().getType()).getDimSize(0));

  if (memref.getElementType() !=
      tile.getElementType()) // load (C2), store (C2), put (C2)
    return op.emitOpError("has a tile of ")
           << tile.getElementType() << " and a memref of "
           << memref.getElementType();
  auto panels = dyn_cast_or_null<PanelsAttr>(tile.getEncoding());
  std::optional<int64_t> count = countElements(extents);
  // load (C2), store (C2), put (C2)
  if (!count || (panels ? !fillsPanels(*count, tile.getShape(), panels)
                        : !merges(extents, tile.getShape()))) {
    InFlightDiagnostic error = op.emitOpError("has a window [");
    llvm::interleaveComma(extents, error);
    return error << "] that is not " << tile;
  }

  SmallVector<int64_t> strides;
  int64_t offset;
  if (memref.getRank() == 0 ||
      failed(memref.getStridesAndOffset(strides, offset)) ||
      strides.back() != 1) // load (C4), store (C4), put (C4)
    return op.emitOpError("needs a memref whose innermost stride is 1, not ")
           << memref;
  return success();
}

LogicalResult LoadOp::verify() {
  return verifyWindow(*this, cast<MemRefType>(getSource().getType()),
                      getResult().getType());
}

RankedTensorType StoreOp::getTile() { return tileOf(getValue().getType()); }

LogicalResult StoreOp::verify() {
  return verifyWindow(*this, cast<MemRefType>(getDest().getType()), getTile());
}

LogicalResult PutOp::verify() {
  return verifyWindow(*this, cast<MemRefType>(getSource().getType()),
                      getRing().getType().getTile());
}

//===-- compute ----------------------------------------------------------===//

LogicalResult DotOp::verify() {
  RankedTensorType lhs = getLhs().getType(), rhs = getRhs().getType(),
                   result = getResult().getType();
  int64_t heads = getHeads();
  if (heads < 1 || lhs.getDimSize(0) % heads) // dot (C4)
    return emitOpError("cannot share ")
           << lhs.getDimSize(0) << " rows among " << heads << " heads";
  if (rhs.getDimSize(1) % heads) // dot (C1)
    return emitOpError("cannot share ")
           << rhs.getDimSize(1) << " columns among " << heads << " heads";
  int64_t terms =
      getTranspose() ? rhs.getDimSize(1) / heads : rhs.getDimSize(0);
  int64_t cols = getTranspose() ? rhs.getDimSize(0) : rhs.getDimSize(1) / heads;
  // dot (C1)
  if (lhs.getDimSize(1) != terms || result.getDimSize(0) != lhs.getDimSize(0) ||
      result.getDimSize(1) != cols)
    return emitOpError("multiplies ")
           << lhs.getDimSize(0) << "x" << lhs.getDimSize(1) << " by " << terms
           << "x" << cols << " into " << result.getDimSize(0) << "x"
           << result.getDimSize(1);
  if (getAcc() && getAcc().getType() != result) // dot (C1)
    return emitOpError("adds to ")
           << getAcc().getType() << " and gives " << result;
  if (lhs.getElementType() != rhs.getElementType()) // dot (C2)
    return emitOpError("multiplies ")
           << lhs.getElementType() << " by " << rhs.getElementType();
  if (lhs.getEncoding() || result.getEncoding()) // dot (C3)
    return emitOpError("can have an encoding on its right-hand side only");
  if (rhs.getEncoding() && heads > 1) // dot (C3)
    return emitOpError("of several heads can have no encoding");
  return success();
}

LogicalResult ReduceOp::verify() {
  RankedTensorType source = getSource().getType(),
                   result = getResult().getType();
  // reduce (C1)
  if (source.getDimSize(0) != result.getDimSize(0) ||
      (result.getRank() == 2 && source.getDimSize(1) % result.getDimSize(1)))
    return emitOpError("cannot turn ") << source << " into " << result;
  // reduce (C2)
  auto isFrag = [](RankedTensorType tile) {
    return isa_and_present<FragAttr>(tile.getEncoding());
  };
  bool areFrags = isFrag(source) && isFrag(result);
  if (source.getElementType() != result.getElementType() ||
      (!areFrags && (source.getEncoding() || result.getEncoding())))
    return emitOpError("needs one element type, and two fragments or no "
                       "encoding, not ")
           << source << " and " << result;
  return success();
}

LogicalResult BroadcastOp::verify() {
  RankedTensorType source = getSource().getType(),
                   result = getResult().getType();
  int64_t along = getAlong();
  if (along != 0 && along != 1) // broadcast (C1)
    return emitOpError("repeats along dimension ")
           << along << ", which is not 0 or 1";
  // broadcast (C2)
  if (source.getElementType() != result.getElementType() ||
      source.getDimSize(0) != result.getDimSize(1 - along))
    return emitOpError("cannot repeat ")
           << source << " along " << along << " into " << result;
  return success();
}
