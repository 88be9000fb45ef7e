// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/KernelBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/RegionUtils.h"
#include "passes/EntryRecord.h"
#include "passes/Passes.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace headgate;
using namespace headgate::passes;

Value headgate::passes::buildView(
    ImplicitLocOpBuilder &b, Value source, const BufferView &view,
    llvm::function_ref<Value(StringRef)> indexOf) {
  MemRefType type = viewedType(cast<MemRefType>(source.getType()), view);
  auto mixed = [&](StringRef text) -> OpFoldResult {
    int64_t number;
    if (!text.getAsInteger(10, number))
      return b.getIndexAttr(number);
    return indexOf(text);
  };
  SmallVector<OpFoldResult> sizes;
  for (auto [d, text] : llvm::enumerate(view.extents))
    sizes.push_back(type.isDynamicDim(d) ? OpFoldResult(indexOf(text))
                                         : b.getIndexAttr(type.getDimSize(d)));
  switch (view.kind) {
  case BufferView::Kind::cast:
    return memref::CastOp::create(b, type, source);
  case BufferView::Kind::collapse:
    return memref::CollapseShapeOp::create(b, type, source, view.groups);
  case BufferView::Kind::expand:
    return memref::ExpandShapeOp::create(b, type, source, view.groups, sizes);
  case BufferView::Kind::window: {
    SmallVector<OpFoldResult> offsets, strides(sizes.size(), b.getIndexAttr(1));
    for (const auto &terms : view.offsets) {
      OpFoldResult sum = mixed(terms[0]);
      for (const std::string &term : ArrayRef(terms).drop_front())
        sum = getAsOpFoldResult(b.createOrFold<arith::AddIOp>(
            getValueOrCreateConstantIndexOp(b, b.getLoc(), sum),
            getValueOrCreateConstantIndexOp(b, b.getLoc(), mixed(term))));
      offsets.push_back(sum);
    }
    return memref::SubViewOp::create(b, type, source, offsets, sizes, strides);
  }
  }
  llvm_unreachable("all kinds are listed");
}

ArrayAttr
headgate::passes::dimsAttr(OpBuilder &b, ArrayRef<std::string> extents,
                           llvm::function_ref<std::string(StringRef)> nameOf) {
  SmallVector<Attribute> dims;
  for (StringRef text : extents) {
    int64_t number;
    if (!text.getAsInteger(10, number))
      dims.push_back(b.getI64IntegerAttr(number));
    else
      dims.push_back(b.getStringAttr(nameOf(text)));
  }
  return b.getArrayAttr(dims);
}

//===-- what a kernel takes ----------------------------------------------===//

bool Entry::isFreeHere(Operation *op) const {
  return isFree(op, texts) && !(whole && isa<tensor::ConcatOp>(op));
}

namespace {

/// How a kernel comes by a value.
enum class Source { group, extent, buffer, clone };

Source sourceOf(Entry &entry, Value value,
                const llvm::SmallPtrSetImpl<Operation *> &group) {
  Operation *op = value.getDefiningOp();
  if (op && group.contains(op))
    return Source::group;
  if (isa<IndexType>(value.getType()) && entry.texts.index(value))
    return Source::extent;
  if (!op || !entry.isFreeHere(op) || isa<tensor::ConcatOp>(op))
    return Source::buffer;
  if (!isTensorView(op, entry.texts))
    return Source::clone;
  Source source = sourceOf(entry, op->getOperand(0), group);
  bool isInBuffer = source == Source::buffer && entry.places.placeOf(value);
  return isInBuffer ? Source::buffer : Source::clone;
}

/// Calls `fn` with every value that `op` reads, in regions too.
void forEachRead(Operation *op, llvm::function_ref<void(Value)> fn) {
  for (Value operand : op->getOperands())
    fn(operand);
  SetVector<Value> captured;
  getUsedValuesDefinedAbove(op->getRegions(), captured);
  for (Value value : captured)
    fn(value);
}

} // namespace

void headgate::passes::placeReads(Entry &entry, const KernelGroup &group) {
  llvm::SmallPtrSet<Operation *, 8> inGroup(group.ops.begin(), group.ops.end());
  llvm::DenseSet<Value> seen;
  std::function<void(Value)> visit = [&](Value value) {
    if (!seen.insert(value).second)
      return;
    switch (sourceOf(entry, value, inGroup)) {
    case Source::buffer:
      (void)entry.places.placeOf(value);
      break;
    case Source::clone:
      forEachRead(value.getDefiningOp(), visit);
      break;
    case Source::group:
    case Source::extent:
      break;
    }
  };
  for (Operation *op : group.ops)
    forEachRead(op, visit);
}

//===-- one kernel -------------------------------------------------------===//

namespace {

bool isName(StringRef text) {
  return llvm::all_of(
      text, [](char c) { return llvm::isAlnum(c) || c == '_' || c == '.'; });
}

class KernelBuilder {
public:
  KernelBuilder(Entry &entry, const KernelGroup &group)
      : entry(entry), group(group), b(entry.func.getLoc(), entry.func),
        inGroup(group.ops.begin(), group.ops.end()) {}

  BuiltKernel build(StringRef name) {
    b.setInsertionPoint(entry.func);
    kernel = func::FuncOp::create(b, name, b.getFunctionType({}, {}));
    kernel.setPrivate();
    body = kernel.addEntryBlock();
    b.setInsertionPointToStart(body);
    for (Operation *op : group.ops)
      for (Value result : op->getResults())
        if (entry.places.isDemanded(result))
          written.insert(placeOf(result).buffer);
    for (Operation *op : group.ops)
      copyOp(op);
    for (Operation *op : group.ops)
      for (Value result : op->getResults())
        if (entry.places.isDemanded(result))
          store(result);
    b.setLoc(entry.func.getLoc());
    func::ReturnOp::create(b);
    finish();
    return {kernel, buffers, scalars};
  }

private:
  const Place &placeOf(Value tensor) {
    auto [known, isNew] = knownPlaces.try_emplace(tensor);
    if (isNew)
      known->second = std::make_unique<Place>(*entry.places.placeOf(tensor));
    return *known->second;
  }

  void copyOp(Operation *op) {
    forEachRead(op, [&](Value value) { (void)read(value); });
    b.setLoc(op->getLoc());
    b.clone(*op, mapping);
  }

  Value read(Value value) {
    if (Value known = mapping.lookupOrNull(value))
      return known;
    Operation *op = value.getDefiningOp();
    b.setLoc(value.getLoc());
    Value result;
    switch (sourceOf(entry, value, inGroup)) {
    case Source::group:
      llvm_unreachable("a group is in program order");
    case Source::extent:
      result = indexOf(*entry.texts.index(value));
      break;
    case Source::buffer:
      result = load(value);
      break;
    case Source::clone:
      copyOp(op);
      return mapping.lookup(value);
    }
    mapping.map(value, result);
    return result;
  }

  Value load(Value tensor) {
    Value buffer = shown(placeOf(tensor));
    return bufferization::ToTensorOp::create(b, tensor.getType(), buffer,
                                             /*restrict=*/true);
  }

  void store(Value tensor) {
    b.setLoc(tensor.getLoc());
    Value buffer = shown(placeOf(tensor));
    auto op = bufferization::MaterializeInDestinationOp::create(
        b, Type(), mapping.lookup(tensor), buffer);
    op.setRestrict(true);
    op.setWritable(true);
  }

  /// The buffer at `place`: an argument, and what views are left to the kernel.
  Value shown(const Place &place) {
    bool isWritten = written.contains(place.buffer);
    ArrayRef<BufferView> views = place.views;
    // A buffer that is written is one argument, however it is seen.
    size_t outside = 0;
    while (!isWritten && outside < views.size() &&
           views[outside].kind != BufferView::Kind::window)
      ++outside;
    Value value = argumentFor(
        {place.buffer, SmallVector<BufferView>(views.take_front(outside))},
        isWritten);
    for (const BufferView &view : views.drop_front(outside))
      value = buildView(b, value, view,
                        [&](StringRef text) { return indexOf(text); });
    return value;
  }

  Value argumentFor(const KernelOperand &operand, bool isOutput) {
    for (auto [i, known] : llvm::enumerate(buffers))
      if (known == operand)
        return body->getArgument(i);
    MemRefType type = bufferType(*operand.buffer);
    for (const BufferView &view : operand.views)
      type = viewedType(type, view);
    // Inputs, then outputs, then scalars.
    size_t at = isOutput ? buffers.size() : inputs++;
    buffers.insert(buffers.begin() + at, operand);
    return body->insertArgument(at, type, b.getLoc());
  }

  /// An index argument that stands for the extent; finish() removes those
  /// that some buffer has.
  Value indexOf(StringRef text) {
    int64_t number;
    if (!text.getAsInteger(10, number))
      return arith::ConstantIndexOp::create(b, number);
    for (auto [i, known] : llvm::enumerate(scalars))
      if (known == text)
        return body->getArgument(buffers.size() + i);
    scalars.push_back(text.str());
    return body->addArgument(b.getIndexType(), b.getLoc());
  }

  void finish() {
    for (const std::string &text : group.tokens)
      if (!llvm::isDigit(text[0]))
        (void)indexOf(text);
    dropKnownScalars();
    kernel.setType(b.getFunctionType(body->getArgumentTypes(), {}));
    auto nameOf = [&](StringRef text) { return dimName(text); };
    for (auto [i, operand] : llvm::enumerate(buffers)) {
      kernel.setArgAttr(i, dimsName, dimsAttr(b, operand.extents(), nameOf));
      if (i >= inputs)
        kernel.setArgAttr(i, outputName, b.getUnitAttr());
    }
    for (auto [i, text] : llvm::enumerate(scalars))
      kernel.setArgAttr(buffers.size() + i, nameAttrName,
                        b.getStringAttr(dimName(text)));
    kernel->setAttr(kernelName, b.getStringAttr(kindName(group.kind)));
    if (!group.tokens.empty())
      kernel->setAttr(tokensName, dimsAttr(b, group.tokens, nameOf));
  }

  void dropKnownScalars() {
    b.setInsertionPointToStart(body);
    for (size_t i = scalars.size(); i-- > 0;) {
      std::optional<std::pair<size_t, size_t>> where = dimWith(scalars[i]);
      if (!where)
        continue;
      BlockArgument scalar = body->getArgument(buffers.size() + i);
      if (!scalar.use_empty())
        scalar.replaceAllUsesWith(memref::DimOp::create(
            b, body->getArgument(where->first), where->second));
      body->eraseArgument(scalar.getArgNumber());
      scalars.erase(scalars.begin() + i);
    }
  }

  /// The operand and dimension whose dynamic extent is `text`.
  std::optional<std::pair<size_t, size_t>> dimWith(StringRef text) const {
    for (auto [i, operand] : llvm::enumerate(buffers)) {
      auto type = cast<MemRefType>(body->getArgument(i).getType());
      for (auto [d, extent] : llvm::enumerate(operand.extents()))
        if (extent == text && type.isDynamicDim(d))
          return std::make_pair(i, d);
    }
    return {};
  }

  /// What the kernel calls an extent: its text, or a new name where that is an
  /// expression.
  std::string dimName(StringRef text) {
    if (isName(text))
      return text.str();
    auto [known, isNew] = dimNames.try_emplace(text);
    for (unsigned n = 0; isNew; ++n) {
      std::string candidate = "n" + std::to_string(n);
      if (isTaken(candidate))
        continue;
      known->second = candidate;
      break;
    }
    return known->second;
  }

  bool isTaken(StringRef name) const {
    for (const auto &pair : dimNames)
      if (pair.second == name)
        return true;
    for (const KernelOperand &operand : buffers)
      if (llvm::is_contained(operand.extents(), name))
        return true;
    return llvm::is_contained(scalars, name);
  }

  Entry &entry;
  const KernelGroup &group;
  ImplicitLocOpBuilder b;
  llvm::SmallPtrSet<Operation *, 8> inGroup;
  func::FuncOp kernel;
  Block *body = nullptr;
  IRMapping mapping;
  llvm::DenseMap<Value, std::unique_ptr<Place>> knownPlaces;
  llvm::SmallPtrSet<const Buffer *, 4> written;
  SmallVector<KernelOperand> buffers;
  SmallVector<std::string> scalars;
  size_t inputs = 0;
  llvm::StringMap<std::string> dimNames;
};

} // namespace

BuiltKernel headgate::passes::buildKernel(Entry &entry,
                                          const KernelGroup &group,
                                          StringRef name) {
  return KernelBuilder(entry, group).build(name);
}
