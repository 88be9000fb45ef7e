// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/BufferPlaces.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

namespace {

using Texts = SmallVector<std::string>;

int64_t asNumber(StringRef text) {
  int64_t number;
  return text.getAsInteger(10, number) ? ShapedType::kDynamic : number;
}

/// The text of a mixed offset; nothing if it depends on data.
std::optional<std::string> offsetText(OpFoldResult offset,
                                      const ExtentTexts &texts) {
  if (auto number = getConstantIntValue(offset))
    return std::to_string(*number);
  return texts.index(cast<Value>(offset));
}

BufferView viewLike(BufferView::Kind kind, Value seen,
                    const ExtentTexts &texts) {
  BufferView view{kind, cast<RankedTensorType>(seen.getType()), {}, {}, {}};
  view.extents = *texts.extents(seen);
  return view;
}

/// The step from the source of a tensor view to its result.
BufferView forwardView(Operation *op, const ExtentTexts &texts) {
  using Kind = BufferView::Kind;
  Value result = op->getResult(0);
  if (isa<tensor::CastOp>(op))
    return viewLike(Kind::cast, result, texts);
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    BufferView view = viewLike(Kind::window, result, texts);
    for (OpFoldResult offset : slice.getMixedOffsets())
      view.offsets.push_back({*offsetText(offset, texts)});
    return view;
  }
  bool expands = isa<tensor::ExpandShapeOp>(op);
  BufferView view =
      viewLike(expands ? Kind::expand : Kind::collapse, result, texts);
  view.groups =
      expands ? cast<tensor::ExpandShapeOp>(op).getReassociationIndices()
              : cast<tensor::CollapseShapeOp>(op).getReassociationIndices();
  return view;
}

/// The step from the result of a reshape or cast back to its source.
BufferView backwardView(Operation *op, const ExtentTexts &texts) {
  using Kind = BufferView::Kind;
  BufferView forward = forwardView(op, texts);
  Kind kind = forward.kind == Kind::expand     ? Kind::collapse
              : forward.kind == Kind::collapse ? Kind::expand
                                               : Kind::cast;
  BufferView view = viewLike(kind, op->getOperand(0), texts);
  view.groups = std::move(forward.groups);
  return view;
}

Place seenThrough(Place place, BufferView view) {
  place.views.push_back(std::move(view));
  return place;
}

} // namespace

bool headgate::passes::isTensorView(Operation *op, const ExtentTexts &texts) {
  if (!isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp,
           tensor::ExtractSliceOp>(op))
    return false;
  for (Value tensor : {op->getOperand(0), Value(op->getResult(0))})
    if (!isa<RankedTensorType>(tensor.getType()) || !texts.extents(tensor))
      return false;
  if (!isa<tensor::ExtractSliceOp>(op))
    return true;
  auto slice = cast<tensor::ExtractSliceOp>(op);
  return slice.getType().getRank() == slice.getSourceType().getRank() &&
         llvm::all_of(
             slice.getMixedStrides(),
             [](OpFoldResult s) { return isConstantIntValue(s, 1); }) &&
         llvm::all_of(slice.getMixedOffsets(), [&](OpFoldResult offset) {
           return offsetText(offset, texts).has_value();
         });
}

//===-- types ------------------------------------------------------------===//

MemRefType headgate::passes::bufferType(const Buffer &buffer) {
  return MemRefType::get(buffer.type.getShape(), buffer.type.getElementType());
}

MemRefType headgate::passes::viewedType(MemRefType source,
                                        const BufferView &view) {
  using Kind = BufferView::Kind;
  ArrayRef<int64_t> shape = view.type.getShape();
  switch (view.kind) {
  case Kind::expand: {
    auto type =
        memref::ExpandShapeOp::computeExpandedType(source, shape, view.groups);
    return failed(type) ? MemRefType() : *type;
  }
  case Kind::collapse:
    if (!memref::CollapseShapeOp::isGuaranteedCollapsible(source, view.groups))
      return {};
    return memref::CollapseShapeOp::computeCollapsedType(source, view.groups);
  case Kind::cast:
    return MemRefType::get(shape, source.getElementType(), source.getLayout());
  case Kind::window: {
    SmallVector<int64_t> offsets, strides(shape.size(), 1);
    for (const Texts &terms : view.offsets) {
      int64_t sum = 0;
      for (const std::string &term : terms) {
        int64_t number = asNumber(term);
        sum = ShapedType::isDynamic(sum) || ShapedType::isDynamic(number)
                  ? ShapedType::kDynamic
                  : sum + number;
      }
      offsets.push_back(sum);
    }
    return cast<MemRefType>(
        memref::SubViewOp::inferResultType(source, offsets, shape, strides));
  }
  }
  llvm_unreachable("all kinds are listed");
}

MemRefType Place::type() const {
  MemRefType type = bufferType(*buffer);
  for (const BufferView &view : views)
    if (type)
      type = viewedType(type, view);
  return type;
}

//===-- places -----------------------------------------------------------===//

BufferPlaces::BufferPlaces(func::FuncOp func, ExtentTexts &texts, IsFree isFree,
                           bool splitConcats)
    : func(func), texts(texts), isFree(std::move(isFree)),
      splitConcats(splitConcats) {
  for (BlockArgument argument : func.getArguments()) {
    Buffer &buffer =
        newBuffer(Buffer::Kind::input, argument.getArgNumber(), argument);
    places[argument] = {&buffer, {}};
  }
}

Buffer &BufferPlaces::newBuffer(Buffer::Kind kind, unsigned index, Value like) {
  auto type = cast<RankedTensorType>(like.getType());
  buffers.push_back(std::make_unique<Buffer>(
      Buffer{kind, index, type, *texts.extents(like)}));
  return *buffers.back();
}

void BufferPlaces::placeDemanded() {
  Operation *terminator = func.getBody().front().getTerminator();
  for (OpOperand &result : terminator->getOpOperands()) {
    Buffer &buffer = newBuffer(Buffer::Kind::output, result.getOperandNumber(),
                               result.get());
    Place place{&buffer, {}};
    if (!demand(result.get(), place))
      copyTo(result, place);
  }
  if (!splitConcats)
    return;
  // Outer concats first: their parts may be concats.
  for (Operation &op : llvm::reverse(func.getBody().front())) {
    auto concat = dyn_cast<tensor::ConcatOp>(op);
    if (!concat || places.contains(concat.getResult()))
      continue;
    Buffer &buffer = newBuffer(Buffer::Kind::temporary, 0, concat.getResult());
    demand(concat.getResult(), {&buffer, {}});
  }
}

bool BufferPlaces::demand(Value tensor, const Place &place) {
  Operation *op = tensor.getDefiningOp();
  if (!op || places.contains(tensor) || !place.type())
    return false;
  if (isTensorView(op, texts)) {
    if (isa<tensor::ExtractSliceOp>(op))
      return false;
    return demand(op->getOperand(0),
                  seenThrough(place, backwardView(op, texts)));
  }
  if (auto concat = dyn_cast<tensor::ConcatOp>(op); concat && splitConcats) {
    places[tensor] = place;
    demandParts(concat, place);
    return true;
  }
  if (isFree(op))
    return false;
  places[tensor] = place;
  return true;
}

void BufferPlaces::demandParts(tensor::ConcatOp concat, const Place &place) {
  Texts before;
  for (OpOperand &part : concat->getOpOperands()) {
    BufferView window = viewLike(BufferView::Kind::window, part.get(), texts);
    window.offsets.assign(window.extents.size(), Texts{"0"});
    if (!before.empty())
      window.offsets[concat.getDim()] = before;
    before.push_back(window.extents[concat.getDim()]);
    Place partPlace = seenThrough(place, std::move(window));
    if (!demand(part.get(), partPlace))
      copyTo(part, partPlace);
  }
}

/// Puts a copy of what `use` reads before the op that reads it.
Value BufferPlaces::copyTo(OpOperand &use, const Place &place) {
  Value source = use.get();
  OpBuilder b(use.getOwner());
  Location loc = source.getLoc();
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, source);
  for (auto [d, size] : llvm::enumerate(sizes))
    if (auto scalar = dyn_cast<Value>(size))
      texts.setIndex(scalar, source, d);
  Type element = cast<RankedTensorType>(source.getType()).getElementType();
  Value empty = tensor::EmptyOp::create(b, loc, sizes, element);
  Value copy = linalg::CopyOp::create(b, loc, source, empty).getResult(0);
  texts.setLike(empty, source);
  texts.setLike(copy, source);
  use.set(copy);
  places[copy] = place;
  return copy;
}

std::optional<Place> BufferPlaces::placeOf(Value tensor) {
  if (auto found = places.find(tensor); found != places.end())
    return found->second;
  Operation *op = tensor.getDefiningOp();
  if (isTensorView(op, texts)) {
    std::optional<Place> source = placeOf(op->getOperand(0));
    if (!source)
      return {};
    Place place = seenThrough(*source, forwardView(op, texts));
    return place.type() ? std::optional(std::move(place)) : std::nullopt;
  }
  assert(!isFree(op) && "kernels compute free ops for themselves");
  Buffer &buffer = newBuffer(Buffer::Kind::temporary, 0, tensor);
  return places[tensor] = {&buffer, {}};
}
