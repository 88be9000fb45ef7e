// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the types and ops of the machine level ask.

#include "dialect/tile/Tile.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace headgate::tile;

RankedTensorType headgate::tile::tileOf(Type type) {
  return TypeSwitch<Type, RankedTensorType>(type)
      .Case([](RankedTensorType tile) { return tile; })
      .Case<SharedType, SlotType>([](auto held) { return held.getTile(); })
      .Default(RankedTensorType());
}

//===-- types ------------------------------------------------------------===//

/// Whether shared memory can hold `tile`: shared (C1), ring (C1), slot (C1),
/// pending (C2).
static LogicalResult verifyStored(function_ref<InFlightDiagnostic()> emitError,
                                  RankedTensorType tile) {
  Type element = tile.getElementType();
  if (tile.getRank() == 2 && !tile.getEncoding() &&
      llvm::all_of(tile.getShape(), [](int64_t n) { return n >= 1; }) &&
      (element.isF32() || element.isF16() || element.isBF16() ||
       element.isInteger(32)))
    return success();
  return emitError() << "shared memory cannot hold " << tile
                     << ": static extents, rank 2, f32, f16, bf16 or i32 and "
                        "no encoding are needed";
}

LogicalResult SharedType::verify(function_ref<InFlightDiagnostic()> emitError,
                                 RankedTensorType tile) {
  return verifyStored(emitError, tile);
}

LogicalResult SlotType::verify(function_ref<InFlightDiagnostic()> emitError,
                               RankedTensorType tile) {
  return verifyStored(emitError, tile);
}

LogicalResult RingType::verify(function_ref<InFlightDiagnostic()> emitError,
                               int64_t stages, RankedTensorType tile) {
  if (stages < 1 || stages > 64) // ring (C2)
    return emitError() << "a ring of " << stages
                       << " stages, but 1 to 64 are possible";
  return verifyStored(emitError, tile);
}

LogicalResult PendingType::verify(function_ref<InFlightDiagnostic()> emitError,
                                  RankedTensorType tile,
                                  ArrayRef<RankedTensorType> held) {
  if (tile.getRank() != 2 || !tile.hasStaticShape() ||
      !tile.getElementType().isF32() ||
      (tile.getEncoding() && !isa<FragAttr>(tile.getEncoding())))
    return emitError() << "a product is f32, of rank 2 and static, with "
                          "#tile.frag or no encoding, not "
                       << tile; // pending (C1)
  for (RankedTensorType slot : held)
    if (failed(verifyStored(emitError, slot)))
      return failure();
  return success();
}

//===-- ops --------------------------------------------------------------===//

LogicalResult ShareOp::verify() {
  RankedTensorType source = getSource().getType();
  if (getResult().getType().getTile() !=
      source.cloneWithEncoding(Attribute())) // share (C1)
    return emitOpError("shares ")
           << source << " as " << getResult().getType().getTile();
  return success();
}

LogicalResult GetOp::verify() {
  RankedTensorType held = getRing().getType().getTile();
  if (getSlot().getType().getTile() != held) // get (C1)
    return emitOpError("takes ")
           << getSlot().getType().getTile() << " out of a ring of " << held;
  return success();
}

RankedTensorType StartOp::getLhsTile() { return tileOf(getLhs().getType()); }
RankedTensorType StartOp::getRhsTile() { return tileOf(getRhs().getType()); }

LogicalResult StartOp::verify() {
  RankedTensorType lhs = getLhsTile(), rhs = getRhsTile(),
                   result = getPending().getType().getTile();
  int64_t terms = rhs.getDimSize(getTranspose() ? 1 : 0);
  int64_t cols = rhs.getDimSize(getTranspose() ? 0 : 1);
  // start (C1)
  if (lhs.getDimSize(1) != terms || result.getDimSize(0) != lhs.getDimSize(0) ||
      result.getDimSize(1) != cols)
    return emitOpError("multiplies ")
           << lhs.getDimSize(0) << "x" << lhs.getDimSize(1) << " by " << terms
           << "x" << cols << " into " << result.getDimSize(0) << "x"
           << result.getDimSize(1);
  if (getAcc() && getAcc().getType() != result) // start (C1)
    return emitOpError("adds to ")
           << getAcc().getType() << " and gives " << result;
  Type element = lhs.getElementType();
  if (element != rhs.getElementType() ||
      !(element.isF16() || element.isBF16())) // start (C2)
    return emitOpError("multiplies ")
           << element << " by " << rhs.getElementType();

  SmallVector<RankedTensorType> taken;
  for (Value factor : {getLhs(), getRhs()})
    if (auto slot = dyn_cast<SlotType>(factor.getType()))
      taken.push_back(slot.getTile());
  if (getPending().getType().getHeld() != ArrayRef(taken)) // start (C3)
    return emitOpError("takes over ")
           << taken.size() << " slots, but gives " << getPending().getType();
  return success();
}

LogicalResult AwaitOp::inferReturnTypes(MLIRContext *context,
                                        std::optional<Location>,
                                        ValueRange operands, DictionaryAttr,
                                        OpaqueProperties, RegionRange,
                                        SmallVectorImpl<Type> &types) {
  auto pending = dyn_cast<PendingType>(operands.front().getType());
  if (!pending)
    return failure();
  types.push_back(pending.getTile());
  for (RankedTensorType held : pending.getHeld())
    types.push_back(SlotType::get(context, held));
  return success();
}
